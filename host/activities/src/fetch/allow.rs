//! Which hosts `http.fetch` may reach. A name is compared as the URL parser writes it, so that other spellings of a host (`0x7f.1`,
//! capitals, a dot at the end) do not lead around the list.

use abide_model::{Error, Failure};
use reqwest::Url;

use crate::config::wrong;

/// The list `allow` of a section.
#[derive(Debug)]
pub(crate) struct AllowList {
    /// The section, such as `http`.
    key: String,
    patterns: Vec<Pattern>,
}

#[derive(Debug, PartialEq, Eq)]
struct Pattern {
    host: Host,
    /// Without it, the usual port of the scheme.
    port: Option<u16>,
}

#[derive(Debug, PartialEq, Eq)]
enum Host {
    Exact(String),
    /// One label and this, which begins with a dot.
    Below(String),
}

/// Refuses what is no host of such a list. `key` names the list.
pub fn check_hosts(key: &str, hosts: &[String]) -> Result<(), Error> {
    AllowList::parse(key, hosts).map(drop)
}

impl AllowList {
    pub(crate) fn parse(key: &str, entries: &[String]) -> Result<Self, Error> {
        let parsed = entries.iter().enumerate().map(|(place, entry)| {
            Pattern::parse(entry).ok_or_else(|| {
                let shown: String = entry.chars().take(100).flat_map(char::escape_debug).collect();
                wrong(
                    &format!("{key}.allow[{place}]"),
                    format_args!(
                        "is `{shown}`: give a host such as `api.example.com`, `127.0.0.1:9000` or `*.example.org`, without scheme and path"
                    ),
                )
            })
        });
        Ok(Self { key: key.to_owned(), patterns: parsed.collect::<Result<_, _>>()? })
    }

    /// Refuses what is not on the list, and says what to add.
    pub(crate) fn check(&self, url: &Url) -> Result<(), Failure> {
        // `port` is none for the usual one of the scheme; an entry may still spell that out.
        let (host, port) = (url.host_str().unwrap_or_default(), url.port());
        let is_port =
            |wanted: Option<u16>| wanted == port || (wanted.is_some() && wanted == url.port_or_known_default());
        if self.patterns.iter().any(|pattern| is_port(pattern.port) && pattern.host.matches(host)) {
            return Ok(());
        }
        let missing = match port {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        Err(Failure::new(
            "denied",
            format!("`{missing}` may not be fetched from: add \"{missing}\" to `allow` of `[{}]`", self.key),
        ))
    }
}

impl Pattern {
    fn parse(entry: &str) -> Option<Self> {
        if entry.contains(['/', '?', '#', '@', '\\', '%']) || entry.chars().any(|c| c.is_whitespace() || c.is_control())
        {
            return None;
        }
        let (below, rest) = match entry.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, entry),
        };
        if rest.contains('*') {
            return None;
        }
        // The parser drops a port that is usual for the scheme, so it is read under both.
        let (url, other) =
            (Url::parse(&format!("http://{rest}/")).ok()?, Url::parse(&format!("https://{rest}/")).ok()?);
        let host = url.host_str()?.to_owned();
        let port = url.port().or(other.port());
        let says_port = rest.rsplit_once(':').is_some_and(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()));
        if says_port && port.is_none() {
            return None;
        }
        let is_name = host.parse::<std::net::IpAddr>().is_err() && !host.starts_with('[');
        match below {
            true if is_name => Some(Self { host: Host::Below(format!(".{host}")), port }),
            true => None,
            false => Some(Self { host: Host::Exact(host), port }),
        }
    }
}

impl Host {
    fn matches(&self, host: &str) -> bool {
        match self {
            Self::Exact(name) => name == host,
            Self::Below(end) => {
                host.strip_suffix(end.as_str()).is_some_and(|label| !label.is_empty() && !label.contains('.'))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(entry: &str, url: &str) -> bool {
        AllowList::parse("http", &[entry.to_owned()]).unwrap().check(&Url::parse(url).unwrap()).is_ok()
    }

    #[test]
    fn what_an_entry_allows() {
        for (entry, allowed, refused) in [
            (
                "api.example.com",
                &["https://api.example.com/x", "http://API.example.com:80/", "https://api.example.com:443/"][..],
                &["https://api.example.com:8443/", "https://example.com/", "https://api.example.com.evil.org/"][..],
            ),
            (
                "127.0.0.1:9000",
                &["http://127.0.0.1:9000/", "http://0x7f.1:9000/", "https://2130706433:9000/"],
                &["http://127.0.0.1/", "http://127.0.0.2:9000/", "http://localhost:9000/"],
            ),
            (
                "*.example.org",
                &["https://a.example.org/"],
                &[
                    "https://example.org/",
                    "https://a.b.example.org/",
                    "https://aexample.org/",
                    "https://a.example.org:1/",
                ],
            ),
            ("*.example.org:8443", &["https://a.example.org:8443/"], &["https://a.example.org/"]),
            ("[::1]:9000", &["http://[::1]:9000/", "http://[0:0:0:0:0:0:0:1]:9000/"], &["http://[::1]/"]),
            ("bücher.example", &["https://xn--bcher-kva.example/"], &["https://bucher.example/"]),
            ("a.example:80", &["http://a.example/", "https://a.example:80/"], &["https://a.example/"]),
        ] {
            for url in allowed {
                assert!(allows(entry, url), "{entry} {url}");
            }
            for url in refused {
                assert!(!allows(entry, url), "{entry} {url}");
            }
        }
    }

    #[test]
    fn an_entry_is_checked() {
        for bad in [
            "",
            "*",
            "*.",
            "https://a.example",
            "a.example/x",
            "a.*.example",
            "**.example",
            "*.1.2.3.4",
            "a b",
            "a:99999",
            "u@a",
        ] {
            let error = AllowList::parse("http", &["ok.example".to_owned(), bad.to_owned()]).unwrap_err();
            assert!(error.message.starts_with("`http.allow[1]` is"), "{bad}: {}", error.message);
        }
    }

    #[test]
    fn a_refusal_says_what_to_add() {
        let failure =
            AllowList::parse("http", &[]).unwrap().check(&Url::parse("http://x.example:81/").unwrap()).unwrap_err();
        assert_eq!(failure.code, "denied");
        assert!(failure.message.ends_with("add \"x.example:81\" to `allow` of `[http]`"), "{}", failure.message);
    }
}
