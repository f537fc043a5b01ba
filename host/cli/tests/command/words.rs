//! What the commands print.

use crate::support::{Host, PATIENCE, Running, guest, host, told};

/// Run ids, digests, times and spans differ from run to run.
fn without_chance(text: &str) -> String {
    let mut lines = Vec::new();
    for line in text.lines() {
        let words = line.split(' ').map(|word| {
            let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            if bare.starts_with("run_") {
                word.replace(bare, "RUN")
            } else if bare.len() == 12 && bare.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                word.replace(bare, "VERSION")
            } else if bare.ends_with("ms") || bare.ends_with('s') && bare.starts_with(|c: char| c.is_ascii_digit()) {
                word.replace(bare, "SPAN")
            } else {
                word.to_owned()
            }
        });
        lines.push(words.collect::<Vec<_>>().join(" "));
    }
    lines.join("\n")
}

#[test]
fn a_run_from_its_start_to_its_replay() {
    let (host, _folder) = host();
    let deployed = host.run(["deploy", guest("waiter").to_str().unwrap()]);
    assert!(deployed.starts_with("deployed waiter "), "{deployed}");
    let again = host.run(["deploy", guest("waiter").to_str().unwrap()]);
    assert!(again.starts_with("activated (it was there before) waiter "), "{again}");
    assert!(host.run(["workflows"]).contains("waiter"));

    let started = host.run(["start", "waiter", "--id", "w-1"]);
    assert_eq!(without_chance(&started), "started RUN (waiter w-1)");
    host.until_events("w-1", 2);
    assert_eq!(host.run(["query", "w-1", "phase"]), "\"waiting\"\n");
    let listed = host.run(["list", "--status", "running"]);
    assert!(listed.starts_with("RUN ") && listed.contains("w-1") && listed.contains("waiter"), "{listed}");
    assert_eq!(host.run(["list", "--status", "failed"]), "");
    let described = host.run(["describe", "w-1"]);
    assert!(described.contains("waits for  #0 signals.receive"), "{described}");
    assert!(described.contains("published  phase: \"waiting\""), "{described}");

    let sent = host.run(["signal", "w-1", "go", r#"{"by": "ada"}"#, "--key", "k"]);
    assert!(sent.starts_with("sent: event "), "{sent}");
    assert_eq!(host.run(["result", "w-1", "--wait"]), "{\"by\":\"ada\"}\n");
    assert!(host.run(["signal", "w-1", "go", r#"{"by": "ada"}"#, "--key", "k"]).starts_with("was sent before: "));

    let history = host.run(["history", "w-1"]);
    assert!(history.contains("● run started                waiter w-1\n"), "{history}");
    assert!(history.contains("→ #0 signals.receive         go"), "{history}");
    assert!(history.contains("◆ signal go                  {"), "{history}");
    assert!(history.contains("■ run completed              {\"by\":\"ada\"}"), "{history}");
    let events = host.json(["history", "w-1"]);
    assert_eq!(events[0].get("input"), Some(&serde_json::Value::Null), "an input of null is an input");
    assert_eq!(events.as_array().unwrap().len(), history.lines().count());

    let replayed = host.run(["replay", "w-1"]);
    assert!(replayed.starts_with("identical: "), "{replayed}");
}

#[test]
fn a_replay_that_is_not_identical() {
    let (host, _folder) = host();
    host.deploy("waiter");
    host.run(["start", "waiter", "--id", "w"]);
    host.until_events("w", 2);
    let other = guest("order-v1");
    let output = host.client(["replay", "w", "--component", other.to_str().unwrap()]).output().unwrap();
    let (status, stdout, _) = told(&output);
    assert_eq!(status, 1, "{stdout}");
    assert!(stdout.starts_with("diverged: "), "{stdout}");
    assert!(stdout.contains("signals.receive") && stdout.contains("tools.call"), "both calls are named: {stdout}");
    assert!(stdout.contains("event 1"), "the event is named: {stdout}");
}

#[test]
fn a_start_that_waits_or_follows() {
    let (host, folder) = host();
    host.deploy("waiter");
    let waiting = Running::start(host.client(["start", "waiter", "--id", "a", "--wait"]));
    assert_eq!(without_chance(&waiting.note()), "started RUN (waiter a)");
    host.run(["signal", "a", "go", "[1, 2]"]);
    assert_eq!(waiting.end(), (0, vec!["[1,2]".to_owned()]));

    let input = folder.path().join("input.json");
    std::fs::write(&input, "{\"n\": 1}").unwrap();
    let at = format!("@{}", input.display());
    let following = Running::start(host.client(["start", "waiter", "--id", "b", "--input", &at, "--follow"]));
    assert!(following.line().ends_with("● run started                waiter b {\"n\": 1}"));
    host.run(["terminate", "b", "--reason", "enough"]);
    let (status, lines) = following.end();
    assert_eq!(status, 1, "a run that did not complete");
    assert!(lines.last().unwrap().ends_with("■ run terminated             enough"), "{lines:?}");

    let events = Running::start(host.client(["history", "b", "--follow", "-o", "json"]));
    let first: serde_json::Value = serde_json::from_str(&events.line()).unwrap();
    assert_eq!(first["type"], "run-started");
    assert_eq!(events.end().0, 0);
}

#[test]
fn a_task_is_shown_and_answered_by_hand() {
    let folder = tempfile::TempDir::new().unwrap();
    let config = "[workers.desk]\n[[workers.desk.tool]]\nname = \"sign\"\n";
    std::fs::write(folder.path().join("abide.toml"), config).unwrap();
    let host = Host::start(folder.path());
    host.deploy("steps");
    let input = r#"{"steps": 1, "provider": "desk", "tool": "sign"}"#;
    let started = host.json(["start", "steps", "--id", "a", "--input", input]);
    host.until_events("a", 2);
    let began = std::time::Instant::now();
    while host.json(["tasks"])["queues"][0]["waiting"] != 1 {
        assert!(began.elapsed() < PATIENCE, "no task waits");
    }
    let listed = host.run(["tasks"]);
    assert!(listed.starts_with("QUEUE ") && listed.contains("desk ") && listed.contains("sign"), "{listed}");
    let token = format!("{}:0:1", started["run"]["run_id"].as_str().unwrap());
    assert_eq!(host.run(["complete", &token, r#"{"by": "ada"}"#]), format!("completed: {token}\n"));
    assert_eq!(host.run(["complete", &token, "1"]), format!("was answered before: {token}\n"));
    assert_eq!(host.run(["result", "a", "--wait"]), "1\n");

    let started = host.json(["start", "steps", "--id", "b", "--input", input]);
    let token = format!("{}:0:1", started["run"]["run_id"].as_str().unwrap());
    let began = std::time::Instant::now();
    while host.json(["tasks"])["queues"][0]["waiting"] != 1 {
        assert!(began.elapsed() < PATIENCE, "no task waits");
    }
    assert_eq!(host.json(["fail", &token, "denied", "not today"]), serde_json::json!({"duplicate": false}));
    let (status, _, stderr) = told(&host.client(["result", "b", "--wait"]).output().unwrap());
    assert_eq!(status, 1);
    assert!(stderr.contains("not today"), "{stderr}");
}

#[test]
fn help_says_what_there_is() {
    let output = crate::support::abide().arg("--help").output().unwrap();
    let (status, stdout, _) = told(&output);
    assert_eq!(status, 0);
    for word in ["dev", "serve", "deploy", "start", "replay", "Exit status", "--server", "ABIDE_URL"] {
        assert!(stdout.contains(word), "`{word}` is missing: {stdout}");
    }
}
