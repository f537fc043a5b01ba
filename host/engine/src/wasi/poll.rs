//! `wasi:io/poll`: the only place where a program on WASI waits. What it waits for are calls of the run: timers and HTTP requests.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Waker};

use abide_model::{CallKind, CallOptions};
use serde_json::json;
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource, ResourceType};

use super::http::FutureResponse;
use crate::calls::{PendingCall, wait_until};
use crate::convert;
use crate::imports::MAX_SLEEP_MS;
use crate::state::GuestState;

/// Something that is ready, or will be.
pub enum Pollable {
    /// It is ready.
    Ready,
    /// It is ready from a time on.
    Time(Alarm),
    /// It is ready when an HTTP response is there.
    Response(FutureResponse),
}

/// A time that may be waited for. The timer is a call of the run from the first wait on, so that a time that nobody waits for costs nothing.
pub(crate) struct Alarm {
    due_ms: u64,
    timer: Timer,
}

enum Timer {
    Unset,
    Set(PendingCall),
    Rung,
}

impl Alarm {
    pub(crate) fn at(due_ms: u64) -> Self {
        Self { due_ms, timer: Timer::Unset }
    }
}

impl Pollable {
    /// Makes the call of which the pollable tells, where there is none yet.
    fn begin(&mut self, state: &mut GuestState) -> wasmtime::Result<()> {
        if let Self::Time(alarm) = self
            && matches!(alarm.timer, Timer::Unset)
            && state.shared.lock().now_ms < alarm.due_ms
        {
            alarm.timer = Timer::Set(state.set_timer(alarm.due_ms)?);
        }
        Ok(())
    }

    /// Whether it is ready. Where it is not, `context` is woken when that may have changed.
    fn is_ready(&mut self, now_ms: u64, context: &mut Context<'_>) -> bool {
        match self {
            Self::Ready => true,
            Self::Response(response) => response.is_ready(context),
            Self::Time(alarm) => {
                if let Timer::Set(call) = &mut alarm.timer
                    && Pin::new(call).poll(context).is_ready()
                {
                    alarm.timer = Timer::Rung;
                }
                // A timer that rang is ready, whatever the clock of the host says.
                matches!(alarm.timer, Timer::Rung) || now_ms >= alarm.due_ms
            }
        }
    }
}

pub(super) fn add_to_linker(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    let mut instance = linker.instance("wasi:io/poll@0.2.12")?;
    instance.resource("pollable", ResourceType::host::<Pollable>(), |mut store, rep| {
        store.data_mut().wasi.table.delete(Resource::<Pollable>::new_own(rep))?;
        Ok(())
    })?;
    instance.func_wrap(
        "[method]pollable.ready",
        |mut store: StoreContextMut<'_, GuestState>, (pollable,): (Resource<Pollable>,)| {
            let state = store.data_mut();
            let now_ms = state.shared.lock().now_ms;
            let pollable = state.wasi.table.get_mut(&pollable)?;
            Ok((pollable.is_ready(now_ms, &mut Context::from_waker(Waker::noop())),))
        },
    )?;
    instance.func_wrap_async("[method]pollable.block", |store, (pollable,): (Resource<Pollable>,)| {
        Box::new(async move {
            wait(store, &[pollable]).await?;
            Ok(())
        })
    })?;
    instance.func_wrap_async("poll", |store, (pollables,): (Vec<Resource<Pollable>>,)| {
        Box::new(async move {
            if pollables.is_empty() {
                return Err(wasmtime::Error::msg("`wasi:io/poll.poll` was called with an empty list"));
            }
            Ok((wait(store, &pollables).await?,))
        })
    })
}

/// Waits until one or more of the pollables are ready. Gives their places.
async fn wait(
    mut store: StoreContextMut<'_, GuestState>,
    pollables: &[Resource<Pollable>],
) -> wasmtime::Result<Vec<u32>> {
    let ready = store.data_mut().ready(pollables, &mut Context::from_waker(Waker::noop()))?;
    if !ready.is_empty() {
        return Ok(ready);
    }
    for pollable in pollables {
        store.data_mut().begin(pollable)?;
    }
    wait_until(&mut store, |state, context| {
        let ready = state.ready(pollables, context)?;
        Ok((!ready.is_empty()).then_some(ready))
    })
    .await
}

impl GuestState {
    fn ready(&mut self, pollables: &[Resource<Pollable>], context: &mut Context<'_>) -> wasmtime::Result<Vec<u32>> {
        let now_ms = self.shared.lock().now_ms;
        let mut ready = Vec::new();
        for (place, pollable) in (0..).zip(pollables) {
            if self.wasi.table.get_mut(pollable)?.is_ready(now_ms, context) {
                ready.push(place);
            }
        }
        Ok(ready)
    }

    fn begin(&mut self, pollable: &Resource<Pollable>) -> wasmtime::Result<()> {
        // Taken out for a moment: the call needs the rest of the state.
        let mut taken = std::mem::replace(self.wasi.table.get_mut(pollable)?, Pollable::Ready);
        let begun = taken.begin(self);
        *self.wasi.table.get_mut(pollable)? = taken;
        begun
    }

    fn set_timer(&mut self, due_ms: u64) -> wasmtime::Result<PendingCall> {
        // Who waits for ever waits ten years.
        let due_ms = due_ms.min(self.shared.lock().now_ms.saturating_add(MAX_SLEEP_MS));
        let request = convert::recorded(&json!({ "until_ms": due_ms }));
        let call = self.begin_call(CallKind::TimerSleep, request, Ok(CallOptions::default()));
        // WASI has no error for this.
        call.map_err(|failure| wasmtime::Error::msg(failure.message))
    }
}
