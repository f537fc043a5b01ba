//! Versions, swaps and checks, from the command line, over a host that is killed in between.

use std::fs;
use std::path::{Path, PathBuf};

use abide_tests::guest_again;
use serde_json::{Value, json};

use crate::support::{Host, guest, host, told};

/// The file of the same code as another version.
fn again(folder: &Path, name: &str, mark: u8) -> PathBuf {
    let path = folder.join(format!("{name}-{mark}.wasm"));
    fs::write(&path, guest_again(name, mark)).unwrap();
    path
}

fn version_of(host: &Host, run: &str) -> String {
    host.json(["describe", run])["run"]["version"].as_str().unwrap().to_owned()
}

#[test]
fn a_version_from_its_upload_to_its_end() {
    let (mut host, folder) = host();
    host.run(["deploy", guest("waiter").to_str().unwrap(), "--label", "v1"]);
    let second = again(folder.path(), "waiter", 2);
    let second = second.to_str().unwrap();
    let uploaded = host.run(["deploy", second, "--name", "waiter", "--label", "v2", "--no-activate"]);
    assert!(uploaded.starts_with("uploaded (new runs do not take it) waiter "), "{uploaded}");
    let listed = host.run(["versions", "list", "waiter"]);
    assert!(listed.starts_with("VERSION "), "{listed}");
    assert!(listed.lines().any(|line| line.contains("active") && line.contains("v1")), "{listed}");
    host.run(["start", "waiter", "--id", "w-1"]);

    let activated = host.run(["activate", "waiter", "v2"]);
    assert!(activated.starts_with("new runs of waiter take "), "{activated}");
    host.kill();
    host.again(folder.path());
    host.run(["start", "waiter", "--id", "w-2"]);
    assert_ne!(version_of(&host, "w-1"), version_of(&host, "w-2"));
    let described = host.run(["versions", "describe", "waiter", "v2"]);
    assert!(described.contains("state      active") && described.contains("runs       1 running"), "{described}");
    assert!(host.run(["ramp", "waiter", "v1", "20"]).contains("20 % of them"));
    host.run(["rollback", "waiter"]);
    host.run(["start", "waiter", "--id", "w-3"]);
    assert_eq!(version_of(&host, "w-1"), version_of(&host, "w-3"));

    let refused = host.client(["versions", "delete", "waiter", "v2"]).output().unwrap();
    let (status, _, stderr) = told(&refused);
    assert!(status != 0 && stderr.contains("is on the version"), "{stderr}");
    host.run(["swap", "waiter", "--to", "v1"]);
    host.run(["versions", "deactivate", "waiter", "v2"]);
    let refused = host.client(["start", "waiter", "--version", "v2"]).output().unwrap();
    assert!(told(&refused).2.contains("deactivated"), "{refused:?}");
    let deleted = host.run(["versions", "delete", "waiter", "v2"]);
    assert!(deleted.starts_with("deleted: waiter "), "{deleted}");
    assert_eq!(host.json(["versions", "list", "waiter"])["versions"].as_array().unwrap().len(), 1);
}

/// Check, deploy, dry run, swap: the host is killed in between, and its data is looked at while it is down.
#[test]
fn a_version_is_checked_and_swapped_in() {
    let (mut host, folder) = host();
    host.run(["deploy", guest("waiter").to_str().unwrap()]);
    host.run(["start", "waiter", "--id", "w-1"]);
    host.until_events("w-1", 2);
    host.run(["pin", "w-1"]);
    let second = again(folder.path(), "waiter", 2);
    let second = second.to_str().unwrap();

    let checked = host.client(["check", second, "--workflow", "waiter", "--all"]).output().unwrap();
    let (status, stdout, _) = told(&checked);
    assert_eq!(status, 0, "{stdout}");
    assert!(stdout.contains("identical, ") && stdout.contains("waiter on "), "{stdout}");
    let other = guest("order-v1");
    let other = other.to_str().unwrap();
    let checked = host.client(["check", other, "--workflow", "waiter", "-o", "json"]).output().unwrap();
    let (status, stdout, _) = told(&checked);
    let report: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((status, &report["counts"]), (1, &json!({"diverges": 1})), "{report}");
    assert_eq!(report["runs"][0]["reason"]["event"], 1, "{report}");

    host.run(["deploy", second, "--name", "waiter", "--label", "v2", "--no-activate"]);
    assert!(host.run(["swap", "waiter", "--to", "v2"]).ends_with(": 1 pinned\n"));
    host.run(["unpin", "w-1"]);
    assert!(host.run(["swap", "waiter", "--to", "v2", "--dry-run"]).ends_with(": 1 would swap\n"));
    assert!(host.run(["swap", "waiter", "--to", "v2"]).ends_with(": 1 swapped\n"));
    host.kill();

    // The same, against the data of a host that is not running.
    let data = folder.path().join("data");
    let offline =
        crate::support::abide().args(["check", second, "--workflow", "waiter", "--against"]).arg(&data).output();
    let (status, stdout, stderr) = told(&offline.unwrap());
    assert_eq!(status, 0, "{stdout}{stderr}");
    assert!(stdout.contains("1 identical"), "{stdout}");
    let nowhere = crate::support::abide().args(["check", second, "--against", "/nowhere"]).output().unwrap();
    assert!(told(&nowhere).2.contains("neither a folder nor a URL"), "{nowhere:?}");

    host.again(folder.path());
    let busy = crate::support::abide().args(["check", second, "--workflow", "waiter", "--against"]).arg(&data).output();
    assert!(told(&busy.unwrap()).0 > 1, "a host has the folder");
    host.run(["signal", "w-1", "go", "1"]);
    assert_eq!(host.run(["result", "w-1", "--wait"]), "1\n");
    let history = host.run(["history", "w-1"]);
    assert!(history.contains("version changed") && history.contains("pinned"), "{history}");
    assert!(host.run(["replay", "w-1"]).starts_with("identical: "));
}

#[test]
fn a_policy_swaps_by_itself() {
    let (host, folder) = host();
    host.run(["deploy", guest("waiter").to_str().unwrap()]);
    host.run(["start", "waiter", "--id", "w-1"]);
    host.until_events("w-1", 2);
    assert!(host.run(["policy", "waiter", "automatic"]).contains("by themselves"));
    let before = version_of(&host, "w-1");
    host.run(["deploy", again(folder.path(), "waiter", 2).to_str().unwrap(), "--name", "waiter"]);
    host.until_events("w-1", 3);
    assert_ne!(version_of(&host, "w-1"), before);
}
