//! The file of a tool component: read and inspected when the host starts or it is uploaded, and compiled beside whatever the host does then.

use std::path::Path;
use std::sync::Arc;

use abide_engine::{CompiledCache, Engine, ToolFunction, ToolProgram, inspect_tool};
use abide_model::{Digest, Error, ErrorCode};
use tempfile::TempDir;
use tokio::sync::watch;

use crate::config::{ComponentProvider, wrong};

/// A component that is loaded, or will be.
pub(super) struct Source {
    /// What its machine code is found by.
    pub(super) code: Digest,
    loaded: watch::Receiver<Option<Result<ToolProgram, Error>>>,
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
        Ok((Self::of(inspected.component, engine, cache, temporary)?, inspected.functions))
    }

    /// Has a component compiled, or found where that was done before.
    pub(super) fn of(
        component: Vec<u8>,
        engine: &Engine,
        cache: &CompiledCache,
        temporary: &Option<Arc<TempDir>>,
    ) -> Result<Self, Error> {
        let code = Digest::of(&component);
        let (said, loaded) = watch::channel(None);
        let (engine, cache, temporary) = (engine.clone(), cache.clone(), temporary.clone());
        // A thread of its own: it takes from 0.1 s to many seconds, and neither the start of the host nor a call's timeout pays for it.
        std::thread::Builder::new()
            .name("abide-compile".to_owned())
            .spawn(move || {
                let program = cache.load_tool(&engine, code, || Ok(component));
                // A program keeps its mapping when the folder goes.
                drop(temporary);
                // Where nobody listens any more, nobody needs it.
                drop(said.send(Some(program)));
            })
            .map_err(|error| Error::new(ErrorCode::Internal, format!("cannot start a thread: {error}")))?;
        Ok(Self { code, loaded })
    }

    /// The component, when it is loaded.
    pub(super) async fn program(&self) -> Result<ToolProgram, Error> {
        let mut loaded = self.loaded.clone();
        match loaded.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(program)) => program.clone(),
            Ok(None) | Err(_) => Err(Error::new(ErrorCode::Internal, "the thread that compiles it has died")),
        }
    }
}
