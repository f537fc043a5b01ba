//! Second engines: for replays only, never for a live run. They run the same components by other means, so that a history can be held against
//! another instruction set, and they let the host look into the memory of their guests.

use abide_model::Error;
use serde::{Deserialize, Serialize};
use wasmtime::{Config, InstanceAllocationStrategy, OptLevel, WasmBacktraceDetails};

use crate::Engine;
use crate::engine::decide_results;

/// Guests recurse less deeply in code that keeps its state in memory, and no history may depend on that: so they get a larger stack.
const STACK_BYTES: usize = 8 << 20;

/// By what means a component is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Backend {
    /// Machine code of this processor, by Cranelift.
    Native,
    /// The bytecode of wasmtime's interpreter Pulley.
    Interpreter,
}

impl Backend {
    /// Its text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Interpreter => "interpreter",
        }
    }
}

impl Engine {
    /// An engine for replays that lets the host look into its guests ([`crate::Guest::look`]).
    pub fn for_replays(backend: Backend) -> Result<Self, Error> {
        let mut settings = Config::new();
        settings
            .allocation_strategy(InstanceAllocationStrategy::OnDemand)
            .cranelift_opt_level(OptLevel::Speed)
            .guest_debug(true)
            .max_wasm_stack(STACK_BYTES / 2)
            .async_stack_size(STACK_BYTES)
            .wasm_backtrace_details(WasmBacktraceDetails::Enable);
        decide_results(&mut settings);
        if backend == Backend::Interpreter {
            let target = if cfg!(target_endian = "big") { "pulley64be" } else { "pulley64" };
            settings.target(target).map_err(|error| {
                Error::new(abide_model::ErrorCode::Internal, format!("there is no interpreter here: {error:#}"))
            })?;
        }
        Self::with_settings(&settings)
    }
}
