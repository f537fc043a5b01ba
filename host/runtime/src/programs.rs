//! Versions: uploads, and loaded components by digest.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use abide_engine::{CompiledCache, Engine, Inspected, Program, inspect};
use abide_history::{Store, StoreError, Version};
use abide_model::{Configuration, Digest, Error, ErrorCode, Manifest, Tenant, WorkflowName};
use bytes::Bytes;
use tokio::sync::OnceCell;

use crate::replaying::Side;
use crate::second_engines::SecondEngines;

/// Loaded components. Each is loaded once, however many runs ask for it at the same time.
pub(crate) struct Programs {
    engine: Engine,
    second: Arc<SecondEngines>,
    cache: CompiledCache,
    store: Arc<dyn Store>,
    loaded: Mutex<Loaded>,
    /// What uploads said of versions, as the store has it. An upload has the last word.
    said: Mutex<SaidOfVersions>,
}

/// What an upload says of a version, beside its component.
#[derive(Debug, Clone, Default)]
pub(crate) struct Said {
    /// What its runs start with.
    pub(crate) configuration: Option<Configuration>,
    /// What it asks for.
    pub(crate) manifest: Option<Arc<Manifest>>,
}

/// So many are kept. One that was not asked for the longest goes, and is mapped again when it is needed.
const MAX_LOADED: usize = 1024;

/// What is loaded, or being loaded.
#[derive(Default)]
struct Loaded {
    cells: HashMap<Digest, Cell>,
    asked: u64,
}

#[derive(Default)]
struct Cell {
    program: Arc<OnceCell<Program>>,
    /// When it was asked for last, in askings.
    asked: u64,
}

impl Loaded {
    fn cell(&mut self, digest: Digest) -> Arc<OnceCell<Program>> {
        if self.cells.len() >= MAX_LOADED && !self.cells.contains_key(&digest) {
            let oldest = self.cells.iter().min_by_key(|(_, cell)| cell.asked).map(|(digest, _)| *digest);
            oldest.map(|digest| self.cells.remove(&digest));
        }
        self.asked += 1;
        let cell = self.cells.entry(digest).or_default();
        cell.asked = self.asked;
        cell.program.clone()
    }
}

type SaidOfVersions = HashMap<(Tenant, WorkflowName, Digest), Said>;

impl Programs {
    pub(crate) fn new(engine: Engine, cache: CompiledCache, store: Arc<dyn Store>) -> Self {
        let second = Arc::default();
        Self { engine, second, cache, store, loaded: Mutex::default(), said: Mutex::default() }
    }

    /// Inspects and compiles an upload. `check` refuses what cannot run.
    pub(crate) async fn compile_upload(
        &self,
        file: Bytes,
        check: impl FnOnce(&Inspected) -> Result<(), Error>,
    ) -> Result<(Digest, Inspected), Error> {
        let (digest, inspected) = self.inspect(file).await?;
        check(&inspected)?;
        if let Err(error) = self.compile(digest, Bytes::from(inspected.component.clone())).await {
            self.lock().cells.remove(&digest);
            return Err(error);
        }
        Ok((digest, inspected))
    }

    /// Takes note of what is said of a version from now on.
    pub(crate) fn uploaded(&self, tenant: &Tenant, version: &Version) {
        self.said().insert((tenant.clone(), version.workflow.clone(), version.version), Said::of(version));
    }

    /// Forgets what was said of the versions of a tenant that is gone.
    pub(crate) fn forget_all(&self, tenant: &Tenant) {
        self.said().retain(|(owner, ..), _| owner != tenant);
    }

    /// Forgets what was said of a version that is no more.
    pub(crate) fn forget(&self, tenant: &Tenant, name: &WorkflowName, version: Digest) {
        self.said().remove(&(tenant.clone(), name.clone(), version));
    }

    /// Lets go of a component and removes what it was compiled to, unless one of these tenants has it too.
    pub(crate) async fn forget_code(&self, digest: Digest, tenants: Vec<Tenant>) -> Result<(), StoreError> {
        if !self.store.has_component(tenants, digest).await? {
            self.lock().cells.remove(&digest);
            self.cache.remove(digest);
        }
        Ok(())
    }

    /// Loads a file for one replay. Nothing of it is kept, so that many of them fill neither the memory nor the disk.
    pub(crate) async fn load_file(&self, file: Bytes) -> Result<(Digest, Program), Error> {
        let (digest, inspected) = self.inspect(file).await?;
        if let Some(program) = self.lock().cells.get(&digest).and_then(|cell| cell.program.get().cloned()) {
            return Ok((digest, program));
        }
        let (engine, cache) = (self.engine.clone(), self.cache.clone());
        let program = blocking(move || cache.load_once(&engine, &inspected.component)).await?;
        Ok((digest, program))
    }

    /// The component of a stored version, loaded.
    pub(crate) async fn get(&self, tenant: &Tenant, digest: Digest) -> Result<Program, Error> {
        let cell = self.cell(digest);
        let load = || async { self.load_blocking(digest, self.component(tenant, digest).await?).await };
        cell.get_or_try_init(load).await.cloned()
    }

    /// A stored version on all engines that a proof compares.
    pub(crate) async fn sides(&self, tenant: &Tenant, digest: Digest) -> Result<Vec<Side>, Error> {
        let live = self.get(tenant, digest).await?;
        let component = self.component(tenant, digest).await?;
        let (second, cache) = (self.second.clone(), self.cache.clone());
        blocking(move || second.sides(live, |engine| cache.load(engine, digest, || Ok(component.to_vec())))).await
    }

    /// The same of a file, of which nothing is kept.
    pub(crate) async fn sides_of_file(&self, file: Bytes) -> Result<(Digest, Vec<Side>), Error> {
        let (digest, inspected) = self.inspect(file).await?;
        let (engine, second, cache) = (self.engine.clone(), self.second.clone(), self.cache.clone());
        let load = move || {
            let load = |engine: &Engine| cache.load_once(engine, &inspected.component);
            second.sides(load(&engine)?, load)
        };
        Ok((digest, blocking(load).await?))
    }

    async fn component(&self, tenant: &Tenant, digest: Digest) -> Result<Bytes, Error> {
        self.store.component(tenant, digest).await?.ok_or_else(|| {
            Error::new(
                ErrorCode::VersionNotFound,
                format!("the component {digest} is not in the store: deploy its file again"),
            )
        })
    }

    /// How a version is configured.
    pub(crate) async fn configuration(
        &self,
        tenant: &Tenant,
        name: &WorkflowName,
        version: Digest,
    ) -> Result<Option<Configuration>, StoreError> {
        self.said_of(tenant, name, version).await.map(|said| said.configuration)
    }

    /// What a version asks for.
    pub(crate) async fn manifest(
        &self,
        tenant: &Tenant,
        name: &WorkflowName,
        version: Digest,
    ) -> Result<Option<Arc<Manifest>>, StoreError> {
        self.said_of(tenant, name, version).await.map(|said| said.manifest)
    }

    async fn said_of(&self, tenant: &Tenant, name: &WorkflowName, version: Digest) -> Result<Said, StoreError> {
        let key = (tenant.clone(), name.clone(), version);
        if let Some(known) = self.said().get(&key) {
            return Ok(known.clone());
        }
        let versions = self.store.versions(tenant, Some(name)).await?;
        let found = versions.iter().find(|known| known.version == version).map(Said::of).unwrap_or_default();
        // An upload may have come between the look and this.
        Ok(self.said().entry(key).or_insert(found).clone())
    }

    fn said(&self) -> MutexGuard<'_, SaidOfVersions> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) async fn inspect(&self, file: Bytes) -> Result<(Digest, Inspected), Error> {
        blocking(move || Ok((Digest::of(&file), inspect(&file)?))).await
    }

    async fn compile(&self, digest: Digest, component: Bytes) -> Result<Program, Error> {
        self.cell(digest).get_or_try_init(|| self.load_blocking(digest, component)).await.cloned()
    }

    async fn load_blocking(&self, digest: Digest, component: Bytes) -> Result<Program, Error> {
        let (engine, cache) = (self.engine.clone(), self.cache.clone());
        blocking(move || cache.load(&engine, digest, || Ok(component.to_vec()))).await
    }

    fn cell(&self, digest: Digest) -> Arc<OnceCell<Program>> {
        self.lock().cell(digest)
    }

    fn lock(&self) -> MutexGuard<'_, Loaded> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Said {
    fn of(version: &Version) -> Self {
        Self { configuration: version.configuration.clone(), manifest: version.manifest.clone().map(Arc::new) }
    }
}

/// Runs what computes or waits for the disk where it holds up nobody.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(Error::new(ErrorCode::Internal, format!("a task of the host failed: {error}"))))
}
