//! An MCP server as a child process that dies, hangs, and does not want to end.

use std::path::{Path, PathBuf};
use std::time::Duration;

use abide_activities::Activities;
use serde_json::{Value, json};

use crate::common::{activities, answer, call_tool, failure, fast, list_tools, options, parts, verdict};

struct Child {
    activities: Activities,
    folder: tempfile::TempDir,
}

impl Child {
    fn new(faults: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let activities = activities(&config(folder.path(), faults));
        Self { activities, folder }
    }

    /// The processes that were started.
    fn starts(&self) -> Vec<i32> {
        lines(&self.folder.path().join("starts")).iter().map(|line| line.parse().unwrap()).collect()
    }

    /// What the server was sent.
    fn log(&self) -> Vec<Value> {
        lines(&self.folder.path().join("log")).iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    async fn echo(&self) -> Value {
        let result = answer(&call_tool(&self.activities, "t", "echo", json!({ "b": 1 }), fast()).await);
        serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap()
    }
}

fn config(folder: &Path, faults: &[&str]) -> String {
    let python = parts().join("python/bin/python");
    let server = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/activities/server.py");
    let mut args = vec![server.to_str().unwrap()];
    args.extend(faults);
    let folder = folder.display();
    format!(
        "[tools.t]\nkind = \"mcp-stdio\"\ncommand = {python:?}\nargs = {args:?}\ncwd = \"{folder}\"\n\
         connect_timeout_ms = 15000\n\
         env = {{ STARTS = \"{folder}/starts\", LOG = \"{folder}/log\", KEY = \"child-secret\" }}"
    )
}

fn lines(file: &Path) -> Vec<String> {
    std::fs::read_to_string(file).unwrap_or_default().lines().map(str::to_owned).collect()
}

fn is_alive(pid: i32) -> bool {
    // A zombie is dead; it only waits to be looked at.
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    !status.is_empty() && !status.contains("State:\tZ")
}

async fn wait_until_dead(pid: i32) {
    for _ in 0..100 {
        if !is_alive(pid) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("process {pid} lives on");
}

#[tokio::test]
async fn it_is_started_once_with_little_of_the_environment() {
    let child = Child::new(&["chatty", "garbage"]);
    assert!(child.starts().is_empty(), "nothing is started before it is needed");
    let told = child.echo().await;
    assert_eq!(told["arguments"], json!({ "b": 1 }));
    assert!(told["key"].as_str().unwrap().ends_with(":3"), "{told}");
    assert_eq!(told["cwd"].as_str().unwrap(), child.folder.path().canonicalize().unwrap().to_str().unwrap());
    let env: Vec<_> = told["env"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(env.contains(&"PATH") && env.contains(&"KEY"), "{env:?}");
    assert!(!env.iter().any(|name| name.starts_with("CARGO") || name.starts_with("ABIDE")), "{env:?}");
    let calls = (0..50).map(|_| child.echo());
    futures_util::future::join_all(calls).await;
    assert_eq!(child.starts().len(), 1);
    let listings = child.log().iter().filter(|sent| sent["method"] == "tools/list").count();
    assert_eq!(listings, 2, "one list of two pages");
}

#[tokio::test]
async fn all_pages_are_listed_and_a_changed_list_is_noticed() {
    let child = Child::new(&[]);
    let names = |list: &Value| -> Vec<String> {
        list.as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
    };
    let list = answer(&list_tools(&child.activities, Some("t")).await);
    assert_eq!(names(&list), ["echo", "die", "wait", "grow", "fail"]);
    answer(&call_tool(&child.activities, "t", "grow", json!({}), fast()).await);
    let list = answer(&list_tools(&child.activities, None).await);
    assert_eq!(names(&list), ["echo", "die", "wait", "grow", "fail", "new"]);
}

#[tokio::test]
async fn a_list_without_end_is_refused() {
    let child = Child::new(&["endless"]);
    let performed = list_tools(&child.activities, Some("t")).await;
    assert_eq!(verdict(&performed), ("provider-error", false, 1));
}

#[tokio::test]
async fn one_that_dies_is_started_again() {
    let child = Child::new(&[]);
    let performed =
        call_tool(&child.activities, "t", "die", json!({}), options(r#"{"retry":{"max_attempts":1}}"#)).await;
    assert_eq!(verdict(&performed), ("unavailable", true, 1));
    let message = &failure(&performed).message;
    assert!(
        message.starts_with("`tools.t` ended (exit status: 3); its last words: I was told to die with …"),
        "{message}"
    );
    child.echo().await;
    let starts = child.starts();
    assert_eq!(starts.len(), 2);
    wait_until_dead(starts[0]).await;

    // The retry policy of the call holds, too.
    let performed = call_tool(
        &child.activities,
        "t",
        "die",
        json!({}),
        options(r#"{"retry":{"initial_interval_ms":10,"max_attempts":3}}"#),
    )
    .await;
    assert_eq!(verdict(&performed), ("unavailable", true, 3));
    // Calls that were under way with one that died fail with it.
    let hanging = call_tool(&child.activities, "t", "wait", json!({}), options(r#"{"retry":{"max_attempts":1}}"#));
    let killing = async {
        child.echo().await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        let pid = *child.starts().last().unwrap();
        std::process::Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap();
    };
    let (performed, ()) = tokio::join!(hanging, killing);
    assert_eq!(verdict(&performed), ("unavailable", true, 1));
}

#[tokio::test]
async fn one_that_cannot_start_says_why() {
    let child = Child::new(&["broken"]);
    let performed =
        call_tool(&child.activities, "t", "echo", json!({}), options(r#"{"retry":{"max_attempts":1}}"#)).await;
    assert_eq!(verdict(&performed), ("unavailable", true, 1));
    let message = &failure(&performed).message;
    assert!(message.contains("ended (exit status: 1); its last words: cannot find my configuration"), "{message}");

    // Many calls at once do not start it many times.
    let options = options(r#"{"retry":{"initial_interval_ms":10,"max_attempts":2}}"#);
    let calls = (0..50).map(|_| call_tool(&child.activities, "t", "echo", json!({}), options.clone()));
    futures_util::future::join_all(calls).await;
    assert!(child.starts().len() < 6, "{}", child.starts().len());

    let nowhere = activities("[tools.t]\nkind = \"mcp-stdio\"\ncommand = \"no-such-program-anywhere\"");
    let performed = list_tools(&nowhere, Some("t")).await;
    let message = &failure(&performed).message;
    assert!(message.contains("`tools.t` does not start: no-such-program-anywhere (No such file"), "{message}");
    assert!(message.contains("check `command`"), "{message}");
}

#[tokio::test]
async fn one_that_does_not_greet_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), &["silent"]).replace("15000", "300");
    let activities = activities(&config);
    let performed = call_tool(&activities, "t", "echo", json!({}), options(r#"{"retry":{"max_attempts":1}}"#)).await;
    assert_eq!(verdict(&performed), ("unavailable", true, 1));
    assert!(
        failure(&performed).message.contains("`tools.t` did not greet within 300 ms"),
        "{}",
        failure(&performed).message
    );
    for pid in lines(&folder.path().join("starts")) {
        wait_until_dead(pid.parse().unwrap()).await;
    }
}

#[tokio::test]
async fn a_timeout_cancels_the_request() {
    let child = Child::new(&[]);
    let hasty = options(r#"{"attempt_timeout_ms":2000,"retry":{"max_attempts":1}}"#);
    child.echo().await;
    assert_eq!(verdict(&call_tool(&child.activities, "t", "wait", json!({}), hasty).await), ("timeout", true, 1));
    child.echo().await;
    let log = child.log();
    let asked = log.iter().find(|sent| sent["params"]["name"] == "wait").unwrap();
    let cancelled = log.iter().find(|sent| sent["method"] == "notifications/cancelled").unwrap();
    assert_eq!(cancelled["params"]["requestId"], asked["id"]);
    assert_eq!(child.starts().len(), 1);
}

#[tokio::test]
async fn errors_of_the_server_have_their_codes() {
    let child = Child::new(&[]);
    for (code, expected) in [
        (-32602, ("invalid-arguments", false, 1)),
        (-32603, ("provider-error", true, 2)),
        (-32000, ("provider-error", false, 1)),
    ] {
        let options = options(r#"{"retry":{"initial_interval_ms":10,"max_attempts":2}}"#);
        let performed = call_tool(&child.activities, "t", "fail", json!({ "code": code }), options).await;
        assert_eq!(verdict(&performed), expected);
        assert!(
            failure(&performed).message.contains(&format!("as you wish ({code})")),
            "{}",
            failure(&performed).message
        );
    }
    let performed = call_tool(&child.activities, "t", "nope", json!({}), fast()).await;
    assert_eq!(verdict(&performed), ("unknown-tool", false, 1));
    assert!(failure(&performed).message.contains("has no tool `nope`, but `echo`"), "{}", failure(&performed).message);
}

#[tokio::test]
async fn none_outlives_the_activities() {
    let decent = Child::new(&[]);
    decent.echo().await;
    let pid = decent.starts()[0];
    assert!(is_alive(pid));
    drop(decent.activities);
    wait_until_dead(pid).await;

    let stubborn = Child::new(&["stubborn"]);
    stubborn.echo().await;
    let pid = stubborn.starts()[0];
    stubborn.activities.close().await;
    assert!(!is_alive(pid), "`close` waits");
    let performed = call_tool(&stubborn.activities, "t", "echo", json!({}), fast()).await;
    assert_eq!(verdict(&performed), ("unavailable", true, 5));
    assert_eq!(stubborn.starts().len(), 1, "what is closed stays closed");
}

#[test]
fn none_outlives_the_runtime() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (stubborn, pid) = runtime.block_on(async {
        let stubborn = Child::new(&["stubborn"]);
        stubborn.echo().await;
        let pid = stubborn.starts()[0];
        (stubborn, pid)
    });
    drop(runtime);
    drop(stubborn);
    tokio::runtime::Runtime::new().unwrap().block_on(wait_until_dead(pid));
}

/// Not a test by itself: the host that `none_outlives_a_host_that_is_killed` kills.
#[tokio::test]
#[ignore = "it is run by another test"]
async fn host_that_is_killed() {
    let Some(folder) = std::env::var_os("ABIDE_TEST_FOLDER") else { return };
    let activities = activities(&config(Path::new(&folder), &[]));
    answer(&call_tool(&activities, "t", "echo", json!({}), fast()).await);
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn none_outlives_a_host_that_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let mut host = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "mcp_child::host_that_is_killed"])
        .env("ABIDE_TEST_FOLDER", folder.path())
        .stdout(std::process::Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let log = folder.path().join("log");
    for _ in 0..300 {
        if lines(&log).iter().any(|line| line.contains("tools/call")) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let pid: i32 = lines(&folder.path().join("starts"))[0].parse().unwrap();
    assert!(is_alive(pid));
    host.kill().await.unwrap();
    wait_until_dead(pid).await;
}
