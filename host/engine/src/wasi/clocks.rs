//! `wasi:clocks`: both clocks tell the time of the last event that was delivered, in milliseconds, so they move with the history only.

use wasmtime::component::Resource;

use super::bindings::wasi::clocks::{monotonic_clock, wall_clock};
use super::poll::{Alarm, Pollable};
use crate::state::GuestState;

pub(super) const NANOS_PER_MILLI: u64 = 1_000_000;

impl wall_clock::Host for GuestState {
    fn now(&mut self) -> wasmtime::Result<wall_clock::Datetime> {
        Ok(datetime(self.shared.lock().now_ms))
    }

    fn resolution(&mut self) -> wasmtime::Result<wall_clock::Datetime> {
        Ok(datetime(1))
    }
}

/// A time in milliseconds as WASI has it.
pub(super) fn datetime(time_ms: u64) -> wall_clock::Datetime {
    let nanoseconds = u32::try_from((time_ms % 1000) * NANOS_PER_MILLI).expect("less than a second fits");
    wall_clock::Datetime { seconds: time_ms / 1000, nanoseconds }
}

/// Begins with the run.
impl monotonic_clock::Host for GuestState {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(self.running_ms().saturating_mul(NANOS_PER_MILLI))
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        Ok(NANOS_PER_MILLI)
    }

    fn subscribe_instant(&mut self, when: u64) -> wasmtime::Result<Resource<Pollable>> {
        let due_ms = self.info.started_ms.saturating_add(when.div_ceil(NANOS_PER_MILLI));
        self.hold(Pollable::Time(Alarm::at(due_ms)))
    }

    fn subscribe_duration(&mut self, when: u64) -> wasmtime::Result<Resource<Pollable>> {
        let now_ms = self.shared.lock().now_ms;
        self.hold(Pollable::Time(Alarm::at(now_ms.saturating_add(when.div_ceil(NANOS_PER_MILLI)))))
    }
}

impl GuestState {
    pub(super) fn running_ms(&self) -> u64 {
        self.shared.lock().now_ms.saturating_sub(self.info.started_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_seconds_and_the_rest_in_nanoseconds() {
        let time = datetime(1_234_567);
        assert_eq!((time.seconds, time.nanoseconds), (1234, 567_000_000));
    }
}
