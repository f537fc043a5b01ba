//! `abide schedule`, each of its commands.

use crate::support::{PATIENCE, host, told};

#[test]
fn a_schedule_from_its_making_to_its_end() {
    let (host, _folder) = host();
    host.deploy("waiter");
    let created = host.run([
        "schedule",
        "create",
        "nightly",
        "waiter",
        "--cron",
        "0 3 * * *",
        "--time-zone",
        "Europe/Zurich",
        "--every",
        "24h+30m",
        "--input",
        "{\"deep\": true}",
        "--overlap",
        "buffer_one",
        "--jitter",
        "5s",
        "--end-at",
        "2099-01-01T00:00:00Z",
        "--note",
        "as agreed",
    ]);
    assert!(created.starts_with("created: nightly is due next at 20"), "{created}");
    let described = host.run(["schedule", "describe", "nightly"]);
    for line in [
        "state      active: as agreed\n",
        "cron       0 3 * * * (Europe/Zurich)\n",
        "every      1d00h and 30m00s after\n",
        "to         2099-01-01T00:00:00Z\n",
        "jitter     5.00s\n",
        "overlap    buffer_one\n",
        "input      {\"deep\": true}\n",
        "counts     0 started, 0 skipped, 0 missed, 0 failed\n",
    ] {
        assert!(described.contains(line), "{line}: {described}");
    }
    assert_eq!(described.matches("due        ").count(), 5, "{described}");

    let paused = host.run(["schedule", "pause", "nightly", "--note", "not now"]);
    assert_eq!(paused, "paused: nightly is not due\n");
    let listed = host.run(["schedule", "list"]);
    assert!(listed.starts_with("SCHEDULE  WORKFLOW  STATE ") && listed.contains("not now"), "{listed}");
    assert!(host.run(["schedule", "unpause", "nightly"]).starts_with("unpaused: nightly is due next at 20"));

    let triggered = host.run(["schedule", "trigger", "nightly"]);
    assert!(triggered.starts_with("started run_") && triggered.contains("(waiter nightly-20"), "{triggered}");
    let again = host.run(["schedule", "trigger", "nightly", "--overlap", "skip"]);
    assert_eq!(again, "no run of nightly starts: one is open, and the policy is to skip\n");

    // What is not given stays.
    host.run(["schedule", "update", "nightly", "--every", "1h", "--jitter", "0s"]);
    let found = host.json(["schedule", "describe", "nightly"]);
    assert_eq!(found["spec"]["intervals"], serde_json::json!([{"every_ms": 3_600_000, "offset_ms": 0}]));
    assert_eq!((found["spec"].get("cron"), &found["spec"]["overlap"]), (None, &serde_json::json!("buffer_one")));
    assert_eq!(found["recent"][0]["status"], "running");

    let range = ["schedule", "backfill", "nightly", "--from", "2026-01-01T00:30:00Z", "--to", "2026-01-01T02:00:00Z"];
    let backfilled = host.client(range).args(["--overlap", "allow_all"]).output().unwrap();
    assert!(told(&backfilled).1.starts_with("takes up the range: nightly is due"), "{backfilled:?}");
    let began = std::time::Instant::now();
    while host.json(["schedule", "describe", "nightly"])["counts"]["started"] != 3 {
        assert!(began.elapsed() < PATIENCE);
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert!(host.run(["list"]).contains("nightly-2026-01-01T01:00:00Z"));

    assert_eq!(host.run(["schedule", "delete", "nightly"]), "deleted nightly\n");
    assert_eq!(host.json(["schedule", "list"]), serde_json::json!([]));
}

#[test]
fn what_is_wrong_is_said() {
    let (host, _folder) = host();
    for (arguments, status, words) in [
        (["schedule", "create", "a", "waiter", "--every", "soon"], 2, "no duration"),
        (["schedule", "create", "a", "waiter", "--start-at", "soon"], 2, "is no time"),
        (["schedule", "create", "a", "waiter", "--overlap", "maybe"], 2, "no overlap policy"),
        (["schedule", "create", "a/b", "waiter", "--every", "1h"], 2, "no schedule id"),
        (["schedule", "create", "a", "waiter", "--cron", "0 0 30 2 *"], 4, "never due"),
    ] {
        let (found, _, stderr) = told(&host.client(arguments).output().unwrap());
        assert_eq!(found, status, "{arguments:?}: {stderr}");
        assert!(stderr.contains(words), "{words}: {stderr}");
    }
    let (status, _, stderr) = told(&host.client(["schedule", "describe", "nobody"]).output().unwrap());
    assert_eq!(status, 4, "{stderr}");
    assert!(stderr.contains("there is no schedule `nobody`"), "{stderr}");
}
