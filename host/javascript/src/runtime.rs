//! The JavaScript engine, a core module that is vendored in `runtime/`, and what is done to it before it is linked: what it would
//! import of WASI comes from the library of [`platform`](crate::platform) instead.

use wasm_encoder::reencode::{Reencode as _, RoundtripReencoder};
use wasm_encoder::{ImportSection, Module, RawSection};
use wasmparser::{Parser, Payload, TypeRef};

use crate::error::Error;

/// QuickJS with bindings for components; `runtime/README.md` says where it is from.
pub(crate) const WASM: &[u8] = include_bytes!("../runtime/quickjs-0.5.0.wasm");

/// A function that the engine needs and that does not come from the component model itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Needed {
    /// The interface and the function, with `#` between.
    pub(crate) name: String,
    /// Its parameters and results.
    pub(crate) ty: wasmparser::FuncType,
}

/// The engine, with all that it needs of WASI and of a loader of modules taken from the library that it is linked with.
pub(crate) fn engine() -> Result<(Vec<u8>, Vec<Needed>), Error> {
    let mut module = Module::new();
    let mut types = Vec::new();
    let mut needed = Vec::new();
    for payload in Parser::new(0).parse_all(WASM) {
        let payload = payload.map_err(Error::other("the vendored engine is damaged"))?;
        match &payload {
            Payload::TypeSection(section) => {
                for ty in section.clone().into_iter_err_on_gc_types() {
                    types.push(ty.map_err(Error::other("the vendored engine has another form"))?);
                }
            }
            Payload::ImportSection(section) => {
                let mut imports = ImportSection::new();
                for import in section.clone().into_imports() {
                    let import = import.map_err(Error::other("the vendored engine is damaged"))?;
                    let ty = RoundtripReencoder
                        .entity_type(import.ty)
                        .map_err(Error::other("the vendored engine has another form"))?;
                    match import.ty {
                        TypeRef::Func(index) if is_foreign(import.module) => {
                            let name = format!("{}#{}", import.module, import.name);
                            let Some(signature) = types.get(index as usize) else {
                                return Err(Error::Internal(format!("the vendored engine has no type for `{name}`")));
                            };
                            imports.import("env", &name, ty);
                            needed.push(Needed { name, ty: signature.clone() });
                        }
                        _ => {
                            imports.import(import.module, import.name, ty);
                        }
                    }
                }
                module.section(&imports);
                continue;
            }
            // The worlds of WASI; nothing is imported from them any more.
            Payload::CustomSection(section)
                if section.name().starts_with("component-type") && !section.name().contains(":local:init:") =>
            {
                continue;
            }
            _ => {}
        }
        if let Some((id, range)) = payload.as_section() {
            module.section(&RawSection { id, data: &WASM[range.start as usize..range.end as usize] });
        }
    }
    Ok((module.finish(), needed))
}

/// Whether a module that functions are imported from is neither another library nor the component model.
fn is_foreign(module: &str) -> bool {
    module.starts_with("wasi") || module.starts_with("local:")
}
