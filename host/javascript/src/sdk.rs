//! The SDK, `guest-sdk/js`, as it is embedded in every component: what `import … from "abide"` gives.

/// Where its modules are, for programs and in stack traces.
pub(crate) const FOLDER: &str = "abide:sdk/";

macro_rules! modules {
    ($($name:literal)+) => { [$(($name, include_str!(concat!("../../../guest-sdk/js/", $name)))),+] };
}

/// Its modules.
const MODULES: &[(&str, &str)] = &modules! {
    "index.js"
    "internal/entry.js"
    "internal/globals.js"
};

/// The text of a module, by its name below [`FOLDER`].
pub(crate) fn text(name: &str) -> Option<&'static str> {
    MODULES.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}
