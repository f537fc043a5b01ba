//! The engines that only replays use. Each is made when somebody first asks for it, and then kept.

use std::sync::{Mutex, PoisonError};

use abide_engine::{Backend, Engine, Program};
use abide_model::Error;

use crate::replaying::Side;

/// The engines that there are so far.
#[derive(Default)]
pub(crate) struct SecondEngines {
    native: Mutex<Option<Engine>>,
    interpreter: Mutex<Option<Engine>>,
}

impl SecondEngines {
    /// A component on all engines that a proof compares: `live`, and what `load` gives for each of the others. Compiles, so it blocks.
    pub(crate) fn sides(
        &self,
        live: Program,
        load: impl Fn(&Engine) -> Result<Program, Error>,
    ) -> Result<Vec<Side>, Error> {
        let native = load(&self.get(Backend::Native)?)?;
        let interpreter = load(&self.get(Backend::Interpreter)?)?;
        Ok(vec![
            Side { engine: "live", program: live, with_memory: false },
            Side { engine: Backend::Native.as_str(), program: native, with_memory: true },
            Side { engine: Backend::Interpreter.as_str(), program: interpreter, with_memory: true },
        ])
    }

    fn get(&self, backend: Backend) -> Result<Engine, Error> {
        let slot = match backend {
            Backend::Native => &self.native,
            Backend::Interpreter => &self.interpreter,
        };
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        match &*slot {
            Some(engine) => Ok(engine.clone()),
            None => Ok(slot.insert(Engine::for_replays(backend)?).clone()),
        }
    }
}
