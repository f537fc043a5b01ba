//! MCP servers that others wrote: two of the reference servers over standard input and output, and one of the Python library over HTTP.

use std::process::Stdio;
use std::time::Duration;

use serde_json::json;

use crate::common::{
    Server, activities, answer, call_tool, failure, fast, free_port, list_tools, options, parts, response, verdict,
    wait_for,
};

fn node(package: &str, arguments: &[&str]) -> String {
    let script = parts().join(format!("node/node_modules/@modelcontextprotocol/{package}/dist/index.js"));
    let mut args = vec![script.to_str().unwrap()];
    args.extend(arguments);
    format!("kind = \"mcp-stdio\"\ncommand = \"node\"\nargs = {args:?}\n")
}

#[tokio::test]
async fn the_reference_server_of_everything() {
    let activities = activities(&format!("[tools.all]\n{}", node("server-everything", &["stdio"])));
    let list = answer(&list_tools(&activities, None).await);
    let echo = list.as_array().unwrap().iter().find(|tool| tool["name"] == "echo").unwrap();
    assert_eq!(echo["provider"], "all");
    assert_eq!(echo["input_schema"]["properties"]["message"]["type"], "string");

    let call = |name: &'static str, arguments| call_tool(&activities, "all", name, arguments, fast());
    let echoed = answer(&call("echo", json!({ "message": "hello" })).await);
    assert_eq!(echoed, json!({ "content": [{ "type": "text", "text": "Echo: hello" }], "is_error": false }));
    let picture = answer(&call("get-tiny-image", json!({})).await);
    let image = picture["content"].as_array().unwrap().iter().find(|part| part["type"] == "image").unwrap();
    assert_eq!(image["media_type"], "image/png");
    assert!(image["base64"].as_str().unwrap().len() > 100);
    let structured = answer(&call("get-structured-content", json!({ "location": "New York" })).await);
    assert!(structured["structured"]["temperature"].is_number(), "{structured}");
    let link = answer(&call("get-resource-links", json!({ "count": 1 })).await);
    assert!(link["content"].to_string().contains("://"), "{link}");
    let resource = answer(&call("get-resource-reference", json!({ "resourceType": "Text", "resourceId": 1 })).await);
    assert!(resource["content"].as_array().unwrap().len() > 1, "{resource}");

    // Wrong arguments are an answer or a failure, as the version of the server likes, and final in both cases.
    let wrong = call("get-sum", json!({ "a": "x" })).await;
    match &wrong.outcome {
        abide_model::Outcome::Ok(_) => assert_eq!(answer(&wrong)["is_error"], true),
        abide_model::Outcome::Failed(_) => assert_eq!(verdict(&wrong), ("invalid-arguments", false, 1)),
    }
    assert_eq!(wrong.attempts, 1);
    assert_eq!(verdict(&call("no-such-tool", json!({})).await), ("unknown-tool", false, 1));

    let slow = options(r#"{"attempt_timeout_ms":300,"retry":{"max_attempts":1}}"#);
    let arguments = json!({ "duration": 5, "steps": 2 });
    let performed = call_tool(&activities, "all", "trigger-long-running-operation", arguments, slow).await;
    assert_eq!(verdict(&performed), ("timeout", true, 1));
    answer(&call("echo", json!({ "message": "still there" })).await);
}

#[tokio::test]
async fn the_reference_server_of_files() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("note.txt"), "remember the milk").unwrap();
    let root = folder.path().canonicalize().unwrap();
    let activities = activities(&format!("[tools.fs]\n{}", node("server-filesystem", &[root.to_str().unwrap()])));
    let read = |path: String| call_tool(&activities, "fs", "read_text_file", json!({ "path": path }), fast());
    let result = answer(&read(root.join("note.txt").display().to_string()).await);
    assert_eq!(result["content"][0]["text"], "remember the milk");
    let result = answer(&read("/etc/passwd".to_owned()).await);
    assert_eq!(result["is_error"], true);
}

fn http_server(port: u16) -> tokio::process::Child {
    let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/activities/http_server.py");
    tokio::process::Command::new(parts().join("python/bin/python"))
        .arg(script)
        .arg(port.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

#[tokio::test]
async fn a_server_behind_http_that_is_restarted() {
    let port = free_port();
    let mut server = http_server(port);
    wait_for(port).await;
    let activities = activities(&format!(
        "[tools.py]\nkind = \"mcp-http\"\nurl = \"http://127.0.0.1:{port}/mcp\"\n\
         headers = {{ authorization = \"Bearer http-secret\" }}"
    ));
    let call = |name: &'static str, arguments| call_tool(&activities, "py", name, arguments, fast());
    let sum = answer(&call("add", json!({ "a": 2, "b": 3 })).await);
    assert_eq!(sum["content"][0]["text"], "5");
    assert_eq!(sum["structured"], json!({ "result": 5 }));
    let seen = answer(&call("seen", json!({})).await);
    let seen: serde_json::Value = serde_json::from_str(seen["content"][0]["text"].as_str().unwrap()).unwrap();
    assert_eq!(seen["authorization"], "Bearer http-secret");
    assert!(seen["meta"].as_str().unwrap().contains("'abide/idempotency-key': 'run_"), "{seen}");
    assert_eq!(seen["version"], "2026-07-28", "the newest version is spoken where both know it");
    assert_eq!(answer(&call("fail", json!({})).await)["is_error"], true);

    server.kill().await.unwrap();
    let performed =
        call_tool(&activities, "py", "add", json!({ "a": 1, "b": 1 }), options(r#"{"retry":{"max_attempts":1}}"#))
            .await;
    assert_eq!(verdict(&performed), ("unavailable", true, 1));
    assert!(!failure(&performed).message.contains("/mcp"), "{}", failure(&performed).message);

    // It comes back while a call is tried again.
    let patient = options(r#"{"retry":{"initial_interval_ms":200,"max_interval_ms":500,"max_attempts":60}}"#);
    let calling = call_tool(&activities, "py", "add", json!({ "a": 1, "b": 1 }), patient);
    let starting = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        http_server(port)
    };
    let (performed, _server) = tokio::join!(calling, starting);
    assert_eq!(answer(&performed)["content"][0]["text"], "2");
    assert!(performed.attempts > 1);
}

#[tokio::test]
async fn servers_behind_http_that_refuse() {
    let once = options(r#"{"retry":{"max_attempts":1}}"#);
    for (status, headers, code, retryable) in [
        (401, &[("www-authenticate", "Bearer")][..], "denied", false),
        (401, &[], "denied", false),
        (403, &[], "denied", false),
        (404, &[], "provider-error", false),
        (429, &[("retry-after", "7")], "rate-limited", true),
        (503, &[], "unavailable", true),
        (302, &[("location", "http://127.0.0.1:1/")], "provider-error", false),
        (200, &[("content-type", "text/html")], "unavailable", true),
    ] {
        let server = Server::start(move |_| response(status, headers, "<html>")).await;
        let activities = activities(&format!("[tools.x]\nkind = \"mcp-http\"\nurl = \"{}\"", server.url("/mcp")));
        let performed = call_tool(&activities, "x", "t", json!({}), once.clone()).await;
        assert_eq!(verdict(&performed), (code, retryable, 1), "{status}: {}", failure(&performed).message);
    }
}
