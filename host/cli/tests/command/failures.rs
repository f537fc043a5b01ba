//! What the commands say when something is wrong, and with which exit status.

use std::process::Stdio;

use crate::support::{abide, guest, host, told};

#[test]
fn a_host_that_is_not_there() {
    let output = abide().args(["list", "--server", "http://127.0.0.1:1"]).output().unwrap();
    let (status, stdout, stderr) = told(&output);
    assert_eq!((status, stdout.as_str()), (3, ""));
    assert!(stderr.starts_with("abide: cannot reach the host at http://127.0.0.1:1: "), "{stderr}");
    assert!(stderr.contains("start one with `abide dev`"), "{stderr}");

    for waiting in [&["result", "a", "--wait"][..], &["history", "a", "--follow"], &["start", "a", "--wait"]] {
        let output = abide().args(waiting).args(["--server", "http://127.0.0.1:1", "-o", "json"]).output().unwrap();
        let (status, _, stderr) = told(&output);
        assert_eq!(status, 3, "{waiting:?}");
        let problem: serde_json::Value = serde_json::from_str(&stderr).unwrap();
        assert_eq!(problem["code"], "host-unreachable");
    }
}

#[test]
fn wrong_arguments() {
    for (arguments, words) in [
        (&["start"][..], "WORKFLOW"),
        (&["start", "Waiter"], "`Waiter` is no workflow name"),
        (&["start", "waiter", "--id", "a b"], "`a b` is no run id"),
        (&["start", "waiter", "--input", "{"], "`{` is no JSON"),
        (&["start", "waiter", "--input", "@/no/such/file"], "/no/such/file"),
        (&["signal", "a", "b", "yes"], "needs its quotes"),
        (&["list", "--status", "sleeping"], "sleeping"),
        (&["list", "--limit", "0"], "--limit"),
        (&["list", "--server", "localhost:7400"], "no address of a host"),
        (&["deploy", "/no/such.wasm"], "cannot read"),
        (&["deploy", "/no/Such.wasm"], "--name"),
        (&["history", "a", "--reconnect-for", "soon"], "no duration"),
        (&["serve", "--config", "/no/abide.toml"], "cannot read `/no/abide.toml`"),
        (&["cook"], "cook"),
    ] {
        let (status, stdout, stderr) = told(&abide().args(arguments).output().unwrap());
        assert_eq!((status, stdout.as_str()), (2, ""), "{arguments:?}: {stderr}");
        assert!(stderr.contains(words), "{arguments:?}: {stderr}");
    }
}

#[test]
fn what_the_host_refuses() {
    let (host, folder) = host();
    host.deploy("waiter");
    host.run(["start", "waiter", "--id", "w"]);
    let text = folder.path().join("text.wasm");
    std::fs::write(&text, "no component").unwrap();
    let empty = folder.path().join("empty.wasm");
    std::fs::write(&empty, "").unwrap();
    let (text, empty) = (text.to_str().unwrap(), empty.to_str().unwrap());
    for (arguments, status, words) in [
        (&["describe", "nobody"][..], 4, "nobody"),
        (&["history", "nobody", "--follow"], 4, "nobody"),
        (&["result", "nobody", "--wait"], 4, "nobody"),
        (&["result", "w"], 5, "w"),
        (&["start", "nobody"], 4, "abide deploy"),
        (&["start", "waiter", "--id", "w"], 4, "open"),
        (&["query", "w", "nothing"], 4, "nothing"),
        (&["resume", "w"], 4, "parked"),
        (&["deploy", text], 4, ""),
        (&["deploy", empty], 2, "is empty"),
        (&["replay", "w", "--component", text], 4, ""),
    ] {
        let output = host.client([]).args(arguments).output().unwrap();
        let (code, stdout, stderr) = told(&output);
        assert_eq!((code, stdout.as_str()), (status, ""), "{arguments:?}: {stderr}");
        assert!(stderr.starts_with("abide: ") && stderr.contains(words), "{arguments:?}: {stderr}");
        let output = host.client([]).args(arguments).args(["-o", "json"]).output().unwrap();
        let (code, _, stderr) = told(&output);
        assert_eq!(code, status);
        let problem: serde_json::Value = serde_json::from_str(&stderr).unwrap();
        assert!(problem["code"].is_string() && problem["detail"].is_string(), "{problem}");
    }
}

#[test]
fn a_run_that_failed() {
    let (host, _folder) = host();
    host.deploy("steps");
    // The input is not what the workflow takes.
    let output = host.client(["start", "steps", "--wait"]).output().unwrap();
    let (status, stdout, stderr) = told(&output);
    assert_eq!((status, stdout.as_str()), (1, ""), "{stderr}");
    assert!(stderr.contains("abide: the run failed: "), "{stderr}");
}

/// Whoever reads the output stops early: no panic, no message.
#[test]
fn a_reader_that_goes() {
    let (host, _folder) = host();
    host.deploy("waiter");
    host.run(["start", "waiter", "--id", "w"]);
    for arguments in [&["history", "w"][..], &["list"], &["describe", "w"], &["workflows"], &["--help"]] {
        let mut command = host.client([]);
        let mut child = command.args(arguments).stdout(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(stderr, "", "{arguments:?}");
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
    }
    assert!(guest("waiter").exists());
}
