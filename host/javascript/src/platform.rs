//! The library that stands where the engine would import WASI. It makes a component that imports `abide:workflow` and nothing else:
//! clocks stand still, seeds are zero, there is no environment and no file. What programs see of time and chance comes from the
//! globals of the SDK, which ask the host.
//!
//! What the engine writes to stderr, when it panics, becomes a line in the log. While modules load, the loader asks the host through the
//! import `versions.record`, which has a fitting type and which no program may call then; so the finished component carries no import
//! that only its making needs.

use std::borrow::Cow;

use wasm_encoder::{
    CodeSection, CustomSection, EntityType, ExportKind, ExportSection, Function, FunctionSection, GlobalType,
    ImportSection, InstructionSink, MemArg, MemoryType, Module, TypeSection, ValType,
};

use crate::error::Error;
use crate::runtime::Needed;

/// The imports of the library itself, in the order of their indices.
const RECORD: u32 = 0;
const LOG: u32 = 1;
/// How many functions it imports.
const IMPORTED: u32 = 2;

/// How many bytes `versions.record` may write: a discriminant, and a failure.
const RECORD_RESULT_BYTES: i32 = 48;
/// How many of those the loader reads: a discriminant, and a text.
const LOADER_RESULT_BYTES: i32 = 12;
/// The level `error` of the log.
const LOG_ERROR: i32 = 4;
/// What a stream takes at once.
const STREAM_BYTES: i64 = 4096;

/// The library, with a function for each that is needed.
pub(crate) fn library(needed: &[Needed]) -> Result<Vec<u8>, Error> {
    let mut types = TypeSection::new();
    types.ty().function([ValType::I32; 5], []);
    types.ty().function([ValType::I32; 6], []);
    let mut imports = ImportSection::new();
    imports.import("abide:workflow/versions@0.1.0", "record", EntityType::Function(RECORD));
    imports.import("abide:workflow/log@0.1.0", "write", EntityType::Function(LOG));
    let memory = MemoryType { minimum: 0, maximum: None, memory64: false, shared: false, page_size_log2: None };
    imports.import("env", "memory", memory);
    imports.import("env", "__stack_pointer", GlobalType { val_type: ValType::I32, mutable: true, shared: false });

    let (mut functions, mut exports, mut code) = (FunctionSection::new(), ExportSection::new(), CodeSection::new());
    for (index, needed) in (IMPORTED..).zip(needed) {
        types.ty().function(values(needed, needed.ty.params())?, values(needed, needed.ty.results())?);
        // The types begin with those of the imports, so a function's type has the function's number.
        functions.function(index);
        exports.export(&needed.name, ExportKind::Func, index);
        code.function(&body(needed));
    }

    let mut module = Module::new();
    // An empty `WASM_DYLINK_MEM_INFO`: no memory and no table of its own.
    module.section(&CustomSection { name: "dylink.0".into(), data: Cow::Borrowed(&[1, 4, 0, 0, 0, 0]) });
    module.section(&types).section(&imports).section(&functions).section(&exports).section(&code);
    Ok(module.finish())
}

fn values(needed: &Needed, types: &[wasmparser::ValType]) -> Result<Vec<ValType>, Error> {
    let value = |ty: &wasmparser::ValType| {
        ValType::try_from(*ty)
            .map_err(|_| Error::Internal(format!("the vendored engine has another form at `{}`", needed.name)))
    };
    types.iter().map(value).collect()
}

/// What a function does. Whatever is not here is never called, or ends the guest: programs have no files.
fn body(needed: &Needed) -> Function {
    let (interface, name) = needed.name.split_once('#').unwrap_or_default();
    // `wasi:clocks/wall-clock@0.2.0` without its version.
    let interface = interface.split('@').next().unwrap_or_default();
    let mut function = Function::new([]);
    let mut code = function.instructions();
    match (interface, name) {
        ("local:init/module-loader", "resolve") => ask_loader(&mut code, true),
        ("local:init/module-loader", "load") => ask_loader(&mut code, false),
        ("wasi:random/insecure-seed", _) => {
            code.local_get(0).i64_const(0).i64_store(at(0)).local_get(0).i64_const(0).i64_store(at(8));
        }
        ("wasi:clocks/wall-clock", "now") => {
            code.local_get(0).i64_const(0).i64_store(at(0)).local_get(0).i32_const(0).i32_store(at(8));
        }
        ("wasi:clocks/monotonic-clock", "now") => {
            code.i64_const(0);
        }
        // Empty lists.
        ("wasi:cli/environment", "get-environment") | ("wasi:filesystem/preopens", "get-directories") => {
            code.local_get(0).i32_const(0).i32_store(at(0)).local_get(0).i32_const(0).i32_store(at(4));
        }
        // Handles that mean nothing, since everything that is written goes to the same place.
        ("wasi:cli/stdout" | "wasi:cli/stderr", _) => {
            code.i32_const(1);
        }
        // No terminal.
        ("wasi:cli/terminal-stdin" | "wasi:cli/terminal-stdout" | "wasi:cli/terminal-stderr", _) => {
            code.local_get(0).i32_const(0).i32_store8(at(0));
        }
        ("wasi:io/streams", "[method]output-stream.check-write") => {
            code.local_get(1).i32_const(0).i32_store8(at(0)).local_get(1).i64_const(STREAM_BYTES).i64_store(at(8));
        }
        ("wasi:io/streams", "[method]output-stream.write") => {
            code.i32_const(LOG_ERROR).local_get(1).local_get(2).i32_const(0).i32_const(0).i32_const(0).call(LOG);
            code.local_get(3).i32_const(0).i32_store8(at(0));
        }
        ("wasi:io/streams", "[method]output-stream.blocking-flush") => {
            code.local_get(1).i32_const(0).i32_store8(at(0));
        }
        _ if name.starts_with("[resource-drop]") || name == "reset_adapter_state" => {}
        _ => {
            code.unreachable();
        }
    }
    code.end();
    function
}

/// Asks for the name behind a specifier (parameters: referrer, specifier, where the answer goes), or for the text of a module (parameters: its
/// name, where the answer goes). The loader takes `result<string, string>` and `record` gives `result<string, failure>`, which
/// is larger: it is put on the stack, and what both have in common, of which the code of the failure is the error, is copied.
fn ask_loader(code: &mut InstructionSink<'_>, resolve: bool) {
    let answer = if resolve { 4 } else { 2 };
    code.global_get(0).i32_const(RECORD_RESULT_BYTES).i32_sub().global_set(0);
    code.local_get(0).local_get(1);
    if resolve {
        code.local_get(2).local_get(3);
    } else {
        code.i32_const(0).i32_const(0);
    }
    code.global_get(0).call(RECORD);
    for place in (0..LOADER_RESULT_BYTES.cast_unsigned().into()).step_by(4) {
        code.local_get(answer).global_get(0).i32_load(at(place)).i32_store(at(place));
    }
    code.global_get(0).i32_const(RECORD_RESULT_BYTES).i32_add().global_set(0);
}

fn at(offset: u64) -> MemArg {
    MemArg { offset, align: 0, memory_index: 0 }
}
