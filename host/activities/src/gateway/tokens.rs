//! Tokens that stand for what was found, such as `<EMAIL_1>`: the same text has the same token within one call, and the token leads back.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use regex::Regex;

/// The tokens of one call.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tokens {
    /// Token by text.
    tokens: HashMap<String, String>,
    /// Text by token, of those that lead back.
    originals: HashMap<String, String>,
    counts: HashMap<String, usize>,
    /// What looks like a token in the request as it came: it means itself.
    taken: HashSet<String>,
}

static TOKEN: LazyLock<Regex> =
    LazyLock::new(|| Regex::new("<[A-Z][A-Z0-9_]{0,80}_[0-9]{1,9}>").expect("the pattern of the host is valid"));

impl Tokens {
    /// Takes note of what looks like a token.
    pub(crate) fn avoid(&mut self, text: &str) {
        self.taken.extend(TOKEN.find_iter(text).map(|found| found.as_str().to_owned()));
    }

    /// The token of a text. `back`: whether it leads back.
    pub(crate) fn token(&mut self, label: &str, original: &str, back: bool) -> String {
        if let Some(token) = self.tokens.get(original) {
            let token = token.clone();
            if back {
                self.originals.insert(token.clone(), original.to_owned());
            }
            return token;
        }
        let name = label.to_ascii_uppercase().replace('-', "_");
        let count = self.counts.entry(name.clone()).or_default();
        let token = loop {
            *count += 1;
            let token = format!("<{name}_{count}>");
            if !self.taken.contains(&token) {
                break token;
            }
        };
        self.tokens.insert(original.to_owned(), token.clone());
        if back {
            self.originals.insert(token.clone(), original.to_owned());
        }
        token
    }

    /// Whether no token leads back.
    pub(crate) fn is_one_way(&self) -> bool {
        self.originals.is_empty()
    }

    /// Puts in place of tokens what they stand for, and counts them. `None` where there is none.
    pub(crate) fn restore(&self, text: &str, count: &mut u32) -> Option<String> {
        let known = |token: &str| self.originals.contains_key(token);
        if !TOKEN.find_iter(text).any(|found| known(found.as_str())) {
            return None;
        }
        let restored = TOKEN.replace_all(text, |found: &regex::Captures<'_>| match self.originals.get(&found[0]) {
            Some(original) => {
                *count = count.saturating_add(1);
                original.clone()
            }
            None => found[0].to_owned(),
        });
        Some(restored.into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_leads_back_and_what_looks_like_one_means_itself() {
        let mut tokens = Tokens::default();
        tokens.avoid("what is <EMAIL_1>?");
        assert_eq!(tokens.token("email", "a@b.c", true), "<EMAIL_2>");
        assert_eq!(tokens.token("email", "d@e.f", true), "<EMAIL_3>");
        assert_eq!(tokens.token("email", "a@b.c", true), "<EMAIL_2>");
        assert_eq!(tokens.token("staff-id", "E-1", false), "<STAFF_ID_1>");
        let mut count = 0;
        let restored = tokens.restore("<EMAIL_1> <EMAIL_2>, <EMAIL_3>! <STAFF_ID_1> <EMAIL_4>", &mut count).unwrap();
        assert_eq!(restored, "<EMAIL_1> a@b.c, d@e.f! <STAFF_ID_1> <EMAIL_4>");
        assert_eq!(count, 2);
        assert_eq!(tokens.restore("nothing", &mut count), None);
    }
}
