//! What was used, on the command line; and a budget that parks a run, with the host killed in between.

use serde_json::{Value, json};

use crate::support::{Host, told};

const CONFIG: &str = r#"
[llm.scripted]
kind = "scripted"
file = "answers.json"

[prices."scripted/small"]
input_per_million = "1000000"
output_per_million = "2000000"
currency = "USD"
"#;

fn put_budgets(host: &Host, budgets: &Value) -> u16 {
    let url = format!("{}/v1/tenants/default/settings/budgets", host.url);
    let body = budgets.to_string();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _ = rustls::crypto::ring::default_provider().install_default();
    runtime.block_on(async { reqwest::Client::new().put(url).body(body).send().await.unwrap().status().as_u16() })
}

#[test]
fn what_runs_used_is_shown_and_bounded() {
    let folder = tempfile::TempDir::new().unwrap();
    std::fs::write(folder.path().join("abide.toml"), CONFIG).unwrap();
    let answers = json!({ "rules": [{ "when": {}, "answer": { "text": "well" } }] });
    std::fs::write(folder.path().join("answers.json"), answers.to_string()).unwrap();
    let mut host = Host::start(folder.path());
    host.deploy("spender");
    let input = json!({ "asks": 2, "model": "scripted/small" }).to_string();
    host.run(["start", "spender", "--id", "a", "--input", &input]);
    host.run(["result", "a", "--wait"]);
    let history = host.run(["history", "a"]);
    assert!(history.contains("tokens, ") && history.contains(" USD"), "{history}");

    let before = host.json(["ledger", "--run", "a"]);
    assert_eq!((&before["total"]["calls"], &before["total"]["unpriced_calls"]), (&json!(2), &json!(0)), "{before}");
    let tokens = |name: &str| before["total"][name].as_u64().unwrap();
    // A dollar for each token of a question, and two for each of an answer.
    let cost = (tokens("input_tokens") + 2 * tokens("output_tokens")).to_string();
    assert_eq!(before["total"]["cost"], json!({ "USD": cost }), "{before}");
    let shown = host.run(["ledger", "--by", "model"]);
    assert!(shown.contains("llm.scripted/small") && shown.contains(&format!("{cost} USD")), "{shown}");
    let (status, _, said) = told(&host.client(["ledger", "--from", "today"]).output().unwrap());
    assert_eq!(status, 2, "{said}");

    assert_eq!(put_budgets(&host, &json!({ "run": { "tokens": 1 } })), 200);
    host.run(["start", "spender", "--id", "b", "--input", &input]);
    host.until_events("b", 5);
    host.kill();
    host.again(folder.path());
    let described = host.run(["describe", "b"]);
    assert!(described.contains("tokens, which is its budget"), "{described}");
    assert!(host.run(["list", "--filter", "parked = 'budget_exceeded'"]).contains("parked: budget_exceeded"));
    assert!(host.run(["ledger", "--run", "b"]).contains("it is used up"), "the ledger says so");
    assert_eq!(put_budgets(&host, &json!({})), 200);
    host.run(["resume", "b"]);
    assert_eq!(host.run(["result", "b", "--wait"]), "2\n");
    let all = host.json(["ledger"]);
    assert_eq!((&all["total"]["runs"], &all["total"]["outcomes"]), (&json!(2), &json!(4)), "{all}");
}
