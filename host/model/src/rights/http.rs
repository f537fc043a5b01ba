//! The right to send HTTP requests: methods, a host, and a path or all paths below one.
//!
//! A path is compared as the URL parser wrote it. Servers read some spellings of a path as another path (`..%2f`, `//`, `;`); a right to a part of a
//! host never covers those, so that nobody gets out of the part by spelling.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// The right to send HTTP requests, such as `GET,HEAD api.example.com/v1/`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HttpRight {
    /// Empty: all of them.
    methods: BTreeSet<String>,
    host: Host,
    /// Without it, the usual port of the scheme.
    port: Option<u16>,
    path: Path,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Host {
    Any,
    Exact(String),
    /// One label and this, which begins with a dot.
    Below(String),
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Path {
    Exact(String),
    /// All that begin so.
    Below(String),
}

impl HttpRight {
    /// Reads methods, a space, and a host with or without a path.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        const FORM: &str = "give methods and a host, such as `http:GET api.example.com/v1/` or `http:* *.example.org`";
        let (methods, place) = text.split_once(' ').ok_or(FORM)?;
        let methods = match methods {
            "*" => BTreeSet::new(),
            named => named.split(',').map(method).collect::<Result<_, _>>()?,
        };
        let (host, path) = match place.find('/') {
            Some(slash) => place.split_at(slash),
            None => (place, ""),
        };
        let (host, port) = split_port(host)?;
        Ok(Self { methods, host: Host::parse(host)?, port, path: Path::parse(path)? })
    }

    /// What one request needs. Host and path are those of a parsed URL; `port` is none for the usual one of the scheme.
    pub fn needed(method: &str, host: &str, port: Option<u16>, path: &str) -> Self {
        Self {
            methods: BTreeSet::from([method.to_owned()]),
            host: Host::Exact(host.to_owned()),
            port,
            path: Path::Exact(path.to_owned()),
        }
    }

    /// The right to the whole host of this one.
    pub(super) fn of_whole_host(&self) -> Option<Self> {
        (self.host != Host::Any).then(|| Self { path: Path::everything(), ..self.clone() })
    }

    /// What it takes to send requests with a method to any path of a host, as `allow` of a section names hosts.
    pub fn to_host(entry: &str) -> Result<Self, String> {
        Self::parse(&format!("* {entry}"))
    }

    pub(super) fn covers(&self, other: &Self) -> bool {
        let methods = self.methods.is_empty() || (!other.methods.is_empty() && other.methods.is_subset(&self.methods));
        let port = match self.host {
            Host::Any if self.port.is_none() => true,
            _ => self.port == other.port,
        };
        methods && port && self.host.covers(&other.host) && self.path.covers(&other.path)
    }
}

fn method(text: &str) -> Result<String, String> {
    let is_word = !text.is_empty() && text.len() <= 32 && text.bytes().all(|b| b.is_ascii_uppercase() || b == b'-');
    match is_word {
        true => Ok(text.to_owned()),
        false => Err(format!("`{text}` is no method: write it in capitals, as in `GET,POST`")),
    }
}

fn split_port(text: &str) -> Result<(&str, Option<u16>), String> {
    let after_bracket = text.rfind(']').map_or(0, |end| end + 1);
    match text[after_bracket..].rfind(':') {
        None => Ok((text, None)),
        Some(colon) => {
            let (host, port) = text.split_at(after_bracket + colon);
            match port[1..].parse() {
                Ok(port) if port != 0 => Ok((host, Some(port))),
                _ => Err(format!("`{}` is no port", &port[1..])),
            }
        }
    }
}

impl Host {
    fn parse(text: &str) -> Result<Self, String> {
        if text == "*" {
            return Ok(Self::Any);
        }
        if let Some(address) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
            let address: Ipv6Addr = address.parse().map_err(|_| format!("`{text}` is no address"))?;
            return Ok(Self::Exact(format!("[{address}]")));
        }
        let (below, name) = match text.strip_prefix("*.") {
            Some(name) => (true, name),
            None => (false, text),
        };
        let name = name.to_ascii_lowercase();
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        };
        if name.len() > 253 || !name.split('.').all(is_label) {
            return Err(format!(
                "`{text}` is no host: give a name such as `api.example.com` (in ASCII) or `*.example.org`"
            ));
        }
        // What looks like a number is read as an address, so only the form that a URL is written in can be meant.
        let last = name.rsplit('.').next().unwrap_or_default();
        if last.bytes().all(|b| b.is_ascii_digit()) || last.starts_with("0x") {
            return match name.parse::<Ipv4Addr>() {
                Ok(address) if !below => Ok(Self::Exact(address.to_string())),
                _ => Err(format!("`{text}` is no host: write an address as `127.0.0.1`")),
            };
        }
        Ok(if below { Self::Below(format!(".{name}")) } else { Self::Exact(name) })
    }

    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) => true,
            (Self::Exact(mine), Self::Exact(theirs)) | (Self::Below(mine), Self::Below(theirs)) => mine == theirs,
            (Self::Below(end), Self::Exact(name)) => {
                name.strip_suffix(end.as_str()).is_some_and(|label| !label.is_empty() && !label.contains('.'))
            }
            _ => false,
        }
    }
}

impl Path {
    fn everything() -> Self {
        Self::Below("/".to_owned())
    }

    fn parse(text: &str) -> Result<Self, String> {
        let (path, below) = match text.strip_suffix('*') {
            Some(path) => (path, true),
            None => (text, text.is_empty() || text.ends_with('/')),
        };
        let path = if path.is_empty() { "/" } else { path };
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._~!$&()+,=:@%/".contains(&b);
        if !path.bytes().all(allowed) || !is_plain(path) {
            return Err(format!(
                "`{text}` is no path that a right can have: it has no query, no `;`, no empty part, no `..`, and no encoded `/`, `\\`, `.` or `%`"
            ));
        }
        Ok(if below { Self::Below(path.to_owned()) } else { Self::Exact(path.to_owned()) })
    }

    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Below(mine), _) if mine == "/" => true,
            (Self::Below(mine), Self::Below(theirs)) => theirs.starts_with(mine.as_str()),
            (Self::Below(mine), Self::Exact(theirs)) => is_plain(theirs) && theirs.starts_with(mine.as_str()),
            (Self::Exact(mine), Self::Exact(theirs)) => is_plain(theirs) && mine == theirs,
            (Self::Exact(_), Self::Below(_)) => false,
        }
    }
}

/// Whether every server reads a path as the same parts.
fn is_plain(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let encoded = ["%2f", "%5c", "%2e", "%25", "%3b", "%00"];
    let parts = lower.split('/').skip(1);
    !encoded.iter().any(|code| lower.contains(code))
        && !lower.contains(['\\', ';'])
        && !lower.contains("//")
        && !parts.into_iter().any(|part| part == "." || part == "..")
}

impl fmt::Display for HttpRight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.methods.is_empty() {
            true => f.write_str("* ")?,
            false => write!(f, "{} ", self.methods.iter().map(String::as_str).collect::<Vec<_>>().join(","))?,
        }
        match &self.host {
            Host::Any => f.write_str("*")?,
            Host::Exact(name) => f.write_str(name)?,
            Host::Below(end) => write!(f, "*{end}")?,
        }
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        match &self.path {
            Path::Below(path) if path == "/" => Ok(()),
            Path::Below(path) if path.ends_with('/') => f.write_str(path),
            Path::Below(path) => write!(f, "{path}*"),
            Path::Exact(path) => f.write_str(path),
        }
    }
}
