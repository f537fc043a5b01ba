//! Tests: the document lists the routes, parameters and codes that exist, and is complete and closed in itself.

use std::collections::{BTreeMap, BTreeSet};

use abide_model::{ErrorCode, RunStatus};
use serde_json::{Value, json};

use super::samples::document;
use crate::access::Access;
use crate::extract::Parameters;
use crate::router::table;
use crate::routes::{
    check, forks, history, identity, ledger, replay, runs, schedules, search, tenants, tools, updates, versions,
};

fn operations(document: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    document["paths"].as_object().unwrap().iter().flat_map(|(path, item)| {
        item.as_object().unwrap().iter().map(move |(method, operation)| (method.as_str(), path.as_str(), operation))
    })
}

/// The parameters of an operation, with references resolved.
fn parameters<'a>(document: &'a Value, operation: &'a Value, place: &str) -> BTreeSet<&'a str> {
    let parameters = operation.get("parameters").and_then(Value::as_array).into_iter().flatten();
    parameters
        .map(|parameter| match parameter.get("$ref").and_then(Value::as_str) {
            Some(path) => document.pointer(path.trim_start_matches('#')).expect("the parameter exists"),
            None => parameter,
        })
        .filter(|parameter| parameter["in"] == place)
        .map(|parameter| parameter["name"].as_str().unwrap())
        .collect()
}

#[test]
fn it_lists_the_routes_that_exist() {
    let document = document();
    let documented: BTreeSet<_> =
        operations(&document).map(|(method, path, _)| (method.to_owned(), path.to_owned())).collect();
    assert_eq!(documented, table().into_keys().collect());
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
}

/// The document says of each route who may use it, and that is so.
#[test]
fn it_says_who_may_use_each_route() {
    let document = document();
    let table = table();
    assert_eq!(document["security"], json!([{"token": []}]));
    for (method, path, operation) in operations(&document) {
        let access = table[&(method.to_owned(), path.to_owned())];
        assert_eq!(operation["x-abide-access"], access.as_str(), "{method} {path}");
        let asks_for_none = operation.get("security").is_some_and(|schemes| *schemes == json!([]));
        assert_eq!(asks_for_none, access == Access::Open, "{method} {path}");
    }
}

#[test]
fn it_lists_the_parameters_of_each_route() {
    let document = document();
    let mut queries = BTreeMap::new();
    for (method, path, operation) in operations(&document) {
        let in_path: BTreeSet<_> =
            path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
        assert_eq!(parameters(&document, operation, "path"), in_path, "{path}");
        let in_query = parameters(&document, operation, "query");
        if !in_query.is_empty() {
            queries.insert(format!("{method} {path}"), in_query);
        }
    }
    let names = |names: &'static [&'static str]| names.iter().copied().collect::<BTreeSet<_>>();
    let expected = BTreeMap::from([
        ("post /v1/versions".to_owned(), names(versions::UploadParameters::NAMES)),
        ("post /v1/runs/{run}/replay".to_owned(), names(replay::ReplayParameters::NAMES)),
        ("put /v1/tools/{name}".to_owned(), names(tools::PutParameters::NAMES)),
        ("get /v1/runs".to_owned(), names(runs::ListParameters::NAMES)),
        ("get /v1/schedules".to_owned(), names(schedules::ListParameters::NAMES)),
        ("post /v1/workflows/{name}/check".to_owned(), names(check::CheckParameters::NAMES)),
        ("get /v1/runs/count".to_owned(), names(search::CountParameters::NAMES)),
        ("get /v1/ledger".to_owned(), names(ledger::LedgerParameters::NAMES)),
        ("get /v1/runs/{run}/forks".to_owned(), names(forks::ForksParameters::NAMES)),
        ("get /v1/runs/{run}/history".to_owned(), names(history::HistoryParameters::NAMES)),
        ("get /v1/runs/{run}/result".to_owned(), names(runs::ResultParameters::NAMES)),
        ("post /v1/runs/{run}/updates".to_owned(), names(updates::UpdateParameters::NAMES)),
        ("get /v1/runs/{run}/updates/{name}".to_owned(), names(updates::ShowParameters::NAMES)),
        ("get /v1/audit".to_owned(), names(identity::AuditParameters::NAMES)),
        ("get /v1/tokens".to_owned(), names(identity::HostParameters::NAMES)),
        ("delete /v1/tokens/{token}".to_owned(), names(identity::HostParameters::NAMES)),
        ("put /v1/tenants/{tenant}/settings/{setting}".to_owned(), names(tenants::SettingParameters::NAMES)),
    ]);
    assert_eq!(queries, expected);
}

#[test]
fn every_operation_is_complete() {
    let document = document();
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap();
        assert!(ids.insert(id), "`{id}` names two operations");
        assert!(operation["summary"].is_string() && operation["tags"].is_array(), "{method} {path}");
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.contains_key("default"), "{method} {path} says nothing of errors");
        assert!(responses.keys().any(|status| status.starts_with('2')), "{method} {path} has no success");
    }
}

/// Every reference leads somewhere, and everything that can be referred to is.
#[test]
fn references_and_components_agree() {
    fn walk<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
        match value {
            Value::Object(members) => members.iter().for_each(|(key, inner)| match inner.as_str() {
                Some(target) if key == "$ref" => {
                    found.insert(target);
                }
                _ => walk(inner, found),
            }),
            Value::Array(items) => items.iter().for_each(|inner| walk(inner, found)),
            _ => {}
        }
    }
    let document = document();
    let mut referred = BTreeSet::new();
    walk(&document, &mut referred);
    let components = document["components"].as_object().unwrap().iter();
    // Those are referred to by their name alone.
    let components = components.filter(|(kind, _)| *kind != "securitySchemes").flat_map(|(kind, named)| {
        named.as_object().unwrap().keys().map(move |name| format!("#/components/{kind}/{name}"))
    });
    assert_eq!(referred.into_iter().map(str::to_owned).collect::<BTreeSet<_>>(), components.collect());
}

#[test]
fn it_knows_every_code_and_its_status() {
    let document = document();
    let documented = |pointer: &str| -> BTreeSet<&str> {
        document.pointer(pointer).unwrap().as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect()
    };
    let codes = documented("/components/schemas/Problem/properties/code/enum");
    for code in &codes {
        let known = serde_json::from_value::<ErrorCode>(json!(code)).map(ErrorCode::as_str);
        assert!(known.is_ok_and(|known| known == *code) || *code == "origin-not-allowed", "{code}");
    }
    // The last words of serde's error are the list of all codes.
    let all = serde_json::from_str::<ErrorCode>("\"\"").unwrap_err().to_string();
    let all: Vec<_> = all.split('`').skip(3).step_by(2).collect();
    assert_eq!(all.len() + 1, codes.len(), "{all:?}");
    assert!(all.iter().all(|code| codes.contains(code)), "{all:?}");

    for (method, path, operation) in operations(&document) {
        for (status, response) in operation["responses"].as_object().unwrap() {
            let Some((_, listed)) = response["description"].as_str().and_then(|text| text.split_once("Codes: ")) else {
                continue;
            };
            for code in listed.trim_end_matches('.').split(", ").map(|code| code.trim_matches('`')) {
                let code: ErrorCode = serde_json::from_value(json!(code)).unwrap();
                assert_eq!(code.http_status().to_string(), *status, "{code} of {method} {path}");
            }
        }
    }
    let statuses: BTreeSet<_> = RunStatus::ALL.iter().map(|status| status.as_str()).collect();
    assert_eq!(documented("/components/schemas/RunStatus/enum"), statuses);
}
