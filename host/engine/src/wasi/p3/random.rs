//! `wasi:random` 0.3: the same generator as that of WASI 0.2. Here fewer bytes may be given than were asked for.

use rand_chacha::rand_core::RngCore;

use super::bindings::wasi::random::{insecure, insecure_seed, random};
use crate::state::GuestState;
use crate::wasi::random::MAX_BYTES;

impl random::Host for GuestState {
    fn get_random_bytes(&mut self, most: u64) -> wasmtime::Result<Vec<u8>> {
        self.random_bytes(most.min(MAX_BYTES))
    }

    fn get_random_u64(&mut self) -> wasmtime::Result<u64> {
        Ok(self.random.next_u64())
    }
}

impl insecure::Host for GuestState {
    fn get_insecure_random_bytes(&mut self, most: u64) -> wasmtime::Result<Vec<u8>> {
        self.random_bytes(most.min(MAX_BYTES))
    }

    fn get_insecure_random_u64(&mut self) -> wasmtime::Result<u64> {
        Ok(self.random.next_u64())
    }
}

impl insecure_seed::Host for GuestState {
    fn get_insecure_seed(&mut self) -> wasmtime::Result<(u64, u64)> {
        Ok((self.random.next_u64(), self.random.next_u64()))
    }
}
