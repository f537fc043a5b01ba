//! How the host is reached, and who asks.

use std::path::{Path, PathBuf};

use clap::Args;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};

use crate::exit::Fault;

/// The variable that has a token. There is no option for it: arguments can be seen by others.
const TOKEN_VARIABLE: &str = "ABIDE_TOKEN";

/// What every command takes about the host.
#[derive(Debug, Clone, Args)]
pub(crate) struct Connection {
    /// The address of the host
    #[arg(long, global = true, env = "ABIDE_URL", value_name = "URL", default_value = "http://127.0.0.1:7400")]
    #[arg(help_heading = "Global options")]
    pub(crate) server: String,
    /// A file with the token that the host is shown [default: the variable ABIDE_TOKEN]
    #[arg(long, global = true, env = "ABIDE_TOKEN_FILE", value_name = "FILE")]
    #[arg(help_heading = "Global options")]
    pub(crate) token_file: Option<PathBuf>,
    /// The tenant that is meant, where the token is the host's own
    #[arg(long, global = true, env = "ABIDE_TENANT", value_name = "TENANT")]
    #[arg(help_heading = "Global options")]
    pub(crate) tenant: Option<String>,
    /// A file with the certificate (PEM) that the host's is signed by, or the host's own [default: those that the system trusts]
    #[arg(long, global = true, env = "ABIDE_CA_FILE", value_name = "FILE")]
    #[arg(help_heading = "Global options")]
    pub(crate) ca_file: Option<PathBuf>,
}

impl Connection {
    /// To the host at `server`.
    #[cfg(test)]
    pub(crate) fn to(server: &str) -> Self {
        Self { server: server.to_owned(), token_file: None, tenant: None, ca_file: None }
    }

    /// To another host, in all else the same.
    pub(crate) fn at(&self, server: &str) -> Self {
        Self { server: server.to_owned(), ..self.clone() }
    }

    /// The headers that every request carries.
    pub(super) fn headers(&self, is_private: bool) -> Result<HeaderMap, Fault> {
        let mut headers = HeaderMap::new();
        if let Some(token) = self.token()? {
            if !is_private {
                return Err(Fault::usage(format!(
                    "the token would pass to `{}` in the clear: use an https address",
                    self.server
                )));
            }
            let mut value = HeaderValue::try_from(format!("Bearer {token}"))
                .map_err(|_| Fault::usage("the token has characters that no token has"))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        if let Some(tenant) = &self.tenant {
            let value = HeaderValue::from_str(tenant)
                .map_err(|_| Fault::usage("`--tenant` has characters that no tenant's name has"))?;
            headers.insert("abide-tenant", value);
        }
        Ok(headers)
    }

    fn token(&self) -> Result<Option<String>, Fault> {
        let token = match &self.token_file {
            Some(path) => Some(read(path, "--token-file")?),
            None => std::env::var(TOKEN_VARIABLE).ok(),
        };
        Ok(token.map(|token| token.trim().to_owned()).filter(|token| !token.is_empty()))
    }

    /// The certificates that are trusted instead of those of the system.
    pub(super) fn certificates(&self) -> Result<Option<Vec<reqwest::Certificate>>, Fault> {
        let Some(path) = &self.ca_file else { return Ok(None) };
        let bad = |why: &str| Fault::usage(format!("`--ca-file`: `{}` has no certificates: {why}", path.display()));
        let found = reqwest::Certificate::from_pem_bundle(read(path, "--ca-file")?.as_bytes())
            .map_err(|error| bad(&error.to_string()))?;
        if found.is_empty() { Err(bad("give a PEM file")) } else { Ok(Some(found)) }
    }
}

fn read(path: &Path, option: &str) -> Result<String, Fault> {
    std::fs::read_to_string(path)
        .map_err(|error| Fault::usage(format!("`{option}`: cannot read `{}`: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_nowhere_in_the_clear() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "abide_x\n").unwrap();
        let connection = Connection { token_file: Some(path), ..Connection::to("http://abide.example") };
        assert!(connection.headers(false).unwrap_err().message.contains("in the clear"));
        let headers = connection.headers(true).unwrap();
        assert_eq!(headers[AUTHORIZATION], "Bearer abide_x");
        assert!(!format!("{headers:?}").contains("abide_x"));
    }
}
