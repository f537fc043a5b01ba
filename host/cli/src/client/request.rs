//! One request and its answer, and what it means when there is none.

use std::sync::atomic::Ordering;
use std::time::Duration;

use abide_activities::{Answered, Queues};
use abide_model::{Json, Outcome};
use abide_runtime::view::{
    Batch, BatchReport, Deleted, Deployed, Description, ResetRun, RunCounts, Runs, Signalled, StartRun, Started,
    UpdateRun, Updated, Upload, Workflow,
};
use abide_server::Problem;
use anyhow::{Context, Result};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Body, Method, RequestBuilder, Response, StatusCode, Url};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Client;
use crate::exit::{Exit, Fault};

/// `GET /v1/workflows`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Workflows {
    pub(crate) workflows: Vec<Workflow>,
}

/// Which runs to list.
#[derive(Debug, Default)]
pub(crate) struct ListFilter {
    pub(crate) workflow: Option<String>,
    pub(crate) status: Option<String>,
    pub(crate) id: Option<String>,
    pub(crate) filter: Option<String>,
}

impl Client {
    pub(crate) async fn upload(&self, name: &str, upload: &Upload, file: Body, bytes: u64) -> Result<Deployed> {
        let mut url = self.url(&["v1", "versions"]);
        url.query_pairs_mut().append_pair("name", name);
        if let Some(manifest) = &upload.manifest {
            url.query_pairs_mut().append_pair("manifest", Json::of(manifest)?.as_str());
        }
        if !upload.configuration.is_empty() {
            url.query_pairs_mut().append_pair("configuration", Json::of(&upload.configuration)?.as_str());
        }
        if !upload.labels.is_empty() {
            let labels: Vec<_> = upload.labels.iter().map(|label| label.as_str()).collect();
            url.query_pairs_mut().append_pair("labels", &labels.join(","));
        }
        if !upload.activate {
            url.query_pairs_mut().append_pair("activate", "false");
        }
        let request = self.http.post(url).header(CONTENT_TYPE, "application/wasm");
        self.ask(request.header(reqwest::header::CONTENT_LENGTH, bytes).body(file)).await
    }

    pub(crate) async fn workflows(&self) -> Result<Workflows> {
        self.ask(self.http.get(self.url(&["v1", "workflows"]))).await
    }

    pub(crate) async fn start(&self, start: &StartRun) -> Result<Started> {
        self.ask(self.with_json(self.url(&["v1", "runs"]), &Json::of(start)?)).await
    }

    pub(crate) async fn runs(&self, filter: &ListFilter, cursor: Option<String>, limit: usize) -> Result<Runs> {
        let mut url = self.url(&["v1", "runs"]);
        let given = [
            ("filter", &filter.filter),
            ("workflow", &filter.workflow),
            ("status", &filter.status),
            ("id", &filter.id),
            ("cursor", &cursor),
        ];
        for (name, value) in given {
            if let Some(value) = value {
                url.query_pairs_mut().append_pair(name, value);
            }
        }
        url.query_pairs_mut().append_pair("limit", &limit.to_string());
        self.ask(self.http.get(url)).await
    }

    pub(crate) async fn count(&self, filter: Option<&str>) -> Result<RunCounts> {
        let mut url = self.url(&["v1", "runs", "count"]);
        if let Some(filter) = filter {
            url.query_pairs_mut().append_pair("filter", filter);
        }
        self.ask(self.http.get(url)).await
    }

    pub(crate) async fn batch(&self, batch: &Batch) -> Result<BatchReport> {
        self.ask(self.with_json(self.url(&["v1", "runs", "batch"]), &Json::of(batch)?)).await
    }

    pub(crate) async fn delete(&self, run: &str) -> Result<Deleted> {
        self.ask(self.http.delete(self.url(&["v1", "runs", run]))).await
    }

    pub(crate) async fn describe(&self, run: &str) -> Result<Description> {
        self.ask(self.http.get(self.url(&["v1", "runs", run]))).await
    }

    pub(crate) async fn signal(&self, run: &str, name: &str, payload: &Json, key: Option<&str>) -> Result<Signalled> {
        let mut request = self.with_json(self.url(&["v1", "runs", run, "signals", name]), payload);
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        self.ask(request).await
    }

    pub(crate) async fn query(&self, run: &str, name: &str, arguments: &Json) -> Result<Json> {
        self.ask(self.with_json(self.url(&["v1", "runs", run, "queries", name]), arguments)).await
    }

    /// Asks a run for something, and waits for `wait` at most.
    pub(crate) async fn update(&self, run: &str, update: &UpdateRun, wait: Duration) -> Result<Updated> {
        let mut url = self.url(&["v1", "runs", run, "updates"]);
        url.query_pairs_mut().append_pair("wait", &format!("{}ms", wait.as_millis()));
        self.ask(self.with_json(url, &Json::of(update)?)).await
    }

    pub(crate) async fn reset(&self, run: &str, reset: &ResetRun) -> Result<Started> {
        self.ask(self.with_json(self.url(&["v1", "runs", run, "reset"]), &Json::of(reset)?)).await
    }

    /// `cancel`, `terminate` or `resume`, with the one member that its body may have.
    pub(crate) async fn control(
        &self,
        run: &str,
        verb: &str,
        member: Option<(&str, &str)>,
    ) -> Result<abide_model::Run> {
        let body = member.map_or_else(|| json!({}), |(name, value)| json!({ name: value }));
        self.ask(self.with_json(self.url(&["v1", "runs", run, verb]), &Json::from(&body))).await
    }

    pub(crate) async fn task_queues(&self) -> Result<Queues> {
        self.ask(self.http.get(self.url(&["v1", "tasks"]))).await
    }

    pub(crate) async fn complete_call(&self, token: &str, outcome: &Outcome) -> Result<Answered> {
        self.ask(self.with_json(self.url(&["v1", "completions", token]), &Json::of(outcome)?)).await
    }

    pub(super) fn with_json(&self, url: Url, json: &Json) -> RequestBuilder {
        self.request_with_json(Method::POST, url, json)
    }

    pub(super) fn request_with_json(&self, method: Method, url: Url, json: &Json) -> RequestBuilder {
        self.http.request(method, url).header(CONTENT_TYPE, "application/json").body(json.as_str().to_owned())
    }

    /// Sends a request and reads the answer.
    pub(super) async fn ask<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T> {
        let answer = self.send(request).await?.bytes().await.map_err(|error| self.no_answer(&error))?;
        serde_json::from_slice(&answer).with_context(|| {
            format!("the host at {} answered with something else than expected: is it another release?", self.server())
        })
    }

    /// Sends a request; an answer that is a problem is an error.
    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Response, Fault> {
        let response = request.send().await.map_err(|error| self.no_answer(&error))?;
        self.answered.store(true, Ordering::Relaxed);
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = response.bytes().await.map_err(|error| self.no_answer(&error))?;
        Err(match serde_json::from_slice::<Problem>(&body) {
            Ok(problem) => problem.into(),
            Err(_) => self.foreign(status),
        })
    }

    fn foreign(&self, status: StatusCode) -> Fault {
        let message = format!("what answers at {} with {status} is no abide host: check `--server`", self.server());
        // A proxy whose host is away answers so.
        let away = matches!(status.as_u16(), 502..=504);
        Fault::new(if away { Exit::Unreachable } else { Exit::Refused }, "no-host", message)
    }

    pub(super) fn no_answer(&self, error: &reqwest::Error) -> Fault {
        let (server, why) = (self.server(), innermost(error));
        let message = if error.is_connect() {
            format!(
                "cannot reach the host at {server}: {why}: start one with `abide dev`, or name another with `--server`"
            )
        } else {
            format!(
                "the host at {server} went away before it answered ({why}): it may have done what was asked; look with \
                 `abide list` before you try again"
            )
        };
        Fault::new(Exit::Unreachable, "host-unreachable", message)
    }
}

fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
