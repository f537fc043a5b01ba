//! Reads an uploaded file before anything is compiled: is it a component, is it one for this host, and if not, what to do.

use abide_model::{Error, ErrorCode, InterfaceName};
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wasmparser::{Parser, Payload};
use wit_component::{ComponentEncoder, DecodedWasm};
use wit_parser::{
    Function, FunctionKind, InterfaceId, PackageName, Resolve, Type, TypeDefKind, World, WorldId, WorldItem, WorldKey,
};

use crate::engine::is_program;
use crate::{typed, wasi};

/// Interfaces of `abide:workflow@0.1.0` that are linked.
const INTERFACES: [&str; 16] = [
    "types",
    "llm",
    "tools",
    "http",
    "timer",
    "random",
    "log",
    "run",
    "signals",
    "state",
    "cancellation",
    "updates",
    "children",
    "runs",
    "versions",
    "calls",
];

/// Those of them that a tool component may import: it has no run and no history.
const TOOL_INTERFACES: [&str; 5] = ["types", "http", "timer", "random", "log"];

/// What a component is looked at as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Workflow,
    Tool,
}

/// What an uploaded file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspected {
    /// The component. For a core module that carries component types, the component that was made of it.
    pub component: Vec<u8>,
    /// The interfaces that it imports.
    pub imports: Vec<String>,
    /// Those of them that are typed activities.
    pub typed: Vec<TypedImport>,
    /// Whether it exports `query`.
    pub has_query: bool,
}

/// An interface that a workflow imports as a typed activity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypedImport {
    /// Its name.
    pub interface: InterfaceName,
    /// Its functions.
    pub functions: Vec<String>,
}

/// Inspects `file`.
pub fn inspect(file: &[u8]) -> Result<Inspected, Error> {
    let component = to_component(file)?;
    let (resolve, world) = decode_component(&component)?;
    if let Some(refusal) = refusals(&resolve, world).into_iter().next() {
        return Err(refusal);
    }
    let world = &resolve.worlds[world];
    let (mut imports, mut typed) = (Vec::new(), Vec::new());
    for (key, item) in &world.imports {
        let name = resolve.name_world_key(key);
        typed.extend(check_import(&resolve, key, item, &name, Role::Workflow)?);
        if matches!(key, WorldKey::Interface(_)) {
            imports.push(name);
        }
    }
    let has_query = world.exports.contains_key(&WorldKey::Name("query".to_owned()));
    Ok(Inspected { component, imports, typed, has_query })
}

/// The world of an uploaded file.
pub(crate) fn decode(file: &[u8]) -> Result<(Resolve, WorldId), Error> {
    decode_component(&to_component(file)?)
}

pub(crate) fn decode_component(component: &[u8]) -> Result<(Resolve, WorldId), Error> {
    let decoded = wit_component::decode(component).map_err(|error| {
        refuse(format!("the file is no valid component: {error:#}: build it again, it may be truncated"))
    })?;
    match decoded {
        DecodedWasm::Component(resolve, world) => Ok((resolve, world)),
        DecodedWasm::WitPackage(..) => {
            Err(refuse("the file is a package of WIT types, no component: upload what your build made of it"))
        }
    }
}

/// Everything for which this host refuses a world.
pub(crate) fn refusals(resolve: &Resolve, world: WorldId) -> Vec<Error> {
    let world = &resolve.worlds[world];
    let mut refusals = Vec::new();
    for (key, item) in &world.imports {
        let name = resolve.name_world_key(key);
        refusals.extend(check_import(resolve, key, item, &name, Role::Workflow).err());
    }
    refusals.extend(check_entry(resolve, world).err());
    match world.exports.get(&WorldKey::Name("query".to_owned())) {
        Some(WorldItem::Function(query)) => refusals.extend(check_query(resolve, query).err()),
        Some(_) => refusals.push(refuse("the component's export `query` is no function")),
        None => {}
    }
    refusals
}

/// Refuses a core module whose sections do not fill the file exactly: it was cut or damaged, and wit-component takes them at their word.
fn check_sections(file: &[u8]) -> Result<(), Error> {
    let mut place = 8;
    while place < file.len() {
        let (size, start) =
            section_size(file, place + 1).filter(|(size, start)| file.len() - start >= *size).ok_or_else(|| {
                refuse(format!("the section at byte {place} is larger than the file: it may be truncated"))
            })?;
        place = start + size;
    }
    Ok(())
}

/// The size that a section says it has (LEB128, 32 bits), and where it begins.
fn section_size(file: &[u8], place: usize) -> Option<(usize, usize)> {
    let mut size = 0_usize;
    for (index, byte) in file.get(place..)?.iter().take(5).enumerate() {
        size |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((size, place + index + 1));
        }
    }
    None
}

pub(crate) fn to_component(file: &[u8]) -> Result<Vec<u8>, Error> {
    let Some(header) = file.first_chunk::<8>() else {
        return Err(refuse(format!("the file has {} bytes, that is no WebAssembly: it may be truncated", file.len())));
    };
    if &header[..4] != b"\0asm" {
        return Err(refuse("the file is no WebAssembly (it does not begin with `\\0asm`): upload a .wasm file"));
    }
    match header[4..] {
        [0x0d, 0, 1, 0] => Ok(file.to_vec()),
        [1, 0, 0, 0] => {
            check_sections(file)?;
            let cannot = |error: &dyn std::fmt::Display| {
                refuse(format!(
                    "the file is a core module, and no component can be made of it: {error}: \
                     build it with abide-sdk or wit-bindgen for the world `abide:workflow/workflow`"
                ))
            };
            let mut encoder = ComponentEncoder::default().validate(true);
            if let Some(adapter) = preview1_adapter(file) {
                encoder = encoder.adapter(PREVIEW1, adapter).map_err(|error| cannot(&format_args!("{error:#}")))?;
            }
            encoder
                .module(file)
                .and_then(|mut encoder| encoder.encode())
                .map_err(|error| cannot(&format_args!("{error:#}")))
        }
        _ => Err(refuse(
            "the file has a version of WebAssembly that is not known here: build a component (version 0x0d, layer 1)",
        )),
    }
}

/// What makes WASI 0.2 of the calls of a module that was built for the first WASI, such as by `rustc --target wasm32-wasip1`, `zig cc
/// -target wasm32-wasi` or TinyGo.
fn preview1_adapter(module: &[u8]) -> Option<&'static [u8]> {
    let (mut imports_it, mut is_program) = (false, false);
    for payload in Parser::new(0).parse_all(module) {
        // What cannot be read is refused with its reason where the component is made.
        match payload.ok()? {
            Payload::ImportSection(imports) => {
                imports_it |= imports.into_imports().flatten().any(|import| import.module == PREVIEW1);
            }
            Payload::ExportSection(exports) => {
                is_program |= exports.into_iter().flatten().any(|export| export.name == "_start");
            }
            _ => {}
        }
    }
    imports_it.then_some(if is_program {
        WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER
    } else {
        WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER
    })
}

/// What the first WASI calls itself in the imports of a module.
const PREVIEW1: &str = "wasi_snapshot_preview1";

/// Refuses what this host does not have. Gives the import where it is a typed activity.
pub(crate) fn check_import(
    resolve: &Resolve,
    key: &WorldKey,
    item: &WorldItem,
    name: &str,
    role: Role,
) -> Result<Option<TypedImport>, Error> {
    let WorldKey::Interface(id) = key else {
        if matches!(item, WorldItem::Type { .. }) {
            return Ok(None);
        }
        return Err(refuse(format!(
            "the component imports `{name}`, which belongs to no package: put it into an interface of one, such as `acme:crm/customers`"
        )));
    };
    let interface = &resolve.interfaces[*id];
    let package = interface.package.map(|package| &resolve.packages[package].name);
    let hint = match package {
        Some(package) if role == Role::Workflow && package.to_string() == "abide:workflow-blocking@0.1.0" => {
            let known = |name: &str| name == "several" || (name != "calls" && INTERFACES.contains(&name));
            if interface.name.as_deref().is_some_and(known) {
                return Ok(None);
            }
            "`abide:workflow-blocking@0.1.0` has the interfaces of `wit/blocking`".to_owned()
        }
        Some(PackageName { namespace, name: package, version }) if namespace == "abide" && package == "workflow" => {
            let fits = version.as_ref().is_some_and(|version| version.major == 0 && version.minor == 1);
            let offered = match role {
                Role::Workflow => &INTERFACES[..],
                Role::Tool => &TOOL_INTERFACES[..],
            };
            let known = interface.name.as_deref().is_some_and(|name| offered.contains(&name));
            match (fits, known, role) {
                (true, true, _) => return Ok(None),
                (true, false, Role::Workflow) => format!("`abide:workflow@0.1.0` has: {}", offered.join(", ")),
                (true, false, Role::Tool) => {
                    format!(
                        "a tool component has no run and no history; of `abide:workflow@0.1.0` it may import: {}",
                        offered.join(", ")
                    )
                }
                (false, _, _) => "this host has `abide:workflow@0.1.0`: build with the SDK of that version".to_owned(),
            }
        }
        Some(package) if package.namespace == "wasi" => {
            match wasi::offered::check(package, interface.name.as_deref()) {
                Ok(()) => return Ok(None),
                Err(hint) => hint,
            }
        }
        _ if role == Role::Workflow => return typed_import(resolve, *id, name).map(Some),
        _ => "typed activities are for workflows; a tool component calls others by `http`".to_owned(),
    };
    Err(refuse(format!("the component imports `{name}`, which this host does not have: {hint}")))
}

/// An interface of the user's own: each of its functions becomes a call that is recorded.
fn typed_import(resolve: &Resolve, id: InterfaceId, name: &str) -> Result<TypedImport, Error> {
    let functions = &resolve.interfaces[id].functions;
    for function in functions.values() {
        typed::check_function(resolve, function).map_err(|reason| {
            refuse(format!("the component imports `{name}`, which cannot be a typed activity: {reason}"))
        })?;
    }
    let interface = InterfaceName::parse(name).map_err(|error| refuse(error.message))?;
    Ok(TypedImport { interface, functions: functions.keys().cloned().collect() })
}

/// A workflow exports `run`, a program `wasi:cli/run`.
fn check_entry(resolve: &Resolve, world: &World) -> Result<(), Error> {
    let exports: Vec<String> = world.exports.keys().map(|key| resolve.name_world_key(key)).collect();
    match world.exports.get(&WorldKey::Name("run".to_owned())) {
        Some(WorldItem::Function(run)) => check_run(resolve, run),
        None if exports.iter().any(|name| is_program(name)) => Ok(()),
        _ => {
            let hint = match exports.iter().find(|name| name.starts_with("wasi:")) {
                Some(name) if name.starts_with("wasi:http/") => {
                    "it is a server of HTTP requests: abide runs workflows, which begin with an input; put the server in front of them"
                }
                Some(name) if name.starts_with("wasi:cli/") => {
                    "it is a program for another version of WASI: build for `wasm32-wasip2`"
                }
                _ => {
                    "a workflow exports `run: async func(input: string) -> result<string, failure>` of the world \
                     `abide:workflow/workflow`; a program exports `wasi:cli/run@0.2`"
                }
            };
            Err(refuse(format!("the component exports no function `run`: {hint}")))
        }
    }
}

/// `async` or not; with a failure, or a text, as its error.
fn check_run(resolve: &Resolve, run: &Function) -> Result<(), Error> {
    let kind = matches!(run.kind, FunctionKind::AsyncFreestanding | FunctionKind::Freestanding);
    if kind && strings(resolve, run, 1) && is_result(resolve, run) {
        Ok(())
    } else {
        Err(wrong_type("run", "async func(input: string) -> result<string, failure>"))
    }
}

fn check_query(resolve: &Resolve, query: &Function) -> Result<(), Error> {
    let fits = query.kind == FunctionKind::Freestanding && strings(resolve, query, 2) && is_result(resolve, query);
    if fits {
        Ok(())
    } else {
        Err(wrong_type("query", "func(name: string, arguments: string) -> result<string, failure>"))
    }
}

fn wrong_type(name: &str, expected: &str) -> Error {
    refuse(format!("the component's export `{name}` has another type than `{expected}`: see `wit/world.wit`"))
}

fn strings(resolve: &Resolve, function: &Function, count: usize) -> bool {
    function.params.len() == count && function.params.iter().all(|param| is_string(resolve, &param.ty))
}

fn is_string(resolve: &Resolve, ty: &Type) -> bool {
    match ty {
        Type::String => true,
        Type::Id(id) => matches!(&resolve.types[*id].kind, TypeDefKind::Type(inner) if is_string(resolve, inner)),
        _ => false,
    }
}

fn is_result(resolve: &Resolve, function: &Function) -> bool {
    let Some(Type::Id(id)) = function.result else { return false };
    matches!(&resolve.types[id].kind, TypeDefKind::Result(result) if result.ok.is_some_and(|ok| is_string(resolve, &ok)) && result.err.is_some())
}

pub(crate) fn refuse(message: impl Into<String>) -> Error {
    Error::new(ErrorCode::InvalidComponent, message)
}
