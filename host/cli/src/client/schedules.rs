//! What the host is asked about schedules.

use abide_model::{Json, ScheduleSpec};
use abide_runtime::view::{
    BackfillSchedule, CreateSchedule, ScheduleDescription, Schedules, TriggerSchedule, Triggered,
};
use anyhow::Result;
use reqwest::header::CONTENT_TYPE;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Client;

/// `DELETE /v1/schedules/{id}`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct DeletedSchedule {
    pub(crate) id: String,
}

impl Client {
    pub(crate) async fn create_schedule(&self, create: &CreateSchedule) -> Result<ScheduleDescription> {
        self.ask(self.with_json(self.url(&["v1", "schedules"]), &Json::of(create)?)).await
    }

    pub(crate) async fn schedules(&self, cursor: Option<&str>, limit: usize) -> Result<Schedules> {
        let mut url = self.url(&["v1", "schedules"]);
        if let Some(cursor) = cursor {
            url.query_pairs_mut().append_pair("cursor", cursor);
        }
        url.query_pairs_mut().append_pair("limit", &limit.to_string());
        self.ask(self.http.get(url)).await
    }

    pub(crate) async fn schedule(&self, id: &str) -> Result<ScheduleDescription> {
        self.ask(self.http.get(self.url(&["v1", "schedules", id]))).await
    }

    pub(crate) async fn update_schedule(&self, id: &str, spec: &ScheduleSpec) -> Result<ScheduleDescription> {
        let request = self.http.put(self.url(&["v1", "schedules", id])).header(CONTENT_TYPE, "application/json");
        self.ask(request.body(Json::of(spec)?.as_str().to_owned())).await
    }

    pub(crate) async fn delete_schedule(&self, id: &str) -> Result<DeletedSchedule> {
        self.ask(self.http.delete(self.url(&["v1", "schedules", id]))).await
    }

    /// `pause` or `unpause`.
    pub(crate) async fn pause_schedule(&self, id: &str, verb: &str, note: Option<&str>) -> Result<ScheduleDescription> {
        let body = Json::from(&json!({ "note": note }));
        self.ask(self.with_json(self.url(&["v1", "schedules", id, verb]), &body)).await
    }

    pub(crate) async fn trigger_schedule(&self, id: &str, trigger: &TriggerSchedule) -> Result<Triggered> {
        self.ask(self.with_json(self.url(&["v1", "schedules", id, "trigger"]), &Json::of(trigger)?)).await
    }

    pub(crate) async fn backfill_schedule(&self, id: &str, range: &BackfillSchedule) -> Result<ScheduleDescription> {
        self.ask(self.with_json(self.url(&["v1", "schedules", id, "backfill"]), &Json::of(range)?)).await
    }
}
