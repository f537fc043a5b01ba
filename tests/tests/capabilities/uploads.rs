//! What is missing is found at upload, where it can be: the error names the grant and the command that gives it.

use abide_model::{Configuration, Error, ErrorCode, Manifest, SettingKind, WorkflowName};
use abide_runtime::view::Upload;
use abide_tests::{LocalHost, guest};
use serde_json::{Value, json};

use crate::outside::Outside;
use crate::{host, set};

async fn upload(local: &LocalHost, name: &str, asks: Option<Value>) -> Result<(), Error> {
    let manifest = asks.map(|asks| Manifest::parse(&json!({ "asks": asks }).to_string()).unwrap());
    let upload = Upload { manifest, ..Upload::default() };
    local.host.upload(&local.tenant, &WorkflowName::parse(name).unwrap(), guest(name), upload).await.map(drop)
}

#[track_caller]
fn refused(result: Result<(), Error>, parts: &[&str]) {
    let error = result.unwrap_err();
    assert_eq!(error.code, ErrorCode::Forbidden, "{error}");
    for part in parts {
        assert!(error.message.contains(part), "{part} in {error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_manifest_asks_for_what_is_granted() {
    let outside = Outside::start().await;
    let local = host(&outside, json!({ "allow": ["llm:house/*", "http:GET api.example.com/v1/"] })).await;
    upload(&local, "asker", Some(json!(["llm:house/small", "http:GET api.example.com/v1/users/"]))).await.unwrap();
    for (ask, command) in [
        ("llm:*", "abide grants add --tenant acme 'llm:*'"),
        ("http:GET api.example.com", "'http:GET api.example.com'"),
        ("http:POST api.example.com/v1/", "'http:POST api.example.com/v1/'"),
        ("*", "'*'"),
    ] {
        refused(upload(&local, "asker", Some(json!([ask]))).await, &["the manifest", command]);
    }
    set(&local, SettingKind::Grants, json!({ "allow": ["*"] })).await;
    upload(&local, "asker", Some(json!(["llm:*"]))).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_component_imports_what_is_granted() {
    let outside = Outside::start().await;
    let local = host(&outside, json!({ "allow": ["tool:crm/lookup"] })).await;
    refused(
        upload(&local, "asker", None).await,
        &["imports `abide:workflow/", "abide grants add --tenant acme '", "--manifest"],
    );
    // Whoever says what it uses may deploy what imports more.
    upload(&local, "asker", Some(json!(["tool:crm/lookup"]))).await.unwrap();
    refused(upload(&local, "relations", None).await, &["abide grants add --tenant acme '"]);
    set(&local, SettingKind::Grants, json!({ "allow": ["child:relations", "signal:relations"] })).await;
    upload(&local, "relations", None).await.unwrap();
    // What reaches nobody needs nothing.
    set(&local, SettingKind::Grants, json!({})).await;
    upload(&local, "waiter", None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_typed_interface_needs_a_grant_whatever_the_manifest_says() {
    let outside = Outside::start().await;
    let local = host(&outside, json!({ "allow": ["llm:*"] })).await;
    refused(upload(&local, "crm-flow", None).await, &["'interface:acme:crm/"]);
    set(&local, SettingKind::Grants, json!({ "allow": ["interface:acme:*"] })).await;
    refused(
        upload(&local, "crm-flow", Some(json!([]))).await,
        &["the manifest of the version does not ask for `interface:acme:crm/"],
    );
    // With the grant, what is missing is somebody who performs it.
    let error = upload(&local, "crm-flow", None).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidComponent, "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_is_configured_with_variables_that_are_granted() {
    let outside = Outside::start().await;
    let local = host(&outside, json!({ "allow": ["env:MODEL"] })).await;
    let upload = async |variable: &str| {
        let environment = [(variable.to_owned(), "x".to_owned())].into();
        let upload = Upload::from(Configuration { environment, ..Configuration::default() });
        let name = WorkflowName::parse("waiter").unwrap();
        local.host.upload(&local.tenant, &name, guest("waiter"), upload).await.map(drop)
    };
    upload("MODEL").await.unwrap();
    refused(upload("LD_PRELOAD").await, &["the configuration", "'env:LD_PRELOAD'"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tool_component_reaches_hosts_that_are_granted() {
    let outside = Outside::start().await;
    let local = host(&outside, json!({ "allow": ["interface:*", "http:* api.example.com"] })).await;
    let put = async |settings: Value| {
        let settings = abide_model::Json::from(&settings);
        local.host.put_tool(&local.tenant, "customers", settings, guest("crm-tool")).await.map(drop)
    };
    put(json!({ "http": { "allow": ["api.example.com"] } })).await.unwrap();
    let metadata = json!({ "http": { "allow": ["api.example.com", "169.254.169.254"] } });
    refused(put(metadata).await, &["the tool component", "'http:* 169.254.169.254'"]);
}
