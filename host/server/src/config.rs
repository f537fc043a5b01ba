//! `abide.toml`. What is wrong in it is told with the file, the line and the key.
//!
//! The sections `llm`, `tools`, `http`, `workers`, `components`, `prices`, `tool_uploads` and `activities` belong to `abide_activities`; here they only get their place in the file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use abide_activities::{
    ActivitiesConfig, Binding, ComponentProvider, HttpConfig, LlmProvider, ModelPrice, ToolUploads, ToolsProvider,
    WorkersProvider,
};
use abide_model::{Error, ErrorCode, Limits, WorkflowName};
use abide_runtime::{Compiler, HostConfig, Retention};
use serde::{Deserialize, Deserializer};

use crate::access::Auth;
use crate::duration::parse_duration;
use crate::encryption::EncryptionSection;
use crate::tls::TlsFiles;

/// Where a host listens, if nothing else is said.
const LISTEN: &str = "127.0.0.1:7400";
/// Where it keeps its data, if nothing else is said.
const DATA: &str = "abide-data";

/// All that a host can be told.
#[derive(Debug, Clone)]
pub struct Config {
    /// Address and port.
    pub listen: String,
    /// The data folder. In a file, a relative one begins at the folder of the file.
    pub data: PathBuf,
    /// Names, without a port, that web pages and clients may call the server by besides those of this machine.
    pub allowed_hosts: Vec<String>,
    /// How it is known who asks. Not in the file: `abide dev` asks nobody.
    pub auth: Auth,
    /// The certificate.
    pub tls: Option<TlsFiles>,
    /// Whether a proxy in front of the host does TLS.
    pub behind_tls_proxy: bool,
    /// Limits of new runs.
    pub limits: Limits,
    /// What the host as a whole may use.
    pub host: HostSection,
    /// The binary `abide`, which compiles what is uploaded in a process of its own. Not in the file: the host knows itself.
    pub compiler: Option<PathBuf>,
    /// How long runs that have ended are kept.
    pub retention: Retention,
    /// The master key, and what is sealed.
    pub encryption: EncryptionSection,
    /// Language models, tools and HTTP.
    pub activities: ActivitiesConfig,
    /// Where relative paths of activities begin.
    pub base_dir: PathBuf,
}

/// `[host]`: what the host as a whole may use.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HostSection {
    /// Guests in memory at the same time.
    pub max_resident_guests: usize,
    /// Bytes of linear memory of all guests in memory.
    pub resident_bytes: u64,
    /// Bytes of compiled components in the data folder.
    pub cache_bytes: u64,
    /// The largest component that may be uploaded.
    pub max_component_bytes: usize,
    /// How long a component may take the compiler, in milliseconds.
    pub compile_timeout_ms: u64,
}

impl HostSection {
    /// How components are compiled by the binary `program`.
    pub(crate) fn compiler(&self, program: Option<&Path>) -> Option<Compiler> {
        program.map(|program| Compiler {
            program: program.to_owned(),
            arguments: vec!["compile-component".into()],
            patience: Duration::from_millis(self.compile_timeout_ms),
        })
    }
}

impl Default for HostSection {
    fn default() -> Self {
        let HostConfig { max_resident, resident_bytes, cache_bytes, max_component_bytes, .. } =
            HostConfig::new(PathBuf::new());
        Self {
            max_resident_guests: max_resident,
            resident_bytes,
            cache_bytes,
            max_component_bytes,
            compile_timeout_ms: 120_000,
        }
    }
}

/// How long the record of who did what is kept, if nothing else is said.
const AUDIT_KEPT: Duration = Duration::from_secs(366 * 86_400);

/// `[retention]`: how long runs that have ended are kept. Without it, for ever.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RetentionSection {
    /// After their end.
    closed_runs: Option<Kept>,
    /// Of these workflows.
    workflows: BTreeMap<WorkflowName, Kept>,
    /// Of the record of who did what. Without it, a year.
    audit: Option<Kept>,
}

/// A duration such as `30d`, or `forever`.
#[derive(Debug, Clone, Copy)]
struct Kept(Option<Duration>);

impl<'de> Deserialize<'de> for Kept {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.as_str() {
            "forever" => Ok(Self(None)),
            text => parse_duration(text)
                .map(|kept| Self(Some(kept)))
                .map_err(|error| serde::de::Error::custom(format!("{}, or `forever`", error.message))),
        }
    }
}

impl From<RetentionSection> for Retention {
    fn from(section: RetentionSection) -> Self {
        Self {
            closed_runs: section.closed_runs.and_then(|kept| kept.0),
            workflows: section.workflows.into_iter().map(|(name, kept)| (name, kept.0)).collect(),
            audit: section.audit.map_or(Some(AUDIT_KEPT), |kept| kept.0),
        }
    }
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    listen: String,
    data: PathBuf,
    allowed_hosts: Vec<String>,
    tls: Option<TlsFiles>,
    behind_tls_proxy: bool,
    limits: Limits,
    host: HostSection,
    retention: RetentionSection,
    encryption: EncryptionSection,
    llm: BTreeMap<String, LlmProvider>,
    default_llm: Option<String>,
    tools: BTreeMap<String, ToolsProvider>,
    http: HttpConfig,
    workers: BTreeMap<String, WorkersProvider>,
    components: BTreeMap<String, ComponentProvider>,
    prices: BTreeMap<String, ModelPrice>,
    tool_uploads: ToolUploads,
    activities: BTreeMap<String, Binding>,
    public_url: Option<String>,
}

impl Default for File {
    fn default() -> Self {
        let ActivitiesConfig {
            llm,
            default_llm,
            tools,
            http,
            workers,
            components,
            prices,
            tool_uploads,
            activities,
            public_url,
            ..
        } = ActivitiesConfig::default();
        Self {
            listen: LISTEN.to_owned(),
            data: DATA.into(),
            allowed_hosts: Vec::new(),
            tls: None,
            behind_tls_proxy: false,
            limits: Limits::default(),
            host: HostSection::default(),
            retention: RetentionSection::default(),
            encryption: EncryptionSection::default(),
            llm,
            default_llm,
            tools,
            http,
            workers,
            components,
            prices,
            tool_uploads,
            activities,
            public_url,
        }
    }
}

impl Default for Config {
    /// What holds without a file: relative paths begin at the working folder.
    fn default() -> Self {
        Self::from_file(File::default(), Path::new(""))
    }
}

impl Config {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| wrong(format!("cannot read `{}`: {error}", path.display())))?;
        Self::parse(&text, path)
    }

    /// Reads the text of the file at `path`, which errors name.
    pub fn parse(text: &str, path: &Path) -> Result<Self, Error> {
        let at = |error: &toml::de::Error, key: Option<String>| {
            let line = error.span().map_or(1, |span| line_of(text, span.start));
            let key = key.map(|key| format!("`{key}`: ")).unwrap_or_default();
            wrong(format!("{}:{line}: {key}{}", path.display(), error.message()))
        };
        let deserializer = toml::Deserializer::parse(text).map_err(|error| at(&error, None))?;
        let file: File = serde_path_to_error::deserialize(deserializer).map_err(|error| {
            let key = error.path().to_string();
            at(error.inner(), Some(key).filter(|key| key != "."))
        })?;
        Ok(Self::from_file(file, path.parent().unwrap_or(Path::new(""))))
    }

    fn from_file(file: File, base_dir: &Path) -> Self {
        let File {
            listen,
            data,
            allowed_hosts,
            tls,
            behind_tls_proxy,
            limits,
            host,
            retention,
            encryption,
            llm,
            default_llm,
            tools,
            http,
            workers,
            components,
            prices,
            tool_uploads,
            activities,
            public_url,
        } = file;
        Self {
            listen,
            data: base_dir.join(data),
            allowed_hosts,
            auth: Auth::default(),
            tls: tls.map(|TlsFiles { cert, key }| TlsFiles { cert: base_dir.join(cert), key: base_dir.join(key) }),
            behind_tls_proxy,
            limits,
            host,
            compiler: None,
            retention: retention.into(),
            encryption,
            activities: ActivitiesConfig {
                llm,
                default_llm,
                tools,
                http,
                workers,
                components,
                prices,
                tool_uploads,
                activities,
                public_url,
                cache: None,
                compiler: None,
            },
            base_dir: base_dir.to_owned(),
        }
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    let before = text.get(..offset).unwrap_or(text);
    before.bytes().filter(|byte| *byte == b'\n').count() + 1
}

fn wrong(message: String) -> Error {
    Error::new(ErrorCode::InvalidConfig, message)
}

#[cfg(test)]
mod tests;
