//! From source to a run: `abide new`, `build`, `inspect` and `deploy`.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Host, abide, componentize_py, guest, host, told};

/// The command in a folder, with the tool for Python and a cache that the tests share.
fn builder(folder: &Path) -> Command {
    let mut command = abide();
    let cache = guest("any").with_file_name("cli-cache");
    command.current_dir(folder).env("ABIDE_COMPONENTIZE_PY", componentize_py()).env("ABIDE_CACHE", cache);
    command
}

#[test]
fn a_new_project_in_python_builds_deploys_and_runs() {
    let root = TempDir::new().unwrap();
    let (status, stdout, stderr) =
        told(&builder(root.path()).args(["new", "my-bot", "--lang", "python"]).output().unwrap());
    assert_eq!((status, stderr.as_str()), (0, ""));
    assert!(stdout.contains("my-bot/agent.py") && stdout.contains("abide deploy agent.py --name my-bot"), "{stdout}");

    // Its own test does all of that, on a host of its own.
    let folder = root.path().join("my-bot");
    let mut test = Command::new("sh");
    test.arg("test.sh").current_dir(&folder).env("ABIDE", env!("CARGO_BIN_EXE_abide"));
    test.env("ABIDE_COMPONENTIZE_PY", componentize_py()).env("ABIDE_CACHE", root.path().join("cache"));
    let (status, stdout, stderr) = told(&test.output().unwrap());
    assert_eq!(status, 0, "{stdout}{stderr}");
    assert!(stdout.trim_end().ends_with("passed"), "{stdout}");

    // What was built is kept until something changes.
    let build = |name: &str| {
        let mut build = builder(&folder);
        build.env("ABIDE_CACHE", root.path().join("cache")).args(["build", "agent.py", "-o", "json", "--out", name]);
        let (status, stdout, stderr) = told(&build.output().unwrap());
        assert_eq!(status, 0, "{stderr}");
        (serde_json::from_str::<Value>(&stdout).unwrap()["version"].clone(), stderr)
    };
    let (first, said) = build("first.wasm");
    assert_eq!(said, "", "it was built by the test before");
    fs::write(folder.join("beside.py"), "changed = True\n").unwrap();
    let (second, said) = build("second.wasm");
    assert!(said.contains("building"), "{said}");
    assert_ne!(first, second);
}

#[test]
fn a_module_that_does_not_build_says_where_and_why() {
    let root = TempDir::new().unwrap();
    for (text, words) in [
        ("import asyncio\n\nasync def run(input:\n    pass\n", &["SyntaxError", "bot.py\", line 3"][..]),
        ("import numpy\n\nasync def run(input): pass\n", &["No module named 'numpy'", "bot.py\", line 1", "pip"]),
        ("def run(input): pass\n", &["`bot.py` has no `async def run(input)`"]),
        ("async def run(input): pass\nasync def query(name, arguments): pass\n", &["a query makes no calls"]),
    ] {
        fs::write(root.path().join("bot.py"), text).unwrap();
        let (status, stdout, stderr) = told(&builder(root.path()).args(["build", "bot.py"]).output().unwrap());
        assert_eq!((status, stdout.as_str()), (2, ""), "{stderr}");
        for words in words {
            assert!(stderr.contains(words), "`{words}` is missing: {stderr}");
        }
        assert!(!stderr.contains("abide_entry"), "{stderr}");
    }
}

#[test]
fn what_cannot_be_built_says_what_to_do() {
    let root = TempDir::new().unwrap();
    let folder = root.path();
    fs::write(folder.join("abide.py"), "async def run(input): pass\n").unwrap();
    fs::write(folder.join("bot.py"), "async def run(input): pass\n").unwrap();
    fs::create_dir(folder.join("crate")).unwrap();
    fs::write(folder.join("crate/Cargo.toml"), "[workspace]\n").unwrap();
    for (arguments, words) in [
        (&["build", "no.py"][..], "cannot read"),
        (&["build", "abide.py"], "another name"),
        (&["build", "."], "agent.py"),
        (&["build", "crate"], "a workspace without a package"),
        (&["build", "bot.wasm"], "nothing to build"),
        (&["inspect", "no.wasm"], "cannot read"),
        (&["new", "My Bot", "--lang", "rust"], "`My Bot`"),
        (&["new", "crate", "--lang", "python"], "is there already"),
        (&["new", "bot", "--lang", "cobol"], "cobol"),
        (&["new", "bot", "--lang", "rust", "--sdk-path", "crate/none"], "guest-sdk"),
    ] {
        let (status, stdout, stderr) = told(&builder(folder).args(arguments).output().unwrap());
        assert_eq!((status, stdout.as_str()), (2, ""), "{arguments:?}: {stderr}");
        assert!(stderr.contains(words), "{arguments:?}: {stderr}");
    }
    let mut without = builder(folder);
    without.env_remove("ABIDE_COMPONENTIZE_PY").env_remove("VIRTUAL_ENV").env("PATH", "/no/such");
    let (status, _, stderr) = told(&without.args(["build", "bot.py"]).output().unwrap());
    assert_eq!(status, 2);
    assert!(stderr.contains("pip install componentize-py=="), "{stderr}");
}

#[test]
fn a_new_crate_is_one_that_cargo_understands() {
    let root = TempDir::new().unwrap();
    let sdk = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../guest-sdk");
    let mut new = builder(root.path());
    new.args(["new", "my-bot", "--lang", "rust", "-o", "json", "--sdk-path"]).arg(&sdk);
    let (status, stdout, stderr) = told(&new.output().unwrap());
    assert_eq!(status, 0, "{stderr}");
    let told: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(told["folder"], "my-bot");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--no-deps", "--format-version", "1"]).current_dir(root.path().join("my-bot"));
    let metadata: Value = serde_json::from_slice(&cargo.output().unwrap().stdout).unwrap();
    assert_eq!(metadata["packages"][0]["name"], "my-bot");
    assert_eq!(metadata["packages"][0]["dependencies"][0]["name"], "abide-sdk");
}

#[test]
fn a_new_project_in_typescript_builds_deploys_and_runs_with_nothing_installed() {
    let root = TempDir::new().unwrap();
    let output = builder(root.path()).args(["new", "my-bot", "--lang", "js"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let mut test = Command::new("sh");
    test.arg("test.sh").current_dir(root.path().join("my-bot")).env("ABIDE", env!("CARGO_BIN_EXE_abide"));
    let (status, stdout, stderr) = told(&test.output().unwrap());
    assert_eq!(status, 0, "{stdout}{stderr}");
    assert!(stdout.trim_end().ends_with("passed"), "{stdout}");
}

#[test]
fn a_module_of_javascript_that_does_not_build_says_where_and_why() {
    let root = TempDir::new().unwrap();
    for (text, words) in [
        ("export async function run(input) {\n  return (;\n}\n", "bot.js:2:"),
        ("import x from \"left-pad\";\nexport async function run() {}\n", "left-pad"),
        ("import x from \"./none.js\";\nexport async function run() {}\n", "none.js"),
        ("export const a = 1;\n", "run"),
        ("throw new Error(\"early\");\nexport async function run() {}\n", "early"),
    ] {
        fs::write(root.path().join("bot.js"), text).unwrap();
        let (status, stdout, stderr) = told(&builder(root.path()).args(["build", "bot.js"]).output().unwrap());
        assert_eq!((status, stdout.as_str()), (2, ""), "{stderr}");
        assert!(stderr.contains(words), "`{words}` is missing: {stderr}");
    }
}

#[test]
fn inspect_tells_what_a_guest_is_without_a_host() {
    let file = guest("waiter");
    let (status, stdout, stderr) = told(&abide().arg("inspect").arg(&file).output().unwrap());
    assert_eq!((status, stderr.as_str()), (0, ""), "{stdout}");
    for words in
        ["core module", "language  Rust", "abide:workflow/workflow-with-query", "signals", "function names", "accepted"]
    {
        assert!(stdout.contains(words), "`{words}` is missing: {stdout}");
    }
    let (status, stdout, _) = told(&abide().args(["inspect", "-o", "json"]).arg(&file).output().unwrap());
    let report: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((status, &report["accepted"], &report["origin"]["language"]), (0, &json!(true), &json!("Rust")));
    assert!(report["modules"][0]["memories"][0]["minimum_pages"].as_u64().unwrap() > 0, "{report}");

    let (status, stdout, _) = told(&abide().arg("inspect").arg(guest("python-kitchen")).output().unwrap());
    assert_eq!(status, 0, "{stdout}");
    assert!(stdout.contains("language  Python") && stdout.contains("wasi:clocks"), "{stdout}");
    let (status, stdout, _) = told(&abide().arg("inspect").arg(guest("courier")).output().unwrap());
    assert_eq!(status, 0, "{stdout}");
}

#[test]
fn inspect_survives_files_that_were_cut() {
    let folder = TempDir::new().unwrap();
    let whole = fs::read(guest("waiter")).unwrap();
    let cut = folder.path().join("cut.wasm");
    for length in [1, 7, 8, 9, 100, 1000, whole.len() / 2, whole.len() - 1] {
        fs::write(&cut, &whole[..length]).unwrap();
        let (status, stdout, stderr) = told(&abide().arg("inspect").arg(&cut).output().unwrap());
        assert_eq!((status, stderr.as_str()), (1, ""), "{length}: {stdout}");
        assert!(stdout.contains("refused"), "{length}: {stdout}");
    }
}

#[test]
fn a_file_is_deployed_under_its_name_without_being_built_by_hand() {
    let root = TempDir::new().unwrap();
    fs::write(root.path().join("hello_bot.py"), "async def run(name):\n    return f\"hello {name}\"\n").unwrap();
    let (host, _data): (Host, TempDir) = host();
    let mut deploy = builder(root.path());
    let (status, stdout, stderr) =
        told(&deploy.env("ABIDE_URL", &host.url).args(["deploy", "hello_bot.py"]).output().unwrap());
    assert_eq!(status, 0, "{stderr}");
    assert!(stdout.starts_with("deployed hello-bot "), "{stdout}");
    assert_eq!(host.run(["start", "hello-bot", "--input", "\"ada\"", "--wait"]).trim_end(), "\"hello ada\"");
}
