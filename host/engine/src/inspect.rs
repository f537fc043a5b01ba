//! Reads an uploaded file before anything is compiled: is it a component, is it one for this host, and if not, what to do.

use abide_model::{Error, ErrorCode};
use wit_component::{ComponentEncoder, DecodedWasm};
use wit_parser::{
    Function, FunctionKind, PackageName, Resolve, Type, TypeDefKind, World, WorldId, WorldItem, WorldKey,
};

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

/// Packages of WASI 0.2 that are linked; of some only these interfaces.
const WASI: [(&str, &[&str]); 7] = [
    ("cli", &[]),
    ("clocks", &["monotonic-clock", "wall-clock"]),
    ("filesystem", &[]),
    ("http", &["types", "outgoing-handler"]),
    ("io", &[]),
    ("random", &[]),
    ("sockets", &[]),
];

/// What an uploaded file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspected {
    /// The component. For a core module that carries component types, the component that was made of it.
    pub component: Vec<u8>,
    /// The interfaces that it imports.
    pub imports: Vec<String>,
    /// Whether it exports `query`.
    pub has_query: bool,
}

/// Inspects `file`.
pub fn inspect(file: &[u8]) -> Result<Inspected, Error> {
    let component = to_component(file)?;
    let (resolve, world) = decode_component(&component)?;
    if let Some(refusal) = refusals(&resolve, world).into_iter().next() {
        return Err(refusal);
    }
    let world = &resolve.worlds[world];
    let interfaces = world.imports.keys().filter(|key| matches!(key, WorldKey::Interface(_)));
    let imports = interfaces.map(|key| resolve.name_world_key(key)).collect();
    let has_query = world.exports.contains_key(&WorldKey::Name("query".to_owned()));
    Ok(Inspected { component, imports, has_query })
}

/// The world of an uploaded file.
pub(crate) fn decode(file: &[u8]) -> Result<(Resolve, WorldId), Error> {
    decode_component(&to_component(file)?)
}

fn decode_component(component: &[u8]) -> Result<(Resolve, WorldId), Error> {
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
        refusals.extend(check_import(resolve, key, item, &name).err());
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

fn to_component(file: &[u8]) -> Result<Vec<u8>, Error> {
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
            ComponentEncoder::default()
                .validate(true)
                .module(file)
                .and_then(|mut encoder| encoder.encode())
                .map_err(|error| cannot(&format_args!("{error:#}")))
        }
        _ => Err(refuse(
            "the file has a version of WebAssembly that is not known here: build a component (version 0x0d, layer 1)",
        )),
    }
}

fn check_import(resolve: &Resolve, key: &WorldKey, item: &WorldItem, name: &str) -> Result<(), Error> {
    let WorldKey::Interface(id) = key else {
        if matches!(item, WorldItem::Type { .. }) {
            return Ok(());
        }
        return Err(refuse(format!(
            "the component imports `{name}`, which this host does not have: import the interfaces of `abide:workflow` only"
        )));
    };
    let interface = &resolve.interfaces[*id];
    let package = interface.package.map(|package| &resolve.packages[package].name);
    let hint = match package {
        Some(PackageName { namespace, name: package, version }) if namespace == "abide" && package == "workflow" => {
            let fits = version.as_ref().is_some_and(|version| version.major == 0 && version.minor == 1);
            let known = interface.name.as_deref().is_some_and(|name| INTERFACES.contains(&name));
            match (fits, known) {
                (true, true) => return Ok(()),
                (true, false) => format!("`abide:workflow@0.1.0` has: {}", INTERFACES.join(", ")),
                (false, _) => "this host has `abide:workflow@0.1.0`: build with the SDK of that version".to_owned(),
            }
        }
        Some(package) if package.namespace == "wasi" => match check_wasi(package, interface.name.as_deref()) {
            Ok(()) => return Ok(()),
            Err(hint) => hint,
        },
        _ => "import the interfaces of `abide:workflow` only".to_owned(),
    };
    Err(refuse(format!("the component imports `{name}`, which this host does not have: {hint}")))
}

/// What of WASI a component may import. The error says what to do.
fn check_wasi(package: &PackageName, interface: Option<&str>) -> Result<(), String> {
    if !package.version.as_ref().is_some_and(|version| version.major == 0 && version.minor == 2) {
        return Err("this host has WASI 0.2: build for `wasm32-wasip2`".to_owned());
    }
    let known = WASI.iter().any(|(known, interfaces)| {
        *known == package.name && (interfaces.is_empty() || interface.is_some_and(|name| interfaces.contains(&name)))
    });
    if known {
        return Ok(());
    }
    Err(match package.name.as_str() {
        "keyvalue" | "blobstore" | "config" => {
            "keep data in variables, which last as long as the run, or reach a store through a tool".to_owned()
        }
        _ => {
            let packages: Vec<&str> = WASI.iter().map(|(package, _)| *package).collect();
            format!("of WASI 0.2 this host has: {}; of `wasi:http` the outgoing half", packages.join(", "))
        }
    })
}

/// A workflow exports `run`, a program `wasi:cli/run`.
fn check_entry(resolve: &Resolve, world: &World) -> Result<(), Error> {
    let exports: Vec<String> = world.exports.keys().map(|key| resolve.name_world_key(key)).collect();
    match world.exports.get(&WorldKey::Name("run".to_owned())) {
        Some(WorldItem::Function(run)) => check_run(resolve, run),
        None if exports.iter().any(|name| name.starts_with("wasi:cli/run@0.2.")) => Ok(()),
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

fn refuse(message: impl Into<String>) -> Error {
    Error::new(ErrorCode::InvalidComponent, message)
}
