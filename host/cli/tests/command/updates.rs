//! Updates, resets and what a start may bring, from the command line; and a host that is killed in between.

use serde_json::json;

use crate::support::{host, told};

const EXPENSE: &str = r#"{"cents": 500, "by": "bob", "patience_ms": 3600000}"#;

#[test]
fn an_update_from_the_command_line_outlives_its_host() {
    let (mut host, folder) = host();
    host.deploy("approval");
    host.run(["start", "approval", "--id", "e", "--input", EXPENSE]);
    let own = host.client(["update", "e", "decide", r#"{"approve": true, "by": "bob"}"#]).output().unwrap();
    let (code, _, said) = told(&own);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("the update was rejected: not-allowed"), "{said}");
    let early = host.client(["update", "e", "other", "--id", "u-0", "--wait", "50ms"]).output().unwrap();
    let (code, _, said) = told(&early);
    assert_eq!(code, 5, "{said}");
    assert!(said.contains("the update u-0 is received"), "{said}");

    host.kill();
    host.again(folder.path());
    let decision = ["update", "e", "decide", r#"{"approve": true, "by": "ada"}"#, "--id", "u-1"];
    let answer = host.run(decision);
    assert_eq!(answer, "{\"approved\":true,\"by\":\"ada\",\"cents\":500}\n");
    host.kill();
    host.again(folder.path());
    assert_eq!(host.run(decision), answer, "the same update has the same answer");
    let shown = host.json(["update", "e", "decide", r#"{"approve": true, "by": "ada"}"#, "--id", "u-1"]);
    assert_eq!(shown["status"], "completed");
    let history = host.run(["history", "e"]);
    assert!(history.contains("◆ update decide") && history.contains("◇ update rejected"), "{history}");
    assert!(history.contains("◇ update completed"), "{history}");
    assert!(host.run(["replay", "e"]).starts_with("identical: "));
    let late = host.client(["update", "e", "decide", "--id", "u-2"]).output().unwrap();
    assert_eq!(told(&late).0, 4);
}

#[test]
fn a_start_brings_its_signal_and_its_timeout_and_a_reset_goes_on() {
    let (host, _folder) = host();
    host.deploy("waiter");
    let result = host.run(["start", "waiter", "--id", "w", "--signal", "go={\"by\": \"ada\"}", "--wait"]);
    assert_eq!(result, "{\"by\":\"ada\"}\n");
    let timed = host.client(["start", "waiter", "--id", "t", "--timeout", "50ms", "--wait"]).output().unwrap();
    let (code, _, said) = told(&timed);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("the run timed out"), "{said}");
    assert!(host.run(["history", "t"]).contains("■ run timed out"));

    let reset = host.run(["reset", "w", "--event", "2"]);
    assert!(reset.starts_with("goes on as run_"), "{reset}");
    assert_eq!(host.run(["result", "w", "--wait"]), "{\"by\":\"ada\"}\n");
    assert!(host.run(["history", "w"]).contains("◆ run reset"));
    let refused = host.client(["reset", "w", "--event", "99"]).output().unwrap();
    let (code, _, said) = told(&refused);
    assert_eq!(code, 4, "{said}");
    assert!(said.contains("99 is not between 1 and"), "{said}");
    assert_eq!(host.json(["list", "--id", "w"]).as_array().map(Vec::len), Some(2), "{}", json!("both runs are there"));
}
