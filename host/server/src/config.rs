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
        let HostConfig { max_resident, resident_bytes, max_component_bytes, .. } = HostConfig::new(PathBuf::new());
        Self { max_resident_guests: max_resident, resident_bytes, max_component_bytes, compile_timeout_ms: 120_000 }
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
                cache_dir: None,
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
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, String> {
        Config::parse(text, Path::new("etc/abide.toml")).map_err(|error| error.message)
    }

    #[test]
    fn an_empty_file_gives_the_defaults() {
        let config = parse("").unwrap();
        assert_eq!(config.listen, "127.0.0.1:7400");
        assert_eq!(config.data, Path::new("etc/abide-data"));
        assert_eq!(config.limits, Limits::default());
        assert_eq!(config.host, HostSection::default());
        assert_eq!(config.retention, Retention { audit: Some(AUDIT_KEPT), ..Retention::default() });
        assert!(config.activities.llm.is_empty());
    }

    #[test]
    fn every_section_has_its_place() {
        let config = parse(
            r#"
            listen = "0.0.0.0:80"
            data = "/var/lib/abide"
            allowed_hosts = ["abide.example"]
            behind_tls_proxy = true
            default_llm = "local"

            [limits]
            open_calls = 7

            [host]
            max_resident_guests = 100

            [retention]
            closed_runs = "30d"
            audit = "forever"

            [retention.workflows]
            audit = "forever"
            chat = "12h"

            [encryption]
            key_file = "master.key"
            previous = [{ key_env = "OLD_KEY" }]
            payloads = true

            [llm.local]
            kind = "openai"
            base_url = "http://127.0.0.1:11434/v1"

            [workers.gpu]
            lease_ms = 5000
            [[workers.gpu.tool]]
            name = "render"

            [llm.demo]
            kind = "scripted"
            file = "answers.json"

            [tools.files]
            kind = "mcp-stdio"
            command = "mcp-files"

            [http]
            allow = ["api.example.com"]
            "#,
        )
        .unwrap();
        assert_eq!(config.data, Path::new("/var/lib/abide"));
        assert_eq!(config.allowed_hosts, ["abide.example"]);
        assert!(config.behind_tls_proxy);
        assert_eq!(config.limits, Limits { open_calls: 7, ..Limits::default() });
        assert_eq!(config.host, HostSection { max_resident_guests: 100, ..HostSection::default() });
        let name = |text| WorkflowName::parse(text).unwrap();
        let chat = Some(Duration::from_secs(12 * 3600));
        let workflows = BTreeMap::from([(name("audit"), None), (name("chat"), chat)]);
        assert_eq!(config.encryption.key_file.as_deref(), Some(Path::new("master.key")));
        assert!(config.encryption.payloads && config.encryption.previous[0].key_env.as_deref() == Some("OLD_KEY"));
        assert_eq!(
            config.retention,
            Retention { closed_runs: Some(Duration::from_secs(30 * 86_400)), workflows, audit: None }
        );
        assert_eq!(config.activities.llm.len(), 2);
        assert_eq!(config.activities.default_llm.as_deref(), Some("local"));
        assert_eq!(config.activities.http.allow, ["api.example.com"]);
        assert_eq!(config.base_dir, Path::new("etc"));
    }

    #[test]
    fn errors_name_file_line_and_key() {
        for (text, message) in [
            ("listen = 5", "etc/abide.toml:1: `listen`: invalid type: integer `5`, expected a string"),
            ("\n\nlisten = \"a", "etc/abide.toml:3: invalid basic string, expected `\"`"),
            (
                "[host]\nmax_resident_guests = 1\nresident = 2",
                "etc/abide.toml:3: `host.resident`: unknown field `resident`, expected one of `max_resident_guests`, \
                 `resident_bytes`, `max_component_bytes`, `compile_timeout_ms`",
            ),
            (
                "[host]\nresident_bytes = -1",
                "etc/abide.toml:2: `host.resident_bytes`: invalid value: integer `-1`, expected u64",
            ),
            (
                "[retention]\nclosed_runs = \"long\"",
                "etc/abide.toml:2: `retention.closed_runs`: `long` is no duration: write a whole number and a unit, such as \
                 `500ms`, `30s` or `5m`, or `forever`",
            ),
            ("\n[llm.a]\nkind = \"scripted\"\n", "etc/abide.toml:2: `llm.a`: missing field `file`"),
        ] {
            assert_eq!(parse(text).unwrap_err(), message);
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = Config::read(Path::new("no/such/abide.toml")).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidConfig);
        assert!(error.message.starts_with("cannot read `no/such/abide.toml`: "), "{error}");
    }
}
