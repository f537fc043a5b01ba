//! What every store passes. A crate that has a store writes one line in a test file:
//!
//! ```ignore
//! abide_history::conformance!(MyPlace::new());
//! ```
//!
//! and gets a test for each function here. [`Place`] says where the data is; a test may open it more than once. The data of a
//! place is its own: each test is given a new one.

mod deletion;
mod documents;
mod erasure;
mod forks;
mod history;
mod ledger;
mod rows;
pub mod sample;
mod schedules;
mod search;
mod starts;
mod timers;
mod tools;
mod usage;
mod versions;

use std::pin::Pin;
use std::sync::Arc;

pub use deletion::*;
pub use documents::*;
pub use erasure::*;
pub use forks::*;
pub use history::*;
pub use ledger::*;
pub use rows::*;
pub use schedules::*;
pub use search::*;
pub use starts::*;
pub use timers::*;
pub use tools::*;
pub use usage::*;
pub use versions::*;

use crate::{Store, StoreError};

/// A store, opened.
pub type Opened<'a> = Pin<Box<dyn Future<Output = Result<Arc<dyn Store>, StoreError>> + Send + 'a>>;
/// What a test gives.
pub type Tested = Result<(), StoreError>;

/// Where the data of a store is.
pub trait Place: Send + Sync {
    /// Opens the data that is there. The store that was opened before has been dropped.
    fn open(&self) -> Opened<'_>;
}

/// Makes a test of each function of [`conformance`](mod@crate::conformance). The expression gives a new, empty [`Place`].
#[macro_export]
macro_rules! conformance {
    ($place:expr) => {
        $crate::conformance! {
            $place =>
            a_start_writes_all_its_rows
            an_id_has_one_open_run
            an_id_can_be_claimed_again_after_its_run_closed
            the_latest_run_of_an_id_is_the_last_that_started
            an_id_is_used_again_only_where_the_start_allows_it
            a_run_ends_and_its_successor_starts_in_one_change
            an_id_is_claimed_once_by_starts_at_the_same_time
            ids_and_runs_of_tenants_are_apart
            a_start_that_contradicts_itself_is_refused
            a_start_of_a_run_that_is_there_is_a_conflict
            another_length_is_a_conflict
            a_refused_change_leaves_no_trace
            a_refused_change_does_not_disturb_others
            commits_of_one_run_see_each_other_in_order
            of_two_owners_one_wins
            many_runs_share_the_store
            nothing_follows_the_last_event
            a_closed_run_may_still_change_its_rows
            events_are_read_from_anywhere
            a_page_of_events_is_bounded
            large_payloads_come_back
            every_event_comes_back_after_a_restart
            a_run_that_is_not_there_is_empty
            ready_rows_come_in_pages
            published_values_are_replaced
            idempotency_keys_are_kept
            names_that_begin_alike_are_apart
            runs_are_listed_newest_first
            runs_are_filtered
            a_page_may_end_anywhere
            filters_find_what_they_mean
            a_row_that_changes_is_found_by_what_it_is_now
            a_deleted_run_leaves_nothing
            an_open_run_is_not_deleted
            a_timer_of_a_run_that_is_gone_can_be_cleared
            a_long_run_is_deleted_in_parts
            the_latest_run_of_an_id_that_is_deleted_leaves_it_to_the_one_before
            an_erased_tenant_leaves_nothing_and_nobody_else_misses_anything
            a_fork_begins_with_the_events_of_another_run
            forks_of_forks_have_one_history
            a_fork_sees_the_keys_of_what_it_shares
            a_fork_stores_no_part_of_a_request_twice
            a_fork_that_cannot_be_is_refused
            forks_outlive_what_they_were_forked_from
            what_is_kept_for_forks_goes_with_the_last_of_them
            a_run_that_is_kept_for_its_forks_does_not_begin_again
            runs_are_found_by_their_forks
            a_conversation_shares_its_parts
            a_request_without_its_parts_is_corrupt
            timers_ring_in_order
            a_cleared_timer_does_not_ring
            a_timer_set_and_cleared_at_once_does_not_ring
            each_tenant_has_a_fair_part_of_the_timers
            the_next_timer_is_the_first_of_all_tenants
            timers_at_the_ends_of_time
            a_schedule_comes_back_until_it_is_deleted
            a_schedule_of_another_revision_is_not_changed
            schedules_are_listed_by_id
            schedules_are_due_in_order
            the_start_of_a_run_and_the_step_of_its_schedule_are_one
            the_last_version_that_came_is_active
            versions_are_listed_oldest_first
            a_version_that_comes_again_keeps_its_place_and_is_active
            versions_of_another_revision_are_not_changed
            a_version_that_is_removed_is_gone
            what_changes_of_a_version_is_kept
            components_come_back_whole
            versions_of_tenants_are_apart
            a_tool_component_takes_the_place_of_the_one_before
            a_deleted_tool_component_leaves_nothing
            tool_components_are_listed_by_name
            the_ledger_has_what_the_events_say
            a_refused_change_counts_nothing
            what_was_counted_elsewhere_is_not_counted_again
            the_ledger_comes_in_pages_of_its_tenant
            the_days_outlive_their_runs
            documents_have_revisions
            what_a_tenant_has_is_counted
            documents_are_listed_by_name
            audit_entries_are_kept_and_pruned
        }
    };
    ($place:expr => $($name:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let place = $place;
                $crate::conformance::$name(&place).await.unwrap();
            }
        )*
    };
}
