//! Requests about the past of a run: replays, and capsules.

use abide_model::Seq;
use abide_runtime::view::{Imported, ReplayReport, RunAt};
use anyhow::Result;
use bytes::Bytes;
use reqwest::header::CONTENT_TYPE;
use reqwest::{RequestBuilder, Url};

use super::Client;

impl Client {
    pub(crate) async fn replay(&self, run: &str, component: Option<Bytes>, prove: bool) -> Result<ReplayReport> {
        let mut url = self.url(&["v1", "runs", run, "replay"]);
        if prove {
            url.query_pairs_mut().append_pair("prove", "true");
        }
        self.ask(self.on(url, component)).await
    }

    /// Where a run stood after an event.
    pub(crate) async fn at(&self, run: &str, event: Seq, component: Option<Bytes>) -> Result<RunAt> {
        self.ask(self.on(self.url(&["v1", "runs", run, "at", &event.to_string()]), component)).await
    }

    /// A run as the bytes of a capsule.
    pub(crate) async fn export(&self, run: &str) -> Result<Bytes> {
        let request = self.http.get(self.url(&["v1", "runs", run, "export"]));
        self.send(request).await?.bytes().await.map_err(|error| self.no_answer(&error).into())
    }

    pub(crate) async fn import(&self, capsule: Bytes) -> Result<Imported> {
        let request = self.http.post(self.url(&["v1", "import"]));
        self.ask(request.header(CONTENT_TYPE, "application/vnd.abide.capsule").body(capsule)).await
    }

    fn on(&self, url: Url, component: Option<Bytes>) -> RequestBuilder {
        let request = self.http.post(url);
        match component {
            Some(file) => request.header(CONTENT_TYPE, "application/wasm").body(file),
            None => request,
        }
    }
}
