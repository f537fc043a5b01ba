//! For the tests of codecs: random values, tables in memory, and golden files.
//!
//! A golden file holds a row as a release wrote it. It is never changed and never removed: rows written by any release are read
//! by all later ones. `ABIDE_UPDATE_GOLDEN=1` writes those that are not there yet.

use std::path::PathBuf;

use ::redb::{Database, backends::InMemoryBackend};
use abide_model::{
    Attributes, CallCancelled, CallCompleted, CallDeferred, CallKind, CallOptions, CallRequested, CallUsage, CallerId,
    CancelRequested, Configuration, Currency, Day, Digest, Event, Failure, ForkedFrom, GatewayAct, GatewayNote,
    HeldBack, Json, Limits, Manifest, MarkerRecorded, Micros, Money, Node, Outcome, Parent, ParkKind, ParkReason,
    Recorded, RecordedRequest, RetryPolicy, Right, Run, RunClosed, RunContinued, RunForked, RunId, RunParked,
    RunPinned, RunReset, RunResumed, RunStarted, RunStatus, RunTerminated, RunTimedOut, SignalReceived, Tenant, Tokens,
    UpdateAnswer, UpdateAnswered, UpdateReceived, VersionChanged, WorkflowName,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::strategy::Union;

use super::row::Row;
use super::tables::{TableId, Writing};
use crate::Version;
use crate::keys::Keys;

pub(super) mod samples;

/// Puts rows into a table and gives it to `read`.
pub(super) fn with_rows<T>(table: TableId, rows: &[Row], read: impl FnOnce(&mut Writing<'_>) -> T) -> T {
    let database = Database::builder().create_with_backend(InMemoryBackend::new()).unwrap();
    let transaction = database.begin_write().unwrap();
    let mut writing = Writing::new(&transaction, Keys::default());
    for row in rows {
        row.put(&mut writing, table).unwrap();
    }
    read(&mut writing)
}

/// A golden file: the row that it holds. `written` is the row as this release writes it.
pub(super) fn golden(name: &str, written: &Row) -> Row {
    let stored = golden_of_any_release(name, written);
    assert_eq!(
        &stored, written,
        "`{name}` is written in another form than before: readers of older releases need this one"
    );
    stored
}

/// The same, where the form may differ from release to release, so long as all are read.
pub(super) fn golden_of_any_release(name: &str, written: &Row) -> Row {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden").join(format!("{name}.hex"));
    if !path.exists() && std::env::var_os("ABIDE_UPDATE_GOLDEN").is_some() {
        let text = format!("{}\n{}\n", hex(&written.key), hex(&written.value));
        std::fs::write(&path, text).unwrap();
    }
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| {
        panic!("golden file {}: {error}; ABIDE_UPDATE_GOLDEN=1 writes the ones that are new", path.display())
    });
    let mut lines = text.lines().map(from_hex);
    Row { key: lines.next().unwrap(), value: lines.next().unwrap_or_default() }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Vec<u8> {
    text.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

pub(super) fn tenant() -> impl Strategy<Value = Tenant> {
    "[a-z0-9][a-z0-9-]{0,20}".prop_map(|text| Tenant::parse(&text).unwrap())
}

pub(super) fn workflow() -> impl Strategy<Value = WorkflowName> {
    "[a-z0-9][a-z0-9-]{0,20}".prop_map(|text| WorkflowName::parse(&text).unwrap())
}

pub(super) fn caller_id() -> impl Strategy<Value = CallerId> {
    "[a-q!-.é]{1,30}".prop_map(|text| CallerId::parse(&text).unwrap())
}

pub(super) fn run_id() -> impl Strategy<Value = RunId> {
    any::<[u8; 16]>().prop_map(RunId::from_bytes)
}

pub(super) fn digest() -> impl Strategy<Value = Digest> {
    any::<[u8; 32]>().prop_map(Digest::from_bytes)
}

pub(super) fn json() -> impl Strategy<Value = Json> {
    let text = ".{0,40}".prop_map(|text| Json::of(&text).unwrap());
    let numbers = vec(any::<i64>(), 0..200).prop_map(|numbers| Json::of(&numbers).unwrap());
    prop_oneof![Just(Json::null()), text, numbers]
}

pub(super) fn node() -> impl Strategy<Value = Node> {
    (option::of(digest()), json()).prop_map(|(parent, text)| Node { parent, text })
}

fn request() -> impl Strategy<Value = RecordedRequest> {
    prop_oneof![
        json().prop_map(RecordedRequest::Inline),
        (digest(), option::of(digest()), any::<u32>())
            .prop_map(|(head, last, count)| RecordedRequest::Stored(head, last, count)),
    ]
}

fn failure() -> impl Strategy<Value = Failure> {
    ("[a-z-]{1,20}", ".{0,40}", option::of(json()), any::<bool>())
        .prop_map(|(code, message, details, retryable)| Failure { code, message, details, retryable })
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![json().prop_map(Outcome::Ok), failure().prop_map(Outcome::Failed)]
}

fn options() -> impl Strategy<Value = CallOptions> {
    let retry = (
        option::of(any::<u64>()),
        option::of(-1e9..1e9),
        option::of(any::<u64>()),
        option::of(0.0..1.0),
        option::of(any::<u32>()),
        option::of(any::<u64>()),
        vec("[a-z-]{0,10}", 0..3),
    );
    let retry =
        retry.prop_map(|(initial, coefficient, interval, jitter, attempts, elapsed, non_retryable)| RetryPolicy {
            initial_interval_ms: initial,
            backoff_coefficient: coefficient,
            max_interval_ms: interval,
            jitter,
            max_attempts: attempts,
            max_elapsed_ms: elapsed,
            non_retryable,
        });
    (option::of(any::<u64>()), option::of(any::<u64>()), option::of(retry), option::of(".{0,20}")).prop_map(
        |(attempt_timeout_ms, total_timeout_ms, retry, idempotency_key)| CallOptions {
            attempt_timeout_ms,
            total_timeout_ms,
            retry,
            idempotency_key,
        },
    )
}

/// Every kind of call.
pub(super) const CALL_KINDS: [CallKind; 13] = [
    CallKind::LlmGenerate,
    CallKind::ToolsList,
    CallKind::ToolsCall,
    CallKind::HttpFetch,
    CallKind::TimerSleep,
    CallKind::SignalsReceive,
    CallKind::CancellationRequested,
    CallKind::UpdatesReceive,
    CallKind::ChildrenStart,
    CallKind::ChildrenResult,
    CallKind::RunsSignal,
    CallKind::RunsCancel,
    CallKind::ActivitiesCall,
];

/// Everything that parks a run.
pub(super) const PARK_KINDS: [ParkKind; 13] = [
    ParkKind::Divergence,
    ParkKind::Trap,
    ParkKind::FuelExhausted,
    ParkKind::MemoryExceeded,
    ParkKind::StackExhausted,
    ParkKind::VersionUnavailable,
    ParkKind::HistoryFull,
    ParkKind::GuestError,
    ParkKind::Imported,
    ParkKind::BudgetExceeded,
    ParkKind::QuotaExceeded,
    ParkKind::StepTooLarge,
    ParkKind::TurnTooLong,
];

fn reason() -> impl Strategy<Value = ParkReason> {
    (proptest::sample::select(&PARK_KINDS[..]), ".{0,40}", option::of(any::<u64>()), vec(".{0,20}", 0..4))
        .prop_map(|(kind, message, event, backtrace)| ParkReason { kind, message, event, backtrace })
}

fn limits() -> impl Strategy<Value = Limits> {
    let first = any::<(u64, u64, u64, u32, u64, u32, u64, u32)>();
    let rest = any::<(Option<u64>, Option<u64>, Option<u64>, Option<u64>, Option<u64>)>();
    (first, rest).prop_map(|((a, b, c, d, e, f, g, h), (i, j, k, l, m))| Limits {
        memory_bytes: a,
        step_fuel: b,
        request_bytes: c,
        open_calls: d,
        published_bytes: e,
        published_names: f,
        history_events: g,
        buffered_signals: h,
        history_bytes: i,
        turn_ms: j,
        step_bytes: k,
        result_bytes: l,
        log_bytes: m,
    })
}

/// Any event but those that close a run.
pub(super) fn open_event() -> impl Strategy<Value = Recorded> {
    let started = (tenant(), workflow(), digest(), caller_id(), json(), any::<[u8; 32]>(), limits());
    let of_others = (option::of(parent()), option::of(run_id()), option::of(any::<u64>()));
    let started = (started, attributes(), of_others, configuration(), option::of(json())).prop_map(
        |(
            (tenant, workflow, version, id, input, seed, limits),
            attributes,
            (parent, continued_from, run_timeout_ms),
            configuration,
            veil,
        )| {
            let started = RunStarted {
                tenant,
                workflow,
                version,
                id,
                input,
                seed,
                limits,
                parent,
                continued_from,
                run_timeout_ms,
                attributes,
                configuration,
                veil,
            };
            Event::RunStarted(Box::new(started))
        },
    );
    let answer = prop_oneof![
        Just(UpdateAnswer::Accepted),
        failure().prop_map(UpdateAnswer::Rejected),
        outcome().prop_map(UpdateAnswer::Completed),
    ];
    let answered = (".{0,20}", any::<u64>(), answer)
        .prop_map(|(id, cause, answer)| Event::UpdateAnswered(UpdateAnswered { id, cause, answer }));
    let update = (".{0,20}", ".{0,20}", json())
        .prop_map(|(id, name, arguments)| Event::UpdateReceived(UpdateReceived { id, name, arguments }));
    let marker = (".{0,20}", any::<u64>(), json())
        .prop_map(|(id, cause, value)| Event::MarkerRecorded(MarkerRecorded { id, cause, value }));
    let reset = (run_id(), any::<u64>(), option::of(run_id()))
        .prop_map(|(run_id, event, guest_run_id)| Event::RunReset(RunReset { run_id, event, guest_run_id }));
    let forked = (run_id(), any::<u64>(), any::<bool>(), run_id()).prop_map(|(run_id, event, set_outcome, guest)| {
        Event::RunForked(RunForked { run_id, event, set_outcome, guest_run_id: guest })
    });
    let requested = (any::<u32>(), any::<u64>(), proptest::sample::select(&CALL_KINDS[..]), request(), options())
        .prop_map(|(call, cause, kind, request, options)| {
            Event::CallRequested(CallRequested { call, cause, kind, request, options })
        });
    const ACTS: [GatewayAct; 3] = [GatewayAct::Redacted, GatewayAct::Restored, GatewayAct::Denied];
    let note = (".{0,20}", proptest::sample::select(&ACTS[..]), any::<u32>())
        .prop_map(|(rule, did, count)| GatewayNote { rule, did, count });
    let passed = (option::of(".{0,20}"), option::of(proptest::collection::vec(note, 0..3)), option::of(usage()));
    let completed = (any::<u32>(), outcome(), any::<u32>(), passed).prop_map(|(call, outcome, attempts, passed)| {
        let (grant, gateway, usage) = passed;
        Event::CallCompleted(CallCompleted { grant, gateway, usage, ..CallCompleted::new(call, outcome, attempts) })
    });
    let cancelled = any::<(u32, u64)>().prop_map(|(call, cause)| Event::CallCancelled(CallCancelled { call, cause }));
    let signal = (".{0,20}", json(), option::of(".{0,20}"))
        .prop_map(|(name, payload, key)| Event::SignalReceived(SignalReceived { name, payload, key }));
    let event = Union::new([
        started.boxed(),
        requested.boxed(),
        completed.boxed(),
        cancelled.boxed(),
        signal.boxed(),
        ".{0,40}".prop_map(|reason| Event::CancelRequested(CancelRequested { reason })).boxed(),
        (digest(), option::of(any::<u64>()))
            .prop_map(|(version, settled)| Event::VersionChanged(VersionChanged { version, settled }))
            .boxed(),
        any::<bool>().prop_map(|pinned| Event::RunPinned(RunPinned { pinned })).boxed(),
        reason().prop_map(|reason| Event::RunParked(RunParked { reason })).boxed(),
        Just(Event::RunResumed(RunResumed {})).boxed(),
        answered.boxed(),
        update.boxed(),
        marker.boxed(),
        reset.boxed(),
        forked.boxed(),
        any::<(u32, u32)>().prop_map(|(call, attempt)| Event::CallDeferred(CallDeferred { call, attempt })).boxed(),
    ]);
    (any::<u64>(), event).prop_map(|(time_ms, event)| Recorded { time_ms, event })
}

/// An event that closes a run.
pub(super) fn last_event() -> impl Strategy<Value = Recorded> {
    let closed = (any::<u64>(), outcome(), any::<bool>())
        .prop_map(|(cause, outcome, cancelled)| Event::RunClosed(RunClosed { cause, outcome, cancelled }));
    let continued = (any::<u64>(), json(), run_id())
        .prop_map(|(cause, input, run_id)| Event::RunContinued(RunContinued { cause, input, run_id }));
    let event = prop_oneof![
        closed,
        ".{0,40}".prop_map(|reason| Event::RunTerminated(RunTerminated { reason })),
        continued,
        any::<u64>().prop_map(|run_timeout_ms| Event::RunTimedOut(RunTimedOut { run_timeout_ms })),
    ];
    (any::<u64>(), event).prop_map(|(time_ms, event)| Recorded { time_ms, event })
}

fn attributes() -> impl Strategy<Value = Attributes> {
    let text = || "[a-c:T0-9Z-]{0,20}";
    let value = prop_oneof![
        any::<bool>().prop_map(serde_json::Value::from),
        (-1000i32..1000, 0u8..4).prop_map(|(whole, quarters)| (f64::from(whole) + f64::from(quarters) / 4.0).into()),
        text().prop_map(serde_json::Value::from),
        vec(text(), 0..3).prop_map(serde_json::Value::from),
    ];
    let object = proptest::collection::btree_map("x[a-z0-9_]{0,8}", value, 0..4);
    object.prop_map(|object| Attributes::read(object).unwrap())
}

pub(super) fn run() -> impl Strategy<Value = Run> {
    let names = (run_id(), caller_id(), workflow(), digest(), proptest::sample::select(&RunStatus::ALL[..]));
    let rest = (any::<u64>(), option::of(any::<u64>()), option::of(outcome()), option::of(reason()), any::<bool>());
    let others =
        (option::of(parent()), option::of(run_id()), option::of(run_id()), option::of(any::<bool>()), attributes());
    let versions = (option::of(any::<bool>()), option::of(held_back()));
    let forks = (option::of(forked_from()), option::of(run_id()));
    let budgets = (option::of(".{0,20}"), option::of(any::<u32>().prop_map(Day)));
    (names, rest, others, versions, forks, budgets).prop_map(|(names, rest, others, versions, forks, budgets)| {
        let (run_id, id, workflow, version, status) = names;
        let (started_ms, closed_ms, outcome, parked, cancel_requested) = rest;
        let (parent, continued_as, continued_from, has_children, attributes) = others;
        let (pinned, held_back) = versions;
        let (forked_from, fork_race) = forks;
        let (budget_warning, parked_for_day) = budgets;
        Run {
            run_id,
            id,
            workflow,
            version,
            status,
            started_ms,
            closed_ms,
            outcome,
            parked,
            cancel_requested,
            parent,
            continued_as,
            continued_from,
            has_children,
            attributes,
            pinned,
            held_back,
            forked_from,
            fork_race,
            budget_warning,
            parked_for_day,
        }
    })
}

fn usage() -> impl Strategy<Value = CallUsage> {
    let tokens =
        any::<(u64, u64, u64)>().prop_map(|(input, cached_input, output)| Tokens { input, cached_input, output });
    let cost = (any::<u64>(), "[A-Z]{1,8}")
        .prop_map(|(amount, currency)| Money { amount: Micros(amount), currency: Currency::parse(&currency).unwrap() });
    ("[a-z.]{0,20}", option::of(".{0,20}"), option::of(tokens), option::of(cost), any::<u32>()).prop_map(
        |(provider, model, tokens, cost, uncounted_attempts)| CallUsage {
            provider,
            model,
            tokens,
            cost,
            uncounted_attempts,
        },
    )
}

fn held_back() -> impl Strategy<Value = HeldBack> {
    (digest(), reason()).prop_map(|(version, reason)| HeldBack { version, reason })
}

fn forked_from() -> impl Strategy<Value = ForkedFrom> {
    (run_id(), any::<u64>(), run_id()).prop_map(|(run_id, event, root)| ForkedFrom { run_id, event, root })
}

fn parent() -> impl Strategy<Value = Parent> {
    (run_id(), run_id()).prop_map(|(run_id, child)| Parent { run_id, child })
}

fn configuration() -> impl Strategy<Value = Option<Configuration>> {
    option::of((".{0,8}", ".{0,8}").prop_map(|(name, value)| Configuration {
        environment: [(name, value.clone())].into(),
        arguments: vec![value],
    }))
}

pub(super) fn version() -> impl Strategy<Value = Version> {
    let imports = vec(".{0,30}", 0..4);
    let right = proptest::sample::select(vec!["*", "llm:openai/*", "http:GET a.example/v1/", "env:LANG"]);
    let asks = vec(right.prop_map(|text| Right::parse(text).unwrap()), 0..3);
    let manifest = option::of(asks.prop_map(|asks| Manifest { asks }));
    let kept = (proptest::collection::btree_set("v[0-9.]{1,6}", 0..4), option::of(any::<u64>()), manifest);
    (workflow(), digest(), any::<u64>(), any::<u64>(), imports, any::<bool>(), configuration(), kept).prop_map(
        |(workflow, version, uploaded_ms, size_bytes, imports, has_query, configuration, kept)| Version {
            workflow,
            version,
            uploaded_ms,
            size_bytes,
            imports,
            has_query,
            configuration,
            labels: serde_json::from_value(serde_json::json!(kept.0)).unwrap(),
            deactivated_ms: kept.1,
            manifest: kept.2,
        },
    )
}
