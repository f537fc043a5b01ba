//! Who made a file: what its sections `producers` say, and the marks by which the known toolchains are told.

use serde::{Deserialize, Serialize};

use super::binary::Parts;

/// A tool that had a hand in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Producer {
    /// `language`, `processed-by` or `sdk`.
    pub role: String,
    /// The tool.
    pub name: String,
    /// Its version; may be empty.
    pub version: String,
}

/// Who made a file.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Origin {
    /// The language that its author wrote, where that can be told.
    pub language: Option<String>,
    /// The tools.
    pub toolchain: Vec<Producer>,
}

/// Tools that name the language by themselves: a runtime is often written in another one than what it runs, so these come first.
const TOOLS: [(&str, &str); 6] = [
    ("componentize-py", "Python"),
    ("componentize-qjs", "JavaScript"),
    ("componentizejs", "JavaScript"),
    ("componentize-js", "JavaScript"),
    ("jco", "JavaScript"),
    ("tinygo", "Go"),
];

/// What the field `language` says, and what people call it.
const LANGUAGES: [(&str, &str); 9] = [
    ("python", "Python"),
    ("javascript", "JavaScript"),
    ("rust", "Rust"),
    ("go", "Go"),
    ("zig", "Zig"),
    ("c++", "C++"),
    ("c_plus_plus", "C++"),
    ("c11", "C"),
    ("c", "C"),
];

/// Who made it.
pub(super) fn of(parts: &Parts) -> Origin {
    Origin { language: language(parts).map(str::to_owned), toolchain: parts.producers.clone() }
}

fn language(parts: &Parts) -> Option<&'static str> {
    let producers = &parts.producers;
    let by_tool = TOOLS.iter().find(|(tool, _)| {
        producers.iter().any(|producer| producer.role != "language" && producer.name.eq_ignore_ascii_case(tool))
    });
    if let Some((_, language)) = by_tool {
        return Some(language);
    }
    let named =
        |mark: &str| parts.modules.iter().any(|module| module.name.as_deref().is_some_and(|it| it.contains(mark)));
    if named("libpython") || named("componentize_py") {
        return Some("Python");
    }
    if named("quickjs") || named("qjs") || named("starling") {
        return Some("JavaScript");
    }
    let says = |name: &str| {
        producers.iter().any(|producer| producer.role == "language" && producer.name.eq_ignore_ascii_case(name))
    };
    if let Some((_, language)) = LANGUAGES.iter().find(|(name, _)| says(name)) {
        return Some(language);
    }
    // The C languages of clang are C11, C17, C++14 and so on.
    let mut languages = producers.iter().filter(|producer| producer.role == "language");
    if languages.clone().any(|producer| producer.name.starts_with("C++")) {
        return Some("C++");
    }
    languages.any(|producer| producer.name.starts_with('C')).then_some("C")
}
