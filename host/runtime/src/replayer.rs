//! Replays a capsule without a host: no store, no network, nothing but the engines.

use std::path::Path;
use std::sync::Arc;

use abide_engine::{CompiledCache, Engine, EngineConfig, Program, inspect};
use abide_model::{Digest, Error, Seq};
use bytes::Bytes;

use crate::capsule::Capsule;
use crate::programs::blocking;
use crate::replaying::{self, Side};
use crate::second_engines::SecondEngines;
use crate::view::{ReplayReport, RunAt};

/// Guests at the same time: one replays, and one more names where it diverged.
const MAX_GUESTS: u32 = 2;

/// A capsule with the engines that replay it.
pub struct Replayer {
    capsule: Capsule,
    engine: Engine,
    second: Arc<SecondEngines>,
    cache: CompiledCache,
}

impl Replayer {
    /// A replayer that keeps machine code in `cache_dir`.
    pub fn new(capsule: Capsule, cache_dir: &Path) -> Result<Self, Error> {
        let max_memory_bytes = capsule.started().limits.memory_bytes;
        let engine = Engine::new(&EngineConfig { max_guests: MAX_GUESTS, max_memory_bytes })?;
        Ok(Self {
            capsule,
            engine,
            second: Arc::default(),
            cache: CompiledCache::open(cache_dir, CompiledCache::MOST_BYTES)?,
        })
    }

    /// The capsule.
    pub fn capsule(&self) -> &Capsule {
        &self.capsule
    }

    /// Replays the history, on the capsule's own component or on another one.
    pub async fn replay(&self, component: Option<Bytes>) -> Result<ReplayReport, Error> {
        let (version, program) = self.program(component).await?;
        replaying::report(&program, version, self.capsule.recording()).await
    }

    /// The same on several engines, compared after each event.
    pub async fn prove(&self, component: Option<Bytes>) -> Result<ReplayReport, Error> {
        let (version, sides) = self.sides(component).await?;
        replaying::compare(&sides, self.capsule.recording(), version).await
    }

    /// Where the run stood after an event.
    pub async fn at(&self, event: Seq, component: Option<Bytes>) -> Result<RunAt, Error> {
        let shown = self.capsule.event(event)?;
        let (version, program) = self.program(component).await?;
        replaying::look_at(&program, version, self.capsule.recording(), event, shown).await
    }

    async fn program(&self, component: Option<Bytes>) -> Result<(Digest, Program), Error> {
        let (own, engine, cache) = (self.capsule.component().clone(), self.engine.clone(), self.cache.clone());
        blocking(move || match component {
            Some(file) => Ok((Digest::of(&file), cache.load_once(&engine, &inspect(&file)?.component)?)),
            None => Ok((own.version, load(&cache, &engine, &own.bytes)?)),
        })
        .await
    }

    async fn sides(&self, component: Option<Bytes>) -> Result<(Digest, Vec<Side>), Error> {
        let (own, engine, cache) = (self.capsule.component().clone(), self.engine.clone(), self.cache.clone());
        let second = self.second.clone();
        blocking(move || match component {
            Some(file) => {
                let inspected = inspect(&file)?.component;
                let load = |engine: &Engine| cache.load_once(engine, &inspected);
                Ok((Digest::of(&file), second.sides(load(&engine)?, load)?))
            }
            None => {
                let load = |engine: &Engine| load(&cache, engine, &own.bytes);
                Ok((own.version, second.sides(load(&engine)?, load)?))
            }
        })
        .await
    }
}

/// Loads the component of a capsule. Its machine code is found by what it is made of, never by what the capsule says that it is.
fn load(cache: &CompiledCache, engine: &Engine, component: &Bytes) -> Result<Program, Error> {
    let inspected = inspect(component)?.component;
    cache.load(engine, Digest::of(&inspected), || Ok(inspected))
}
