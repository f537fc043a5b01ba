//! JSON from the command line: as it is, from a file (`@FILE`), or from standard input (`-`). It is checked before it is sent.

use std::io::Read;

use abide_model::Json;

use crate::exit::Fault;

/// Reads a JSON argument.
pub(crate) fn json(argument: &str) -> Result<Json, Fault> {
    let (text, source) = match (argument, argument.strip_prefix('@')) {
        ("-", _) => {
            let mut text = String::new();
            std::io::stdin()
                .read_to_string(&mut text)
                .map_err(|error| Fault::usage(format!("cannot read standard input: {error}")))?;
            (text, "standard input".to_owned())
        }
        (_, Some(path)) => {
            let text = std::fs::read_to_string(path);
            (text.map_err(|error| Fault::usage(format!("cannot read `{path}`: {error}")))?, format!("`{path}`"))
        }
        (text, None) => (text.to_owned(), format!("`{}`", shortened(text))),
    };
    Json::parse(text).map_err(|error| {
        let hint = if source.starts_with('`') && argument.starts_with(|c: char| c.is_alphabetic()) {
            "; a text needs its quotes, such as '\"yes\"'"
        } else {
            ""
        };
        Fault::usage(format!("{source} is no JSON: {error}{hint}"))
    })
}

fn shortened(text: &str) -> String {
    const LONGEST: usize = 40;
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    text.chars().take(LONGEST).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_json_as_it_is() {
        assert_eq!(json(r#"{"a": 1}"#).unwrap().as_str(), r#"{"a": 1}"#);
    }

    #[test]
    fn takes_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("input.json");
        std::fs::write(&path, "[1,\n2]").unwrap();
        assert_eq!(json(&format!("@{}", path.display())).unwrap().as_str(), "[1,\n2]");
        std::fs::write(&path, "[1,\n2").unwrap();
        let error = json(&format!("@{}", path.display())).unwrap_err();
        assert_eq!(
            error.message,
            format!("`{}` is no JSON: EOF while parsing a list at line 2 column 1", path.display())
        );
    }

    #[test]
    fn says_what_is_wrong() {
        assert_eq!(
            json("yes").unwrap_err().message,
            "`yes` is no JSON: expected value at line 1 column 1; a text needs its quotes, such as '\"yes\"'"
        );
        assert!(json("@no/such/file").unwrap_err().message.starts_with("cannot read `no/such/file`: "));
    }
}
