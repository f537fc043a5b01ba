//! A host that is served, and a client that believes nothing.

pub(crate) mod schema;

use std::time::Duration;

use abide_model::Error;
use abide_server::{Auth, Options, serve};
use abide_tests::{LocalHost, ScriptedPerformer, guest};
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// The document that answers are held against.
pub(crate) const DOCUMENT: &str = include_str!("../../../openapi.json");

/// How long a test waits for something that takes milliseconds.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A host that is served.
pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) http: reqwest::Client,
    /// Keeps the data folder.
    _local: LocalHost,
    stop: Option<oneshot::Sender<()>>,
    served: JoinHandle<Result<(), Error>>,
}

/// An answer that is as documented.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Server {
    /// Over a new folder, with tools that echo.
    pub(crate) async fn start() -> Self {
        Self::with(open()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        Self::over(LocalHost::new(ScriptedPerformer::echoing()).await, options).await
    }

    pub(crate) async fn over(local: LocalHost, options: Options) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(serve(listener, local.host.clone(), options, async {
            let _ = stopped.await;
        }));
        Self { url, http: client(), _local: local, stop: Some(stop), served }
    }

    /// Tells the server to stop.
    pub(crate) fn stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }

    /// What `serve` gave.
    pub(crate) async fn served(self) -> Result<(), Error> {
        tokio::time::timeout(PATIENCE, self.served).await.expect("the server stops").unwrap()
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    /// Sends a request and checks the answer.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Answer {
        let request = request.build().unwrap();
        let (method, path) = (request.method().clone(), request.url().path().to_owned());
        let response = self.http.execute(request).await.unwrap_or_else(|error| panic!("{method} {path}: {error:?}"));
        checked(&method, &path, response).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// Posts JSON.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_text(path, body.to_string()).await
    }

    /// Posts bytes.
    pub(crate) async fn post_text(&self, path: &str, body: impl Into<reqwest::Body>) -> Answer {
        self.send(self.request(Method::POST, path).body(body)).await
    }

    /// Uploads a guest under its own name.
    pub(crate) async fn deploy(&self, name: &str) -> Answer {
        self.post_text(&format!("/v1/versions?name={name}"), guest(name)).await
    }

    /// Starts a run of `waiter`, which waits for the signal `go`, and gives its path.
    pub(crate) async fn waiting(&self, id: &str) -> String {
        self.deploy("waiter").await;
        let started = self.post("/v1/runs", &json!({"workflow": "waiter", "id": id})).await;
        assert_eq!(started.status, 201, "{started:?}");
        format!("/v1/runs/{}", started.body["run"]["run_id"].as_str().unwrap())
    }
}

/// Nobody is asked for a token.
pub(crate) fn open() -> Options {
    Options { auth: Auth::Open, ..Options::default() }
}

fn client() -> reqwest::Client {
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// Reads an answer and holds it against the document.
async fn checked(method: &Method, path: &str, response: Response) -> Answer {
    let document: Value = serde_json::from_str(DOCUMENT).unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let media_type = headers.get(CONTENT_TYPE).map_or("", |value| value.to_str().unwrap()).to_owned();
    let text = response.text().await.unwrap();
    let body: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{method} {path}: {error}: {text:?}"));
    let schema = match operation(&document, method, path) {
        Some(operation) => {
            let responses = &operation["responses"];
            let response = responses.get(status.to_string()).unwrap_or(&responses["default"]);
            let response = match response.get("$ref").and_then(Value::as_str) {
                Some(target) => document.pointer(target.trim_start_matches('#')).unwrap(),
                None => response,
            };
            let content = &response["content"][&media_type];
            assert!(
                content.is_object(),
                "{method} {path} answers {status} with `{media_type}`, which is not documented"
            );
            content["schema"].clone()
        }
        // No such path, or not with this method.
        None => {
            assert_eq!(media_type, "application/problem+json", "{method} {path}: {text}");
            json!({"$ref": "#/components/schemas/Problem"})
        }
    };
    schema::check(&document, &schema, &body, &format!("{method} {path} {status}")).unwrap();
    if status >= 400 {
        assert_eq!(body["status"], status, "{body}");
        assert!(!body["detail"].as_str().unwrap().is_empty(), "{body}");
    }
    Answer { status, headers, body }
}

/// The operation that a request is of.
fn operation<'a>(document: &'a Value, method: &Method, path: &str) -> Option<&'a Value> {
    let fits = |template: &str| {
        let (wanted, given) = (template.split('/'), path.split('/'));
        wanted.clone().count() == given.clone().count()
            && wanted
                .zip(given)
                .all(|(wanted, given)| wanted == given || (wanted.starts_with('{') && !given.is_empty()))
    };
    let paths = document["paths"].as_object().unwrap();
    let item = paths.iter().find(|(template, _)| fits(template)).map(|(_, item)| item)?;
    item.get(method.as_str().to_ascii_lowercase())
}
