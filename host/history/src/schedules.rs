//! What stores are asked about schedules.

use abide_model::{Schedule, ScheduleId, Tenant};

/// A change of one schedule, by itself or as a part of the commit that starts its run.
#[derive(Debug, Clone, PartialEq)]
pub struct ScheduleChange {
    /// Whose schedule.
    pub tenant: Tenant,
    /// Which one.
    pub id: ScheduleId,
    /// The revision that it has; `None` where there is none.
    pub expected: Option<u64>,
    /// What it becomes; `None` deletes it. A new row has a higher revision than the old one.
    pub row: Option<Schedule>,
}

/// A schedule that has to be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueSchedule {
    /// Whose.
    pub tenant: Tenant,
    /// Since when.
    pub wake_ms: u64,
    /// Which one.
    pub id: ScheduleId,
}

/// Some schedules, by id.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SchedulePage {
    /// The schedules.
    pub schedules: Vec<Schedule>,
    /// The last one that was looked at, where there may be more after it: a store bounds how many bytes it reads.
    pub next: Option<ScheduleId>,
}
