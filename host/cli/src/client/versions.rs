//! Versions, swaps and checks.

use std::time::Duration;

use abide_model::Json;
use abide_runtime::view::{
    ChangeVersion, ChangeWorkflow, CheckSummary, CheckedRun, SwapReport, SwapRuns, Version, VersionDescription,
    Workflow,
};
use anyhow::Result;
use bytes::Bytes;
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use tokio::time::timeout;

use super::Client;
use super::events::Events;
use super::follow::read;

/// When a stream that says nothing counts as lost: it says every 10 s that it lives.
const SILENCE: Duration = Duration::from_secs(60);

/// What is asked of a check.
pub(crate) struct CheckAsked {
    pub(crate) filter: Option<String>,
    pub(crate) fuel: bool,
}

impl Client {
    pub(crate) async fn workflow(&self, name: &str) -> Result<Workflow> {
        self.ask(self.http.get(self.url(&["v1", "workflows", name]))).await
    }

    pub(crate) async fn change_workflow(&self, name: &str, change: &ChangeWorkflow) -> Result<Workflow> {
        let url = self.url(&["v1", "workflows", name]);
        self.ask(self.request_with_json(Method::PATCH, url, &Json::of(change)?)).await
    }

    pub(crate) async fn version(&self, workflow: &str, version: &str) -> Result<VersionDescription> {
        self.ask(self.http.get(self.url(&["v1", "workflows", workflow, "versions", version]))).await
    }

    pub(crate) async fn change_version(
        &self,
        workflow: &str,
        version: &str,
        change: &ChangeVersion,
    ) -> Result<VersionDescription> {
        let url = self.url(&["v1", "workflows", workflow, "versions", version]);
        self.ask(self.request_with_json(Method::PATCH, url, &Json::of(change)?)).await
    }

    pub(crate) async fn delete_version(&self, workflow: &str, version: &str) -> Result<Version> {
        self.ask(self.http.delete(self.url(&["v1", "workflows", workflow, "versions", version]))).await
    }

    pub(crate) async fn swap(&self, workflow: &str, swap: &SwapRuns) -> Result<SwapReport> {
        self.ask(self.with_json(self.url(&["v1", "workflows", workflow, "swap"]), &Json::of(swap)?)).await
    }

    pub(crate) async fn pin(&self, run: &str, pinned: bool) -> Result<abide_model::Run> {
        let body = Json::from(&serde_json::json!({ "pinned": pinned }));
        self.ask(self.with_json(self.url(&["v1", "runs", run, "pin"]), &body)).await
    }

    /// Gives what comes of each history to `show`.
    pub(crate) async fn check(
        &self,
        workflow: &str,
        asked: &CheckAsked,
        component: Bytes,
        mut show: impl FnMut(CheckedRun) -> Result<()>,
    ) -> Result<CheckSummary> {
        let mut url = self.url(&["v1", "workflows", workflow, "check"]);
        if let Some(filter) = &asked.filter {
            url.query_pairs_mut().append_pair("filter", filter);
        }
        if asked.fuel {
            url.query_pairs_mut().append_pair("fuel", "true");
        }
        let request = self.http.post(url).header(CONTENT_TYPE, "application/wasm").body(component);
        let mut response = self.send(request).await?;
        let mut events = Events::default();
        loop {
            let piece = match timeout(SILENCE, response.chunk()).await {
                Ok(Ok(Some(piece))) => piece,
                Ok(Ok(None)) => return Err(self.cut("it closed the stream").into()),
                Ok(Err(error)) => return Err(self.cut(&error.to_string()).into()),
                Err(_) => return Err(self.cut("it says nothing more").into()),
            };
            for frame in events.take(&piece)? {
                match frame.event.as_str() {
                    "end" => return read(&frame),
                    "error" => return Err(crate::exit::Fault::from(read::<abide_server::Problem>(&frame)?).into()),
                    _ => show(read(&frame)?)?,
                }
            }
        }
    }
}
