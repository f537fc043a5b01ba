//! What the host is asked about tool components, and about files.

use abide_activities::ToolSettings;
use abide_model::Json;
use abide_runtime::view::{DeletedTool, Inspection, PutTool, ToolComponent, ToolComponents};
use anyhow::Result;
use bytes::Bytes;
use reqwest::Body;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};

use super::Client;

impl Client {
    pub(crate) async fn put_tool(
        &self,
        name: &str,
        settings: &ToolSettings,
        file: Body,
        bytes: u64,
    ) -> Result<PutTool> {
        let mut url = self.url(&["v1", "tools", name]);
        url.query_pairs_mut().append_pair("settings", Json::of(settings)?.as_str());
        let request = self.http.put(url).header(CONTENT_TYPE, "application/wasm");
        self.ask(request.header(CONTENT_LENGTH, bytes).body(file)).await
    }

    pub(crate) async fn tools(&self) -> Result<ToolComponents> {
        self.ask(self.http.get(self.url(&["v1", "tools"]))).await
    }

    pub(crate) async fn tool(&self, name: &str) -> Result<ToolComponent> {
        self.ask(self.http.get(self.url(&["v1", "tools", name]))).await
    }

    pub(crate) async fn delete_tool(&self, name: &str) -> Result<DeletedTool> {
        self.ask(self.http.delete(self.url(&["v1", "tools", name]))).await
    }

    pub(crate) async fn inspect(&self, file: Bytes) -> Result<Inspection> {
        let request = self.http.post(self.url(&["v1", "inspect"])).header(CONTENT_TYPE, "application/wasm");
        self.ask(request.body(file)).await
    }
}
