//! Calls need grants: what is missing is an outcome that names it, what was there stands in the history, and a replay asks for nothing.

use abide_model::{Json, Manifest, RunStatus, SettingKind, WorkflowName};
use abide_runtime::view::{StartRun, Upload};
use abide_tests::{LocalHost, guest};
use serde_json::{Value, json};

use crate::outside::Outside;
use crate::{activities, completed, host, perform, replays, results, set};

/// One call of each sort.
fn one_of_each(outside: &Outside) -> Value {
    let address = outside.address;
    json!([
        { "ask": { "text": "hello" } },
        { "ask": { "model": "other/big", "text": "hello" } },
        { "tool": ["crm", "lookup", { "id": 7 }] },
        { "tool": ["crm", "remove", { "id": 7 }] },
        { "fetch": format!("http://{address}/v1/users") },
        { "fetch": format!("http://{address}/v1/..%2fadmin") },
        { "list": null },
    ])
}

fn asking(asks: Value) -> Upload {
    let manifest = Manifest::parse(&json!({ "asks": asks }).to_string()).unwrap();
    Upload { manifest: Some(manifest), ..Upload::default() }
}

async fn deploy(local: &LocalHost, asks: Value) {
    let name = WorkflowName::parse("asker").unwrap();
    local.host.upload(&local.tenant, &name, guest("asker"), asking(asks)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_has_what_it_is_granted_and_its_histories_say_by_what() {
    let outside = Outside::start().await;
    let address = outside.address;
    let grants = json!({ "allow": ["llm:house/*", "tool:crm/lookup", format!("http:GET {address}/v1/")] });
    let local = host(&outside, grants).await;
    local.deploy("asker").await;
    let (run, results) = perform(&local, "each", one_of_each(&outside)).await;
    let failed: Vec<_> = results.iter().map(|result| result["failed"].as_str().unwrap_or("-")).collect();
    assert_eq!(failed, ["-", "denied", "-", "denied", "-", "denied", "-"], "{results:?}");
    assert_eq!(results[6]["ok"], json!(["crm/lookup"]));
    for (place, right) in [(1, "llm:other/big"), (3, "tool:crm/remove")] {
        let message = results[place]["message"].as_str().unwrap();
        assert!(message.contains(&format!("`abide grants add --tenant acme '{right}'`")), "{message}");
    }
    let grants: Vec<_> =
        completed(&local, &run).await.into_iter().map(|event| event.grant.unwrap_or_default()).collect();
    let of_fetch = format!("http:GET {address}/v1/");
    assert_eq!(grants, ["llm:house/*", "", "tool:crm/lookup", "", &of_fetch, "", ""]);
    let paths: Vec<_> = outside.heard().iter().map(|heard| heard.lines().next().unwrap().to_owned()).collect();
    assert_eq!(paths, ["/v1/chat/completions", "/crm/lookup", "/v1/users"], "nothing that was denied left the host");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_granted_later_can_be_done_later_and_a_replay_asks_for_no_grant() {
    let outside = Outside::start().await;
    let local = host(&outside, json!({ "allow": ["tool:crm/*"] })).await;
    deploy(&local, json!(["tool:crm/lookup"])).await;
    let steps = json!([
        { "tool": ["crm", "lookup", { "n": 1 }] },
        { "wait": "go" },
        { "tool": ["crm", "lookup", { "n": 2 }] },
        { "wait": "go" },
        { "tool": ["crm", "lookup", { "n": 3 }] },
    ]);
    let run = local.start("asker", "later", steps).await;
    // It waits for the signal: the first call is in the history.
    local.until_length(&run, 4).await;
    set(&local, SettingKind::Grants, json!({ "allow": [] })).await;
    // The grant is gone, and the guest comes back by replay.
    let outside_again = outside.clone();
    let tenant = local.tenant.clone();
    let mut local = local.reopen(activities(&outside_again)).await;
    local.tenant = tenant;
    local.signal(&run, "go", json!(1)).await;
    local.until_length(&run, 8).await;
    set(&local, SettingKind::Grants, json!({ "allow": ["*"] })).await;
    local.signal(&run, "go", json!(2)).await;
    let results = results(&local, &run).await;
    assert!(results[0]["ok"].is_object() && results[4]["ok"].is_object(), "{results:?}");
    assert_eq!(results[2]["failed"], "denied");
    set(&local, SettingKind::Grants, json!({ "allow": [] })).await;
    replays(&local, &run).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_has_no_more_than_it_asked_for() {
    let outside = Outside::start().await;
    let local = host(&outside, json!({ "allow": ["*"] })).await;
    deploy(&local, json!(["llm:house/small", "tool:crm/lookup"])).await;
    let (run, results) = perform(&local, "each", one_of_each(&outside)).await;
    let failed: Vec<_> = results.iter().map(|result| result["failed"].as_str().unwrap_or("-")).collect();
    assert_eq!(failed, ["-", "denied", "-", "denied", "denied", "denied", "-"], "{results:?}");
    let message = results[1]["message"].as_str().unwrap();
    assert!(message.contains("the manifest of the version does not ask for `llm:other/big`"), "{message}");
    assert_eq!(completed(&local, &run).await[0].grant.as_deref(), Some("*"));
    let name = WorkflowName::parse("asker").unwrap();
    let version = local.host.workflow(&local.tenant, &name).await.unwrap().versions.remove(0);
    assert_eq!(version.manifest, asking(json!(["llm:house/small", "tool:crm/lookup"])).manifest);
    // The same component with another manifest is the same version, which asks for something else from then on.
    deploy(&local, json!(["llm:*"])).await;
    let (_, results) = perform(&local, "again", json!([{ "ask": { "model": "other/big", "text": "a" } }])).await;
    assert!(results[0]["ok"].is_string(), "{results:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_default_tenant_has_everything_until_somebody_says_what() {
    let outside = Outside::start().await;
    let local = LocalHost::new(activities(&outside)).await;
    local.deploy("asker").await;
    let steps = json!([{ "tool": ["crm", "lookup", {}] }]);
    let (run, results) = perform(&local, "before", steps.clone()).await;
    assert!(results[0]["ok"].is_object(), "{results:?}");
    assert_eq!(completed(&local, &run).await[0].grant, None);
    set(&local, SettingKind::Grants, json!({ "allow": ["llm:*"] })).await;
    let (_, results) = perform(&local, "after", steps).await;
    assert_eq!(results[0]["failed"], "denied");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn children_and_other_runs_need_grants() {
    let outside = Outside::start().await;
    let local = host(&outside, json!({ "allow": ["child:relations", "signal:relations", "cancel:*"] })).await;
    local.deploy("relations").await;
    let waits = local.start("relations", "waits", json!({ "do": "wait", "then": 1 })).await;
    let give = json!({ "do": "give", "value": 5 });
    let parent = local.start("relations", "parent", json!({ "do": "start", "children": [give] })).await;
    assert_eq!(local.result(&parent).await.status, RunStatus::Completed);
    assert_eq!(completed(&local, &parent).await[0].grant.as_deref(), Some("child:relations"));

    let before = local.outline(&waits).await;
    set(&local, SettingKind::Grants, json!({ "allow": ["child:other", "signal:other", "cancel:other"] })).await;
    for (id, mode, right) in [
        ("child", json!({ "do": "start", "children": [{ "do": "give", "value": 5 }] }), "child:relations"),
        ("signal", json!({ "do": "signal", "run": "waits", "name": "go" }), "signal:relations"),
        ("cancel", json!({ "do": "cancel", "run": "waits" }), "cancel:relations"),
    ] {
        let run = local.start("relations", id, mode).await;
        let row = local.result(&run).await;
        let Some(abide_model::Outcome::Failed(failure)) = row.outcome else { panic!("{id} was done") };
        assert_eq!(failure.code, "denied");
        assert!(failure.message.contains(&format!("'{right}'")), "{}", failure.message);
        replays(&local, &run).await;
    }
    assert_eq!(local.outline(&waits).await, before, "nothing reached the other run");

    set(&local, SettingKind::Grants, json!({ "allow": ["signal:relations"] })).await;
    let run = local.start("relations", "later", json!({ "do": "signal", "run": "waits", "name": "go" })).await;
    assert_eq!(local.result(&run).await.status, RunStatus::Completed);
    assert_eq!(completed(&local, &run).await[0].grant.as_deref(), Some("signal:relations"));
    assert_eq!(local.result(&waits).await.status, RunStatus::Completed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_limits_of_a_run_are_at_most_what_is_granted() {
    let outside = Outside::start().await;
    let local = host(&outside, json!({ "allow": ["*"], "limits": { "request_bytes": 200 } })).await;
    local.deploy("asker").await;
    let long = "x".repeat(300);
    let (_, results) = perform(&local, "long", json!([{ "tool": ["crm", "lookup", { "text": long }] }])).await;
    assert!(results[0]["failed"].is_string(), "{results:?}");
    let (_, results) = perform(&local, "short", json!([{ "tool": ["crm", "lookup", { "text": "x" }] }])).await;
    assert!(results[0]["ok"].is_object(), "{results:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_tenants_do_not_share_grants() {
    let outside = Outside::start().await;
    let mut local = host(&outside, json!({ "allow": ["*"] })).await;
    local.deploy("asker").await;
    local.tenant = abide_model::Tenant::parse("umbrella").unwrap();
    local.host.create_tenant(&local.tenant).await.unwrap();
    deploy(&local, json!([])).await;
    let start = StartRun {
        input: Json::from(&json!([{ "ask": { "text": "a" } }, { "ask": { "model": "none/such", "text": "a" } }])),
        ..StartRun::of(WorkflowName::parse("asker").unwrap())
    };
    let run = abide_model::RunRef::Run(local.host.start(&local.tenant, start).await.unwrap().run.run_id);
    let results = results(&local, &run).await;
    assert_eq!(results[0]["failed"], "denied");
    // Nor does it learn which providers there are.
    assert!(!results[1]["message"].as_str().unwrap().contains("house"), "{results:?}");
    assert!(outside.heard().is_empty());
}
