//! `abide replay` up to an event and step by step, `--prove`, and capsules: of a host, and of a file without one.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::support::{Host, abide, guest};

/// A command that needs no host.
fn offline(cache: &Path, arguments: &[&str]) -> Command {
    let mut command = abide();
    command.env("ABIDE_CACHE", cache).env("ABIDE_URL", "http://127.0.0.1:9").args(arguments);
    command
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Runs a command that reads its commands from standard input.
fn piped(mut command: Command, lines: &str) -> Output {
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// A host with a run of `approval` that waits for its signal.
fn waiting(folder: &Path) -> Host {
    let host = Host::start(folder);
    host.deploy("approval");
    host.run(["start", "approval", "--id", "a-1", "--input", r#"{"cents": 500, "by": "bob", "patience_ms": 3600000}"#]);
    for _ in 0..200 {
        if host.json(["describe", "a-1"])["open_calls"].as_array().is_some_and(|calls| !calls.is_empty()) {
            return host;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    panic!("the run waits for nothing: {}", host.run(["describe", "a-1"]));
}

#[test]
fn a_run_is_shown_as_it_stood() {
    let folder = tempfile::tempdir().unwrap();
    let host = waiting(folder.path());
    let shown = host.run(["replay", "a-1", "--to", "0"]);
    assert!(shown.contains("run started") && shown.contains("waits for\n  #"), "{shown}");
    assert!(shown.contains("approval::"), "the guest's functions: {shown}");
    let at = host.json(["replay", "a-1", "--to", "0"]);
    assert_eq!(at["event"]["type"], "run-started");
    for (arguments, says) in [
        (&["--to", "999"][..], "the history has no event 999"),
        (&["--step", "--from", "999"][..], "the history has no event 999"),
    ] {
        let output = host.client(["replay", "a-1"]).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(4), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(says), "{output:?}");
    }
    for bad in [&["--to", "x"][..], &["--to", "1", "--step"], &["--from", "1"], &["--prove", "--to", "1"]] {
        let output = host.client(["replay", "a-1"]).args(bad).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
    }
}

#[test]
fn steps_go_forward_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let host = waiting(folder.path());
    let output = piped(host.client(["replay", "a-1", "--step", "-o", "json"]), "n\nb\ng 1\nc\nq\nn\n");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let events: Vec<u64> = text(&output)
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["event"]["seq"].as_u64().unwrap())
        .collect();
    assert_eq!(events, [0, 1, 0, 1, 1], "nothing after `q`");
    // What makes no sense is told, and the next command counts.
    let output = piped(host.client(["replay", "a-1", "--step"]), "b\ng 999\njump\ng\nh\nv\nl\na\n");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    for says in ["there is no such event", "`jump` is no command", "`g` needs the number", "the event before"] {
        assert!(said.contains(says), "{says}: {said}");
    }
}

#[test]
fn a_capsule_needs_no_host_and_comes_back_into_one() {
    let folder = tempfile::tempdir().unwrap();
    let (cache, file) = (folder.path().join("cache"), folder.path().join("a-1.abide"));
    let (path, out) = (file.to_str().unwrap().to_owned(), file.to_str().unwrap().to_owned());
    let mut host = waiting(folder.path());
    let there = host.json(["replay", "a-1"]);
    let exported = host.run(["export", "a-1", "--out", &out]);
    assert!(exported.starts_with("exported run_"), "{exported}");
    host.kill();

    let output = offline(&cache, &["replay", &path, "-o", "json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let here: Value = serde_json::from_str(&text(&output)).unwrap();
    assert_eq!((&here["trace"], &here["verdict"]), (&there["trace"], &there["verdict"]));
    let output = offline(&cache, &["replay", &path, "--prove"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let proved = text(&output);
    assert!(proved.contains("interpreter") && proved.contains("equal: the engines did the same"), "{proved}");
    let output = offline(&cache, &["replay", &path, "--to", "0"]).output().unwrap();
    assert!(text(&output).contains("approval::"), "{output:?}");
    let output = piped(offline(&cache, &["replay", &path, "--step"]), "n\n");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let other = guest("order-v1");
    let output = offline(&cache, &["replay", &path, "--component", other.to_str().unwrap()]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "another component diverges: {output:?}");

    // Files that are none, or are damaged.
    let mut bytes = std::fs::read(&file).unwrap();
    let half = bytes.len() / 2;
    bytes[half] ^= 1;
    let damaged = folder.path().join("damaged.abide");
    std::fs::write(&damaged, &bytes).unwrap();
    let none = folder.path().join("none.abide");
    std::fs::write(&none, "none").unwrap();
    for (bad, says) in
        [(&damaged, "its digest is wrong"), (&none, "is no capsule"), (&folder.path().join("x.abide"), "is not there")]
    {
        let output = offline(&cache, &["replay", bad.to_str().unwrap()]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(says), "{output:?}");
    }

    let elsewhere = tempfile::tempdir().unwrap();
    let host = Host::start(elsewhere.path());
    let imported = host.run(["import", &path]);
    assert!(imported.contains("parked") && imported.contains("abide resume run_"), "{imported}");
    let output = host.client(["import", &path]).output().unwrap();
    assert_eq!(output.status.code(), Some(4), "a second time: {output:?}");
    let output = host.client(["import", damaged.to_str().unwrap()]).output().unwrap();
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    host.run(["resume", "a-1"]);
    assert_eq!(host.json(["replay", "a-1"])["verdict"], "identical");
}
