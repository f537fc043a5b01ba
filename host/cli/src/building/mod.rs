//! From what a user wrote to a component: a file of a language, or the folder of a crate. One file for each language; this one tells which it is.

mod cache;
mod javascript;
mod python;
mod rust;
mod wit;

use std::path::{Path, PathBuf};

use abide_model::WorkflowName;
use bytes::Bytes;

use crate::exit::{Exit, Fault};

pub(crate) use cache::{cache_folder, prune};

/// What a component is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// It is one already.
    Component(PathBuf),
    /// A module of Python.
    Python(PathBuf),
    /// A module of JavaScript or TypeScript.
    JavaScript(PathBuf),
    /// A crate, by its `Cargo.toml`.
    Crate(PathBuf),
}

impl Source {
    /// What lies at `path`: a folder is a crate, and else the ending of the name tells.
    pub(crate) fn of(path: &Path) -> Result<Self, Fault> {
        if path.is_dir() {
            let manifest = path.join("Cargo.toml");
            if manifest.is_file() {
                return Ok(Self::Crate(manifest));
            }
            let shown = path.display();
            return Err(Fault::usage(format!(
                "the folder `{shown}` has no `Cargo.toml`: name the file of the workflow, such as `{shown}/agent.py` or `{shown}/agent.ts`"
            )));
        }
        Ok(match path.extension().and_then(|extension| extension.to_str()) {
            Some("py") => Self::Python(path.to_owned()),
            Some(ending) if javascript::ENDINGS.contains(&ending) => Self::JavaScript(path.to_owned()),
            Some("toml") if path.file_name().is_some_and(|name| name == "Cargo.toml") => Self::Crate(path.to_owned()),
            _ => Self::Component(path.to_owned()),
        })
    }

    /// Whether something has to be built.
    pub(crate) fn is_source(&self) -> bool {
        !matches!(self, Self::Component(_))
    }

    /// What a workflow is called that is not given a name: after its file, or after its crate.
    pub(crate) fn name(&self) -> Result<WorkflowName, Fault> {
        let name = match self {
            Self::Component(file) | Self::Python(file) | Self::JavaScript(file) => {
                file.file_stem().unwrap_or_default().to_string_lossy().into_owned()
            }
            Self::Crate(manifest) => rust::package_name(manifest)?,
        };
        WorkflowName::parse(&name.replace('_', "-"))
            .map_err(|error| Fault::usage(format!("{}; name the workflow with `--name`", error.message)))
    }

    /// The component. Builds take seconds to minutes, so this is done away from the tasks; with `again`, nothing that was built before is used.
    pub(crate) async fn build(self, again: bool) -> Result<Bytes, Fault> {
        let built = tokio::task::spawn_blocking(move || match &self {
            Self::Component(file) => read(file),
            Self::Python(file) => python::build(file, again),
            Self::JavaScript(file) => javascript::build(file),
            Self::Crate(manifest) => rust::build(manifest),
        });
        built
            .await
            .map_err(|error| Fault::new(Exit::HostFailed, "internal", format!("the build broke off: {error}")))?
    }
}

/// Reads the whole file.
pub(crate) fn read(path: &Path) -> Result<Bytes, Fault> {
    let read =
        std::fs::read(path).map_err(|error| Fault::usage(format!("cannot read `{}`: {error}", path.display())))?;
    if read.is_empty() {
        return Err(Fault::usage(format!("`{}` is empty: give a component", path.display())));
    }
    Ok(read.into())
}

/// A source that does not build.
fn unbuildable(message: impl Into<String>) -> Fault {
    Fault::new(Exit::Usage, "build-failed", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_names_the_workflow() {
        let name = |path: &str| Source::of(Path::new(path)).unwrap().name();
        assert_eq!(name("target/guests/order_v1.wasm").unwrap().as_str(), "order-v1");
        assert_eq!(name("order_v1.py").unwrap().as_str(), "order-v1");
        assert_eq!(name("order_v1.ts").unwrap().as_str(), "order-v1");
        assert!(name("Order.wasm").unwrap_err().message.ends_with("name the workflow with `--name`"));
    }

    #[test]
    fn a_folder_is_a_crate() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Source::of(folder.path()).unwrap_err().message.contains("agent.py"));
        std::fs::write(folder.path().join("Cargo.toml"), "[package]\nname = \"order_v1\"\n").unwrap();
        let source = Source::of(folder.path()).unwrap();
        assert_eq!(source.name().unwrap().as_str(), "order-v1");
        assert_eq!(source, Source::of(&folder.path().join("Cargo.toml")).unwrap());
    }
}
