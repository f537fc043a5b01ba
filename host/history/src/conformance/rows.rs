//! Rows beside the history: ready runs, published values, idempotency keys, lists of runs, and the parts of requests.

use abide_model::{Digest, Json, Node, RecordedRequest, Request, Run, RunId, RunStatus, Seq};

use super::sample::{self, json, run_id, tenant};
use super::{Place, Tested};
use crate::{Commit, KeyUse, RunFilter, Store, StoreError};

/// In the order of tenants and runs, each once.
pub async fn ready_rows_come_in_pages(place: &dyn Place) -> Tested {
    let store = place.open().await?;
    let mut expected = Vec::new();
    for name in ["a", "b", "b-2"] {
        for number in 0..7 {
            let run = sample::run(run_id(number), &format!("ticket-{number}"));
            store.commit(sample::start(&tenant(name), &run)).await?;
            expected.push((tenant(name), run.run_id));
        }
    }
    // Tenants sort as their keys do: the end of a name is lower than any letter.
    for limit in [1, 4, 100] {
        let mut found = Vec::new();
        loop {
            let page = store.ready(found.last(), limit).await?;
            if page.is_empty() {
                break;
            }
            assert!(page.len() <= limit);
            found.extend(page);
        }
        assert_eq!(found, expected, "pages of {limit}");
    }
    let mut rest = Commit::new(tenant("b"), run_id(3), 1);
    rest.ready = Some(false);
    store.commit(rest.clone()).await?;
    store.commit(rest).await?;
    assert!(!store.ready(None, 100).await?.contains(&(tenant("b"), run_id(3))));
    Ok(())
}

/// The last value of a name counts. Names sort.
pub async fn published_values_are_replaced(place: &dyn Place) -> Tested {
    let acme = tenant("acme");
    let run = sample::run(run_id(1), "ticket");
    let long = json(&format!("\"{}\"", "y".repeat(100_000)));
    {
        let store = place.open().await?;
        store.commit(sample::start(&acme, &run)).await?;
        let publish = |values: &[(&str, Json)]| {
            let published = values.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
            Commit { published, ..Commit::new(acme.clone(), run.run_id, 1) }
        };
        store.commit(publish(&[("state", json("{ \"n\": 1 }")), ("progress", json("0.5"))])).await?;
        store.commit(publish(&[("state", long.clone()), ("größe / \u{0}", json("null"))])).await?;
    }
    let found = place.open().await?.published(&acme, run.run_id).await?;
    let expected = [("größe / \u{0}", json("null")), ("progress", json("0.5")), ("state", long)];
    assert_eq!(found, expected.map(|(name, value)| (name.to_owned(), value)));
    Ok(())
}

/// A key is found with the digest and the event that it was used for.
pub async fn idempotency_keys_are_kept(place: &dyn Place) -> Tested {
    let acme = tenant("acme");
    let run = sample::run(run_id(1), "ticket");
    let used = |text: &str, seq| KeyUse { digest: Digest::of(text.as_bytes()), seq };
    {
        let store = place.open().await?;
        store.commit(sample::start(&acme, &run)).await?;
        for (seq, key) in [(1, "k"), (2, "k2"), (3, "")] {
            let mut commit = Commit::new(acme.clone(), run.run_id, seq);
            commit.events = vec![sample::signal(seq, "hello", Some(key))];
            commit.key = Some((key.to_owned(), used(key, seq)));
            store.commit(commit).await?;
        }
    }
    let store = place.open().await?;
    assert_eq!(store.key(&acme, run.run_id, "k").await?, Some(used("k", 1)));
    assert_eq!(store.key(&acme, run.run_id, "k2").await?, Some(used("k2", 2)));
    assert_eq!(store.key(&acme, run.run_id, "").await?, Some(used("", 3)));
    assert_eq!(store.key(&acme, run.run_id, "k3").await?, None);
    assert_eq!(store.key(&acme, run_id(2), "k").await?, None);
    Ok(())
}

/// No row is taken for another's because its name begins like it.
pub async fn names_that_begin_alike_are_apart(place: &dyn Place) -> Tested {
    let store = place.open().await?;
    let ids = ["t", "ticket", "ticket-1", "ticket", "ticketé"];
    let mut runs: Vec<Run> = Vec::new();
    for name in ["a", "aa", "a-a"] {
        let name = tenant(name);
        for (number, id) in (0..).zip(ids) {
            let run = sample::run(run_id(number), id);
            // `ticket` is there twice: the second is refused.
            let result = store.commit(sample::start(&name, &run)).await;
            assert_eq!(result.is_ok(), number != 3, "{id}");
            runs.push(run);
        }
        for (number, id) in (0..).zip(ids).filter(|(number, _)| *number != 3) {
            assert_eq!(store.latest_run(&name, &sample::caller_id(id)).await?, Some(run_id(number)));
            let filter = RunFilter { id: Some(sample::caller_id(id)), ..RunFilter::default() };
            let page = store.runs(&name, &filter, None, 10).await?;
            assert_eq!(page.runs.iter().map(|run| run.run_id).collect::<Vec<_>>(), [run_id(number)]);
        }
    }
    Ok(())
}

async fn all_pages(store: &dyn Store, filter: &RunFilter, limit: usize) -> Result<Vec<RunId>, StoreError> {
    let (mut found, mut before) = (Vec::new(), None);
    loop {
        let page = store.runs(&tenant("acme"), filter, before, limit).await?;
        assert!(page.runs.len() <= limit);
        found.extend(page.runs.iter().map(|run| run.run_id));
        match page.next {
            Some(next) => before = Some(next),
            None => return Ok(found),
        }
    }
}

/// Runs 0 to 29 of the tenant `acme`: each third has ended, each second is of `billing`, each fifteenth has the id `often`; and
/// runs of other tenants.
async fn thirty_runs(store: &dyn Store) -> Tested {
    for name in ["acm", "acme", "acme-2"] {
        for number in 0..30 {
            let id = if number % 15 == 0 { "often".to_owned() } else { format!("ticket-{number}") };
            let mut run = sample::run(run_id(number), &id);
            if number % 2 == 0 {
                run.workflow = sample::workflow("billing");
            }
            store.commit(sample::start(&tenant(name), &run)).await?;
            if number % 3 == 0 {
                store.commit(sample::end(&tenant(name), &run, 1)).await?;
            }
        }
    }
    Ok(())
}

/// Whatever the size of a page.
pub async fn runs_are_listed_newest_first(place: &dyn Place) -> Tested {
    let store = place.open().await?;
    thirty_runs(&*store).await?;
    let expected: Vec<_> = (0..30).rev().map(run_id).collect();
    for limit in [1, 7, 10, 30, 1000] {
        assert_eq!(all_pages(&*store, &RunFilter::default(), limit).await?, expected, "pages of {limit}");
    }
    Ok(())
}

/// By workflow, status, id, and all together.
pub async fn runs_are_filtered(place: &dyn Place) -> Tested {
    let store = place.open().await?;
    thirty_runs(&*store).await?;
    let (workflow, status) = (Some(sample::workflow("billing")), Some(RunStatus::Completed));
    let id = Some(sample::caller_id("often"));
    type Wanted = fn(u64) -> bool;
    let cases: [(RunFilter, Wanted); 5] = [
        (RunFilter { workflow: workflow.clone(), ..RunFilter::default() }, |n| n % 2 == 0),
        (RunFilter { status, ..RunFilter::default() }, |n| n % 3 == 0),
        (RunFilter { id: id.clone(), ..RunFilter::default() }, |n| n % 15 == 0),
        (RunFilter { workflow: workflow.clone(), status, ..RunFilter::default() }, |n| n % 6 == 0),
        (RunFilter { workflow, status, id, filter: None }, |n| n % 30 == 0),
    ];
    for (filter, wanted) in cases {
        let expected: Vec<_> = (0..30).rev().filter(|number| wanted(*number)).map(run_id).collect();
        for limit in [1, 4, 100] {
            assert_eq!(all_pages(&*store, &filter, limit).await?, expected, "{filter:?}, pages of {limit}");
        }
    }
    Ok(())
}

/// A page may begin at a run that is not there, and shows older runs only.
pub async fn a_page_may_end_anywhere(place: &dyn Place) -> Tested {
    let store = place.open().await?;
    thirty_runs(&*store).await?;
    let acme = tenant("acme");
    for before in [0, 1, 15, 29, 30, 99] {
        let page = store.runs(&acme, &RunFilter::default(), Some(run_id(before)), 100).await?;
        let expected: Vec<_> = (0..30.min(before)).rev().map(run_id).collect();
        assert_eq!(page.runs.iter().map(|run| run.run_id).collect::<Vec<_>>(), expected);
        assert_eq!(page.next, None);
    }
    Ok(())
}

fn with_nodes(request: &Request) -> (RecordedRequest, Vec<(Digest, Node)>) {
    let mut nodes = Vec::new();
    let recorded = RecordedRequest::with_nodes(request, |digest, node| nodes.push((digest, node)));
    (recorded, nodes)
}

/// Each turn of a conversation is whole again, though its messages are stored once.
pub async fn a_conversation_shares_its_parts(place: &dyn Place) -> Tested {
    let acme = tenant("acme");
    let run = sample::run(run_id(1), "ticket");
    let mut request = Request::new(json("{\"model\":\"m\"}"));
    let mut turns = Vec::new();
    {
        let store = place.open().await?;
        store.commit(sample::start(&acme, &run)).await?;
        for turn in 0..40u32 {
            request.messages.push(json(&format!("{{\"role\":\"user\",\"text\":\"turn {turn}\"}}")));
            let (recorded, nodes) = with_nodes(&request);
            let seq = 1 + Seq::from(turn);
            let events = vec![sample::requested(seq, turn, recorded.clone())];
            store.commit(Commit { events, nodes, ..Commit::new(acme.clone(), run.run_id, seq) }).await?;
            turns.push((recorded, request.clone()));
        }
    }
    let store = place.open().await?;
    for (recorded, request) in turns {
        assert_eq!(store.request(&acme, run.run_id, &recorded).await?, request);
    }
    let inline = RecordedRequest::Inline(json("{}"));
    assert_eq!(store.request(&acme, run.run_id, &inline).await?, Request::new(json("{}")));
    Ok(())
}

/// A part that is missing, or a chain of another length, is an error and not another request.
pub async fn a_request_without_its_parts_is_corrupt(place: &dyn Place) -> Tested {
    let (store, acme) = (place.open().await?, tenant("acme"));
    let run = sample::run(run_id(1), "ticket");
    store.commit(sample::start(&acme, &run)).await?;
    let request = Request { head: json("{}"), messages: (0..5).map(|n| json(&n.to_string())).collect() };
    let (recorded, mut nodes) = with_nodes(&request);
    let RecordedRequest::Stored(head, last, count) = recorded.clone() else {
        unreachable!("a request with messages is stored")
    };
    // The head is nodes[0], then the messages.
    let missing = nodes.remove(2);
    store.commit(Commit { nodes, ..Commit::new(acme.clone(), run.run_id, 1) }).await?;
    let corrupt = |result: Result<Request, StoreError>| matches!(result, Err(StoreError::Corrupt(_)));
    assert!(corrupt(store.request(&acme, run.run_id, &recorded).await), "a node is missing");
    store.commit(Commit { nodes: vec![missing], ..Commit::new(acme.clone(), run.run_id, 1) }).await?;
    assert_eq!(store.request(&acme, run.run_id, &recorded).await?, request);
    for wrong in [
        RecordedRequest::Stored(head, last, count - 1),
        RecordedRequest::Stored(head, last, count + 1),
        RecordedRequest::Stored(head, None, count),
        RecordedRequest::Stored(Digest::of(b"?"), last, count),
    ] {
        assert!(corrupt(store.request(&acme, run.run_id, &wrong).await), "{wrong:?}");
    }
    assert!(corrupt(store.request(&acme, run_id(2), &recorded).await), "another run does not have the nodes");
    Ok(())
}
