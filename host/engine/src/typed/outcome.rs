//! Whether an outcome that somebody makes up could be that of a typed activity.

use abide_model::{CallFunction, Outcome};
use wasmtime::component::Component;
use wasmtime::component::types::{ComponentFunc, ComponentItem};

use super::{failing, link};

/// Why `outcome` is none that `component` could be given for `call`.
pub(crate) fn check(component: &Component, call: &CallFunction, outcome: &Outcome) -> Result<(), String> {
    let CallFunction { interface, function, .. } = call;
    let ty = function_of(component, interface, function)
        .ok_or_else(|| format!("the component does not import `{interface}.{function}`"))?;
    match outcome {
        Outcome::Ok(json) => link::result(&ty, json).map(drop).map_err(|misfit| misfit.message),
        Outcome::Failed(failure) => match failing::result(&ty, failure) {
            Some(_) => Ok(()),
            None => Err(format!("the type of `{interface}.{function}` cannot tell a failure: give a result")),
        },
    }
}

fn function_of(component: &Component, interface: &str, function: &str) -> Option<ComponentFunc> {
    let (engine, ty) = (component.engine(), component.component_type());
    let import = ty.imports(engine).find(|(name, _)| *name == interface)?.1;
    let ComponentItem::ComponentInstance(instance) = import.ty else { return None };
    let item = instance.exports(engine).find(|(name, _)| *name == function)?.1;
    match item.ty {
        ComponentItem::ComponentFunc(function) => Some(function),
        _ => None,
    }
}
