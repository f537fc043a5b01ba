//! The guest's world while its modules load. There is no run yet, so every call ends the program with a word about what to do; only the
//! loader of modules and the log get an answer.

use wasmtime::component::types::{ComponentFunc, ComponentItem};
use wasmtime::component::{Component, Linker, LinkerInstance, ResourceType, Val};
use wasmtime::{Error as WasmtimeError, StoreContextMut};

use crate::error::Error;
use crate::initialise::Loading;

/// Links them.
pub(crate) fn add(linker: &mut Linker<Loading>, component: &Component) -> Result<(), Error> {
    let engine = component.engine().clone();
    for (name, import) in component.component_type().imports(&engine) {
        let ComponentItem::ComponentInstance(interface) = import.ty else {
            return Err(Error::Internal(format!("the component imports `{name}`, which is no interface")));
        };
        let mut linked = linker.instance(name).map_err(Error::internal("an interface cannot be linked"))?;
        for (function, item) in interface.exports(&engine) {
            let added = match item.ty {
                ComponentItem::ComponentFunc(ty) => add_function(&mut linked, name, function, &ty),
                ComponentItem::Resource(_) => linked.resource(function, ResourceType::host::<Loading>(), |_, _| Ok(())),
                _ => Ok(()),
            };
            added.map_err(Error::internal("a function cannot be linked"))?;
        }
    }
    Ok(())
}

fn add_function(
    linked: &mut LinkerInstance<'_, Loading>,
    interface: &str,
    function: &str,
    ty: &ComponentFunc,
) -> Result<(), WasmtimeError> {
    let short = interface.trim_start_matches("abide:workflow/").split('@').next().unwrap_or_default();
    let name = format!("{short}.{function}");
    match name.as_str() {
        "versions.record" => linked.func_new(function, |store, _, parameters, results| ask(store, parameters, results)),
        "log.write" => linked.func_new(function, |mut store, _, parameters, _| {
            if let Some(Val::String(message)) = parameters.get(1) {
                store.data_mut().log(message);
            }
            Ok(())
        }),
        _ if ty.async_() => linked.func_new_concurrent(function, move |_, _, _, _| {
            let error = refusal(&name);
            Box::pin(async move { Err(error) })
        }),
        _ => linked.func_new(function, move |_, _, _, _| Err(refusal(&name))),
    }
}

fn refusal(name: &str) -> WasmtimeError {
    WasmtimeError::msg(format!("`{name}` is called while the modules load, when there is no run: call it in `run`"))
}

/// The loader asks for the module behind a specifier, or, with an empty specifier, for the text of a module.
fn ask(mut store: StoreContextMut<'_, Loading>, parameters: &[Val], results: &mut [Val]) -> Result<(), WasmtimeError> {
    let [Val::String(module), Val::String(specifier)] = parameters else {
        return Err(WasmtimeError::msg("the loader of modules has another form"));
    };
    let modules = &mut store.data_mut().modules;
    let answer = if specifier.is_empty() { modules.load(module) } else { modules.resolve(module, specifier) };
    results[0] = Val::Result(match answer {
        Ok(text) => Ok(Some(Box::new(Val::String(text)))),
        Err(message) => Err(Some(Box::new(Val::Record(vec![
            ("code".to_owned(), Val::String(message)),
            ("message".to_owned(), Val::String(String::new())),
            ("details".to_owned(), Val::Option(None)),
            ("retryable".to_owned(), Val::Bool(false)),
        ])))),
    });
    Ok(())
}
