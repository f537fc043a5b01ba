//! Tool components that are uploaded: they perform what the configured ones do, and are there after a restart.

use std::path::Path;
use std::time::Duration;

use abide_model::{Error, ErrorCode, Json, Outcome, RunStatus, WorkflowName};
use abide_runtime::view::{PutTool, ToolSource};
use abide_tests::{FreezeAt, HostProcess, LocalHost, guest};
use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{activities, perform};

async fn put(local: &LocalHost, name: &str, file: Bytes, settings: Value) -> Result<PutTool, Error> {
    local.host.put_tool(&local.tenant, name, Json::from(&settings), file).await
}

/// Gives the error of a call that has to fail, with its code.
async fn refused(local: &LocalHost, name: &str, file: &str, settings: Value, code: ErrorCode) -> String {
    let error = put(local, name, guest(file), settings).await.unwrap_err();
    assert_eq!(error.code, code, "{error}");
    error.message
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_uploaded_component_performs_typed_activities_and_tools_also_after_a_restart() {
    let local = LocalHost::new(activities("")).await;
    let name = WorkflowName::parse("crm-flow").unwrap();
    let early = local.host.deploy(&local.tenant, &name, guest("crm-flow")).await.unwrap_err();
    assert!(early.message.contains("nobody performs") && early.message.contains("abide tools deploy"), "{early}");

    let settings = json!({ "env": { "CRM_REGION": "eu" }, "limits": { "memory_bytes": 33_554_432 } });
    let first = put(&local, "crm", guest("crm-tool"), settings.clone()).await.unwrap();
    assert!(first.created && first.tool.source == ToolSource::Upload);
    assert!(first.tool.performs.contains(&"acme:crm/customers@1.2.0".to_owned()), "{:?}", first.tool);
    let again = put(&local, "crm", guest("crm-tool"), settings).await.unwrap();
    assert!(!again.created && again.tool.version == first.tool.version);

    local.deploy("crm-flow").await;
    local.deploy("tool-caller").await;
    let check = async |local: &LocalHost, id: &str| {
        let steps = json!([{ "find": "Ada" }, "echo", { "variable": "CRM_REGION" }, { "variable": "PATH" }]);
        let results = perform(local, id, steps).await;
        assert_eq!(results[0]["email"], "ada@example.com");
        assert_eq!(results[1..], [json!({ "same": true }), json!("eu"), Value::Null]);
        let input = json!({ "call": ["crm", "find", { "name": "Ada" }] });
        let run = local.start("tool-caller", &format!("{id}-tool"), input).await;
        let row = local.result(&run).await;
        let Some(Outcome::Ok(result)) = row.outcome else { panic!("{row:?}") };
        assert_eq!(result.read::<Value>().unwrap()["structured"]["name"], "Ada");
        let run = local.start("tool-caller", &format!("{id}-list"), json!({ "list": "crm" })).await;
        let row = local.result(&run).await;
        let Some(Outcome::Ok(tools)) = row.outcome else { panic!("{row:?}") };
        assert!(tools.as_str().contains("\"echo-plain\""), "{tools}");
    };
    check(&local, "before").await;
    let local = local.reopen(activities("")).await;
    check(&local, "after").await;
    let shown = local.host.tool(&local.tenant, "crm").await.unwrap();
    assert_eq!((shown.version, shown.problem), (first.tool.version, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_component_in_python_performs_them_too() {
    let local = LocalHost::new(activities("")).await;
    let settings = json!({ "env": { "CRM_DOMAIN": "example.org" }, "retry": { "max_attempts": 1 } });
    put(&local, "crm", guest("crm-tool"), json!({ "interfaces": ["acme:crm/values", "acme:crm/mischief"] }))
        .await
        .unwrap();
    let python = put(&local, "directory", guest("crm-python"), settings).await.unwrap();
    assert_eq!(python.tool.performs, ["acme:crm/customers@1.2.0"]);
    local.deploy("crm-flow").await;
    let steps = json!([{ "find": "Grace" }, { "find": "Ada" }, { "find_all": ["Grace", "Eve"] }, "echo"]);
    let results = perform(&local, "python", steps).await;
    assert_eq!(results[0], json!({ "name": "Grace", "email": "grace@example.org", "tags": ["vip"] }));
    assert_eq!(results[1], json!({ "unknown": "Ada" }));
    assert_eq!(results[2][0]["tags"], json!([]));
    assert_eq!(results[2][1], json!({ "unknown": "Eve" }));
    assert_eq!(results[3], json!({ "same": true }));
    // A mistake in it ends the attempt, and the workflow is told.
    let results = perform(&local, "mistake", json!([{ "find": "nobody" }, { "find": "Grace" }])).await;
    assert!(results[0]["other"].as_str().is_some_and(|text| text.starts_with("trapped: ")), "{results:?}");
    assert_eq!(results[1]["name"], "Grace");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_workflow_needs_is_not_taken_away() {
    let local = LocalHost::new(activities("")).await;
    put(&local, "crm", guest("crm-tool"), json!({})).await.unwrap();
    local.deploy("crm-flow").await;
    let error = local.host.delete_tool(&local.tenant, "crm").await.unwrap_err();
    assert_eq!(error.code, ErrorCode::ToolInUse);
    for part in ["`crm-flow`", "`acme:crm/customers@1.2.0`", "[activities]"] {
        assert!(error.message.contains(part), "{part}: {error}");
    }
    let less = json!({ "interfaces": ["acme:crm/customers"] });
    refused(&local, "crm", "crm-tool", less, ErrorCode::ToolInUse).await;
    // A call that is under way goes on with the component that it began with.
    let run = local.start("crm-flow", "slow", json!([{ "wait": 1500 }, { "find": "Ada" }])).await;
    local.until(&run, RunStatus::Running).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    put(&local, "crm", guest("crm-tool"), json!({ "env": { "A": "b" } })).await.unwrap();
    let row = local.result(&run).await;
    let Some(Outcome::Ok(results)) = &row.outcome else { panic!("{row:?}") };
    let results = results.read::<Vec<Value>>().unwrap();
    assert!(
        results[0]["ok"].as_u64().is_some_and(|waited| waited >= 1500) && results[1]["name"] == "Ada",
        "{results:?}"
    );

    // Once the active version does without, it may go, and the calls of old versions are told.
    let name = WorkflowName::parse("crm-flow").unwrap();
    local.host.deploy(&local.tenant, &name, guest("steps")).await.unwrap();
    local.host.delete_tool(&local.tenant, "crm").await.unwrap();
    assert_eq!(local.host.tool(&local.tenant, "crm").await.unwrap_err().code, ErrorCode::ToolNotFound);
    let local = local.reopen(activities("")).await;
    assert_eq!(local.host.tools(&local.tenant).await.unwrap().tools, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_a_tool_component_is_refused_with_what_to_do() {
    let config = format!("{}\n[tool_uploads]\npass_env = [\"PATH\", \"NONE_OF_THAT\"]\n", crate::COMPONENT);
    let local = LocalHost::with(activities(&config), |config| config.max_component_bytes = 30 << 20).await;
    let no = json!({});
    for (name, file, settings, code, part) in [
        ("crm", "crm-tool", no.clone(), ErrorCode::NameTaken, "`[components.crm]`"),
        ("a b", "crm-tool", no.clone(), ErrorCode::InvalidArgument, "1 to 64 characters"),
        ("flow", "crm-flow", no.clone(), ErrorCode::InvalidComponent, "may import"),
        ("a", "crm-tool", json!({ "allow": [] }), ErrorCode::InvalidArgument, "unknown field `allow`"),
        ("a", "crm-tool", json!({ "pass_env": ["HOME"] }), ErrorCode::InvalidArgument, "[tool_uploads]"),
        ("a", "crm-tool", json!({ "pass_env": ["NONE_OF_THAT"] }), ErrorCode::InvalidArgument, "is not set"),
        ("a", "crm-tool", json!({ "max_concurrent": 0 }), ErrorCode::InvalidArgument, "max_concurrent"),
        ("a", "crm-tool", json!({ "max_concurrent": 501 }), ErrorCode::LimitExceeded, "the limit is 500"),
        (
            "a",
            "crm-tool",
            json!({ "limits": { "memory_bytes": 1_u64 << 31 } }),
            ErrorCode::InvalidArgument,
            "memory_bytes",
        ),
        (
            "a",
            "crm-tool",
            json!({ "interfaces": ["acme:crm/orders"] }),
            ErrorCode::InvalidArgument,
            "exports `acme:crm/",
        ),
        ("a", "crm-tool", json!({ "http": { "allow": ["not a host"] } }), ErrorCode::InvalidArgument, "not a host"),
        ("a", "crm-tool", json!({ "wit": "package" }), ErrorCode::InvalidArgument, "`settings.wit` is no WIT"),
    ] {
        let message = refused(&local, name, file, settings, code).await;
        assert!(message.contains(part), "{part}: {message}");
    }
    assert_eq!(local.host.tools(&local.tenant).await.unwrap().tools.len(), 1, "that of the configuration");

    put(&local, "a", guest("crm-tool"), json!({ "pass_env": ["PATH"] })).await.unwrap();
    let message = refused(&local, "b", "crm-tool", no.clone(), ErrorCode::NameTaken).await;
    assert!(message.contains("`a` performs") && message.contains("`interfaces`"), "{message}");
    put(&local, "b", guest("crm-tool"), json!({ "interfaces": [] })).await.unwrap();
    let error = local.host.delete_tool(&local.tenant, "crm").await.unwrap_err();
    assert!(error.code == ErrorCode::InvalidArgument && error.message.contains("configuration"), "{error}");

    // The configuration takes a name away, and a variable: the host comes up, and says so.
    let config = "[workers.b]\n";
    let local = local.reopen(activities(config)).await;
    let tools = local.host.tools(&local.tenant).await.unwrap().tools;
    let problems: Vec<_> = tools.iter().map(|tool| tool.problem.as_deref().unwrap_or_default()).collect();
    assert!(problems[0].contains("[tool_uploads]") && problems[1].contains("`[workers.b]`"), "{problems:?}");
    local.host.delete_tool(&local.tenant, "b").await.unwrap();
}

/// Before its commit an upload is not there; after it, it is, though nobody was told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_is_there_or_not_when_the_host_is_killed() -> Result<()> {
    let folder = TempDir::new()?;
    let config = folder.path().join("abide.toml");
    std::fs::write(&config, "listen = \"127.0.0.1:0\"\ndata = \"data\"\n")?;
    let binary = Path::new(env!("CARGO_BIN_EXE_freezing-host"));
    for (at, there) in [(FreezeAt::Before(1), false), (FreezeAt::After(1), true)] {
        let mut host = HostProcess::start(binary, &config, Some(at)).await?;
        let caller = host.caller();
        let upload = tokio::spawn(async move { caller.put_file("/v1/tools/crm", guest("crm-tool").to_vec()).await });
        ensure!(host.frozen().await?, "the store froze");
        ensure!(!upload.is_finished(), "{at}: nobody is told");
        host.kill().await?;
        let host = HostProcess::start(binary, &config, None).await?;
        let tools = host.caller().get("/v1/tools").await?;
        let names = tools["tools"].as_array().context("a list")?;
        ensure!(names.len() == usize::from(there), "{at}: {tools}");
        if there {
            host.deploy("crm-flow").await?;
            host.caller().start_run("crm-flow", "killed", &json!([{ "find": "Ada" }])).await?;
            let run = host.caller().get("/v1/runs/killed/result?wait=60s").await?;
            ensure!(run["outcome"]["ok"][0]["name"] == "Ada", "{run}");
        }
        host.kill().await?;
    }
    Ok(())
}
