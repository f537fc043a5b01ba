//! Finding runs, and doing something to many of them.

use serde_json::json;

use crate::support::{host, told};

#[test]
fn runs_are_found_counted_and_ended_together() {
    let (host, _folder) = host();
    host.deploy("waiter");
    for (id, customer) in [("a", "acme"), ("b", "acme"), ("c", "beta")] {
        let attributes = json!({"customer": customer}).to_string();
        host.run(["start", "waiter", "--id", id, "--attributes", &attributes]);
        host.until_events(id, 2);
    }
    let acme = "customer = 'acme'";
    let listed = host.run(["list", "--filter", "customer = 'acme' and started > -1h"]);
    assert_eq!(listed.lines().count(), 3, "{listed}");
    assert!(host.run(["describe", "a"]).contains("attribute  customer: \"acme\""));
    assert_eq!(host.json(["count", "--filter", acme]), json!({"total": 2, "statuses": {"running": 2}}));
    assert_eq!(host.run(["count"]), "STATUS   RUNS\nrunning  3\nall      3\n");

    let (status, _, said) = told(&host.client(["list", "--filter", "customer = acme"]).output().unwrap());
    assert_eq!(status, 4, "{said}");
    assert!(said.contains("column 12: expected a value"), "{said}");
    let (status, _, said) = told(&host.client(["start", "waiter", "--attributes", "{\"A\": 1}"]).output().unwrap());
    assert_eq!(status, 2, "{said}");
    assert!(said.contains("`A` is no name of an attribute"), "{said}");

    // Nobody is there to say yes.
    let (status, _, said) = told(&host.client(["batch", "terminate", "--filter", acme]).output().unwrap());
    assert_eq!(status, 2, "{said}");
    assert!(said.contains("2 runs: 2 running") && said.contains("--yes"), "{said}");
    assert_eq!(host.json(["count", "--filter", "status = 'running'"])["total"], 3);

    let sent = host.run(["batch", "signal", "go", "[1]", "--filter", "id = 'a'", "--yes"]);
    assert_eq!(sent, "sent: 1, skipped: 0, failed: 0\n");
    assert_eq!(host.run(["result", "a", "--wait"]), "[1]\n");
    let ended = host.json(["batch", "terminate", "--filter", acme, "--yes", "--reason", "enough"]);
    assert_eq!(ended, json!({"done": 1, "skipped": 1, "failed": 0, "reasons": {"run-closed": 1}}));
    assert!(host.run(["history", "b"]).contains("enough"));
    let deleted = host.run(["batch", "delete", "--filter", "closed != null", "--yes"]);
    assert_eq!(deleted, "deleted: 2, skipped: 0, failed: 0\n");
    assert_eq!(host.run(["batch", "cancel", "--filter", acme, "--yes"]), "asked to end: 0, skipped: 0, failed: 0\n");
    assert_eq!(host.json(["count"])["total"], 1);
}

#[test]
fn a_run_is_deleted_and_its_id_is_free() {
    let (mut host, folder) = host();
    host.deploy("waiter");
    host.run(["start", "waiter", "--id", "w"]);
    let (status, _, said) = told(&host.client(["delete", "w"]).output().unwrap());
    assert_eq!(status, 4, "{said}");
    assert!(said.contains("only one that has ended can be deleted"), "{said}");
    let replaced = host.json(["start", "waiter", "--id", "w", "--if-running", "terminate"]);
    assert_eq!(replaced["created"], true);
    host.run(["terminate", "w"]);
    let (status, _, said) =
        told(&host.client(["start", "waiter", "--id", "w", "--id-reuse", "reject"]).output().unwrap());
    assert_eq!(status, 4, "{said}");
    assert!(said.contains("the id was used by run"), "{said}");
    assert!(host.run(["delete", "w"]).starts_with("deleted: run_"));
    host.run(["delete", "w"]);
    // Gone for good.
    host.kill();
    host.again(folder.path());
    assert_eq!(told(&host.client(["describe", "w"]).output().unwrap()).0, 4);
    let again = host.json(["start", "waiter", "--id", "w", "--id-reuse", "reject"]);
    assert_eq!(again["created"], true);
}
