//! What componentize-py says when a module cannot be imported, put so that it helps the author of the module.

use std::path::PathBuf;

/// What stands before the error of the module.
const BEGINS: &str = "AssertionError: ";
/// What stands after it.
const ENDS: &str = "\n\nCaused by:";
/// How the SDK says that a file is no workflow.
const REFUSAL: &str = "abide._entry.Refusal: ";

/// Explains what the tool said. Inside of it, the folders of `search` are `/0`, `/1` and so on.
pub(super) fn explain(said: &str, search: &[PathBuf]) -> String {
    let error = said.split_once(BEGINS).map_or(said, |(_, error)| error);
    let error = error.split(ENDS).next().unwrap_or(error).trim_end();
    let last = error.lines().last().unwrap_or("componentize-py failed and said nothing").trim();
    if let Some(refusal) = last.strip_prefix(REFUSAL) {
        return refusal.to_owned();
    }
    let user = search.len().saturating_sub(1);
    let mut shown = of_module(error, &format!("\"/{user}/"));
    for (number, folder) in search.iter().enumerate() {
        shown = shown.replace(&format!("\"/{number}/"), &format!("\"{}/", folder.display()));
    }
    let hint = if last.starts_with("ModuleNotFoundError") {
        "\ninstall it with `pip` beside componentize-py (only packages that are plain Python work), and import at the top of the file"
    } else {
        ""
    };
    format!("the workflow does not build: {last}\n{shown}{hint}")
}

/// The part of a traceback that begins with the modules of the user: what stands above is the way to them.
fn of_module(error: &str, mark: &str) -> String {
    let lines: Vec<&str> = error.lines().collect();
    let first = lines.iter().position(|line| line.contains(mark)).unwrap_or(0);
    lines[first..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(error: &str) -> String {
        let search = ["/tmp/x/entry", "/tmp/x/sdk", "/home/ada/bot"].map(PathBuf::from);
        explain(&format!("Traceback (most recent call last):\nAssertionError: {error}\n\n\nCaused by:\n  x\n"), &search)
    }

    #[test]
    fn a_syntax_error_names_file_and_line() {
        let error = explained("  File \"/2/agent.py\", line 1\n    def f(:\n          ^\nSyntaxError: invalid syntax");
        assert_eq!(
            error,
            "the workflow does not build: SyntaxError: invalid syntax\n  File \"/home/ada/bot/agent.py\", line 1\n    def f(:\n          ^\n\
             SyntaxError: invalid syntax"
        );
    }

    #[test]
    fn the_way_to_the_module_is_left_out() {
        let error = explained(
            "Traceback (most recent call last):\n  File \"/0/abide_entry.py\", line 3, in <module>\n  File \"/2/agent.py\", line 1, in <module>\n    \
             import numpy\nModuleNotFoundError: No module named 'numpy'",
        );
        assert!(
            error.starts_with("the workflow does not build: ModuleNotFoundError: No module named 'numpy'\n"),
            "{error}"
        );
        assert!(!error.contains("abide_entry") && error.contains("\"/home/ada/bot/agent.py\", line 1"), "{error}");
        assert!(error.contains("beside componentize-py"), "{error}");
    }

    #[test]
    fn a_file_that_is_no_workflow_is_told_in_a_sentence() {
        let error =
            explained("Traceback:\nabide._entry.Refusal: `agent.py` has no `async def run(input)`: begin with it");
        assert_eq!(error, "`agent.py` has no `async def run(input)`: begin with it");
    }

    #[test]
    fn anything_else_is_shown() {
        assert!(explain("", &[]).contains("said nothing"));
        assert!(explain("error: no such option", &[]).contains("no such option"));
    }
}
