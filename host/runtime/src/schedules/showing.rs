//! What the host shows of schedules: their rows, with the due times to come and how their runs stand.

use abide_model::{Error, Schedule, ScheduleId, Tenant};

use super::{Times, aside};
use crate::Host;
use crate::view::{ScheduleDescription, ScheduleSummary, ScheduledRunView, Schedules};

/// How many due times a description shows.
const SHOWN_DUE: usize = 5;
/// The longest page of schedules.
const MAX_PAGE: usize = 1000;

impl Host {
    /// A schedule in detail.
    pub async fn describe_schedule(&self, tenant: &Tenant, id: &ScheduleId) -> Result<ScheduleDescription, Error> {
        let row = self.schedule_row(tenant, id).await?;
        let now_ms = self.inner.clock.now_ms();
        let mut recent = Vec::with_capacity(row.state.recent.len());
        for scheduled in row.state.recent.iter().rev() {
            if let Some(run) = self.inner.store.run(tenant, scheduled.run_id).await? {
                recent.push(ScheduledRunView {
                    run_id: run.run_id,
                    id: run.id,
                    due_ms: scheduled.due_ms,
                    started_ms: run.started_ms,
                    status: run.status,
                    closed_ms: run.closed_ms,
                    outcome: run.outcome,
                });
            }
        }
        aside(move || {
            let next_due_ms = upcoming(&row, now_ms, SHOWN_DUE);
            let Schedule { id, spec, state, .. } = row;
            ScheduleDescription {
                id,
                spec,
                paused: state.paused,
                note: state.note,
                created_ms: state.created_ms,
                updated_ms: state.updated_ms,
                next_due_ms,
                buffered_due_ms: state.buffered_ms,
                recent,
                counts: state.counts,
                backfills: state.backfills,
                last_failure: state.last_failure,
            }
        })
        .await
    }

    /// Schedules after `cursor`, by id; at most `limit`, of which 1000 are heeded.
    pub async fn schedules(
        &self,
        tenant: &Tenant,
        cursor: Option<&ScheduleId>,
        limit: usize,
    ) -> Result<Schedules, Error> {
        let page = self.inner.store.schedules(tenant, cursor, limit.clamp(1, MAX_PAGE)).await?;
        let now_ms = self.inner.clock.now_ms();
        aside(move || {
            let summary = |row: Schedule| ScheduleSummary {
                next_due_ms: upcoming(&row, now_ms, 1).pop(),
                id: row.id,
                workflow: row.spec.workflow,
                paused: row.state.paused,
                note: row.state.note,
                counts: row.state.counts,
            };
            Schedules { schedules: page.schedules.into_iter().map(summary).collect(), next: page.next }
        })
        .await
    }
}

/// The due times to come: none while the schedule is paused.
fn upcoming(row: &Schedule, now_ms: u64, count: usize) -> Vec<u64> {
    match Times::of(&row.id, &row.spec) {
        Ok(times) if !row.state.paused => times.upcoming(now_ms.max(row.state.done_until_ms), count),
        _ => Vec::new(),
    }
}
