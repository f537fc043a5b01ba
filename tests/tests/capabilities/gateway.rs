//! The gateway: no original leaves the host or stands in a history, the guest sees what it sent, and what the rules did is on record.

use abide_model::{GatewayAct, SettingKind};
use abide_tests::LocalHost;
use serde_json::{Value, json};

use crate::outside::Outside;
use crate::{activities, completed, host, perform, replays, set};

const ADDRESS: &str = "ada.lovelace@example.com";
const CARD: &str = "4111 1111 1111 1111";
const IBAN: &str = "DE89 3704 0044 0532 0130 00";
/// What the model adds of its own.
const OF_THE_MODEL: &str = "root@secret.example";

async fn with_rules(outside: &Outside, gateway: Value) -> LocalHost {
    let local = host(outside, json!({ "allow": ["*"] })).await;
    local.deploy("asker").await;
    set(&local, SettingKind::Gateway, gateway).await;
    local
}

/// The address, so that it stands nowhere as a whole.
fn parts() -> [String; 3] {
    let (name, host) = ADDRESS.split_once('@').unwrap();
    [name.to_owned(), "@".to_owned(), host.to_owned()]
}

/// All bytes that the host keeps, in all its files.
fn kept(local: &LocalHost) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in std::fs::read_dir(local.folder().join("data")).unwrap() {
        bytes.extend(std::fs::read(entry.unwrap().path()).unwrap());
    }
    bytes
}

fn has(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_tokenised_does_not_leave_and_comes_back() {
    let outside = Outside::start().await;
    let rules = json!({ "rules": [{ "name": "pii", "do": "tokenise", "find": ["email", "card", "iban"] }] });
    let local = with_rules(&outside, rules).await;
    let address = outside.address;
    let steps = json!([
        { "ask": { "text": format!("Write to {ADDRESS}, who paid {CARD}; cc {ADDRESS}") } },
        { "tool": ["crm", "lookup", { "who": ADDRESS, "account": IBAN }] },
        { "post": [format!("http://{address}/save?to=ada.lovelace%40example.com"), format!("{{\"iban\":\"{IBAN}\"}}")] },
    ]);
    let (run, results) = perform(&local, "tokens", steps).await;
    let said = results[0]["ok"].as_str().unwrap();
    assert!(said.contains(&format!("Write to {ADDRESS}, who paid {CARD}; cc {ADDRESS}")), "{said}");
    assert!(results[1]["ok"]["text"].as_str().unwrap().contains(IBAN), "{results:?}");
    assert_eq!(results[2]["ok"], format!("{{\"iban\":\"{IBAN}\"}}"));

    let heard = outside.heard().join("\n\n");
    for original in [ADDRESS, "ada.lovelace", CARD, "4111", IBAN, "3704"] {
        assert!(!heard.contains(original), "{original} left: {heard}");
    }
    let asked = outside.asked()[0]["messages"][0]["content"].as_str().unwrap().to_owned();
    assert_eq!(asked, "Write to <EMAIL_1>, who paid <CARD_1>; cc <EMAIL_1>");
    let notes = completed(&local, &run).await[0].gateway.clone().unwrap();
    let notes: Vec<_> = notes.into_iter().map(|note| (note.rule, note.did, note.count)).collect();
    let note = |did, count| ("pii".to_owned(), did, count);
    assert_eq!(notes, [note(GatewayAct::Tokenised, 3), note(GatewayAct::Restored, 3)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_rules_find_in_calls_stands_in_no_history() {
    let outside = Outside::start().await;
    let rules = json!({ "rules": [
        { "name": "pii", "do": "tokenise", "find": ["email", "card"] },
        { "name": "answers", "do": "redact", "find": ["email"], "on": ["answer"] },
    ] });
    let local = with_rules(&outside, rules).await;
    // The guest makes the originals itself, so that its input does not have them.
    let steps = json!([{ "join": { "parts": parts(), "quiet": false } }, { "ask": { "text": "again" } }]);
    let (run, results) = perform(&local, "veiled", steps).await;
    let said = results[0]["ok"].as_str().unwrap();
    assert!(said.contains(ADDRESS) && !said.contains(OF_THE_MODEL) && said.contains("[email]"), "{said}");
    let history = serde_json::to_string(&local.history(&run).await).unwrap();
    assert!(history.contains("⟦EMAIL_1⟧"), "{history}");
    let tenant = local.tenant.clone();
    let mut local = local.reopen(activities(&outside)).await;
    local.tenant = tenant;
    replays(&local, &run).await;
    let result = serde_json::to_string(&local.result(&run).await.outcome).unwrap();
    assert!(result.contains(ADDRESS), "the guest's own result is its own affair");
    for event in local.history(&run).await.iter().filter(|event| event.kind.starts_with("call-")) {
        let event = serde_json::to_string(event).unwrap();
        assert!(!event.contains(ADDRESS) && !event.contains(OF_THE_MODEL), "{event}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_redacted_is_kept_nowhere() {
    let outside = Outside::start().await;
    let rules = json!({ "rules": [{ "name": "pii", "do": "redact", "find": ["email"], "patterns": { "staff": "E-[0-9]{6}" } }] });
    let local = with_rules(&outside, rules).await;
    let steps = json!([{ "join": { "parts": parts(), "quiet": true } }, { "tool": ["crm", "lookup", {}] }]);
    let (run, results) = perform(&local, "redacted", steps).await;
    assert!(results[0]["ok"].is_number(), "{results:?}");
    assert_eq!(outside.asked()[0]["messages"][0]["content"], "[email]");
    let notes = completed(&local, &run).await[0].gateway.clone().unwrap();
    assert_eq!(notes.iter().map(|note| (note.did, note.count)).collect::<Vec<_>>(), [(GatewayAct::Redacted, 2)]);
    local.host.shutdown().await;
    let kept = kept(&local);
    assert!(has(&kept, "pii") && has(&kept, &parts()[0]), "the files are those that are meant");
    for original in [ADDRESS, OF_THE_MODEL] {
        assert!(!has(&kept, original), "{original} is kept");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_may_keep_requests_as_they_were_sent() {
    let outside = Outside::start().await;
    let rules = json!({ "record": "as_sent", "rules": [{ "name": "pii", "do": "tokenise", "find": ["email"], "restore": false }] });
    let local = with_rules(&outside, rules).await;
    let (run, results) = perform(&local, "as-sent", json!([{ "ask": { "text": ADDRESS } }])).await;
    assert!(results[0]["ok"].as_str().unwrap().contains("<EMAIL_1>"), "{results:?}");
    let request = local.history(&run).await[1].request.clone().unwrap();
    assert!(request.as_str().contains(ADDRESS), "{request}");
    assert_eq!(outside.asked()[0]["messages"][0]["content"], "<EMAIL_1>");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn models_are_refused_and_their_parameters_bounded() {
    let outside = Outside::start().await;
    let rules = json!({ "rules": [
        { "name": "house-only", "do": "only", "to": ["llm:house/*"] },
        { "name": "no-removal", "do": "deny", "to": ["tool:crm/remove"] },
        { "name": "short", "do": "cap_output_tokens", "tokens": 50, "to": ["llm:house/*"] },
        { "name": "calm", "do": "strip", "parameters": ["temperature"] },
    ] });
    let local = with_rules(&outside, rules).await;
    let extra = json!({ "max_tokens": 9000, "temperature": 2, "n": 10, "top_k": 3 });
    let steps = json!([
        { "ask": { "text": "a", "temperature": 1.5, "extra": extra } },
        { "ask": { "model": "other/big", "text": "a" } },
        { "tool": ["crm", "remove", {}] },
        { "tool": ["crm", "lookup", {}] },
    ]);
    let (run, results) = perform(&local, "bounds", steps).await;
    let failed: Vec<_> = results.iter().map(|result| result["failed"].as_str().unwrap_or("-")).collect();
    assert_eq!(failed, ["-", "denied", "denied", "-"], "{results:?}");
    assert!(results[1]["message"].as_str().unwrap().contains("`house-only`"), "{results:?}");
    let asked = &outside.asked()[0];
    assert_eq!((&asked["max_tokens"], &asked["top_k"]), (&json!(50), &json!(3)), "{asked}");
    assert!(asked.get("temperature").is_none() && asked.get("n").is_none(), "{asked}");
    let acts: Vec<Vec<_>> = completed(&local, &run)
        .await
        .into_iter()
        .map(|event| event.gateway.unwrap_or_default().into_iter().map(|note| note.did).collect())
        .collect();
    let (capped, denied) = (vec![GatewayAct::Capped, GatewayAct::Stripped], vec![GatewayAct::Denied]);
    assert_eq!(acts, [capped, denied.clone(), denied, vec![]]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rules_that_change_hold_for_what_comes_next() {
    let outside = Outside::start().await;
    let local = with_rules(&outside, json!({ "rules": [{ "name": "pii", "do": "redact", "find": ["email"] }] })).await;
    let steps = json!([{ "ask": { "text": ADDRESS } }, { "wait": "go" }, { "ask": { "text": ADDRESS } }]);
    let run = local.start("asker", "changes", steps).await;
    local.until_length(&run, 4).await;
    set(&local, SettingKind::Gateway, json!({ "rules": [] })).await;
    local.signal(&run, "go", json!(1)).await;
    local.result(&run).await;
    replays(&local, &run).await;
    let asked: Vec<_> = outside.asked().iter().map(|asked| asked["messages"][0]["content"].clone()).collect();
    assert_eq!(asked, [json!("[email]"), json!(ADDRESS)]);
    // The run records what it recorded from its start.
    let requests = local.history(&run).await.into_iter().filter_map(|event| event.request);
    assert!(
        requests
            .filter(|request| request.as_str().contains("messages"))
            .all(|request| !request.as_str().contains(ADDRESS))
    );
}
