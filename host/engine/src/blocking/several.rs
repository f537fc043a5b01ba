//! `several`: calls that a guest in plain functions makes at the same time.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use abide_model::{Failure, Outcome};
use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentNamedList, Lift, LinkerInstance, Resource, ResourceType};

use super::Asked;
use crate::calls::{self, PendingCall};
use crate::others;
use crate::state::GuestState;
use crate::watch;

/// A call that was begun.
enum Begun {
    Waiting(PendingCall),
    Came(Outcome),
    Taken,
}

impl Begun {
    fn is_there(&mut self, context: &mut Context<'_>) -> bool {
        if let Self::Waiting(call) = self
            && let Poll::Ready(outcome) = Pin::new(call).poll(context)
        {
            *self = Self::Came(outcome);
        }
        !matches!(self, Self::Waiting(_))
    }
}

pub(super) fn add_to_linker(instance: &mut LinkerInstance<'_, GuestState>) -> wasmtime::Result<()> {
    instance.resource("call", ResourceType::host::<Begun>(), |mut store, rep| {
        store.data_mut().held.delete(Resource::<Begun>::new_own(rep))?;
        Ok(())
    })?;
    instance.func_wrap_async("[method]call.outcome", |mut store, (call,): (Resource<Begun>,)| {
        Box::new(async move {
            wait(&mut store, std::slice::from_ref(&call), 1).await?;
            let begun = std::mem::replace(store.data_mut().held.get_mut(&call)?, Begun::Taken);
            let outcome = match begun {
                Begun::Came(outcome) => outcome,
                Begun::Waiting(_) | Begun::Taken => Outcome::Failed(Failure::new(
                    "already-taken",
                    "the outcome of this call was taken before: keep what it was",
                )),
            };
            Ok((others::text(outcome),))
        })
    })?;
    begins(instance, "sleep", |(duration_ms,)| Asked::sleep(duration_ms))?;
    begins(instance, "receive", |(name,): (String,)| Asked::receive(&name))?;
    begins(instance, "cancellation-requested", |()| Asked::cancellation_requested())?;
    begins(instance, "generate", |(request, options)| Asked::generate(request, options))?;
    begins(instance, "call-tool", |(provider, name, arguments, options)| {
        Asked::call_tool(provider, name, arguments, options)
    })?;
    begins(instance, "fetch", |(request, options)| Asked::fetch(request, options))?;
    begins(instance, "await-child", |(run_id,): (String,)| Asked::await_child(&run_id))?;
    instance.func_wrap_async("all", |mut store, (calls,): (Vec<Resource<Begun>>,)| {
        Box::new(async move {
            let count = calls.len();
            wait(&mut store, &calls, count).await?;
            Ok(())
        })
    })?;
    instance.func_wrap_async("any", |mut store, (calls,): (Vec<Resource<Begun>>,)| {
        Box::new(async move { Ok((wait(&mut store, &calls, calls.len().min(1)).await?,)) })
    })
}

/// Links a function that begins a call. One that breaks a limit has its outcome at once.
fn begins<P>(instance: &mut LinkerInstance<'_, GuestState>, name: &str, ask: fn(P) -> Asked) -> wasmtime::Result<()>
where
    P: ComponentNamedList + Lift + 'static,
{
    instance.func_wrap(name, move |mut store, parameters: P| {
        let Asked { kind, request, options } = ask(parameters);
        let begun = match store.data_mut().begin_call(kind, request, options) {
            Ok(call) => Begun::Waiting(call),
            Err(failure) => Begun::Came(Outcome::Failed(failure)),
        };
        watch::note_place(&mut store);
        Ok((store.data_mut().held.push(begun)?,))
    })
}

/// Waits until so many of `calls` have their outcome. Gives the places of those that have it.
async fn wait(
    store: &mut StoreContextMut<'_, GuestState>,
    begun: &[Resource<Begun>],
    wanted: usize,
) -> wasmtime::Result<Vec<u32>> {
    let there = store.data_mut().there(begun, &mut Context::from_waker(Waker::noop()))?;
    if there.len() >= wanted {
        return Ok(there);
    }
    calls::wait_until(store, |state, context| match state.there(begun, context) {
        Ok(there) if there.len() < wanted => Poll::Pending,
        done => Poll::Ready(done),
    })
    .await
}

impl GuestState {
    fn there(&mut self, calls: &[Resource<Begun>], context: &mut Context<'_>) -> wasmtime::Result<Vec<u32>> {
        let mut there = Vec::new();
        for (place, call) in (0..).zip(calls) {
            if self.held.get_mut(call)?.is_there(context) {
                there.push(place);
            }
        }
        Ok(there)
    }
}
