//! Links the typed activities that a component imports: each function makes a recorded call, and gives what came of it as its result.

use std::sync::Arc;

use abide_model::{CallFunction, CallKind, Failure, Json, Outcome, ParkKind, Request};
use wasmtime::component::types::{ComponentFunc, ComponentInstance, ComponentItem};
use wasmtime::component::{Component, Linker, LinkerInstance, Val};

use super::{failing, is_typed, read, write};
use crate::calls::{self, Imports};
use crate::convert;
use crate::state::{GuestState, SharedState};

/// A function that a guest imports.
struct Imported {
    interface: Arc<str>,
    function: String,
}

/// Links what `component` imports of its own.
pub(crate) fn link(linker: &mut Linker<GuestState>, component: &Component) -> wasmtime::Result<()> {
    let (engine, ty) = (component.engine(), component.component_type());
    for (name, import) in ty.imports(engine) {
        let namespace = name.split_once(':').map_or("", |(namespace, _)| namespace);
        if let ComponentItem::ComponentInstance(interface) = &import.ty
            && !namespace.is_empty()
            && is_typed(namespace)
        {
            link_interface(&mut linker.instance(name)?, &name.into(), interface, engine)?;
        }
    }
    Ok(())
}

fn link_interface(
    linker: &mut LinkerInstance<'_, GuestState>,
    interface: &Arc<str>,
    ty: &ComponentInstance,
    engine: &wasmtime::Engine,
) -> wasmtime::Result<()> {
    for (name, item) in ty.exports(engine) {
        let ComponentItem::ComponentFunc(function) = &item.ty else { continue };
        let imported = Arc::new(Imported { interface: interface.clone(), function: name.to_owned() });
        if function.async_() {
            linker.func_new_concurrent(name, move |accessor, ty, arguments, results| {
                let imported = imported.clone();
                Box::pin(async move {
                    let accessor = accessor.with_getter::<Imports>(|state| state);
                    let (limit, shared) = accessor.with(|mut access| {
                        let state = access.get();
                        (state.limits.request_bytes, state.shared.clone())
                    });
                    let request = imported.request(&ty, arguments, limit);
                    let outcome =
                        calls::call(&accessor, CallKind::ActivitiesCall, request, Ok(Default::default())).await;
                    imported.give(&ty, outcome, results, &shared)
                })
            })?;
        } else {
            linker.func_new_async(name, move |mut store, ty, arguments, results| {
                let imported = imported.clone();
                Box::new(async move {
                    let shared = store.data().shared.clone();
                    let request = imported.request(&ty, arguments, store.data().limits.request_bytes);
                    let outcome =
                        calls::call_blocking(&mut store, CallKind::ActivitiesCall, request, Ok(Default::default()))
                            .await;
                    imported.give(&ty, outcome, results, &shared)
                })
            })?;
        }
    }
    Ok(())
}

impl Imported {
    fn request(&self, ty: &ComponentFunc, arguments: &[Val], limit: u64) -> Result<Request, Failure> {
        convert::recorded(&CallFunction {
            interface: self.interface.to_string(),
            function: self.function.clone(),
            arguments: write::arguments(ty, arguments, limit)?,
        })
    }

    /// Puts the outcome into the results of the function. One that has no place there stops the guest, with the reason.
    fn give(
        &self,
        ty: &ComponentFunc,
        outcome: Outcome,
        results: &mut [Val],
        shared: &SharedState,
    ) -> wasmtime::Result<()> {
        let given = match outcome {
            Outcome::Ok(json) => result(ty, &json),
            Outcome::Failed(failure) => Err(failure),
        };
        let value = match given {
            Ok(value) => value,
            Err(failure) => match failing::result(ty, &failure) {
                Some(value) => Some(value),
                None => return Err(self.stop(&failure, shared)),
            },
        };
        if let (Some(place), Some(value)) = (results.first_mut(), value) {
            *place = value;
        }
        Ok(())
    }

    fn stop(&self, failure: &Failure, shared: &SharedState) -> wasmtime::Error {
        let Self { interface, function } = self;
        let message = format!(
            "`{interface}.{function}` failed ({failure}), and its type cannot say so: let it give `result<…, string>`, or `abide \
             reset` the run to before that call"
        );
        shared.lock().refused = Some((ParkKind::GuestError, message.clone()));
        wasmtime::Error::msg(message)
    }
}

/// What a function gives, read by its type. A recorded outcome that does not fit is the failure `invalid-outcome`.
pub(super) fn result(ty: &ComponentFunc, json: &Json) -> Result<Option<Val>, Failure> {
    let Some(ty) = ty.results().next() else { return Ok(None) };
    read::value_of(json, &ty).map(Some).map_err(|misfit| {
        Failure::new("invalid-outcome", format!("the result does not fit the type of the function: {misfit}"))
    })
}
