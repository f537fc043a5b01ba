//! Projects to begin with: the files of `templates/`, with the names put in. Each is a workflow that asks a model, waits for a person with a
//! time limit, and runs with no account, against a scripted model.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use crate::exit::Fault;

/// A language that a project may be in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    /// A crate
    Rust,
    /// A module
    Python,
    /// A module of JavaScript or TypeScript
    Js,
}

/// A project.
#[derive(Debug)]
pub(crate) struct Project {
    /// Of the workflow.
    pub(crate) name: String,
    pub(crate) language: Language,
    /// Where the SDK for Rust lies; `None` for its release.
    pub(crate) sdk_path: Option<PathBuf>,
}

/// A file by its name in the project, and its template.
type Template = (&'static str, &'static str);

const COMMON: [Template; 4] = [
    ("abide.toml", include_str!("../../templates/common/abide.toml")),
    ("answers.json", include_str!("../../templates/common/answers.json")),
    ("README.md", include_str!("../../templates/common/README.md")),
    ("test.sh", include_str!("../../templates/common/test.sh")),
];
const PYTHON: [Template; 2] = [
    ("agent.py", include_str!("../../templates/python/agent.py")),
    (".gitignore", include_str!("../../templates/python/gitignore")),
];
const RUST: [Template; 3] = [
    ("Cargo.toml", include_str!("../../templates/rust/manifest.toml")),
    ("src/lib.rs", include_str!("../../templates/rust/lib.rs")),
    (".gitignore", include_str!("../../templates/rust/gitignore")),
];
const JAVASCRIPT: [Template; 2] = [
    ("agent.ts", include_str!("../../templates/javascript/agent.ts")),
    (".gitignore", include_str!("../../templates/javascript/gitignore")),
];

impl Project {
    /// What `abide deploy` is given.
    pub(crate) fn source(&self) -> String {
        match self.language {
            Language::Rust => ".".to_owned(),
            Language::Python => format!("agent.py --name {}", self.name),
            Language::Js => format!("agent.ts --name {}", self.name),
        }
    }

    /// Writes the project into a new folder, and gives the names of its files. A folder that is there already is left alone.
    pub(crate) fn write(&self, folder: &Path) -> Result<Vec<String>, Fault> {
        let cannot = |error: std::io::Error| Fault::usage(format!("cannot write `{}`: {error}", folder.display()));
        fs::create_dir(folder).map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => {
                Fault::usage(format!("`{}` is there already: choose another name, or remove it", folder.display()))
            }
            _ => cannot(error),
        })?;
        let own: &[Template] = match self.language {
            Language::Rust => &RUST,
            Language::Python => &PYTHON,
            Language::Js => &JAVASCRIPT,
        };
        let mut files = Vec::new();
        for (name, template) in own.iter().chain(&COMMON) {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap_or(folder)).map_err(cannot)?;
            let mut options = OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            if name.ends_with(".sh") {
                std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o755);
            }
            let mut file = options.open(&path).map_err(cannot)?;
            file.write_all(self.fill(template)?.as_bytes()).map_err(cannot)?;
            files.push((*name).to_owned());
        }
        Ok(files)
    }

    fn fill(&self, template: &str) -> Result<String, Fault> {
        let text = template.replace("{{name}}", &self.name).replace("{{source}}", &self.source());
        let text = text.replace("{{needs}}", self.needs());
        Ok(if text.contains("{{sdk}}") { text.replace("{{sdk}}", &self.sdk()?) } else { text })
    }

    /// What has to be installed to build it.
    fn needs(&self) -> &'static str {
        match self.language {
            Language::Rust => {
                "Rust, with the target that workflows are built for: `rustup target add wasm32-unknown-unknown`."
            }
            Language::Python => {
                "componentize-py, in this folder's environment or any other: `pip install componentize-py==0.25.1`."
            }
            Language::Js => "nothing but `abide`.",
        }
    }

    /// The dependency on the SDK.
    fn sdk(&self) -> Result<String, Fault> {
        let Some(path) = &self.sdk_path else {
            let (repository, version) = (env!("CARGO_PKG_REPOSITORY"), env!("CARGO_PKG_VERSION"));
            return Ok(format!("{{ git = \"{repository}\", tag = \"v{version}\" }}"));
        };
        let absolute = fs::canonicalize(path).ok().filter(|path| path.join("Cargo.toml").is_file());
        let absolute = absolute.ok_or_else(|| {
            Fault::usage(format!(
                "there is no crate in `{}`: name the folder `guest-sdk` of a checkout",
                path.display()
            ))
        })?;
        // A path may hold what TOML escapes.
        Ok(format!("{{ path = {} }}", toml::Value::from(absolute.to_string_lossy().into_owned())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(language: Language) -> Project {
        Project { name: "my-bot".to_owned(), language, sdk_path: None }
    }

    #[test]
    fn every_project_is_whole_and_has_its_names() {
        for language in [Language::Rust, Language::Python, Language::Js] {
            let folder = tempfile::tempdir().unwrap();
            let target = folder.path().join("my-bot");
            let files = project(language).write(&target).unwrap();
            for file in &files {
                let text = fs::read_to_string(target.join(file)).unwrap();
                assert!(!text.contains("{{"), "{file} of {language:?}: {text}");
            }
            assert!(files.contains(&"test.sh".to_owned()));
            let again = project(language).write(&target).unwrap_err();
            assert!(again.message.contains("is there already"), "{}", again.message);
        }
    }

    #[test]
    fn the_sdk_is_its_release_or_a_folder() {
        let mut rust = project(Language::Rust);
        assert!(rust.sdk().unwrap().contains("tag = \"v"));
        rust.sdk_path = Some("/no/such".into());
        assert!(rust.sdk().unwrap_err().message.contains("guest-sdk"));
        rust.sdk_path = Some(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../guest-sdk"));
        assert!(rust.sdk().unwrap().starts_with("{ path = \"/"));
    }
}
