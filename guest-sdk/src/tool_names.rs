//! The names by which a model knows tools. Models take 1 to 64 characters of `a-z A-Z 0-9 _ -`; providers call their tools what they like.
//! Which tool stands behind a name is for the caller to remember.
//!
//! ```
//! use abide::tool_names::for_model;
//! assert_eq!(for_model(&["files", "read.text"]), "files__read_text");
//! ```

use std::collections::BTreeMap;

/// The longest name of a tool that models take.
const NAME_LENGTH: usize = 64;

/// A name that models take: the parts with `__` between, of `a-z A-Z 0-9 _ -`. One that is too long is cut, and ends in a digest of the
/// whole, so that it stays its own.
pub fn for_model(parts: &[&str]) -> String {
    let whole = parts.join("__");
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }
    };
    let name: String = whole.chars().map(plain).collect();
    if (1..=NAME_LENGTH).contains(&name.len()) {
        return name;
    }
    // FNV-1a
    let digest =
        whole.bytes().fold(0x811c_9dc5_u32, |digest, byte| (digest ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    format!("{}_{digest:08x}", &name[..name.len().min(NAME_LENGTH - 9)])
}

/// The name, or where another tool has it, the name with a number.
pub fn unique<T>(name: String, taken: &BTreeMap<String, T>) -> String {
    let numbered = |number: u32| {
        let number = format!("_{number}");
        format!("{}{number}", &name[..name.len().min(NAME_LENGTH - number.len())])
    };
    if taken.contains_key(&name) {
        (2..).map(numbered).find(|name| !taken.contains_key(name)).unwrap_or(name)
    } else {
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_models_take() {
        assert_eq!(for_model(&["files", "read_file"]), "files__read_file");
        assert_eq!(for_model(&["my files", "läs.fil/2"]), "my_files__l_s_fil_2");
        let long = for_model(&["files", &"x".repeat(80)]);
        assert_eq!(long.len(), 64);
        assert_ne!(long, for_model(&["files", &"x".repeat(81)]));
        assert!(!for_model(&[""]).is_empty());
    }

    #[test]
    fn names_stay_apart() {
        let mut taken = BTreeMap::from([("a_b".to_owned(), ())]);
        assert_eq!(unique("a".into(), &taken), "a");
        assert_eq!(unique("a_b".into(), &taken), "a_b_2");
        taken.insert("a_b_2".into(), ());
        assert_eq!(unique("a_b".into(), &taken), "a_b_3");
        let long = "y".repeat(64);
        taken.insert(long.clone(), ());
        assert_eq!(unique(long, &taken).len(), 64);
    }
}
