//! Versions: uploads, and loaded components by digest.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use abide_engine::{CompiledCache, Engine, Program, TypedImport, inspect};
use abide_history::{Store, StoreError, Version};
use abide_model::{Configuration, Digest, Error, ErrorCode, Tenant, WorkflowName};
use bytes::Bytes;
use tokio::sync::OnceCell;

use crate::view::Deployed;

/// Loaded components. Each is loaded once, however many runs ask for it at the same time.
pub(crate) struct Programs {
    engine: Engine,
    cache: CompiledCache,
    store: Arc<dyn Store>,
    loaded: Mutex<HashMap<Digest, Arc<OnceCell<Program>>>>,
    /// How versions are configured, as the store has it. An upload has the last word.
    configurations: Mutex<Configurations>,
}

type Configurations = HashMap<(Tenant, WorkflowName, Digest), Option<Configuration>>;

impl Programs {
    pub(crate) fn new(engine: Engine, cache: CompiledCache, store: Arc<dyn Store>) -> Self {
        Self { engine, cache, store, loaded: Mutex::default(), configurations: Mutex::default() }
    }

    /// Takes an upload: inspects it, compiles it, and stores it as the active version of `name`. `check` refuses typed activities that
    /// nobody performs.
    pub(crate) async fn deploy(
        &self,
        tenant: &Tenant,
        name: &WorkflowName,
        file: Bytes,
        configuration: Option<Configuration>,
        now_ms: u64,
        check: impl Fn(&TypedImport) -> Result<(), Error>,
    ) -> Result<Deployed, Error> {
        let (digest, inspected) = self.inspect(file).await?;
        for import in &inspected.typed {
            check(import)?;
        }
        let known = self.store.versions(tenant, Some(name)).await?.into_iter().find(|known| known.version == digest);
        let created = known.is_none();
        let version = Version {
            workflow: name.clone(),
            version: digest,
            uploaded_ms: known.map_or(now_ms, |known| known.uploaded_ms),
            size_bytes: inspected.component.len() as u64,
            imports: inspected.imports.clone(),
            has_query: inspected.has_query,
            configuration,
        };
        let component = Bytes::from(inspected.component);
        if let Err(error) = self.compile(digest, component.clone()).await {
            self.lock().remove(&digest);
            return Err(error);
        }
        self.store.put_version(tenant, version.clone(), component).await?;
        self.configurations().insert((tenant.clone(), name.clone(), digest), version.configuration.clone());
        Ok(Deployed { version, created })
    }

    /// Loads a file for one replay. Nothing of it is kept, so that many of them fill neither the memory nor the disk.
    pub(crate) async fn load_file(&self, file: Bytes) -> Result<(Digest, Program), Error> {
        let (digest, inspected) = self.inspect(file).await?;
        if let Some(program) = self.lock().get(&digest).and_then(|cell| cell.get().cloned()) {
            return Ok((digest, program));
        }
        let (engine, cache) = (self.engine.clone(), self.cache.clone());
        let program = blocking(move || cache.load_once(&engine, &inspected.component)).await?;
        Ok((digest, program))
    }

    /// The component of a stored version, loaded.
    pub(crate) async fn get(&self, tenant: &Tenant, digest: Digest) -> Result<Program, Error> {
        let cell = self.cell(digest);
        let load = || async {
            let component = self.store.component(tenant, digest).await?.ok_or_else(|| {
                Error::new(
                    ErrorCode::VersionNotFound,
                    format!("the component {digest} is not in the store: deploy its file again"),
                )
            })?;
            self.load_blocking(digest, component).await
        };
        cell.get_or_try_init(load).await.cloned()
    }

    /// How a version is configured.
    pub(crate) async fn configuration(
        &self,
        tenant: &Tenant,
        name: &WorkflowName,
        version: Digest,
    ) -> Result<Option<Configuration>, StoreError> {
        let key = (tenant.clone(), name.clone(), version);
        if let Some(known) = self.configurations().get(&key) {
            return Ok(known.clone());
        }
        let versions = self.store.versions(tenant, Some(name)).await?;
        let found = versions.into_iter().find(|known| known.version == version).and_then(|known| known.configuration);
        // An upload may have come between the look and this.
        self.configurations().entry(key).or_insert_with(|| found.clone());
        Ok(found)
    }

    fn configurations(&self) -> MutexGuard<'_, Configurations> {
        self.configurations.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn inspect(&self, file: Bytes) -> Result<(Digest, abide_engine::Inspected), Error> {
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
        self.lock().entry(digest).or_default().clone()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Digest, Arc<OnceCell<Program>>>> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
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
