//! `wasi:sockets`: every call is refused, with an error of its own and a log line that says what to use. What a component imports of it is
//! linked by what the component says itself, so that there is no list of its sixty functions here.

use wasmtime::StoreContextMut;
use wasmtime::component::types::{ComponentFunc, ComponentItem};
use wasmtime::component::{Component, Linker, Resource, ResourceType, Type, Val};

use crate::state::{GuestState, LogLevel};

/// How the names of the interfaces begin.
const PACKAGE: &str = "wasi:sockets/";

/// Anything of `wasi:sockets` that a guest can hold. There is never more to it than its name.
#[derive(Debug)]
struct Socket;

/// The resources of each interface; others that an interface names are those of `wasi:io`.
fn resources(interface: &str) -> &'static [&'static str] {
    match interface {
        "network" => &["network"],
        "tcp" => &["tcp-socket"],
        "udp" => &["udp-socket", "incoming-datagram-stream", "outgoing-datagram-stream"],
        "ip-name-lookup" => &["resolve-address-stream"],
        _ => &[],
    }
}

pub(super) fn add_to_linker(linker: &mut Linker<GuestState>, component: &Component) -> wasmtime::Result<()> {
    let engine = component.engine();
    for (name, item) in component.component_type().imports(engine) {
        let Some(interface) = name.strip_prefix(PACKAGE) else { continue };
        let ComponentItem::ComponentInstance(imported) = item.ty else { continue };
        let interface = interface.split('@').next().unwrap_or_default().to_owned();
        let mut instance = linker.instance(name)?;
        for (item_name, item) in imported.exports(engine) {
            match item.ty {
                ComponentItem::Resource(_) if resources(&interface).contains(&item_name) => {
                    instance.resource(item_name, ResourceType::host::<Socket>(), |_, _| Ok(()))?;
                }
                // The way to all others. Programs take it before they ask for anything.
                ComponentItem::ComponentFunc(_) if item_name == "instance-network" => {
                    instance.func_wrap(item_name, |_: StoreContextMut<'_, GuestState>, (): ()| {
                        Ok((Resource::<Socket>::new_own(0),))
                    })?;
                }
                ComponentItem::ComponentFunc(_) => {
                    let function = format!("{PACKAGE}{interface}.{item_name}");
                    instance.func_new(item_name, move |mut store, ty, _, results| {
                        refuse(store.data_mut(), &function, &ty, results)
                    })?;
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// Answers `access-denied` where the function can say so; the others cannot be reached without a socket.
fn refuse(state: &mut GuestState, function: &str, ty: &ComponentFunc, results: &mut [Val]) -> wasmtime::Result<()> {
    let message = format!(
        "`{function}` is refused: a workflow has no sockets; send HTTP requests with `wasi:http` or `abide:workflow/http`, and \
         reach anything else through a tool"
    );
    let has_error = ty.results().next().is_some_and(
        |result| matches!(result, Type::Result(result) if matches!(result.err(), Some(Type::Enum(codes)) if codes.names().any(|name| name == "access-denied"))),
    );
    match results {
        [result] if has_error => {
            state.write_log(LogLevel::Warn, message, None);
            *result = Val::Result(Err(Some(Box::new(Val::Enum("access-denied".to_owned())))));
            Ok(())
        }
        _ => Err(wasmtime::Error::msg(message)),
    }
}
