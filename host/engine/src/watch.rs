//! What a replay may see of a guest beyond what it does: where it makes its calls, the fuel that it used, and a digest of its memory. A guest
//! that nobody watches pays for none of it, and no guest can tell whether it is watched.

use std::collections::HashMap;
use std::task::Waker;

use abide_model::CallIndex;
use wasmtime::{AsContextMut, StoreContextMut, WasmBacktrace};

use crate::memory::MemoryDigest;
use crate::state::GuestState;
use crate::trap;

/// What is known of a guest that is watched.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// Where the guest made each of its open calls, innermost function first.
    places: HashMap<CallIndex, Vec<String>>,
    /// Nobody wants to know the places, which cost a walk over the guest's stack each.
    fuel_only: bool,
    /// Calls that were begun, and of which nobody noted the place yet.
    begun: Vec<CallIndex>,
    /// The fuel of the steps that are over.
    fuel_used: u64,
    /// Somebody wants a look, with the memory or without.
    wanted: Option<bool>,
    look: Option<Look>,
    waker: Option<Waker>,
}

/// What a look at a guest shows that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// The fuel that it used since its start.
    pub fuel_used: u64,
    /// Its memory, where it was asked for; engines that are not made for that show none.
    pub memory: Option<MemoryDigest>,
}

impl Watch {
    /// Watches the fuel alone.
    pub(crate) fn fuel_only() -> Self {
        Self { fuel_only: true, ..Self::default() }
    }

    pub(crate) fn begun(&mut self, call: CallIndex) {
        if !self.fuel_only {
            self.begun.push(call);
        }
    }

    pub(crate) fn forget(&mut self, call: CallIndex) {
        self.places.remove(&call);
    }

    pub(crate) fn place(&self, call: CallIndex) -> Option<&Vec<String>> {
        self.places.get(&call)
    }

    /// Asks for a look. What it gives wakes the guest, which answers.
    pub(crate) fn want(&mut self, memory: bool) -> Option<Waker> {
        (self.wanted, self.look) = (Some(memory), None);
        self.waker.take()
    }

    /// The fuel of the steps that are over.
    pub(crate) fn fuel_used(&self) -> u64 {
        self.fuel_used
    }

    pub(crate) fn take_look(&mut self) -> Option<Look> {
        self.wanted = None;
        self.look.take()
    }
}

/// Notes where the guest is, for the calls that it just began.
pub(crate) fn note_place(store: &mut StoreContextMut<'_, GuestState>) {
    let begun = match &mut store.data().shared.lock().watch {
        Some(watch) => std::mem::take(&mut watch.begun),
        None => return,
    };
    if begun.is_empty() {
        return;
    }
    let place = trap::frames(&WasmBacktrace::force_capture(&*store));
    if let Some(watch) = &mut store.data().shared.lock().watch {
        watch.places.extend(begun.into_iter().map(|call| (call, place.clone())));
    }
}

/// Gives the guest the fuel of a step, for it goes on with an outcome.
pub(crate) fn fill_up(store: &mut StoreContextMut<'_, GuestState>) {
    let fuel = store.data().limits.step_fuel;
    let left = store.get_fuel();
    if let (Some(watch), Ok(left)) = (&mut store.data().shared.lock().watch, left) {
        watch.fuel_used += fuel.saturating_sub(left);
    }
    // Fuel is on in every engine that this crate makes.
    store.set_fuel(fuel).expect("fuel is enabled");
}

/// Adds the fuel of the step in which the guest stopped.
pub(crate) fn stop(store: &mut StoreContextMut<'_, GuestState>) {
    let fuel = store.data().limits.step_fuel;
    let left = store.get_fuel().unwrap_or(fuel);
    if let Some(watch) = &mut store.data().shared.lock().watch {
        watch.fuel_used += fuel.saturating_sub(left);
    }
}

/// Shows what somebody wants to see. It is called wherever a guest waits; `waker` is woken when somebody wants to look.
pub(crate) fn show(store: &mut StoreContextMut<'_, GuestState>, waker: &Waker) {
    let wanted = match &mut store.data().shared.lock().watch {
        Some(watch) => {
            watch.waker = Some(waker.clone());
            watch.wanted.take()
        }
        None => return,
    };
    let Some(with_memory) = wanted else { return };
    let left = store.get_fuel().unwrap_or_default();
    let step = store.data().limits.step_fuel.saturating_sub(left);
    let memory = if with_memory { MemoryDigest::of(&mut store.as_context_mut()) } else { None };
    if let Some(watch) = &mut store.data().shared.lock().watch {
        watch.look = Some(Look { fuel_used: watch.fuel_used + step, memory });
    }
}
