//! Making a call and waiting for its outcome, the same for every import.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

use abide_model::{Call, CallIndex, CallKind, CallOptions, Failure, Outcome, Request};
use wasmtime::component::{Accessor, HasData};
use wasmtime::{AsContextMut, StoreContextMut};

use crate::bindings::abide::workflow::calls;
use crate::state::{GuestState, Output, SharedState, Slot};
use crate::watch;

/// Gives the imports their state.
pub(crate) struct Imports;

impl HasData for Imports {
    type Data<'a> = &'a mut GuestState;
}

/// Makes a call and waits for its outcome. A request that breaks a limit fails at once and is not recorded: the limits are
/// part of the history, so a replay fails it in the same way.
pub(crate) async fn call(
    accessor: &Accessor<GuestState, Imports>,
    kind: CallKind,
    request: Result<Request, Failure>,
    options: Result<CallOptions, Failure>,
) -> Outcome {
    let pending = accessor.with(|mut access| {
        let pending = access.get().begin_call(kind, request, options);
        watch::note_place(&mut access.as_context_mut());
        pending
    });
    let mut pending = match pending {
        Ok(pending) => pending,
        Err(failure) => return Outcome::Failed(failure),
    };
    let outcome = (&mut pending).await;
    if pending.dropped {
        // It brings nothing new, so it brings no fuel either: else a guest could live on calls that it drops.
        return outcome;
    }
    accessor.with(|mut access| watch::fill_up(&mut access.as_context_mut()));
    outcome
}

/// The same for a plain function: the guest stands still until the outcome is there.
pub(crate) async fn call_blocking(
    store: &mut StoreContextMut<'_, GuestState>,
    kind: CallKind,
    request: Result<Request, Failure>,
    options: Result<CallOptions, Failure>,
) -> Outcome {
    let mut pending = match store.data_mut().begin_call(kind, request, options) {
        Ok(pending) => pending,
        Err(failure) => return Outcome::Failed(failure),
    };
    wait_until(store, |_, context| Pin::new(&mut pending).poll(context)).await
}

/// Waits in a plain function until `poll` gives something. It goes on with an outcome then, which is a new step.
pub(crate) async fn wait_until<T>(
    store: &mut StoreContextMut<'_, GuestState>,
    mut poll: impl FnMut(&mut GuestState, &mut Context<'_>) -> Poll<T>,
) -> T {
    watch::note_place(store);
    let given = poll_fn(|context| {
        watch::show(store, context.waker());
        poll(store.data_mut(), context)
    })
    .await;
    watch::fill_up(store);
    given
}

impl GuestState {
    /// Makes a call. What it gives completes with the outcome; dropped before that, it cancels the call.
    pub(crate) fn begin_call(
        &mut self,
        kind: CallKind,
        request: Result<Request, Failure>,
        options: Result<CallOptions, Failure>,
    ) -> Result<PendingCall, Failure> {
        let (request, options) = (request?, options?);
        if request.len() as u64 > self.limits.request_bytes {
            return Err(Failure::new(
                "too-large",
                format!(
                    "the request of `{kind}` has {} bytes, the limit is {}: send less, or raise `limits.request_bytes`",
                    request.len(),
                    self.limits.request_bytes
                ),
            ));
        }
        let mut shared = self.shared.lock();
        if shared.slots.len() >= self.limits.open_calls as usize {
            return Err(Failure::new(
                "too-many-calls",
                format!("{} calls wait for their outcome, which is the limit: await some first", shared.slots.len()),
            ));
        }
        let index = shared.next_call;
        // Each is an event: more of them than the history takes would fill the memory before they fill the history.
        if u64::from(index) > self.limits.history_events {
            return Err(shared.flooded(format!("the run made {index} calls, and its history takes no more events")));
        }
        shared.tell(Output::Call(Call { index, kind, request, options }), self.limits.step_bytes())?;
        shared.next_call += 1;
        shared.slots.insert(index, Slot::default());
        if let Some(watch) = &mut shared.watch {
            watch.begun(index);
        }
        Ok(PendingCall { index, shared: self.shared.clone(), done: false, dropped: false })
    }
}

impl calls::Host for GuestState {
    fn newest(&mut self) -> Option<CallIndex> {
        self.shared.lock().next_call.checked_sub(1)
    }

    fn drop(&mut self, number: CallIndex) {
        let mut shared = self.shared.lock();
        // One whose outcome is there already has completed, even if the guest has not looked yet.
        let Some(slot) = shared.slots.get_mut(&number).filter(|slot| !slot.dropped && slot.outcome.is_none()) else {
            return;
        };
        slot.dropped = true;
        let waker = slot.waker.take();
        shared.outputs.push(Output::Cancelled(number));
        std::mem::drop(shared);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// Completes with the outcome of a call. Dropped before that, it tells that the guest cancelled the call.
pub(crate) struct PendingCall {
    index: CallIndex,
    shared: SharedState,
    done: bool,
    /// The guest said that it does not wait for it any more, while something of it still did.
    dropped: bool,
}

impl Future for PendingCall {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        let mut dropped = false;
        let outcome = {
            let mut shared = self.shared.lock();
            let slot = shared.slots.entry(self.index).or_default();
            match slot.outcome.take() {
                Some(outcome) => {
                    shared.remove_slot(self.index);
                    outcome
                }
                None if slot.dropped => {
                    shared.remove_slot(self.index);
                    dropped = true;
                    Outcome::Failed(Failure::new("dropped", "the workflow dropped the call"))
                }
                None => {
                    slot.waker = Some(context.waker().clone());
                    return Poll::Pending;
                }
            }
        };
        self.done = true;
        self.dropped = dropped;
        Poll::Ready(outcome)
    }
}

impl Drop for PendingCall {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        let mut shared = self.shared.lock();
        let was_dropped = shared.remove_slot(self.index).is_some_and(|slot| slot.dropped);
        if !shared.closing && !was_dropped {
            shared.outputs.push(Output::Cancelled(self.index));
        }
    }
}
