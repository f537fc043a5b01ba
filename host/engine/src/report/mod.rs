//! What an uploaded file is, for people: its world, what it imports and exports, who made it, how large it is, and everything that this
//! host would refuse about it.
//!
//! The file is hostile: reading it never fails as a whole and never takes more than a bounded number of its parts. It is read, not compiled, so
//! a component that uses instructions which this host does not have is found out at the upload only.

mod binary;
mod origin;

use serde::{Deserialize, Serialize};
use wit_parser::{Resolve, WorldId, WorldItem, WorldKey};

use crate::engine::is_program;
use crate::inspect;

pub use binary::{Debug, Memory, Module};
pub use origin::{Origin, Producer};

/// The most names of a kind that are listed.
const MAX_LISTED: usize = 256;
/// The longest name that is shown, in characters.
const MAX_NAME_CHARS: usize = 200;
/// A page of linear memory.
const PAGE_BYTES: u64 = 65_536;

/// What a host allows, as far as a file says something about it.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// The largest file.
    pub component_bytes: u64,
    /// The linear memory of a run.
    pub memory_bytes: u64,
}

/// What a file is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Report {
    /// Whether a host takes it, as far as that can be said without compiling it.
    pub accepted: bool,
    /// What it is.
    pub kind: Kind,
    /// Its size.
    pub bytes: u64,
    /// The world that it fits: `abide:workflow/workflow`, `abide:workflow/workflow-with-query` or `wasi:cli/command`.
    pub world: Option<String>,
    /// What it imports, by what that lets it do.
    pub imports: Vec<Capability>,
    /// What it exports.
    pub exports: Vec<String>,
    /// Who made it.
    pub origin: Origin,
    /// The core modules in it.
    pub modules: Vec<Module>,
    /// What a host refuses about it, and what to do: all that was found.
    pub refusals: Vec<String>,
    /// What a host takes, but may surprise.
    pub warnings: Vec<String>,
}

/// What a file is, by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A component.
    Component,
    /// A core module, of which a host makes a component if it carries the types of one.
    CoreModule,
    /// No web assembly.
    Unknown,
}

/// A group of imports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capability {
    /// What they are about: an interface of `abide:workflow`, a package of WASI, `typed activities`, or `functions`.
    pub name: String,
    /// The interfaces.
    pub interfaces: Vec<String>,
}

/// Looks at `file`.
pub fn report(file: &[u8], bounds: Bounds) -> Report {
    let kind = match file.get(..8) {
        Some(b"\0asm\x0d\0\x01\0") => Kind::Component,
        Some(b"\0asm\x01\0\0\0") => Kind::CoreModule,
        _ => Kind::Unknown,
    };
    let mut report = Report {
        accepted: false,
        kind,
        bytes: file.len() as u64,
        world: None,
        imports: Vec::new(),
        exports: Vec::new(),
        origin: Origin::default(),
        modules: Vec::new(),
        refusals: Vec::new(),
        warnings: Vec::new(),
    };
    if report.bytes > bounds.component_bytes {
        report.refusals.push(format!(
            "the file has {} bytes, the limit is {}: make it smaller, or raise `max_component_bytes` of the host",
            report.bytes, bounds.component_bytes
        ));
    }
    if kind != Kind::Unknown {
        let parts = binary::read(file);
        report.origin = origin::of(&parts);
        report.refusals.extend(parts.refusals);
        report.warnings.extend(memory_warning(&parts.modules, bounds));
        report.modules = parts.modules;
    }
    match inspect::decode(file) {
        Ok((resolve, world)) => describe(&mut report, &resolve, world),
        Err(error) => report.refusals.push(error.message),
    }
    report.accepted = report.refusals.is_empty();
    report
}

fn describe(report: &mut Report, resolve: &Resolve, world: WorldId) {
    report.refusals.extend(inspect::refusals(resolve, world).into_iter().map(|refusal| refusal.message));
    let world = &resolve.worlds[world];
    let imports = world.imports.iter().filter(|(_, item)| !matches!(item, WorldItem::Type { .. }));
    for (key, _) in imports.take(MAX_LISTED) {
        let name = short(&resolve.name_world_key(key));
        let capability = capability(key, &name);
        let known = report.imports.iter().position(|known| known.name == capability).unwrap_or_else(|| {
            report.imports.push(Capability { name: capability, interfaces: Vec::new() });
            report.imports.len() - 1
        });
        report.imports[known].interfaces.push(name);
    }
    report.imports.sort_by(|one, other| one.name.cmp(&other.name));
    let exports = world.exports.keys().take(MAX_LISTED);
    report.exports = exports.map(|key| short(&resolve.name_world_key(key))).collect();
    report.world = world_of(&report.exports).map(str::to_owned);
}

/// The world that has these exports.
fn world_of(exports: &[String]) -> Option<&'static str> {
    let has = |name: &str| exports.iter().any(|export| export == name);
    match (has("run"), has("query")) {
        (true, true) => Some("abide:workflow/workflow-with-query"),
        (true, false) => Some("abide:workflow/workflow"),
        (false, _) => exports.iter().any(|export| is_program(export)).then_some("wasi:cli/command"),
    }
}

/// What an import is about: `wasi:clocks/wall-clock@0.2.9` is about `wasi:clocks`.
fn capability(key: &WorldKey, name: &str) -> String {
    if !matches!(key, WorldKey::Interface(_)) {
        return "functions".to_owned();
    }
    let plain = name.split_once('@').map_or(name, |(plain, _)| plain);
    match plain.split_once('/') {
        Some(("abide:workflow", interface)) => interface.to_owned(),
        Some((package, _)) if package.starts_with("wasi:") => package.to_owned(),
        _ => "typed activities".to_owned(),
    }
}

fn memory_warning(modules: &[Module], bounds: Bounds) -> Option<String> {
    let pages = modules.iter().flat_map(|module| &module.memories).map(|memory| memory.minimum_pages);
    let bytes = pages.fold(0_u64, u64::saturating_add).saturating_mul(PAGE_BYTES);
    (bytes > bounds.memory_bytes).then(|| {
        format!(
            "it begins with {bytes} bytes of memory, and a run may have {}: raise `limits.memory_bytes`, else its runs park at once",
            bounds.memory_bytes
        )
    })
}

/// A name that may be shown: of a length that people read, and without characters that a terminal obeys.
fn short(name: &str) -> String {
    let shown = name.chars().take(MAX_NAME_CHARS).map(|c| if c.is_control() { '\u{fffd}' } else { c });
    let mut short: String = shown.collect();
    if short.len() < name.len() && name.chars().nth(MAX_NAME_CHARS).is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests;
