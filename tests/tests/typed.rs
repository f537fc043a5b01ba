//! Typed activities: a workflow imports interfaces of its own, and tool components or workers perform them.
#![expect(clippy::unwrap_used, reason = "a test that cannot set up its own parts has failed")]

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use abide_activities::{Activities, ActivitiesConfig, Performer as _};
use abide_model::{ErrorCode, Json, Outcome, ParkKind, RunRef, RunStatus, SystemClock, WorkflowName};
use abide_runtime::view::ReplayVerdict;
use abide_tests::{HostProcess, LocalHost, guest, guests_dir};
use anyhow::{Result, ensure};
use axum::http::HeaderMap;
use axum::routing::get;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::Notify;

/// The component of the tests, with the limits that they need and one attempt for each call.
const COMPONENT: &str = r#"
    [components.crm]
    component = "crm-tool.wasm"
    max_concurrent = 4
    retry = { max_attempts = 1 }
    limits = { memory_bytes = 33554432, step_fuel = 2000000000 }
"#;

const BOUND: &str = r#"
    [activities]
    "acme:crm/customers" = { component = "crm" }
    "acme:crm/values@1.2.0" = { component = "crm" }
    "acme:crm/mischief" = { component = "crm" }
"#;

fn activities(config: &str) -> Activities {
    let config: ActivitiesConfig = toml::from_str(config).unwrap();
    Activities::new(config, &guests_dir(), Arc::new(SystemClock)).unwrap()
}

/// A host whose component is `COMPONENT`, with more in its section, and everything bound to it.
async fn host(more: &str) -> LocalHost {
    host_of(&format!("{COMPONENT}{more}{BOUND}")).await
}

async fn host_of(config: &str) -> LocalHost {
    let local = LocalHost::with(activities(config), |config| config.limits.request_bytes = 1 << 20).await;
    local.deploy("crm-flow").await;
    local
}

/// Runs steps, and gives what came of each. The history has to replay identical.
async fn perform(local: &LocalHost, id: &str, steps: Value) -> Vec<Value> {
    let run = local.start("crm-flow", id, steps).await;
    let row = local.result(&run).await;
    let Some(Outcome::Ok(result)) = &row.outcome else { panic!("the run is {}: {row:?}", row.status) };
    let report = local.host.replay(&local.tenant, &run, None).await.unwrap();
    assert_eq!(report.verdict, ReplayVerdict::Identical, "{report:?}");
    result.read().unwrap()
}

#[tokio::test]
async fn functions_are_called_by_their_types_and_recorded_as_json() {
    let local = host("").await;
    let results = perform(&local, "a", json!([{ "find": "Ada" }, { "find": "Bob" }])).await;
    let ada = json!({ "name": "Ada", "email": "ada@example.com", "tags": ["vip"] });
    assert_eq!(results, [ada, json!({ "unknown": "Bob" })]);

    let history = local.history(&RunRef::parse("a").unwrap()).await;
    let requested: Vec<_> = history.iter().filter_map(|event| event.request.clone()).collect();
    let first: Value = requested
        .iter()
        .map(|request| request.read().unwrap())
        .find(|request: &Value| request["function"] == "find")
        .unwrap();
    let expected = json!({
        "interface": "acme:crm/customers@1.2.0",
        "function": "find",
        "arguments": { "name": "Ada", "with-tags": true },
    });
    assert_eq!(first, expected);
    let outcomes: Vec<Value> = history
        .iter()
        .filter(|event| event.kind == "call-completed")
        .filter_map(|event| match &event.outcome {
            Some(Outcome::Ok(outcome)) => Some(outcome.read().unwrap()),
            _ => None,
        })
        .collect();
    let found = json!({ "ok": { "name": "Ada", "email": "ada@example.com", "tags": ["vip"], "tier": "paid" } });
    // An error that the function gives is a result: it is recorded as one, and not tried again.
    assert_eq!(outcomes, [found, json!({ "error": { "unknown": "Bob" } })]);
}

#[tokio::test]
async fn every_kind_of_value_goes_there_and_back() {
    let local = host("").await;
    let results = perform(&local, "v", json!(["echo", "echo_plain", "echo"])).await;
    assert_eq!(results, vec![json!({ "same": true }); 3]);
}

#[tokio::test]
async fn calls_run_at_the_same_time() {
    let local = host("").await;
    let names: Vec<_> = (0..40).map(|number| format!("nobody {number}")).collect();
    let results = perform(&local, "m", json!([{ "find_all": names }])).await;
    let unknown: Vec<_> = names.iter().map(|name| json!({ "unknown": name })).collect();
    assert_eq!(results, [Value::from(unknown)]);
}

#[tokio::test]
async fn what_goes_wrong_in_a_component_ends_that_call_and_nothing_else() {
    let local = host("").await;
    let steps = json!(["panic", "spin", { "grow": 1_u64 << 30 }, { "find": "Ada" }, { "wait": 20 }]);
    let results = perform(&local, "w", steps).await;
    let failures = [("trapped", true), ("fuel-exhausted", false), ("memory-exceeded", false)];
    for (result, (code, retryable)) in results.iter().zip(failures) {
        assert_eq!((&result["code"], &result["retryable"]), (&code.into(), &retryable.into()), "{result}");
        assert!(result["message"].as_str().unwrap().contains("`crm`"), "{result}");
    }
    assert_eq!(results[3]["name"], "Ada");
    assert!(results[4]["ok"].as_u64().unwrap() >= 20, "{}", results[4]);
}

#[tokio::test]
async fn an_attempt_that_takes_too_long_is_ended_and_tried_again_as_configured() {
    let more = "attempt_timeout_ms = 500\nretry = { max_attempts = 3, initial_interval_ms = 10, jitter = 0.0 }\n";
    let component = COMPONENT.replace("retry = { max_attempts = 1 }", more);
    let local = host_of(&format!("{component}{BOUND}")).await;
    let results = perform(&local, "t", json!([{ "wait": 60_000 }, "panic", "spin"])).await;
    let codes: Vec<_> = results.iter().map(|result| result["code"].as_str().unwrap()).collect();
    assert_eq!(codes[..2], ["timeout", "trapped"]);
    // A busy machine may not get through the fuel in time.
    assert!(matches!(codes[2], "fuel-exhausted" | "timeout"), "{codes:?}");
    let history = local.history(&RunRef::parse("t").unwrap()).await;
    let attempts: Vec<_> =
        history.iter().filter(|event| event.kind == "call-completed").filter_map(|event| event.attempts).collect();
    assert_eq!(attempts[..2], [3, 3], "time-outs and traps are tried again");
}

#[tokio::test]
async fn each_call_has_an_instance_of_its_own() {
    let local = host("").await;
    assert_eq!(perform(&local, "c", json!(["count", "count", "count"])).await, [1, 1, 1]);
}

#[tokio::test]
async fn a_component_fetches_what_its_own_list_allows() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let routes = axum::Router::new().route("/", get(|| async { "hello" }));
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });

    let steps = json!([{ "fetch": format!("http://{address}/") }]);
    let allowed = host(&format!("http = {{ allow = [\"{address}\"] }}\n")).await;
    assert_eq!(perform(&allowed, "f", steps.clone()).await, [json!({ "ok": 200 })]);
    // What workflows may fetch is not what the component may fetch.
    let denied = host_of(&format!("http = {{ allow = [\"{address}\"] }}\n{COMPONENT}{BOUND}")).await;
    let result = &perform(&denied, "f", steps).await[0];
    assert_eq!(result["code"], "denied");
    assert!(result["message"].as_str().unwrap().contains("[components.crm.http]"), "{result}");
}

#[tokio::test]
async fn a_component_sees_its_own_environment_and_no_other() {
    let local = host("env = { CRM_KEY = \"secret\" }\n").await;
    let steps = json!([{ "variable": "CRM_KEY" }, { "variable": "PATH" }, { "variable": "ABIDE_RUN_ID" }]);
    assert_eq!(perform(&local, "e", steps).await, [json!("secret"), Value::Null, Value::Null]);
}

#[tokio::test]
async fn hostile_sizes_are_failures_by_name() {
    let local = host("").await;
    let steps = json!([{ "take": 2_000_000 }, { "take": 1000 }, { "many": 400_000 }, { "many": 1000 }]);
    let results = perform(&local, "h", steps).await;
    // The request of a workflow has its limit, and so has the result of a component.
    for place in [0, 2] {
        assert_eq!(results[place]["code"], "too-large", "{}", results[place]);
    }
    assert_eq!([&results[1], &results[3]], [&json!({ "ok": 1000 }), &json!({ "ok": 1000 })]);
}

#[tokio::test]
async fn a_failure_that_the_type_cannot_say_parks_the_run() {
    let local = host("").await;
    let run = local.start("crm-flow", "s", json!(["silent"])).await;
    let row = local.until(&run, RunStatus::Parked).await;
    let reason = row.parked.unwrap();
    assert_eq!(reason.kind, ParkKind::GuestError);
    assert!(
        reason.message.contains("acme:crm/mischief@1.2.0.silent") && reason.message.contains("trapped"),
        "{reason:?}"
    );
}

#[tokio::test]
async fn what_is_not_bound_is_refused_at_the_upload_and_fails_at_the_call() {
    let config = format!("{COMPONENT}[activities]\n\"acme:crm/customers\" = {{ component = \"crm\" }}\n");
    let local = LocalHost::new(activities(&config)).await;
    let name = WorkflowName::parse("crm-flow").unwrap();
    let error = local.host.deploy(&local.tenant, &name, guest("crm-flow")).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidComponent);
    assert!(error.message.contains("`acme:crm/") && error.message.contains("[activities]"), "{error}");

    // It was deployed while everything was bound.
    let local = host("").await.reopen(activities(COMPONENT)).await;
    let results = perform(&local, "n", json!([{ "find": "Ada" }, "panic"])).await;
    assert!(results[0]["other"].as_str().unwrap().starts_with("not-bound: nobody performs"), "{}", results[0]);
    assert_eq!(results[1]["code"], "not-bound");
}

#[tokio::test]
async fn an_interface_is_bound_by_its_compatible_versions() {
    let with = |key: &str| {
        let config = format!("{COMPONENT}[activities]\n\"{key}\" = {{ component = \"crm\" }}\n");
        let config: ActivitiesConfig = toml::from_str(&config).unwrap();
        Activities::new(config, &guests_dir(), Arc::new(SystemClock))
    };
    let import = |version: &str| abide_engine::TypedImport {
        interface: abide_model::InterfaceName::parse(&format!("acme:crm/customers{version}")).unwrap(),
        functions: vec!["find".to_owned()],
    };
    for version in ["@1.2.0", "@1.0.0", ""] {
        with("acme:crm/customers").unwrap().check_import(&import(version)).unwrap();
    }
    for version in ["@1.3.0", "@2.0.0", "@0.9.0"] {
        with("acme:crm/customers").unwrap().check_import(&import(version)).unwrap_err();
    }
    let error = with("acme:crm/customers@2.0.0").map(drop).unwrap_err();
    assert!(error.message.contains("exports another interface"), "{error}");
    let error = with("acme:crm/orders").map(drop).unwrap_err();
    assert!(error.message.contains("`acme:crm/customers@1.2.0`"), "{error}");
    let missing = abide_engine::TypedImport { functions: vec!["forget".to_owned()], ..import("@1.2.0") };
    let error = with("acme:crm/customers").unwrap().check_import(&missing).unwrap_err();
    assert!(error.message.contains("no function `forget`"), "{error}");
}

#[tokio::test]
async fn interfaces_with_resources_are_refused_at_the_upload() {
    let local = host("").await;
    let name = WorkflowName::parse("crm-handles").unwrap();
    let error = local.host.deploy(&local.tenant, &name, guest("crm-handles")).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidComponent);
    for part in ["acme:crm/sessions", "resource", "give its id"] {
        assert!(error.message.contains(part), "{part}: {error}");
    }
}

#[tokio::test]
async fn the_functions_of_a_component_are_tools() {
    let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("guests/crm-tool/wit/crm.wit");
    let local = LocalHost::new(activities(&format!("{COMPONENT}wit = \"{}\"\n", wit.display()))).await;
    local.deploy("tool-caller").await;
    let ask = async |id: &str, input: Value| {
        let run = local.start("tool-caller", id, input).await;
        match local.result(&run).await.outcome.unwrap() {
            Outcome::Ok(result) => result.read::<Value>().unwrap(),
            Outcome::Failed(failure) => json!({ "code": failure.code, "message": failure.message }),
        }
    };
    let tools = ask("list", json!({ "list": "crm" })).await;
    let find = tools.as_array().unwrap().iter().find(|tool| tool["name"] == "find").unwrap();
    assert_eq!(find["description"], "Finds a customer by name.");
    assert_eq!(find["input_schema"]["required"], json!(["name"]));
    assert_eq!(find["output_schema"]["properties"]["name"]["description"], "As it stands on the invoice.");
    assert_eq!(find["output_schema"]["properties"]["tier"]["enum"], json!(["free", "paid"]));

    let call = |name: &str, arguments: Value| json!({ "call": ["crm", name, arguments] });
    let found = ask("found", call("find", json!({ "name": "Ada" }))).await;
    assert_eq!((&found["is_error"], &found["structured"]["email"]), (&json!(false), &json!("ada@example.com")));
    let unknown = ask("unknown", call("find", json!({ "name": "Bob" }))).await;
    assert_eq!((&unknown["is_error"], &unknown["structured"]), (&json!(true), &json!({ "unknown": "Bob" })));
    for (id, name, arguments, code, part) in [
        ("missing", "find", json!({}), "invalid-arguments", "`name` is missing"),
        ("type", "find", json!({ "name": 7 }), "invalid-arguments", "`name`: expected a string, found `7`"),
        ("extra", "find", json!({ "name": "Ada", "age": 7 }), "invalid-arguments", "no parameter `age`"),
        ("tool", "lose", json!({}), "unknown-tool", "`find`"),
    ] {
        let failed = ask(id, call(name, arguments)).await;
        assert_eq!(failed["code"], code, "{failed}");
        assert!(failed["message"].as_str().unwrap().contains(part), "{failed}");
    }
}

#[tokio::test]
async fn a_configuration_that_cannot_work_is_refused_with_its_key() {
    let crm = guests_dir().join("crm-tool.wasm");
    let crm = crm.display();
    for (config, part) in [
        ("[components.a]\ncomponent = \"none.wasm\"".to_owned(), "`components.a.component` cannot be read"),
        ("[components.a]\ncomponent = \"crm-flow.wasm\"".to_owned(), "may import: types, http, timer, random, log"),
        (format!("[components.a]\ncomponent = \"{crm}\"\nmax_concurrent = 0"), "`components.a.max_concurrent` must be"),
        (format!("[components.a]\ncomponent = \"{crm}\"\nwit = \"none.wit\""), "`components.a.wit` cannot be read"),
        (
            format!("[components.a]\ncomponent = \"{crm}\"\npass_env = [\"NONE_OF_THAT\"]"),
            "`NONE_OF_THAT`, which is not set",
        ),
        (format!("[components.a]\ncomponent = \"{crm}\"\nenv = {{ \"A=B\" = \"c\" }}"), "is no name of a variable"),
        (format!("[components.a]\ncomponent = \"{crm}\"\n[workers.a]"), "has the name of `[workers.a]`"),
        ("[activities]\n\"customers\" = { worker = \"w\" }".to_owned(), "is no name of an interface"),
        ("[activities]\n\"a:b/c\" = { worker = \"w\" }".to_owned(), "add `[workers.w]`"),
        ("[activities]\n\"a:b/c\" = { component = \"x\" }".to_owned(), "add `[components.x]`"),
        ("[activities]\n\"a:b/c\" = {}".to_owned(), "has to be `{ component"),
    ] {
        let parsed: ActivitiesConfig = toml::from_str(&config).unwrap();
        let error = Activities::new(parsed, &guests_dir(), Arc::new(SystemClock)).map(drop).unwrap_err();
        assert!(error.code == ErrorCode::InvalidConfig && error.message.contains(part), "{config}: {error}");
    }
}

#[tokio::test]
async fn a_worker_performs_an_interface() {
    let config = format!(
        "{COMPONENT}[activities]\n\"acme:crm/customers\" = {{ worker = \"crm-workers\" }}\n\"acme:crm/values\" = {{ component = \
         \"crm\" }}\n\"acme:crm/mischief\" = {{ worker = \"crm-workers\" }}\n[workers.crm-workers]\nretry = {{ max_attempts = 1 }}\n"
    );
    let activities = activities(&config);
    let local = LocalHost::new(activities.clone()).await;
    local.deploy("crm-flow").await;
    let tenant = local.tenant.clone();
    let worker = tokio::spawn(async move {
        let workers = activities.workers().unwrap();
        let mut seen = Vec::new();
        for answer in [
            json!({ "result": { "ok": { "name": "Eve", "tags": [], "tier": "free" } } }),
            json!({ "result": { "other": "closed" }, "is_error": true }),
            json!({ "result": { "ok": "no number" } }),
        ] {
            let poll = serde_json::from_value(json!({ "worker": "w", "wait_ms": 30000 })).unwrap();
            let task = workers.poll(&tenant, "crm-workers", &poll).await.unwrap().tasks.remove(0);
            let mut complete = answer;
            complete["token"] = task.token.clone().into();
            workers.complete(&tenant, "crm-workers", serde_json::from_value(complete).unwrap()).await.unwrap();
            seen.push((task.tool, task.arguments));
        }
        seen
    });
    let results = perform(&local, "k", json!([{ "find": "Eve" }, { "find": "Bob" }, { "wait": 5 }])).await;
    assert_eq!(results[0], json!({ "name": "Eve", "email": null, "tags": [] }));
    assert_eq!(results[1], json!({ "other": "closed" }));
    // What does not fit the type is a failure, and says where.
    assert_eq!(results[2]["code"], "invalid-outcome", "{}", results[2]);
    assert!(results[2]["message"].as_str().unwrap().contains("`ok`: expected a number of type u64"), "{}", results[2]);
    let seen = worker.await.unwrap();
    assert_eq!(seen[0].0, "acme:crm/customers.find");
    assert_eq!(seen[0].1, Json::from(&json!({ "name": "Eve", "with-tags": true })));
}

/// A tool component that asks a server, which counts the idempotency keys and holds one request back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_is_killed_in_the_middle_of_a_call_goes_on() -> Result<()> {
    let keys = Arc::new(Mutex::new(Vec::<String>::new()));
    let (seen, held) = (keys.clone(), Arc::new(Notify::new()));
    let arrived = held.clone();
    let answer = move |headers: HeaderMap| {
        let (seen, arrived) = (seen.clone(), arrived.clone());
        async move {
            let key = headers["idempotency-key"].to_str().unwrap().to_owned();
            let count = {
                let mut seen = seen.lock().unwrap();
                seen.push(key);
                seen.len()
            };
            // The second request is that of the second call, in its first attempt.
            if count == 2 {
                arrived.notify_one();
                std::future::pending::<()>().await;
            }
            "hello"
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, axum::Router::new().route("/", get(answer))).await });

    let folder = TempDir::new()?;
    let component = guests_dir().join("crm-tool.wasm");
    let component = COMPONENT.replace("crm-tool.wasm", &component.display().to_string());
    let config = folder.path().join("abide.toml");
    let text =
        format!("listen = \"127.0.0.1:0\"\ndata = \"data\"\n{component}http = {{ allow = [\"{address}\"] }}\n{BOUND}");
    std::fs::write(&config, text)?;
    let binary = Path::new(env!("CARGO_BIN_EXE_freezing-host"));

    let host = HostProcess::start(binary, &config, None).await?;
    host.deploy("crm-flow").await?;
    let url = format!("http://{address}/");
    let steps = json!([{ "fetch": url }, { "fetch": url }, { "find": "Ada" }, "echo"]);
    host.caller().start_run("crm-flow", "killed", &steps).await?;
    tokio::time::timeout(Duration::from_secs(60), held.notified()).await?;
    host.kill().await?;

    let host = HostProcess::start(binary, &config, None).await?;
    let run = host.caller().get("/v1/runs/killed/result?wait=60s").await?;
    let result = &run["outcome"]["ok"];
    ensure!(result[0] == json!({ "ok": 200 }) && result[1] == json!({ "ok": 200 }), "{run}");
    ensure!(result[2]["name"] == "Ada" && result[3] == json!({ "same": true }), "{run}");
    let replay = host.caller().post("/v1/runs/killed/replay", &Value::Null).await?;
    ensure!(replay["verdict"] == "identical", "{replay}");
    host.kill().await?;
    // What was durable is not asked again; what was in flight is, under the same key.
    let keys = keys.lock().unwrap().clone();
    ensure!(keys.len() == 3 && keys[0] != keys[1] && keys[1] == keys[2], "{keys:?}");
    Ok(())
}
