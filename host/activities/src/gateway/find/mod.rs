//! Finds personal data and keys in text. What is found is a range of bytes; what becomes of it is not decided here.
//!
//! The rules look for forms, and check sums where there are any. They do not know names or addresses, and nothing that is written in an unusual
//! way: what a guest wants to get past them, it gets past them.

mod card;
mod iban;

use std::ops::Range;
use std::sync::LazyLock;

use abide_model::{Error, ErrorCode};
use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

/// The longest own pattern, in bytes.
const MAX_PATTERN_BYTES: usize = 512;
/// What one compiled pattern may have in memory: this bounds what a byte of text can cost.
const MAX_COMPILED_BYTES: usize = 64 << 10;
/// The longest text that own patterns look through. A longer one counts as found, all of it.
const MAX_OWN_TEXT_BYTES: usize = 256 << 10;
/// What its search may keep.
const MAX_SEARCH_BYTES: usize = 1 << 20;
/// How deep a pattern nests.
const MAX_NESTING: u32 = 32;

/// What can be looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// E-mail addresses.
    Email,
    /// Phone numbers, in the international form or the North American one.
    Phone,
    /// Numbers of payment cards.
    Card,
    /// International bank account numbers.
    Iban,
    /// Keys of well-known services, bearer tokens, and private keys.
    ApiKey,
}

/// Looks for one thing.
#[derive(Debug, Clone)]
pub(crate) struct Finder {
    /// What it finds, such as `email`.
    pub(crate) label: String,
    search: Search,
}

#[derive(Debug, Clone)]
enum Search {
    Kind(Kind),
    Pattern(Regex),
}

impl Finder {
    /// For one of the kinds.
    pub(crate) fn of(kind: Kind) -> Self {
        let label = match kind {
            Kind::Email => "email",
            Kind::Phone => "phone",
            Kind::Card => "card",
            Kind::Iban => "iban",
            Kind::ApiKey => "api_key",
        };
        Self { label: label.to_owned(), search: Search::Kind(kind) }
    }

    /// For a pattern of the tenant's own.
    pub(crate) fn own(label: &str, pattern: &str) -> Result<Self, Error> {
        let wrong = |problem: &str| {
            let message = format!("the pattern `{label}` cannot be used: {problem}");
            Error::new(ErrorCode::InvalidArgument, message)
        };
        if pattern.len() > MAX_PATTERN_BYTES {
            return Err(wrong(&format!("it has {} bytes, the limit is {MAX_PATTERN_BYTES}", pattern.len())));
        }
        let regex = RegexBuilder::new(pattern)
            .size_limit(MAX_COMPILED_BYTES)
            .dfa_size_limit(MAX_SEARCH_BYTES)
            .nest_limit(MAX_NESTING)
            .build()
            .map_err(|error| wrong(&error.to_string()))?;
        if regex.is_match("") {
            return Err(wrong("it matches nothing at all, and so everywhere"));
        }
        Ok(Self { label: label.to_owned(), search: Search::Pattern(regex) })
    }

    fn find(&self, text: &str) -> Vec<Range<usize>> {
        let all = |regex: &Regex| regex.find_iter(text).map(|found| found.range()).filter(|r| !r.is_empty()).collect();
        match &self.search {
            Search::Pattern(_) if text.len() > MAX_OWN_TEXT_BYTES => std::iter::once(0..text.len()).collect(),
            Search::Pattern(regex) => all(regex),
            Search::Kind(Kind::Email) => all(&EMAIL),
            Search::Kind(Kind::Phone) => all(&PHONE),
            Search::Kind(Kind::ApiKey) => all(&API_KEY),
            Search::Kind(Kind::Card) => card::find(text),
            Search::Kind(Kind::Iban) => iban::find(text),
        }
    }
}

/// Replaces what `finders` find by what `replace` gives for its label and text. `None` where nothing was found. Where two things overlap, the one
/// that begins first counts, and of two that begin together the longer one.
pub(crate) fn replace(text: &str, finders: &[Finder], mut replace: impl FnMut(&str, &str) -> String) -> Option<String> {
    let mut found: Vec<(Range<usize>, &Finder)> =
        finders.iter().flat_map(|finder| finder.find(text).into_iter().map(move |range| (range, finder))).collect();
    if found.is_empty() {
        return None;
    }
    found.sort_by_key(|(range, _)| (range.start, std::cmp::Reverse(range.end)));
    let mut replaced = String::with_capacity(text.len());
    let mut end = 0;
    for (range, finder) in found {
        // What overlaps is covered as far as it was not: nothing of it may stay behind.
        let rest = range.start.max(end)..range.end;
        if rest.is_empty() {
            continue;
        }
        replaced.push_str(&text[end.min(rest.start)..rest.start]);
        replaced.push_str(&replace(&finder.label, &text[rest.clone()]));
        end = rest.end;
    }
    replaced.push_str(&text[end..]);
    Some(replaced)
}

fn built_in(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the patterns of the host are valid")
}

static EMAIL: LazyLock<Regex> = LazyLock::new(|| built_in(r"[\w.!#$%'*+^`{|}~-]+@[\w-]+(?:\.[\w-]+)+"));

static PHONE: LazyLock<Regex> = LazyLock::new(|| {
    built_in(
        r"(?x)
        (?: \+ | \b00 ) [\ \u{a0}]? [1-9] (?: [\ \u{a0}\u{202f}().\-/]{0,3} [0-9] ){6,14} \b
        | (?: \b | \( ) [2-9][0-9]{2} \)? [\ .\-]{1,2} [2-9][0-9]{2} [\ .\-] [0-9]{4} \b",
    )
});

static API_KEY: LazyLock<Regex> = LazyLock::new(|| {
    built_in(
        r"(?x)
        \b (?: sk | pk | rk ) [-_] [A-Za-z0-9_-]{16,}
        | \b gh[oprsu]_ [A-Za-z0-9]{30,} | \b github_pat_ [A-Za-z0-9_]{20,} | \b glpat- [A-Za-z0-9_-]{16,}
        | \b xox[abeoprs]- [A-Za-z0-9-]{10,}
        | \b (?: AKIA | ASIA ) [0-9A-Z]{16} \b
        | \b AIza [0-9A-Za-z_-]{35}
        | \b eyJ [A-Za-z0-9_-]{8,} \. [A-Za-z0-9_-]{8,} \. [A-Za-z0-9_-]*
        | (?i: \b bearer ) \s+ [A-Za-z0-9._~+/-]{16,} =*
        | -----BEGIN\ [A-Z\ ]*PRIVATE\ KEY----- (?: [^-]* -----END\ [A-Z\ ]*PRIVATE\ KEY----- | [A-Za-z0-9+/=\s]* )",
    )
});

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(kind: Kind, text: &str) -> String {
        replace(text, &[Finder::of(kind)], |_, found| format!("[{found}]")).unwrap_or_else(|| text.to_owned())
    }

    #[test]
    fn what_is_found_and_what_is_not() {
        for (kind, text, expected) in [
            (Kind::Email, "to bob.smith+x@mail.example.co.uk, now", "to [bob.smith+x@mail.example.co.uk], now"),
            (Kind::Email, "<bob@example.org>.", "<[bob@example.org]>."),
            (Kind::Email, "jörg@bücher.example", "[jörg@bücher.example]"),
            (Kind::Email, "@bob and a@b", "@bob and a@b"),
            (Kind::Phone, "call +49 (0)170 / 1234567!", "call [+49 (0)170 / 1234567]!"),
            (Kind::Phone, "0041 44 668 18 00", "[0041 44 668 18 00]"),
            (Kind::Phone, "(415) 555-2671 or 415.555.2671", "[(415) 555-2671] or [415.555.2671]"),
            (
                Kind::Phone,
                "in 2026-11-23, 10:00:00, 1+2, item 1234567890",
                "in 2026-11-23, 10:00:00, 1+2, item 1234567890",
            ),
            (Kind::ApiKey, "key sk-proj-abcdefghijklmnop1234 ok", "key [sk-proj-abcdefghijklmnop1234] ok"),
            (
                Kind::ApiKey,
                "Authorization: Bearer abcdefghijklmnop1234",
                "Authorization: [Bearer abcdefghijklmnop1234]",
            ),
            (Kind::ApiKey, "AKIAIOSFODNN7EXAMPLE", "[AKIAIOSFODNN7EXAMPLE]"),
            (Kind::ApiKey, "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n", "[-----BEGIN RSA PRIVATE KEY-----\nMIIE\n]"),
            (Kind::ApiKey, "a risk-free task-based bearer of news", "a risk-free task-based bearer of news"),
        ] {
            assert_eq!(marked(kind, text), expected);
        }
    }

    #[test]
    fn nothing_of_what_overlaps_stays_behind() {
        let finders = [Finder::own("a", "abc").unwrap(), Finder::own("b", "bcdef").unwrap()];
        let replaced = replace("xabcdefx", &finders, |label, _| format!("<{label}>")).unwrap();
        assert_eq!(replaced, "x<a><b>x");
    }

    #[test]
    fn a_text_that_is_too_long_for_own_patterns_does_not_pass() {
        let text = "x".repeat(MAX_OWN_TEXT_BYTES + 1);
        let replaced = replace(&text, &[Finder::own("staff", "E-[0-9]{6}").unwrap()], |label, _| format!("[{label}]"));
        assert_eq!(replaced.as_deref(), Some("[staff]"));
    }

    #[test]
    fn the_worst_pattern_takes_time_that_grows_with_the_text_only() {
        // Many states at once, and too many sets of them to remember.
        let finder = Finder::own("worst", "[ab]*a[ab]{100}x").unwrap();
        let text: String =
            (0..32 << 10).map(|n: usize| if n.wrapping_mul(2_654_435_761) >> 7 & 1 == 0 { 'a' } else { 'b' }).collect();
        let began = std::time::Instant::now();
        assert!(finder.find(&text).is_empty());
        assert!(began.elapsed() < std::time::Duration::from_secs(10), "{:?}", began.elapsed());
        println!("{:?} for {} bytes", began.elapsed(), text.len());
    }

    #[test]
    fn a_pattern_cannot_cost_without_bound() {
        for (pattern, part) in [
            ("(a{1,200}){1,200}", "size limit"),
            ("a*", "everywhere"),
            ("(", "unclosed"),
            (&"a".repeat(MAX_PATTERN_BYTES + 1), "limit"),
            (&format!("{}a{}", "(".repeat(60), ")".repeat(60)), "nest"),
        ] {
            let error = Finder::own("x", pattern).unwrap_err();
            assert!(error.message.contains(part), "{error}");
        }
    }
}
