//! Secrets of the calling tenant: `{secret.NAME}` in the value of a header is filled in when a request leaves, for hosts that the secret may be sent to.
//! Whoever asked, a run or the configuration, never sees the value, and what comes back is scrubbed of it before it is recorded.

mod scrub;

use std::sync::{Arc, Mutex, PoisonError};

use abide_model::Failure;
use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use zeroize::Zeroizing;

use crate::Performed;
use crate::fetch::AllowList;

const BEGIN: &str = "{secret.";
const END: char = '}';

/// The secrets of one tenant.
pub trait TenantSecrets: Send + Sync + 'static {
    /// The secret of that name. The failure says why it cannot be had, and what to do.
    fn reveal(&self, name: &str) -> Result<Revealed, Failure>;
}

/// A secret, revealed.
pub struct Revealed {
    /// Its value.
    pub value: Zeroizing<String>,
    /// The hosts that it may be sent to, as in `allow` of `[http]`.
    pub hosts: Vec<String>,
}

/// The secrets that a call may use, and those that it did use. A cloneable handle.
#[derive(Clone, Default)]
pub struct Secrets {
    of_tenant: Option<Arc<dyn TenantSecrets>>,
    used: Arc<Mutex<Vec<Zeroizing<String>>>>,
}

impl Secrets {
    /// None at all.
    pub fn none() -> Self {
        Self::default()
    }

    /// Those of a tenant.
    pub fn of(of_tenant: Arc<dyn TenantSecrets>) -> Self {
        Self { of_tenant: Some(of_tenant), used: Arc::default() }
    }

    /// A secret that is to be sent to a URL.
    pub(crate) fn reveal(&self, name: &str, url: &Url) -> Result<Zeroizing<String>, Failure> {
        let shown: String = name.chars().take(64).flat_map(char::escape_debug).collect();
        let Some(of_tenant) = &self.of_tenant else {
            return Err(Failure::new("denied", format!("the secret `{shown}` cannot be used here")));
        };
        let Revealed { value, hosts } = of_tenant.reveal(name)?;
        let allowed = AllowList::parse("secret", &hosts).is_ok_and(|hosts| hosts.check(url).is_ok());
        if !allowed {
            let host = match (url.host_str().unwrap_or_default(), url.port()) {
                (host, Some(port)) => format!("{host}:{port}"),
                (host, None) => host.to_owned(),
            };
            let message = format!(
                "the secret `{shown}` may not be sent to `{host}`: allow it with `abide secrets allow {shown} --host {host}`"
            );
            return Err(Failure::new("denied", message));
        }
        self.note(&value);
        Ok(value)
    }

    /// A secret for a tool component that may reach `hosts`: each has to be one that the secret may be sent to, since the component sees it.
    pub(crate) fn reveal_to(
        &self,
        name: &str,
        component: &str,
        hosts: &[String],
    ) -> Result<Zeroizing<String>, Failure> {
        let Some(of_tenant) = &self.of_tenant else {
            return Err(Failure::new("denied", format!("the secret `{name}` cannot be used here")));
        };
        let Revealed { value, hosts: allowed } = of_tenant.reveal(name)?;
        if let Some(host) = hosts.iter().find(|host| !allowed.contains(host)) {
            let message = format!(
                "the secret `{name}` may not be given to the tool component `{component}`, which may reach `{host}`: allow it with `abide secrets \
                 allow {name} --host {host}`"
            );
            return Err(Failure::new("denied", message));
        }
        self.note(&value);
        Ok(value)
    }

    fn note(&self, value: &Zeroizing<String>) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if !used.contains(value) {
            used.push(value.clone());
        }
    }

    /// A text without the values of the secrets that were used so far.
    pub(crate) fn scrub_text(&self, text: &str) -> String {
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if used.is_empty() { text.to_owned() } else { scrub::plain(text, &used) }
    }

    /// A text with the secrets filled in that it names. `None` where it names none.
    pub(crate) fn fill(&self, text: &str, url: &Url) -> Result<Option<Zeroizing<String>>, Failure> {
        if !names_secret(text) {
            return Ok(None);
        }
        let mut filled = Zeroizing::new(String::with_capacity(text.len() + 256));
        let mut rest = text;
        while let Some((before, after)) = rest.split_once(BEGIN) {
            let Some((name, after)) = after.split_once(END) else {
                return Err(Failure::new("invalid-request", "a secret is named `{secret.NAME}`: a `}` is missing"));
            };
            filled.push_str(before);
            filled.push_str(&self.reveal(name, url)?);
            rest = after;
        }
        filled.push_str(rest);
        Ok(Some(filled))
    }

    /// Headers with the secrets filled in that their values name.
    pub(crate) fn fill_headers(&self, headers: &mut HeaderMap, url: &Url) -> Result<(), Failure> {
        for (name, value) in headers.iter_mut() {
            let Ok(text) = value.to_str() else { continue };
            if let Some(filled) = self.fill(text, url)? {
                *value = header(name, &filled)?;
            }
        }
        Ok(())
    }

    /// What came of a call, without the values of the secrets that were used in it.
    pub(crate) fn scrub(&self, performed: Performed) -> Performed {
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        match used.is_empty() {
            true => performed,
            false => Performed { outcome: scrub::outcome(performed.outcome, &used), ..performed },
        }
    }
}

/// Whether a text names a secret.
pub(crate) fn names_secret(text: &str) -> bool {
    text.contains(BEGIN)
}

/// The value of a header that nobody is shown.
pub(crate) fn header(name: &HeaderName, value: &str) -> Result<HeaderValue, Failure> {
    let mut value = HeaderValue::from_str(value).map_err(|_| {
        let message = format!(
            "the secret in the header `{name}` has characters that no header can have: it must be visible ASCII"
        );
        Failure::new("invalid-request", message)
    })?;
    value.set_sensitive(true);
    Ok(value)
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(…)")
    }
}

/// With which secrets a call is performed says nothing about what it is.
impl PartialEq for Secrets {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Two;

    impl TenantSecrets for Two {
        fn reveal(&self, name: &str) -> Result<Revealed, Failure> {
            let hosts = vec!["api.example.com".to_owned(), "127.0.0.1:9000".to_owned()];
            match name {
                "crm" => Ok(Revealed { value: Zeroizing::new("hunter2-hunter2".into()), hosts }),
                "lines" => Ok(Revealed { value: Zeroizing::new("a\r\nx-b: c".into()), hosts }),
                name => Err(Failure::new("denied", format!("there is no secret `{name}`"))),
            }
        }
    }

    fn fill(text: &str, url: &str) -> Result<Option<String>, String> {
        let filled = Secrets::of(Arc::new(Two)).fill(text, &Url::parse(url).unwrap());
        filled.map(|text| text.map(|text| text.to_string())).map_err(|failure| failure.message)
    }

    #[test]
    fn a_secret_is_filled_in_for_hosts_that_it_may_be_sent_to() {
        let url = "https://api.example.com/x";
        assert_eq!(fill("Bearer {secret.crm}", url).unwrap().unwrap(), "Bearer hunter2-hunter2");
        assert_eq!(fill("{secret.crm}:{secret.crm}", url).unwrap().unwrap(), "hunter2-hunter2:hunter2-hunter2");
        assert_eq!(fill("no {secret} here", url), Ok(None));
        for (text, url, expected) in [
            ("{secret.crm}", "https://evil.example.com/", "abide secrets allow crm --host evil.example.com"),
            ("{secret.crm}", "https://api.example.com.evil.org/", "may not be sent"),
            ("{secret.crm}", "http://127.0.0.1:9001/", "--host 127.0.0.1:9001"),
            ("{secret.other}", url, "there is no secret `other`"),
            ("{secret.crm", url, "a `}` is missing"),
        ] {
            let error = fill(text, url).unwrap_err();
            assert!(error.contains(expected) && !error.contains("hunter2"), "{error}");
        }
        assert!(Secrets::none().fill("{secret.crm}", &Url::parse(url).unwrap()).is_err());
    }

    #[test]
    fn a_secret_of_two_lines_makes_no_second_header() {
        let mut headers = HeaderMap::new();
        headers.insert("x-a", HeaderValue::from_static("{secret.lines}"));
        let url = Url::parse("https://api.example.com/x").unwrap();
        let secrets = Secrets::of(Arc::new(Two));
        assert_eq!(secrets.fill_headers(&mut headers, &url).unwrap_err().code, "invalid-request");
        headers.insert("x-a", HeaderValue::from_static("{secret.crm}"));
        secrets.fill_headers(&mut headers, &url).unwrap();
        assert!(!format!("{headers:?} {secrets:?}").contains("hunter2"));
    }
}
