//! Finding runs by filters.

use abide_model::{Attributes, Filter, Run, RunId, RunStatus};

use super::sample::{self, run_id, tenant};
use super::{Place, Tested};
use crate::{Commit, RunFilter, Store, StoreError};

fn attributes(json: &str) -> Attributes {
    sample::json(json).read().expect("tests give valid attributes")
}

fn filter(text: &str) -> RunFilter {
    let filter = Filter::parse(text, 1_700_000_000_000).expect("tests give valid filters");
    RunFilter { filter: Some(filter), ..RunFilter::default() }
}

/// All runs of a filter, page by page.
async fn found(store: &dyn Store, filter: &RunFilter, limit: usize) -> Result<Vec<RunId>, StoreError> {
    let (mut found, mut before) = (Vec::new(), None);
    loop {
        let page = store.runs(&tenant("acme"), filter, before, limit).await?;
        assert!(page.runs.len() <= limit, "{} runs in a page of {limit}", page.runs.len());
        found.extend(page.runs.iter().map(|run| run.run_id));
        before = page.next;
        if before.is_none() {
            return Ok(found);
        }
    }
}

/// Whether an index is used or not, and whichever: the runs are those that fit, newest first, also after a restart.
pub async fn filters_find_what_they_mean(place: &dyn Place) -> Tested {
    let (store, acme) = (place.open().await?, tenant("acme"));
    let mut runs = Vec::new();
    for number in 0..40u64 {
        let customer = ["acme", "acme-2", "b"][(number % 3) as usize];
        let json = format!(
            r#"{{"customer": "{customer}", "amount": {}, "even": {}, "due": "2026-11-{:02}T00:00:00Z", "tags": ["t{}", "all"]}}"#,
            number as f64 / 2.0,
            number % 2 == 0,
            number % 28 + 1,
            number % 5,
        );
        let mut run = sample::run(run_id(number), &format!("ticket-{}", number % 7));
        run.attributes = attributes(&json);
        run.started_ms += number;
        if number % 4 == 0 {
            run.workflow = sample::workflow("billing");
        }
        store.commit(sample::start(&acme, &run)).await?;
        if number % 2 == 0 || number < 35 {
            let mut end = sample::end(&acme, &run, 1);
            let status = if number % 2 == 0 { RunStatus::Completed } else { RunStatus::Failed };
            run = Run { status, ..sample::closed(&run) };
            end.run = Some(run.clone());
            store.commit(end).await?;
        }
        runs.push(run);
    }
    // Another tenant has the same.
    let mut theirs = sample::run(run_id(7), "ticket-0");
    theirs.attributes = attributes(r#"{"customer": "acme", "amount": 1}"#);
    store.commit(sample::start(&tenant("acme-2"), &theirs)).await?;
    drop(store);
    let store = place.open().await?;
    for (text, count) in [
        ("customer = 'acme'", 14),
        ("customer = 'acme-'", 0),
        ("customer starts_with 'acme'", 27),
        ("customer != 'acme'", 26),
        ("customer = 'acme' and status = 'completed'", 7),
        ("status = 'running'", 3),
        ("status = 'running' and customer = 'b'", 1),
        ("workflow = 'billing' and even = true", 10),
        ("workflow = 'nothing'", 0),
        ("amount = 3.5", 1),
        ("amount = -0", 1),
        ("amount >= 18 and status != 'running'", 2),
        ("even = false and tags = 't1'", 4),
        ("tags = 'all'", 40),
        ("due = '2026-11-03'", 2),
        ("due = '2026-11-03T01:00:00+01:00' and amount > 5", 1),
        ("id = 'ticket-3'", 6),
        ("id = 'ticket-3' and customer = 'acme'", 2),
        ("id = 'no id / at all'", 0),
        ("customer = 'acme' or customer = 'b'", 27),
        ("not (customer = 'acme' or customer = 'b')", 13),
        ("nothing = 'x'", 0),
        ("nothing = null", 40),
        ("closed = null", 3),
    ] {
        let filter = filter(text);
        let expected: Vec<_> = runs.iter().rev().filter(|run| filter.matches(run)).map(|run| run.run_id).collect();
        assert_eq!(expected.len(), count, "{text}: the filter means something else");
        for limit in [1, 3, 100] {
            assert_eq!(found(&*store, &filter, limit).await?, expected, "{text}, pages of {limit}");
        }
        let narrower = RunFilter { status: Some(RunStatus::Failed), ..filter.clone() };
        let failed: Vec<_> = runs.iter().rev().filter(|run| narrower.matches(run)).map(|run| run.run_id).collect();
        assert_eq!(found(&*store, &narrower, 100).await?, failed, "{text}, failed ones");
    }
    Ok(())
}

/// What the row says no more finds it no more.
pub async fn a_row_that_changes_is_found_by_what_it_is_now(place: &dyn Place) -> Tested {
    let (store, acme) = (place.open().await?, tenant("acme"));
    let mut run = sample::run(run_id(1), "ticket");
    run.attributes = attributes(r#"{"stage": "draft", "tags": ["a", "b"]}"#);
    store.commit(sample::start(&acme, &run)).await?;
    run.attributes = attributes(r#"{"stage": "review", "tags": ["b", "c"]}"#);
    run.status = RunStatus::Parked;
    let mut change = Commit::new(acme.clone(), run.run_id, 1);
    change.run = Some(run.clone());
    store.commit(change).await?;
    drop(store);
    let store = place.open().await?;
    for (text, there) in [
        ("stage = 'draft'", false),
        ("stage = 'review'", true),
        ("tags = 'a'", false),
        ("tags = 'b'", true),
        ("tags = 'c'", true),
        ("status = 'running'", false),
        ("status = 'parked'", true),
    ] {
        assert_eq!(!found(&*store, &filter(text), 10).await?.is_empty(), there, "{text}");
    }
    Ok(())
}
