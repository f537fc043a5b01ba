//! The parts of a file: its core modules with their memories and data, and what debuggers find. It knows nothing of worlds.

use serde::{Deserialize, Serialize};
use wasmparser::{KnownCustom, Parser, Payload};

use super::origin::Producer;
use super::{MAX_LISTED, short};

/// A core module.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Module {
    /// Its name, if it has one.
    pub name: Option<String>,
    /// Its size.
    pub bytes: u64,
    /// Its code.
    pub code_bytes: u64,
    /// What its memory begins with.
    pub data_bytes: u64,
    /// How many functions it defines.
    pub functions: u32,
    /// The memories that it defines.
    pub memories: Vec<Memory>,
    /// What a backtrace can show.
    pub debug: Debug,
}

/// A linear memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// With so many pages of 64 KiB it begins.
    pub minimum_pages: u64,
    /// It never has more.
    pub maximum_pages: Option<u64>,
}

/// What a backtrace can show.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Debug {
    /// The names of functions.
    pub names: bool,
    /// Files and lines.
    pub dwarf: bool,
}

/// The parts of a file.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub(super) modules: Vec<Module>,
    pub(super) producers: Vec<Producer>,
    /// What the binary itself is refused for.
    pub(super) refusals: Vec<String>,
}

/// Reads the parts of a file, as far as it can be read. Where it cannot, the decoding of the component says why.
pub(super) fn read(file: &[u8]) -> Parts {
    let mut parts = Parts::default();
    // The modules that are open: components may be inside of components, but modules hold nothing else.
    let mut open: Option<Module> = None;
    for payload in Parser::new(0).parse_all(file) {
        let Ok(payload) = payload else { break };
        match payload {
            Payload::Version { encoding: wasmparser::Encoding::Module, range, .. } => {
                open = Some(Module { bytes: range.start as u64, ..Module::default() });
            }
            Payload::MemorySection(memories) => {
                for memory in memories.into_iter().flatten() {
                    if memory.shared {
                        parts.refuse(
                            "it shares memory between threads, which a workflow has not: build it without threads",
                        );
                    }
                    if memory.memory64 {
                        parts.refuse("it has a memory of 64 bits, which components cannot have: build it for wasm32");
                    }
                    let Some(module) = &mut open else { continue };
                    if module.memories.len() < MAX_LISTED {
                        let maximum_pages = memory.maximum;
                        module.memories.push(Memory { minimum_pages: memory.initial, maximum_pages });
                    }
                }
            }
            Payload::CodeSectionStart { count, size, .. } => {
                if let Some(module) = &mut open {
                    module.functions = count;
                    module.code_bytes = u64::from(size);
                }
            }
            Payload::DataSection(data) => {
                if let Some(module) = &mut open {
                    module.data_bytes = data.range().len() as u64;
                }
            }
            Payload::CustomSection(section) => {
                if section.name().starts_with(".debug_") {
                    if let Some(module) = &mut open {
                        module.debug.dwarf = true;
                    }
                    continue;
                }
                match section.as_known() {
                    KnownCustom::Producers(fields) => parts.add_producers(fields),
                    KnownCustom::Name(names) => {
                        if let Some(module) = &mut open {
                            read_names(module, names);
                        }
                    }
                    _ => {}
                }
            }
            Payload::End(end) => {
                if let Some(mut module) = open.take() {
                    module.bytes = (end as u64).saturating_sub(module.bytes);
                    if parts.modules.len() < MAX_LISTED {
                        parts.modules.push(module);
                    }
                }
            }
            _ => {}
        }
    }
    parts
}

fn read_names(module: &mut Module, names: wasmparser::NameSectionReader<'_>) {
    for name in names {
        match name {
            Ok(wasmparser::Name::Module { name, .. }) => module.name = Some(short(name)),
            Ok(wasmparser::Name::Function(functions)) => module.debug.names = functions.count() > 0,
            Ok(_) => {}
            Err(_) => break,
        }
    }
}

impl Parts {
    fn refuse(&mut self, why: &str) {
        if !self.refusals.iter().any(|known| known == why) {
            self.refusals.push(why.to_owned());
        }
    }

    fn add_producers(&mut self, fields: wasmparser::ProducersSectionReader<'_>) {
        for field in fields.into_iter().flatten() {
            for value in field.values.into_iter().flatten() {
                let producer =
                    Producer { role: short(field.name), name: short(value.name), version: short(value.version) };
                if self.producers.len() < MAX_LISTED && !self.producers.contains(&producer) {
                    self.producers.push(producer);
                }
            }
        }
    }
}
