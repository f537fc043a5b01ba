//! `wasi:random`: all of it comes from the generator that the run's first event seeds, so a replay draws the same numbers.

use rand_chacha::rand_core::RngCore;

use super::bindings::wasi::random::{insecure, insecure_seed, random};
use crate::state::GuestState;

/// The most random bytes that are given at once.
pub(super) const MAX_BYTES: u64 = 1 << 20;

impl GuestState {
    pub(super) fn random_bytes(&mut self, length: u64) -> wasmtime::Result<Vec<u8>> {
        let length = usize::try_from(length.min(MAX_BYTES + 1)).unwrap_or(usize::MAX);
        if length as u64 > MAX_BYTES {
            // WASI has no error for this, and fewer bytes than were asked for would be a trap for the unwary.
            return Err(wasmtime::Error::msg(format!("the guest wants more than {MAX_BYTES} random bytes at once")));
        }
        let mut bytes = vec![0; length];
        self.random.fill_bytes(&mut bytes);
        Ok(bytes)
    }
}

impl random::Host for GuestState {
    fn get_random_bytes(&mut self, length: u64) -> wasmtime::Result<Vec<u8>> {
        self.random_bytes(length)
    }

    fn get_random_u64(&mut self) -> wasmtime::Result<u64> {
        Ok(self.random.next_u64())
    }
}

impl insecure::Host for GuestState {
    fn get_insecure_random_bytes(&mut self, length: u64) -> wasmtime::Result<Vec<u8>> {
        self.random_bytes(length)
    }

    fn get_insecure_random_u64(&mut self) -> wasmtime::Result<u64> {
        Ok(self.random.next_u64())
    }
}

impl insecure_seed::Host for GuestState {
    fn insecure_seed(&mut self) -> wasmtime::Result<(u64, u64)> {
        Ok((self.random.next_u64(), self.random.next_u64()))
    }
}
