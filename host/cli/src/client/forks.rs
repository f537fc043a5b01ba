//! What is asked of a host about forks.

use abide_model::{Json, RunId};
use abide_runtime::view::{ForkRun, Forked, Forks, KeepRun, Kept};
use anyhow::Result;

use super::Client;

/// The longest page that a host gives.
const PAGE: usize = 1000;

impl Client {
    pub(crate) async fn fork(&self, run: &str, fork: &ForkRun) -> Result<Forked> {
        self.ask(self.with_json(self.url(&["v1", "runs", run, "fork"]), &Json::of(fork)?)).await
    }

    pub(crate) async fn forks(&self, run: &str, cursor: Option<RunId>) -> Result<Forks> {
        let mut url = self.url(&["v1", "runs", run, "forks"]);
        url.query_pairs_mut().append_pair("limit", &PAGE.to_string());
        if let Some(cursor) = cursor {
            url.query_pairs_mut().append_pair("cursor", &cursor.to_string());
        }
        self.ask(self.http.get(url)).await
    }

    pub(crate) async fn keep(&self, run: &str, keep: &KeepRun) -> Result<Kept> {
        self.ask(self.with_json(self.url(&["v1", "runs", run, "keep"]), &Json::of(keep)?)).await
    }
}
