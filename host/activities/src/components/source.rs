//! The file of a tool component: read and inspected when the host starts, compiled when it is first called.

use std::path::Path;
use std::sync::Arc;

use abide_engine::{CompiledCache, Engine, ToolFunction, ToolProgram, inspect_tool};
use abide_model::{Digest, Error, ErrorCode};
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::config::{ComponentProvider, wrong};

/// A component that is loaded when it is needed.
pub(super) struct Source {
    digest: Digest,
    component: Arc<[u8]>,
    engine: Engine,
    cache: CompiledCache,
    program: OnceCell<ToolProgram>,
    /// The folder of the cache, where nobody else keeps it.
    _temporary: Option<Arc<TempDir>>,
}

impl Source {
    /// Reads and inspects the file, and its WIT where that is given.
    pub(super) fn read(
        name: &str,
        provider: &ComponentProvider,
        base_dir: &Path,
        engine: &Engine,
        cache: &CompiledCache,
        temporary: &Option<Arc<TempDir>>,
    ) -> Result<(Self, Vec<ToolFunction>), Error> {
        let key = |field: &str| format!("components.{name}.{field}");
        let path = base_dir.join(&provider.component);
        let file = std::fs::read(&path).map_err(|error| {
            wrong(&key("component"), format_args!("cannot be read from `{}`: {error}", path.display()))
        })?;
        let wit = match &provider.wit {
            Some(wit) => {
                let path = base_dir.join(wit);
                let text = std::fs::read_to_string(&path).map_err(|error| {
                    wrong(&key("wit"), format_args!("cannot be read from `{}`: {error}", path.display()))
                })?;
                Some((path.display().to_string(), text))
            }
            None => None,
        };
        let wit = wit.as_ref().map(|(name, text)| (name.as_str(), text.as_str()));
        let inspected = inspect_tool(&file, wit)
            .map_err(|error| wrong(&key("component"), format_args!("cannot be used: {}", error.message)))?;
        let source = Self {
            digest: Digest::of(&inspected.component),
            component: inspected.component.into(),
            engine: engine.clone(),
            cache: cache.clone(),
            program: OnceCell::new(),
            _temporary: temporary.clone(),
        };
        Ok((source, inspected.functions))
    }

    /// The loaded component. Where the call that had it compiled is dropped meanwhile, the next one finds it in the cache.
    pub(super) async fn program(&self) -> Result<ToolProgram, Error> {
        let load = || async {
            let (engine, cache, digest) = (self.engine.clone(), self.cache.clone(), self.digest);
            let component = self.component.clone();
            tokio::task::spawn_blocking(move || cache.load_tool(&engine, digest, || Ok(component.to_vec())))
                .await
                .unwrap_or_else(|error| Err(Error::new(ErrorCode::Internal, format!("a task of the host failed: {error}"))))
        };
        self.program.get_or_try_init(load).await.cloned()
    }
}
