//! The SDK, `guest-sdk/js`, as it is embedded in every component: what `import … from "abide"` gives.

/// Where its modules are, for programs and in stack traces.
pub(crate) const FOLDER: &str = "abide:sdk/";

macro_rules! modules {
    ($($name:literal)+) => { [$(($name, include_str!(concat!("../../../guest-sdk/js/", $name)))),+] };
}

/// Its modules.
const MODULES: &[(&str, &str)] = &modules! {
    "agent.js"
    "cancellation.js"
    "children.js"
    "failure.js"
    "http.js"
    "index.js"
    "internal/base64.js"
    "internal/clone.js"
    "internal/console.js"
    "internal/date.js"
    "internal/entry.js"
    "internal/fetch.js"
    "internal/globals.js"
    "internal/json.js"
    "internal/loading.js"
    "internal/text.js"
    "internal/timers.js"
    "internal/uncaught.js"
    "internal/url.js"
    "internal/wire.js"
    "llm.js"
    "log.js"
    "queries.js"
    "race.js"
    "random.js"
    "run.js"
    "runs.js"
    "saga.js"
    "signals.js"
    "state.js"
    "timer.js"
    "tool_names.js"
    "tools.js"
    "updates.js"
    "versions.js"
};

/// The text of a module, by its name below [`FOLDER`].
pub(crate) fn text(name: &str) -> Option<&'static str> {
    MODULES.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_module_of_the_sdk_is_embedded() {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../guest-sdk/js");
        for (folder, prefix) in [(root.to_owned(), ""), (format!("{root}/internal"), "internal/")] {
            for file in std::fs::read_dir(folder).unwrap() {
                let name = file.unwrap().file_name().into_string().unwrap();
                assert!(!name.ends_with(".js") || text(&format!("{prefix}{name}")).is_some(), "`{name}` is missing");
            }
        }
    }
}
