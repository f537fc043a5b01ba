//! What the owner of an uploaded tool component says about it: the fields of `[components.NAME]`, but for the file, and with secrets by
//! name only. They are stored as they came, so a secret must not be among them.

use std::collections::{BTreeMap, BTreeSet};

use abide_model::{Error, ErrorCode, HttpRight, InterfaceName, Json, RetryPolicy, Right};
use serde::{Deserialize, Serialize};

use crate::config::{ComponentLimits, ComponentProvider, HttpConfig, Secret, environment};

/// The largest settings, in bytes of JSON.
const MAX_BYTES: usize = 64 << 10;

/// How an uploaded tool component is run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ToolSettings {
    /// The interfaces that it performs, of those that it exports. All of them where this is not given, none where it is empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interfaces: Option<Vec<String>>,
    /// The text of a WIT file whose comments describe its functions to models.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wit: Option<String>,
    /// What its own requests may do.
    pub http: ToolHttp,
    /// What it sees as its environment variables. Everybody who may look at the tool component sees them too.
    pub env: BTreeMap<String, String>,
    /// Variables of the host's environment that it is given as well, such as keys. The host's configuration has to allow each.
    pub pass_env: Vec<String>,
    /// Variables that hold secrets of the tenant: the name of each, and that of the secret. Every host that it may reach has to be one that the
    /// secret may be sent to.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub secret_env: BTreeMap<String, String>,
    /// What one call may use.
    pub limits: ComponentLimits,
    /// The longest that one attempt may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt_timeout_ms: Option<u64>,
    /// The longest that a call may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_timeout_ms: Option<u64>,
    /// When a call is tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<RetryPolicy>,
    /// Attempts that may be under way at the same time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_concurrent: Option<usize>,
}

/// What the requests of an uploaded tool component may do. Nothing is allowed that is not named.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ToolHttp {
    /// Hosts, as in `[http]`.
    pub allow: Vec<String>,
    /// Headers that the host adds to requests to a host: the name of each, and the variable of the host's environment that holds its value.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub header_env: BTreeMap<String, BTreeMap<String, String>>,
    /// The largest body of an answer, after it is decompressed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_response_bytes: Option<usize>,
    /// The longest that one attempt may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt_timeout_ms: Option<u64>,
    /// The longest that a request may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_timeout_ms: Option<u64>,
    /// When a request is tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<RetryPolicy>,
    /// Requests that may be under way at the same time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_concurrent: Option<usize>,
}

impl ToolSettings {
    /// Reads them as they came.
    pub(super) fn read(json: &Json) -> Result<Self, Error> {
        if json.len() > MAX_BYTES {
            let message = format!("the settings have {} bytes, the limit is {MAX_BYTES}", json.len());
            return Err(Error::new(ErrorCode::TooLarge, message));
        }
        if !json.as_str().trim_start().starts_with('{') {
            return Err(wrong("they are no JSON object"));
        }
        json.read().map_err(|error| wrong(&error.to_string()))
    }

    /// The same as a section of the configuration. Variables have to be among `allowed`, and set.
    pub(super) fn provider(&self, allowed: &BTreeSet<String>) -> Result<ComponentProvider, Error> {
        let value = |field: &str, variable: &String| {
            if !allowed.contains(variable) {
                return Err(wrong(&format!(
                    "`{field}` names the environment variable `{}`, which uploaded tool components may not have: add it to \
                     `pass_env` of `[tool_uploads]` of the host's configuration",
                    variable.escape_debug()
                )));
            }
            environment(field, variable)
        };
        let mut env: BTreeMap<_, _> =
            self.env.iter().map(|(name, value)| (name.clone(), Secret::new(value.clone()))).collect();
        for variable in &self.pass_env {
            env.insert(variable.clone(), value("pass_env", variable)?);
        }
        let mut headers = BTreeMap::<_, BTreeMap<_, _>>::new();
        for (host, named) in &self.http.header_env {
            for (header, variable) in named {
                let secret = value("http.header_env", variable)?;
                headers.entry(host.clone()).or_default().insert(header.clone(), secret);
            }
        }
        let ToolHttp { allow, max_response_bytes, attempt_timeout_ms, total_timeout_ms, retry, max_concurrent, .. } =
            self.http.clone();
        Ok(ComponentProvider {
            http: HttpConfig {
                allow,
                headers,
                max_response_bytes,
                attempt_timeout_ms,
                total_timeout_ms,
                retry,
                max_concurrent,
            },
            env,
            secret_env: self.secret_env.clone(),
            limits: self.limits.clone(),
            attempt_timeout_ms: self.attempt_timeout_ms,
            total_timeout_ms: self.total_timeout_ms,
            retry: self.retry.clone(),
            max_concurrent: self.max_concurrent,
            ..ComponentProvider::default()
        })
    }

    /// The rights that its tenant has to have: to the hosts that it may reach, and to the variables of the host's environment.
    pub(super) fn needs(&self) -> Result<Vec<Right>, Error> {
        let hosts = self.http.allow.iter().map(|entry| match HttpRight::to_host(entry) {
            Ok(right) => Ok(Right::Http(right)),
            Err(problem) => Err(wrong(&format!("`http.allow`: {problem}"))),
        });
        let of_headers = self.http.header_env.values().flat_map(BTreeMap::values);
        let variables = self.pass_env.iter().chain(of_headers).map(|name| Ok(Right::variable(name)));
        hosts.chain(variables).collect()
    }

    /// Those of the exported interfaces that it performs.
    pub(super) fn performed(&self, exported: &[&InterfaceName]) -> Result<Vec<InterfaceName>, Error> {
        let Some(wanted) = &self.interfaces else { return Ok(exported.iter().copied().cloned().collect()) };
        let mut performed = Vec::new();
        for name in wanted {
            let name = InterfaceName::parse(name).map_err(|error| wrong(&error.message))?;
            let found: Vec<_> = exported.iter().copied().filter(|offered| name.accepts(offered)).cloned().collect();
            if found.is_empty() {
                let exported: Vec<_> = exported.iter().map(|name| format!("`{name}`")).collect();
                let exported = if exported.is_empty() { "none".to_owned() } else { exported.join(", ") };
                return Err(wrong(&format!("`interfaces` names `{name}`, and the component exports {exported}")));
            }
            performed.extend(found);
        }
        performed.sort();
        performed.dedup();
        Ok(performed)
    }
}

fn wrong(problem: &str) -> Error {
    Error::new(ErrorCode::InvalidArgument, format!("the settings of the tool component cannot be used: {problem}"))
}

/// An error of a section of the configuration, as one of these settings.
pub(super) fn of_settings(error: Error) -> Error {
    match error.code {
        ErrorCode::InvalidConfig => wrong(&error.message),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<ToolSettings, Error> {
        ToolSettings::read(&Json::parse(text).unwrap())
    }

    #[test]
    fn nothing_is_allowed_that_is_not_named() {
        let settings = read("{}").unwrap();
        assert_eq!(settings, ToolSettings::default());
        let provider = settings.provider(&BTreeSet::new()).unwrap();
        assert!(provider.http.allow.is_empty() && provider.env.is_empty() && provider.pass_env.is_empty());
    }

    #[test]
    fn a_variable_of_the_host_has_to_be_allowed_and_set() {
        for text in [r#"{"pass_env":["PATH"]}"#, r#"{"http":{"header_env":{"a.example":{"authorization":"PATH"}}}}"#] {
            let settings = read(text).unwrap();
            let error = settings.provider(&BTreeSet::new()).unwrap_err();
            assert!(error.message.contains("`PATH`") && error.message.contains("[tool_uploads]"), "{error}");
            let provider = settings.provider(&BTreeSet::from(["PATH".to_owned()])).unwrap();
            assert_eq!(provider.env.len() + provider.http.headers.len(), 1);
        }
        let missing = read(r#"{"pass_env":["NONE_OF_THAT"]}"#).unwrap();
        let error = missing.provider(&BTreeSet::from(["NONE_OF_THAT".to_owned()])).unwrap_err();
        assert!(error.message.contains("is not set"), "{error}");
    }

    #[test]
    fn what_they_do_not_have_is_refused() {
        for (text, part) in [
            (r#"{"component":"a.wasm"}"#, "unknown field `component`"),
            (r#"{"http":{"headers":{}}}"#, "unknown field `headers`"),
            (r#"{"limits":{"memory_bytes":-1}}"#, "-1"),
            ("[]", "no JSON object"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.code == ErrorCode::InvalidArgument && error.message.contains(part), "{error}");
        }
        let large = format!("{{\"wit\":{:?}}}", "x".repeat(MAX_BYTES));
        assert_eq!(read(&large).unwrap_err().code, ErrorCode::TooLarge);
    }

    #[test]
    fn it_performs_what_it_exports_or_less() {
        let names = ["acme:crm/customers@1.2.0", "acme:crm/values@1.2.0"];
        let exported: Vec<_> = names.iter().map(|name| InterfaceName::parse(name).unwrap()).collect();
        let exported: Vec<_> = exported.iter().collect();
        let performed = |text: &str| read(text).unwrap().performed(&exported);
        assert_eq!(performed("{}").unwrap().len(), 2);
        assert_eq!(performed(r#"{"interfaces":[]}"#).unwrap(), []);
        assert_eq!(performed(r#"{"interfaces":["acme:crm/values"]}"#).unwrap(), [exported[1].clone()]);
        let error = performed(r#"{"interfaces":["acme:crm/values@2.0.0"]}"#).unwrap_err();
        assert!(error.message.contains("exports `acme:crm/customers@1.2.0`, `acme:crm/values@1.2.0`"), "{error}");
    }
}
