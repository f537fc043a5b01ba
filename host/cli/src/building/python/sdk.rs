//! The files of the SDK for Python.

/// The package `abide`.
pub(super) const FILES: [(&str, &str); 28] = [
    ("__init__.py", include_str!("../../../../../guest-sdk/python/abide/__init__.py")),
    ("_agent.py", include_str!("../../../../../guest-sdk/python/abide/_agent.py")),
    ("_calls.py", include_str!("../../../../../guest-sdk/python/abide/_calls.py")),
    ("_content.py", include_str!("../../../../../guest-sdk/python/abide/_content.py")),
    ("_entry.py", include_str!("../../../../../guest-sdk/python/abide/_entry.py")),
    ("_failure.py", include_str!("../../../../../guest-sdk/python/abide/_failure.py")),
    ("_json.py", include_str!("../../../../../guest-sdk/python/abide/_json.py")),
    ("_loop.py", include_str!("../../../../../guest-sdk/python/abide/_loop.py")),
    ("_options.py", include_str!("../../../../../guest-sdk/python/abide/_options.py")),
    ("_saga.py", include_str!("../../../../../guest-sdk/python/abide/_saga.py")),
    ("_tool_names.py", include_str!("../../../../../guest-sdk/python/abide/_tool_names.py")),
    ("_wit.py", include_str!("../../../../../guest-sdk/python/abide/_wit.py")),
    ("_workflow.py", include_str!("../../../../../guest-sdk/python/abide/_workflow.py")),
    ("cancellation.py", include_str!("../../../../../guest-sdk/python/abide/cancellation.py")),
    ("children.py", include_str!("../../../../../guest-sdk/python/abide/children.py")),
    ("http.py", include_str!("../../../../../guest-sdk/python/abide/http.py")),
    ("llm.py", include_str!("../../../../../guest-sdk/python/abide/llm.py")),
    ("log.py", include_str!("../../../../../guest-sdk/python/abide/log.py")),
    ("queries.py", include_str!("../../../../../guest-sdk/python/abide/queries.py")),
    ("random.py", include_str!("../../../../../guest-sdk/python/abide/random.py")),
    ("run.py", include_str!("../../../../../guest-sdk/python/abide/run.py")),
    ("runs.py", include_str!("../../../../../guest-sdk/python/abide/runs.py")),
    ("signals.py", include_str!("../../../../../guest-sdk/python/abide/signals.py")),
    ("state.py", include_str!("../../../../../guest-sdk/python/abide/state.py")),
    ("timer.py", include_str!("../../../../../guest-sdk/python/abide/timer.py")),
    ("tools.py", include_str!("../../../../../guest-sdk/python/abide/tools.py")),
    ("updates.py", include_str!("../../../../../guest-sdk/python/abide/updates.py")),
    ("versions.py", include_str!("../../../../../guest-sdk/python/abide/versions.py")),
];

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn no_file_of_the_package_is_missing() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../guest-sdk/python/abide");
        let names = folder.read_dir().unwrap().flatten().map(|entry| entry.file_name().into_string().unwrap());
        let mut there: Vec<_> = names.filter(|name| name.ends_with(".py")).collect();
        there.sort();
        assert_eq!(FILES.map(|(name, _)| name.to_owned()).to_vec(), there);
    }
}
