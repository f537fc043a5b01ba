//! The filter language: any text is refused with a sentence, or holds or does not hold of a run.

use std::sync::LazyLock;

use abide_model::{Attributes, CallerId, Digest, Filter, Json, Limits, Run, RunId, RunStarted, Tenant, WorkflowName};

/// A moment, for spans such as `-24h`.
const NOW_MS: u64 = 1_795_379_414_000;
/// No error is longer.
const MAX_MESSAGE_BYTES: usize = 2000;

pub(crate) const WORDS: &[&[u8]] = &[
    b"status",
    b"workflow",
    b"id",
    b"version",
    b"started",
    b"closed",
    b"parked",
    b"forked_from",
    b"fork_root",
    b"fork_race",
    b"customer",
    b"amount",
    b"tags",
    b" and ",
    b" or ",
    b"not ",
    b" in ",
    b" not in ",
    b" starts_with ",
    b"null",
    b"true",
    b"false",
    b"'running'",
    b"'2026-11-01'",
    b"'2026-11-01T09:30:00Z'",
    b"-24h",
    b"-9999999999w",
    b"1e308",
    b"-0",
    b"''",
    b"'it''s'",
    b"(",
    b")",
    b",",
    b" = ",
    b" != ",
    b" <= ",
    b" >= ",
    b" < ",
    b" > ",
    b"'run_01hzzzzzzzzzzzzzzzzzzzzzzz'",
];

fn run_with(attributes: &str) -> Run {
    let attributes: Attributes = serde_json::from_str(attributes).expect("they are attributes");
    let started = RunStarted {
        tenant: Tenant::default(),
        workflow: WorkflowName::parse("helpdesk").expect("a name"),
        version: Digest::of(b"component"),
        id: CallerId::parse("ticket-17").expect("an id"),
        input: Json::null(),
        seed: [0; 32],
        limits: Limits::default(),
        parent: None,
        continued_from: None,
        run_timeout_ms: None,
        attributes,
        configuration: None,
        veil: None,
    };
    Run::begins(RunId::new(NOW_MS, 1), NOW_MS, &started)
}

pub(crate) fn run(input: &[u8]) {
    static RUNS: LazyLock<[Run; 2]> = LazyLock::new(|| {
        let every_sort = r#"{"customer": "acme", "amount": 12.5, "urgent": true, "due": "2026-11-01T00:00:00Z", "tags": ["red", "blue"]}"#;
        [run_with("{}"), run_with(every_sort)]
    });
    let text = String::from_utf8_lossy(input);
    match Filter::parse(&text, NOW_MS) {
        Ok(filter) => {
            let open = Filter::open();
            for run in &*RUNS {
                let holds = filter.matches(run);
                // What an index may be asked holds of every run that is meant.
                let _ = filter.terms();
                assert_eq!(filter.clone().and(open.clone()).matches(run), holds, "the runs are open");
            }
        }
        Err(error) => {
            assert!(!error.message.is_empty() && error.message.len() < MAX_MESSAGE_BYTES, "{}", error.message);
        }
    }
}
