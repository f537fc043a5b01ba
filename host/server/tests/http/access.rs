//! Who may use which route. The routes come from the OpenAPI document, so one that is new is tested by being there.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use abide_activities::{Activities, ActivitiesConfig};
use abide_model::{Role, SystemClock, Tenant};
use abide_runtime::view::CreateToken;
use abide_server::{Auth, Options};
use abide_tests::LocalHost;
use reqwest::header::AUTHORIZATION;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::support::{Answer, DOCUMENT, Server};

/// Stands in everything of the tenant `globex`, and in nothing that another one may see.
const CANARY: &str = "globex-canary-7f3a";

/// Two tenants, with a token for each role, and things of one of them that the other knows the names of.
struct World {
    server: Server,
    host: abide_runtime::Host,
    tokens: BTreeMap<(&'static str, &'static str), String>,
    /// Path parameters that name things of `globex`.
    of_globex: BTreeMap<&'static str, String>,
}

struct Operation {
    method: Method,
    path: String,
    access: String,
    is_file: bool,
}

fn operations() -> Vec<Operation> {
    let document: Value = serde_json::from_str(DOCUMENT).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let all = paths.iter().flat_map(|(path, item)| {
        item.as_object().unwrap().iter().map(move |(method, operation)| Operation {
            method: method.to_uppercase().parse().unwrap(),
            path: path.clone(),
            access: operation["x-abide-access"].as_str().unwrap().to_owned(),
            is_file: operation.pointer("/requestBody/content/application~1wasm").is_some(),
        })
    });
    all.collect()
}

async fn token(host: &abide_runtime::Host, tenant: Option<&Tenant>, role: Role) -> String {
    let create = CreateToken { name: format!("the {role}"), role, host: tenant.is_none(), expires_in_s: None };
    host.create_token(tenant, create, "the test").await.unwrap().text
}

impl World {
    async fn new() -> Self {
        let activities = Activities::new(ActivitiesConfig::default(), Path::new(""), Arc::new(SystemClock)).unwrap();
        let local = LocalHost::new(activities).await;
        let host = local.host.clone();
        let mut tokens = BTreeMap::new();
        for name in ["acme", "globex"] {
            let tenant = Tenant::parse(name).unwrap();
            host.create_tenant(&tenant).await.unwrap();
            for role in Role::ALL {
                tokens.insert((name, role.as_str()), token(&host, Some(&tenant), role).await);
            }
        }
        for role in Role::ALL {
            tokens.insert(("host", role.as_str()), token(&host, None, role).await);
        }
        let server = Server::over(local, Options { auth: Auth::Tokens, ..Options::default() }).await;
        let mut world = Self { server, host, tokens, of_globex: BTreeMap::new() };
        world.furnish().await;
        world
    }

    /// Gives `globex` a workflow, a run, a schedule and a token of its own.
    async fn furnish(&mut self) {
        let admin = ("globex", "admin");
        let file = abide_tests::guest("waiter");
        let deploy = self.request(admin, Method::POST, "/v1/versions?name=globex-flow").body(file);
        let deployed = self.server.send(deploy).await;
        assert_eq!(deployed.status, 201, "{deployed:?}");
        let start =
            json!({"workflow": "globex-flow", "id": "globex-run", "input": CANARY, "attributes": {"note": CANARY}});
        let started = self.ask(admin, Method::POST, "/v1/runs", Some(&start)).await;
        assert_eq!(started.status, 201, "{started:?}");
        let spec = json!({"workflow": "globex-flow", "cron": ["17 4 29 2 *"], "input": CANARY});
        let schedule = json!({"id": "globex-schedule", "spec": spec, "note": CANARY});
        assert_eq!(self.ask(admin, Method::POST, "/v1/schedules", Some(&schedule)).await.status, 201);
        let put = self.request(admin, Method::PUT, "/v1/tools/globex-tool").body(abide_tests::guest("crm-tool"));
        assert_eq!(self.server.send(put).await.status, 201);
        let made = self.ask(admin, Method::POST, "/v1/tokens", Some(&json!({"name": CANARY, "role": "viewer"}))).await;
        assert_eq!(made.status, 201, "{made:?}");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        self.of_globex = BTreeMap::from([
            ("run", text(&started.body["run"]["run_id"])),
            ("version", text(&deployed.body["version"]["version"])),
            ("id", "globex-schedule".to_owned()),
            ("token", text(&made.body["token"]["id"])),
            ("tenant", "globex".to_owned()),
            ("setting", "gateway".to_owned()),
            ("event", "0".to_owned()),
            ("queue", "globex-queue".to_owned()),
        ]);
    }

    fn request(&self, who: (&str, &str), method: Method, path: &str) -> RequestBuilder {
        self.server.request(method, path).header(AUTHORIZATION, format!("Bearer {}", self.tokens[&who]))
    }

    async fn ask(&self, who: (&str, &str), method: Method, path: &str, body: Option<&Value>) -> Answer {
        let mut request = self.request(who, method, path);
        if let Some(body) = body {
            request = request.body(body.to_string());
        }
        self.server.send(request).await
    }

    /// The path of an operation, with names of things: of `globex`, or of things that are not there.
    fn path(&self, operation: &Operation, of_globex: bool) -> String {
        let parts = operation.path.split('/').map(|part| {
            let Some(name) = part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) else {
                return part.to_owned();
            };
            let known = self.of_globex.get(name).cloned();
            match name {
                "setting" | "event" => known.unwrap(),
                "name" if operation.path.starts_with("/v1/workflows/") && of_globex => "globex-flow".to_owned(),
                "name" if operation.path.starts_with("/v1/tools/") && of_globex => "globex-tool".to_owned(),
                _ if of_globex => known.unwrap_or_else(|| "globex-thing".to_owned()),
                "run" => "no-such-run".to_owned(),
                "version" => "0".repeat(64),
                "token" => "tok_0123456789abcdef".to_owned(),
                "tenant" => "no-such-tenant".to_owned(),
                _ => "no-such-thing".to_owned(),
            }
        });
        let path = parts.collect::<Vec<_>>().join("/");
        if operation.is_file && operation.path == "/v1/versions" { format!("{path}?name=other") } else { path }
    }

    /// A request that is well-formed enough to come to the handler.
    async fn attempt(&self, token: Option<&str>, operation: &Operation, path: &str, tenant: Option<&str>) -> Raw {
        let mut request = self.server.request(operation.method.clone(), path);
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        if let Some(tenant) = tenant {
            request = request.header("abide-tenant", tenant);
        }
        if operation.method != Method::GET && operation.method != Method::DELETE {
            request = request.body(if operation.is_file { "no component" } else { "{}" });
        }
        let response = request.timeout(Duration::from_secs(60)).send().await.unwrap();
        let asks = response.headers().contains_key("www-authenticate");
        Raw { status: response.status().as_u16(), asks, text: response.text().await.unwrap() }
    }
}

/// An answer that may be of any type.
#[derive(Debug)]
struct Raw {
    status: u16,
    asks: bool,
    text: String,
}

fn rank(role: &str) -> usize {
    Role::ALL.iter().position(|known| known.as_str() == role).unwrap()
}

#[tokio::test]
async fn every_route_with_every_role() {
    let world = World::new().await;
    for operation in operations() {
        let Operation { method, access, .. } = &operation;
        let path = world.path(&operation, false);
        for ((whose, role), token) in &world.tokens {
            let answer = world.attempt(Some(token), &operation, &path, None).await;
            let may = match access.as_str() {
                "open" => true,
                "host" => *whose == "host" && *role == "admin",
                needed => rank(role) >= rank(needed),
            };
            let what = format!("{method} {path} needs {access}; {role} of {whose}: {answer:?}");
            match may {
                true => assert!(!matches!(answer.status, 401 | 403 | 500), "{what}"),
                false => {
                    assert_eq!(answer.status, 403, "{what}");
                    assert!(answer.text.contains("\"forbidden\""), "{what}");
                }
            }
        }
    }
}

#[tokio::test]
async fn every_route_without_a_good_token() {
    let world = World::new().await;
    let acme = Tenant::parse("acme").unwrap();
    let create = |expires_in_s| CreateToken { name: "short".to_owned(), role: Role::Admin, host: false, expires_in_s };
    let expired = world.host.create_token(Some(&acme), create(Some(1)), "the test").await.unwrap().text;
    let revoked = world.host.create_token(Some(&acme), create(None), "the test").await.unwrap();
    world.host.revoke_token(Some(&acme), &revoked.token.id).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let good = &world.tokens[&("acme", "admin")];
    let another_secret = format!("{}{}", &good[..good.len() - 64], "0".repeat(64));
    let bad =
        [Some(expired.as_str()), Some(revoked.text.as_str()), Some(another_secret.as_str()), Some("x"), Some(""), None];
    for operation in operations() {
        let path = world.path(&operation, false);
        for token in bad {
            let answer = world.attempt(token, &operation, &path, None).await;
            let what = format!("{} {path} with {token:?}: {answer:?}", operation.method);
            match operation.access.as_str() {
                "open" => assert_eq!(answer.status, 200, "{what}"),
                _ => assert!(
                    answer.status == 401 && answer.asks && answer.text.contains("\"unauthenticated\""),
                    "{what}"
                ),
            }
        }
    }
}

/// What a tenant has is not there for another one: neither to be seen, nor to be changed, nor to be told from what is not there at all.
#[tokio::test]
async fn every_route_with_the_names_of_another_tenant() {
    let world = World::new().await;
    let run = &world.of_globex["run"];
    let history = format!("/v1/runs/{run}/history");
    let before = world.ask(("globex", "viewer"), Method::GET, &history, None).await.body;
    let admin = &world.tokens[&("acme", "admin")];
    for operation in operations().iter().filter(|operation| operation.access != "open") {
        let path = world.path(operation, true);
        let answer = world.attempt(Some(admin), operation, &path, None).await;
        let what = format!("{} {path}: {answer:?}", operation.method);
        assert!(!answer.text.contains(CANARY), "{what}");
        if operation.path.contains('{') && !operation.path.contains("{queue}") {
            assert!(matches!(answer.status, 400 | 403 | 404 | 422), "{what}");
        }
        // Nor does it help to say that one is somebody else.
        let answer = world.attempt(Some(admin), operation, &path, Some("globex")).await;
        assert_eq!(answer.status, 403, "{} {path} as globex: {answer:?}", operation.method);
    }
    assert_eq!(world.ask(("globex", "viewer"), Method::GET, &history, None).await.body, before);
    let seen = world.ask(("globex", "admin"), Method::GET, "/v1/tokens", None).await;
    let seen = seen.body["tokens"].as_array().unwrap();
    assert!(seen.iter().any(|token| token["name"] == CANARY && token.get("revoked_ms").is_none()), "{seen:?}");
    for path in ["/v1/schedules/globex-schedule", "/v1/workflows/globex-flow", "/v1/tools/globex-tool"] {
        assert_eq!(world.ask(("globex", "viewer"), Method::GET, path, None).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn the_hosts_own_admin_acts_for_any_tenant() {
    let world = World::new().await;
    let token = &world.tokens[&("host", "admin")];
    let list = |tenant: &'static str| {
        let request = world.server.request(Method::GET, "/v1/runs").header(AUTHORIZATION, format!("Bearer {token}"));
        world.server.send(request.header("abide-tenant", tenant))
    };
    assert_eq!(list("globex").await.body["runs"].as_array().unwrap().len(), 1);
    assert_eq!(list("acme").await.body["runs"], json!([]));
    let nobody = list("nobody").await;
    assert_eq!((nobody.status, &nobody.body["code"]), (404, &json!("tenant-not-found")));
    assert_eq!(list("no/name").await.status, 400);
}

#[tokio::test]
async fn nobody_gives_more_than_they_have() {
    let world = World::new().await;
    let code = |answer: &Answer| (answer.status, answer.body["code"].as_str().unwrap_or_default().to_owned());
    let forbidden = (403, "forbidden".to_owned());
    let admin = ("acme", "admin");
    for (method, path, body) in [
        (Method::POST, "/v1/tokens", json!({"name": "root", "role": "admin", "host": true})),
        (Method::PUT, "/v1/tenants/acme/settings/grants", json!({"allow": []})),
        (Method::PUT, "/v1/tenants/acme/settings/quotas", json!({})),
        (Method::DELETE, "/v1/tenants/acme/settings/grants", Value::Null),
    ] {
        let answer = world.ask(admin, method, path, Some(&body)).await;
        assert_eq!(code(&answer), forbidden, "{path}: {answer:?}");
    }
    for path in ["/v1/audit?host=true", "/v1/tokens?host=true"] {
        assert_eq!(code(&world.ask(admin, Method::GET, path, None).await), forbidden, "{path}");
        // A lower role of the host's own may not either.
        assert_eq!(code(&world.ask(("host", "deployer"), Method::GET, path, None).await), forbidden, "{path}");
    }
    for bad in [
        json!({"name": "", "role": "admin"}),
        json!({"name": "a", "role": "root"}),
        json!({"name": "a", "role": "admin", "expires_in_s": 0}),
        json!({"name": "a", "role": "admin", "tenant": "globex"}),
        json!({"name": "a\n", "role": "admin"}),
    ] {
        assert_eq!(world.ask(admin, Method::POST, "/v1/tokens", Some(&bad)).await.status, 400, "{bad}");
    }
    let taken = world.ask(("host", "admin"), Method::POST, "/v1/tenants", Some(&json!({"tenant": "acme"}))).await;
    assert_eq!(code(&taken), (409, "tenant-exists".to_owned()));
    let taken = world.ask(("host", "admin"), Method::POST, "/v1/tenants", Some(&json!({"tenant": "default"}))).await;
    assert_eq!(code(&taken), (409, "tenant-exists".to_owned()));
}

#[tokio::test]
async fn the_audit_log_says_who_did_what() {
    let world = World::new().await;
    let run = &world.of_globex["run"];
    let cancel = format!("/v1/runs/{run}/cancel");
    assert_eq!(world.ask(("globex", "operator"), Method::POST, &cancel, Some(&json!({}))).await.status, 200);
    assert_eq!(world.ask(("globex", "viewer"), Method::POST, &cancel, Some(&json!({}))).await.status, 403);
    let mut entries = Vec::new();
    // What came of a request is added after it was answered.
    for _ in 0..200 {
        let page = world.ask(("globex", "admin"), Method::GET, "/v1/audit?limit=2", None).await;
        entries = page.body["entries"].as_array().unwrap().clone();
        assert!(page.body["next"].is_string(), "{page:?}");
        if entries.iter().all(|entry| entry.get("status").is_some()) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let told: Vec<_> = entries
        .iter()
        .map(|entry| {
            (
                entry["actor"].as_str().unwrap().split(" (tok_").next().unwrap(),
                entry["action"].as_str().unwrap(),
                &entry["status"],
            )
        })
        .collect();
    let action = "POST /v1/runs/{run}/cancel";
    assert_eq!(told, [("the viewer", action, &json!(403)), ("the operator", action, &json!(200))]);
    assert_eq!(entries[0]["target"], cancel);
    // Reads are not in it, and nothing of another tenant is.
    let acme = world.ask(("acme", "admin"), Method::GET, "/v1/audit", None).await;
    assert_eq!(acme.body["entries"], json!([]));
    let host = world.ask(("host", "admin"), Method::POST, "/v1/tenants", Some(&json!({"tenant": "new"}))).await;
    assert_eq!(host.status, 201);
    let page = world.ask(("host", "admin"), Method::GET, "/v1/audit?host=true&limit=1", None).await;
    assert_eq!(page.body["entries"][0]["action"], "POST /v1/tenants", "{page:?}");
}
