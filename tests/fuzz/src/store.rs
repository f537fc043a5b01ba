//! A store whose log somebody else wrote: rows of any table with any keys and values, under checksums that fit. It opens or says why not, and
//! whatever is asked of it then is answered, or refused as corrupt.

use abide_history::{Commit, Metered, Owner, RedbOptions, RedbStore, Store, StoreError};
use abide_model::{CallerId, Day, Digest, Event, Recorded, RunId, ScheduleId, SignalReceived, Tenant, WorkflowName};

use crate::places::{File, wait};

/// Beginnings of rows: the number of a table, the length of the key, and the tenant.
pub(crate) const WORDS: &[&[u8]] = &[
    b"\x01\x20\x00default\0",
    b"\x03\x18\x00default\0",
    b"\x11\x19\x00default\0",
    b"\x15\x19\x00default\0r",
    b"default\0",
    b"\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07",
    b"helpdesk\0",
];

/// A record of the log: its header says that all is well.
pub(crate) fn sealed(content: &[u8]) -> Vec<u8> {
    let mut rest = (content.len() as u32).to_le_bytes().to_vec();
    rest.extend_from_slice(&1u64.to_le_bytes());
    rest.extend_from_slice(&[0; 8]);
    rest.extend_from_slice(content);
    let mut record = crc32fast::hash(&rest).to_le_bytes().to_vec();
    record.append(&mut rest);
    record.resize(record.len().next_multiple_of(8), 0);
    record
}

pub(crate) fn run(input: &[u8]) {
    let options = RedbOptions { cache_bytes: 1 << 20, log_bytes: 1 << 20, keyring: None };
    let log = File::of(sealed(input));
    match RedbStore::open_with_backends(File::default(), log, &options) {
        Ok(store) => wait(ask(&store)),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// Asks for everything. Nothing may be unavailable: there is no disk that could fail.
async fn ask(store: &RedbStore) {
    let tenant = Tenant::default();
    let workflow = WorkflowName::parse("helpdesk").expect("a name");
    let run_id = RunId::from_bytes([7; 16]);
    let mut runs = vec![run_id];
    if let Some(page) = answered(store.runs(&tenant, &Default::default(), None, 10).await) {
        runs.extend(page.runs.iter().map(|run| run.run_id));
    }
    for run_id in runs {
        answered(store.run(&tenant, run_id).await);
        let length = answered(store.length(&tenant, run_id).await);
        for (_, recorded) in answered(store.events(&tenant, run_id, 0, 100).await).unwrap_or_default() {
            if let Event::CallRequested(requested) = &recorded.event {
                answered(store.request(&tenant, run_id, &requested.request).await);
            }
        }
        answered(store.published(&tenant, run_id).await);
        answered(store.key(&tenant, run_id, "k").await);
        answered(store.is_ready(&tenant, run_id).await);
        answered(store.run_ledger(&tenant, run_id).await);
        let mut commit = Commit::new(tenant.clone(), run_id, length.unwrap_or(1));
        let signal = SignalReceived { name: "go".to_owned(), payload: abide_model::Json::null(), key: None };
        commit.events = vec![Recorded { time_ms: 5, event: Event::SignalReceived(signal) }];
        commit.ledger = Some(Metered { fuel: u64::MAX, resident_ms: 1, ..Metered::default() });
        answered(store.commit(commit).await);
        answered(store.delete(&tenant, run_id).await);
    }
    answered(store.ready(None, 10).await);
    answered(store.due_timers(u64::MAX, 10).await);
    answered(store.next_timer().await);
    let schedules = answered(store.schedules(&tenant, None, 10).await);
    drop(schedules);
    answered(store.schedule(&tenant, &ScheduleId::parse("nightly").expect("an id")).await);
    answered(store.due_schedules(u64::MAX, None, 10).await);
    answered(store.next_schedule(0).await);
    answered(store.unfinished_deletions(10).await);
    answered(store.routing(&tenant, &workflow).await);
    answered(store.versions(&tenant, None).await);
    answered(store.component(&tenant, Digest::of(b"component")).await);
    answered(store.tools(&tenant).await);
    answered(store.tool_component(&tenant, "crm").await);
    answered(store.latest_run(&tenant, &CallerId::parse("ticket-1").expect("an id")).await);
    answered(store.ledger(&tenant, (Day(0), Day(u32::MAX)), None, 10).await);
    answered(store.day_ledger(&tenant, Day(20_780)).await);
    for owner in [Owner::Host, Owner::Tenant(tenant.clone())] {
        answered(store.audit(&owner, None, 10).await);
    }
}

/// What a store may say about rows that somebody else wrote.
fn answered<T>(answer: Result<T, StoreError>) -> Option<T> {
    match answer {
        Ok(value) => Some(value),
        Err(error @ StoreError::Unavailable(_)) => panic!("there is no disk that could fail: {error}"),
        Err(error) => {
            assert!(!error.to_string().is_empty());
            None
        }
    }
}
