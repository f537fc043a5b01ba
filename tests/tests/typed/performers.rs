//! The functions of a component as tools, workers that perform an interface, and the example.

use std::path::Path;

use abide_activities::Performer as _;
use abide_model::{Json, Outcome};
use abide_tests::LocalHost;
use serde_json::{Value, json};

use crate::{COMPONENT, activities, perform};

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

#[tokio::test]
async fn the_example_prices_an_order() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/pricing");
    let config = std::fs::read_to_string(folder.join("abide.toml")).unwrap();
    // The guests of the tests lie elsewhere than those of whoever follows the page of the example.
    let config = config.replace("../../target/guests/", "");
    let config = config.replace("wit/pricing.wit", &folder.join("wit/pricing.wit").display().to_string());
    let local = LocalHost::new(activities(&config)).await;
    local.deploy("pricing").await;
    let order = json!([
        { "item": "door", "count": 2 },
        { "item": "bolt", "count": 200 },
        { "item": "roof", "count": 1 },
        { "item": "hinge", "count": 20_000 },
    ]);
    let run = local.start("pricing", "house", order).await;
    let Some(Outcome::Ok(offer)) = local.result(&run).await.outcome else { panic!("no offer") };
    let expected = json!({ "total_cents": 39_960, "refused": ["nobody sells roof", "at most 10000 at once"] });
    assert_eq!(offer.read::<Value>().unwrap(), expected);
}
