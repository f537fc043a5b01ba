//! `wasi:clocks` 0.3: the time of the last event that was delivered, and waiting, which is a durable timer.

use abide_model::{CallKind, CallOptions, Outcome};
use serde_json::json;
use wasmtime::component::Accessor;

use super::bindings::wasi::clocks::{monotonic_clock, system_clock, types};
use crate::calls::{Imports, call};
use crate::convert;
use crate::imports::MAX_SLEEP_MS;
use crate::state::GuestState;
use crate::wasi::clocks::{NANOS_PER_MILLI, datetime};

impl types::Host for GuestState {}

impl system_clock::Host for GuestState {
    fn now(&mut self) -> wasmtime::Result<system_clock::Instant> {
        let now = datetime(self.shared.lock().now_ms);
        let seconds = i64::try_from(now.seconds).unwrap_or(i64::MAX);
        Ok(system_clock::Instant { seconds, nanoseconds: now.nanoseconds })
    }

    fn get_resolution(&mut self) -> wasmtime::Result<u64> {
        Ok(NANOS_PER_MILLI)
    }
}

/// Begins with the run.
impl monotonic_clock::Host for GuestState {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(self.running_ms().saturating_mul(NANOS_PER_MILLI))
    }

    fn get_resolution(&mut self) -> wasmtime::Result<u64> {
        Ok(NANOS_PER_MILLI)
    }
}

impl monotonic_clock::HostWithStore<GuestState> for Imports {
    async fn wait_until(accessor: &Accessor<GuestState, Self>, when: u64) -> wasmtime::Result<()> {
        let started_ms = accessor.with(|mut access| access.get().info.started_ms);
        sleep(accessor, started_ms.saturating_add(when.div_ceil(NANOS_PER_MILLI))).await
    }

    async fn wait_for(accessor: &Accessor<GuestState, Self>, how_long: u64) -> wasmtime::Result<()> {
        let now_ms = accessor.with(|mut access| access.get().shared.lock().now_ms);
        sleep(accessor, now_ms.saturating_add(how_long.div_ceil(NANOS_PER_MILLI))).await
    }
}

/// A time that has come is not waited for.
async fn sleep(accessor: &Accessor<GuestState, Imports>, due_ms: u64) -> wasmtime::Result<()> {
    let now_ms = accessor.with(|mut access| access.get().shared.lock().now_ms);
    if due_ms <= now_ms {
        return Ok(());
    }
    // Who waits for ever waits ten years.
    let due_ms = due_ms.min(now_ms.saturating_add(MAX_SLEEP_MS));
    let request = convert::recorded(&json!({ "until_ms": due_ms }));
    match call(accessor, CallKind::TimerSleep, request, Ok(CallOptions::default())).await {
        Outcome::Ok(_) => Ok(()),
        // WASI has no error for this.
        Outcome::Failed(failure) => Err(wasmtime::Error::msg(failure.message)),
    }
}
