//! The OpenAPI document. `openapi.json` is kept by hand, since the types that it describes belong to crates that know nothing
//! of HTTP; the tests hold it against the routes, the parameters, the codes and samples of every type.

/// The document.
pub(crate) const DOCUMENT: &str = include_str!("../openapi.json");

#[cfg(test)]
#[path = "../tests/http/support/schema.rs"]
mod schema;

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use abide_activities::{
        Answered, Beat, Complete, Defer, Fail, Heartbeat, Poll, QueueOverview, Queues, Task, Tasks, WorkerOverview,
    };
    use abide_history::Version;
    use abide_model::{
        Attributes, CallCancelled, CallCompleted, CallDeferred, CallKind, CallOptions, CallRequested, CallerId,
        CancelRequested, Configuration, Digest, Error, ErrorCode, Event, Failure, ForkedFrom, IdReuse, Json, Limits,
        MarkerRecorded, Outcome, Parent, ParkKind, ParkReason, Recorded, RecordedRequest, RetryPolicy, Run, RunClosed,
        RunContinued, RunForked, RunId, RunParked, RunReset, RunResumed, RunStarted, RunStatus, RunTerminated,
        RunTimedOut, SignalReceived, Tenant, UpdateAnswer, UpdateAnswered, UpdateReceived, VersionChanged,
        WorkflowName,
    };
    use abide_model::{Backfill, Interval, OverlapPolicy, ScheduleCounts, ScheduleFailure, ScheduleId, ScheduleSpec};
    use abide_runtime::view::{
        BackfillSchedule, CreateSchedule, ScheduleDescription, ScheduleSummary, ScheduledRunView, Schedules,
        TriggerOutcome, TriggerSchedule, Triggered,
    };
    use abide_runtime::view::{
        Batch, BatchAction, BatchFailure, BatchReport, BatchSignal, Deleted, Deployed, Description, ForkRun, Forked,
        Forks, History, HistoryEvent, IfRunning, KeepRun, Kept, OpenCall, ReplayReport, ReplayVerdict, ResetRun,
        RunCounts, Runs, Signalled, StartRun, StartSignal, Started, UpdateRun, UpdateStatus, Updated, WaitFor,
        Workflow,
    };
    use serde::Serialize;
    use serde_json::{Value, json};

    use super::DOCUMENT;
    use super::schema::check;
    use crate::extract::Parameters;
    use crate::problem::Problem;
    use crate::router::table;
    use crate::routes::{forks, history, runs, schedules, search, tasks, updates, versions};

    fn document() -> Value {
        serde_json::from_str(DOCUMENT).unwrap()
    }

    fn operations(document: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
        document["paths"].as_object().unwrap().iter().flat_map(|(path, item)| {
            item.as_object().unwrap().iter().map(move |(method, operation)| (method.as_str(), path.as_str(), operation))
        })
    }

    /// The parameters of an operation, with references resolved.
    fn parameters<'a>(document: &'a Value, operation: &'a Value, place: &str) -> BTreeSet<&'a str> {
        let parameters = operation.get("parameters").and_then(Value::as_array).into_iter().flatten();
        parameters
            .map(|parameter| match parameter.get("$ref").and_then(Value::as_str) {
                Some(path) => document.pointer(path.trim_start_matches('#')).expect("the parameter exists"),
                None => parameter,
            })
            .filter(|parameter| parameter["in"] == place)
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect()
    }

    #[test]
    fn it_lists_the_routes_that_exist() {
        let document = document();
        let documented: BTreeSet<_> =
            operations(&document).map(|(method, path, _)| (method.to_owned(), path.to_owned())).collect();
        assert_eq!(documented, table());
        assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    }

    #[test]
    fn it_lists_the_parameters_of_each_route() {
        let document = document();
        let mut queries = BTreeMap::new();
        for (method, path, operation) in operations(&document) {
            let in_path: BTreeSet<_> =
                path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
            assert_eq!(parameters(&document, operation, "path"), in_path, "{path}");
            let in_query = parameters(&document, operation, "query");
            if !in_query.is_empty() {
                queries.insert(format!("{method} {path}"), in_query);
            }
        }
        let names = |names: &'static [&'static str]| names.iter().copied().collect::<BTreeSet<_>>();
        let expected = BTreeMap::from([
            ("post /v1/versions".to_owned(), names(versions::UploadParameters::NAMES)),
            ("get /v1/runs".to_owned(), names(runs::ListParameters::NAMES)),
            ("get /v1/schedules".to_owned(), names(schedules::ListParameters::NAMES)),
            ("get /v1/runs/count".to_owned(), names(search::CountParameters::NAMES)),
            ("get /v1/runs/{run}/history".to_owned(), names(history::HistoryParameters::NAMES)),
            ("get /v1/runs/{run}/forks".to_owned(), names(forks::ForksParameters::NAMES)),
            ("get /v1/runs/{run}/result".to_owned(), names(runs::ResultParameters::NAMES)),
            ("post /v1/runs/{run}/updates".to_owned(), names(updates::UpdateParameters::NAMES)),
            ("get /v1/runs/{run}/updates/{name}".to_owned(), names(updates::ShowParameters::NAMES)),
        ]);
        assert_eq!(queries, expected);
    }

    #[test]
    fn every_operation_is_complete() {
        let document = document();
        let mut ids = BTreeSet::new();
        for (method, path, operation) in operations(&document) {
            let id = operation["operationId"].as_str().unwrap();
            assert!(ids.insert(id), "`{id}` names two operations");
            assert!(operation["summary"].is_string() && operation["tags"].is_array(), "{method} {path}");
            let responses = operation["responses"].as_object().unwrap();
            assert!(responses.contains_key("default"), "{method} {path} says nothing of errors");
            assert!(responses.keys().any(|status| status.starts_with('2')), "{method} {path} has no success");
        }
    }

    /// Every reference leads somewhere, and everything that can be referred to is.
    #[test]
    fn references_and_components_agree() {
        fn walk<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
            match value {
                Value::Object(members) => members.iter().for_each(|(key, inner)| match inner.as_str() {
                    Some(target) if key == "$ref" => {
                        found.insert(target);
                    }
                    _ => walk(inner, found),
                }),
                Value::Array(items) => items.iter().for_each(|inner| walk(inner, found)),
                _ => {}
            }
        }
        let document = document();
        let mut referred = BTreeSet::new();
        walk(&document, &mut referred);
        let components = document["components"].as_object().unwrap().iter().flat_map(|(kind, named)| {
            named.as_object().unwrap().keys().map(move |name| format!("#/components/{kind}/{name}"))
        });
        assert_eq!(referred.into_iter().map(str::to_owned).collect::<BTreeSet<_>>(), components.collect());
    }

    #[test]
    fn it_knows_every_code_and_its_status() {
        let document = document();
        let documented = |pointer: &str| -> BTreeSet<&str> {
            document.pointer(pointer).unwrap().as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect()
        };
        let codes = documented("/components/schemas/Problem/properties/code/enum");
        for code in &codes {
            let known = serde_json::from_value::<ErrorCode>(json!(code)).map(ErrorCode::as_str);
            assert!(known.is_ok_and(|known| known == *code) || *code == "origin-not-allowed", "{code}");
        }
        // The last words of serde's error are the list of all codes.
        let all = serde_json::from_str::<ErrorCode>("\"\"").unwrap_err().to_string();
        let all: Vec<_> = all.split('`').skip(3).step_by(2).collect();
        assert_eq!(all.len() + 1, codes.len(), "{all:?}");
        assert!(all.iter().all(|code| codes.contains(code)), "{all:?}");

        for (method, path, operation) in operations(&document) {
            for (status, response) in operation["responses"].as_object().unwrap() {
                let Some((_, listed)) = response["description"].as_str().and_then(|text| text.split_once("Codes: "))
                else {
                    continue;
                };
                for code in listed.trim_end_matches('.').split(", ").map(|code| code.trim_matches('`')) {
                    let code: ErrorCode = serde_json::from_value(json!(code)).unwrap();
                    assert_eq!(code.http_status().to_string(), *status, "{code} of {method} {path}");
                }
            }
        }
        let statuses: BTreeSet<_> = RunStatus::ALL.iter().map(|status| status.as_str()).collect();
        assert_eq!(documented("/components/schemas/RunStatus/enum"), statuses);
    }

    #[track_caller]
    fn fits(name: &str, value: &impl Serialize) {
        let document = document();
        let schema = json!({"$ref": format!("#/components/schemas/{name}")});
        check(&document, &schema, &serde_json::to_value(value).unwrap(), name).unwrap();
    }

    fn text(text: &str) -> Json {
        Json::parse(text).unwrap()
    }

    fn failure() -> Outcome {
        let details = Some(text("{\"a\":1}"));
        Outcome::Failed(Failure { details, ..Failure::retryable("rate-limited", "too many requests") })
    }

    fn reason() -> ParkReason {
        let backtrace = vec!["run".to_owned()];
        ParkReason { kind: ParkKind::GuestError, message: "it broke".to_owned(), event: Some(3), backtrace }
    }

    fn parent() -> Parent {
        Parent { run_id: RunId::new(1, 1), child: RunId::new(2, 2) }
    }

    fn run() -> Run {
        Run {
            run_id: RunId::new(1_700_000_000_000, 7),
            id: CallerId::parse("ticket-7").unwrap(),
            workflow: WorkflowName::parse("helpdesk").unwrap(),
            version: Digest::of(b"a"),
            status: RunStatus::Parked,
            started_ms: 1,
            closed_ms: Some(2),
            outcome: Some(failure()),
            parked: Some(reason()),
            cancel_requested: false,
            parent: Some(parent()),
            continued_as: Some(parent().child),
            continued_from: Some(parent().child),
            has_children: None,
            attributes: attributes(),
            forked_from: Some(ForkedFrom { run_id: parent().run_id, event: 4, root: parent().child }),
            fork_race: Some(parent().child),
        }
    }

    fn attributes() -> Attributes {
        let every_sort = json!({"customer": "acme", "amount": 1.5, "urgent": true, "tags": ["a", "b"]});
        serde_json::from_value(every_sort).unwrap()
    }

    fn version() -> Version {
        Version {
            workflow: run().workflow,
            version: Digest::of(b"a"),
            uploaded_ms: 1,
            size_bytes: 2,
            imports: vec!["abide:workflow/llm@0.1.0".to_owned()],
            has_query: true,
            configuration: Some(configuration()),
        }
    }

    fn configuration() -> Configuration {
        Configuration { environment: [("A".to_owned(), "b".to_owned())].into(), arguments: vec!["c".to_owned()] }
    }

    #[test]
    fn every_type_is_as_documented() {
        fits("Version", &version());
        fits("Deployed", &Deployed { version: version(), created: true });
        fits("Workflow", &Workflow { name: run().workflow, active: Digest::of(b"a"), versions: vec![version()] });
        fits("Run", &run());
        fits("Started", &Started { run: run(), created: true });
        fits("Runs", &Runs { runs: vec![run()], next: Some(run().run_id) });
        for kind in [
            CallKind::LlmGenerate,
            CallKind::ToolsList,
            CallKind::ToolsCall,
            CallKind::HttpFetch,
            CallKind::TimerSleep,
            CallKind::SignalsReceive,
            CallKind::CancellationRequested,
            CallKind::ActivitiesCall,
        ] {
            let call = OpenCall { call: 1, event: 2, kind, summary: "a".to_owned(), since_ms: 3 };
            let description = Description {
                run: run(),
                history_length: 4,
                open_calls: vec![call],
                buffered_signals: [("approve".to_owned(), 1)].into(),
                buffered_updates: [("add".to_owned(), 2)].into(),
                published: [("stage".to_owned(), text("\"drafting\""))].into(),
                resident: true,
            };
            fits("Description", &description);
        }
        fits("Signalled", &Signalled { run_id: run().run_id, event: 3, duplicate: false });
        for verdict in [ReplayVerdict::Identical, ReplayVerdict::Diverged, ReplayVerdict::Stopped] {
            let report = ReplayReport {
                run_id: run().run_id,
                version: Digest::of(b"a"),
                verdict,
                events: 3,
                reason: Some(reason()),
                trace: Digest::of(b"b"),
                log: vec!["hello".to_owned()],
                micros: 5,
            };
            fits("ReplayReport", &report);
        }
        let problem = Error::new(ErrorCode::RunAlreadyOpen, "open").about(run().run_id);
        fits("Problem", &Problem::from(problem));
        let start = StartRun {
            workflow: run().workflow,
            id: Some(run().id),
            input: text("{}"),
            version: Some("0123abcd".to_owned()),
            if_running: IfRunning::Terminate,
            id_reuse: IdReuse::AllowAfterFailure,
            run_timeout_ms: Some(1),
            signal: Some(StartSignal { name: "go".to_owned(), payload: text("1"), key: Some("k".to_owned()) }),
            attributes: attributes(),
        };
        fits("StartRun", &start);
        fits("ResetRun", &ResetRun { event: 1, version: Some("0123abcd".to_owned()) });
        let fork = ForkRun {
            event: 4,
            outcome: Some(failure()),
            version: Some("0123abcd".to_owned()),
            id: Some(run().id),
            times: Some(3),
        };
        fits("ForkRun", &fork);
        let (run_id, race) = (run().run_id, run().run_id);
        let forks = vec![Started { run: run(), created: true }];
        fits("Forked", &Forked { run_id, event: 4, race: Some(race), forks });
        let (root_run, next) = (Some(run()), Some(run_id));
        fits("Forks", &Forks { run_id, root: run_id, root_run, forks: vec![run()], next });
        fits("KeepRun", &KeepRun { reason: Some("best".to_owned()), terminate: true });
        fits("Kept", &Kept { run_id, race, ended: vec![run_id] });
        for wait_for in [WaitFor::Accepted, WaitFor::Completed] {
            let (id, name) = (Some("u".to_owned()), "add".to_owned());
            fits("UpdateRun", &UpdateRun { id, name, arguments: text("1"), wait_for });
        }
        let updated =
            |status, outcome| Updated { run_id: run().run_id, update_id: "u".into(), event: 1, status, outcome };
        fits("Updated", &updated(UpdateStatus::Received, None));
        fits("Updated", &updated(UpdateStatus::Accepted, None));
        fits("Updated", &updated(UpdateStatus::Rejected, Some(failure())));
        fits("Updated", &updated(UpdateStatus::Completed, Some(Outcome::Ok(text("1")))));
        fits("RunCounts", &RunCounts { total: 3, statuses: [("running".to_owned(), 3)].into() });
        fits("Deleted", &Deleted { run_id: run().run_id });
        for action in [BatchAction::Cancel, BatchAction::Terminate, BatchAction::Signal, BatchAction::Delete] {
            let signal = BatchSignal { name: "go".to_owned(), payload: text("1"), key: Some("k".to_owned()) };
            let batch = Batch {
                filter: "status = 'running'".to_owned(),
                action,
                reason: "enough".to_owned(),
                signal: Some(signal),
                cursor: Some(run().run_id),
                limit: Some(10),
            };
            fits("Batch", &batch);
        }
        let failure =
            BatchFailure { run_id: run().run_id, code: "internal".to_owned(), message: "it broke".to_owned() };
        let report = BatchReport {
            done: 1,
            skipped: 2,
            failed: 3,
            reasons: [("run-closed".to_owned(), 2)].into(),
            failures: vec![failure],
            next: Some(run().run_id),
        };
        fits("BatchReport", &report);
    }

    #[test]
    fn every_type_of_schedules_is_as_documented() {
        let id = ScheduleId::parse("nightly").unwrap();
        let spec = ScheduleSpec {
            input: text("{}"),
            version: Some("0123abcd".to_owned()),
            cron: vec!["0 3 * * *".to_owned()],
            intervals: vec![Interval { every_ms: 60_000, offset_ms: 1000 }],
            jitter_ms: 1,
            start_at_ms: Some(2),
            end_at_ms: Some(3),
            ..ScheduleSpec::new(run().workflow)
        };
        for overlap in OverlapPolicy::ALL {
            fits("ScheduleSpec", &ScheduleSpec { overlap, ..spec.clone() });
            fits("TriggerSchedule", &TriggerSchedule { overlap: Some(overlap) });
        }
        let note = Some("a".to_owned());
        fits(
            "CreateSchedule",
            &CreateSchedule { id: id.clone(), spec: spec.clone(), paused: true, note: note.clone() },
        );
        let overlap = OverlapPolicy::Skip;
        fits("BackfillSchedule", &BackfillSchedule { from_ms: 1, to_ms: 2, overlap: Some(overlap) });
        let counts = ScheduleCounts { started: 1, skipped: 2, missed: 3, failed: 4 };
        let summary = ScheduleSummary {
            id: id.clone(),
            workflow: run().workflow,
            paused: false,
            note: note.clone(),
            next_due_ms: Some(1),
            counts,
        };
        fits("Schedules", &Schedules { schedules: vec![summary], next: Some(id.clone()) });
        let scheduled = ScheduledRunView {
            run_id: run().run_id,
            id: run().id,
            due_ms: 1,
            started_ms: 2,
            status: RunStatus::Failed,
            closed_ms: Some(3),
            outcome: Some(failure()),
        };
        let description = ScheduleDescription {
            id,
            spec,
            paused: true,
            note,
            created_ms: 1,
            updated_ms: 2,
            next_due_ms: vec![3, 4],
            buffered_due_ms: Some(3),
            recent: vec![scheduled],
            counts,
            backfills: vec![Backfill { from_ms: 1, to_ms: 2, overlap }],
            last_failure: Some(ScheduleFailure { due_ms: 1, message: "a".to_owned() }),
        };
        fits("ScheduleDescription", &description);
        for outcome in [TriggerOutcome::Started, TriggerOutcome::Buffered, TriggerOutcome::Skipped] {
            fits("Triggered", &Triggered { outcome, run: Some(run()) });
        }
    }

    #[test]
    fn every_task_is_as_documented() {
        let (run_id, token) = (run().run_id, format!("{}:1:2", run().run_id));
        let task = Task {
            token: token.clone(),
            queue: "gpu".to_owned(),
            tool: "render".to_owned(),
            arguments: text("{}"),
            attempt: 2,
            idempotency_key: "k".to_owned(),
            tenant: Tenant::default(),
            run_id,
            call: 1,
            lease_ms: 3,
            deadline_ms: 4,
            heartbeat: Some(text("[1]")),
        };
        fits("Tasks", &Tasks { tasks: vec![task] });
        fits("Poll", &Poll { worker: "w".to_owned(), max_tasks: 1, wait_ms: 2 });
        fits("Complete", &Complete { token: token.clone(), result: text("1"), is_error: true });
        fits("Fail", &Fail { token: token.clone(), failure: Failure::new("a", "b") });
        fits("Heartbeat", &Heartbeat { token: token.clone(), details: Some(text("1")) });
        fits("Beat", &Beat { cancelled: false, lease_ms: 1 });
        fits("Defer", &Defer { token, later: true });
        fits("Deferred", &tasks::Deferred { deferred: true });
        fits("Answered", &Answered { duplicate: false });
        let worker = WorkerOverview { worker: "w".to_owned(), last_seen_ms: 1, leased: 1 };
        let queue = QueueOverview {
            queue: "gpu".to_owned(),
            tools: vec!["render".to_owned()],
            waiting: 1,
            leased: 2,
            deferred: 3,
            workers: vec![worker],
        };
        fits("Queues", &Queues { queues: vec![queue] });
    }

    #[test]
    fn every_event_is_as_documented() {
        let started = RunStarted {
            tenant: Tenant::default(),
            workflow: run().workflow,
            version: Digest::of(b"a"),
            id: run().id,
            input: text("[1]"),
            seed: [0; 32],
            limits: Limits::default(),
            parent: Some(parent()),
            continued_from: Some(parent().child),
            run_timeout_ms: Some(1),
            attributes: attributes(),
            configuration: Some(configuration()),
        };
        let retry = RetryPolicy {
            initial_interval_ms: Some(1),
            backoff_coefficient: Some(2.0),
            max_interval_ms: Some(3),
            jitter: Some(0.5),
            max_attempts: Some(4),
            max_elapsed_ms: Some(5),
            non_retryable: vec!["a".to_owned()],
        };
        let options = CallOptions {
            attempt_timeout_ms: Some(1),
            total_timeout_ms: Some(2),
            retry: Some(retry),
            idempotency_key: Some("a".to_owned()),
        };
        let request = RecordedRequest::Inline(text("{}"));
        let closed = |outcome, cancelled| Event::RunClosed(RunClosed { cause: 0, outcome, cancelled });
        let answered = |answer| Event::UpdateAnswered(UpdateAnswered { id: "u".into(), cause: 0, answer });
        let events = vec![
            Event::RunStarted(Box::new(started)),
            Event::CallRequested(CallRequested { call: 0, cause: 0, kind: CallKind::ToolsCall, request, options }),
            Event::CallCompleted(CallCompleted { call: 0, outcome: failure(), attempts: 2 }),
            Event::CallCancelled(CallCancelled { call: 1, cause: 0 }),
            Event::SignalReceived(SignalReceived { name: "a".into(), payload: text("1"), key: Some("k".into()) }),
            Event::CancelRequested(CancelRequested { reason: "a".into() }),
            Event::VersionChanged(VersionChanged { version: Digest::of(b"b") }),
            Event::RunParked(RunParked { reason: reason() }),
            Event::RunResumed(RunResumed {}),
            closed(Outcome::Ok(text("null")), false),
            closed(failure(), false),
            closed(failure(), true),
            Event::RunTerminated(RunTerminated { reason: "a".into() }),
            Event::UpdateReceived(UpdateReceived { id: "u".into(), name: "add".into(), arguments: text("1") }),
            answered(UpdateAnswer::Accepted),
            answered(UpdateAnswer::Rejected(Failure::new("no", "no"))),
            answered(UpdateAnswer::Completed(failure())),
            Event::MarkerRecorded(MarkerRecorded { id: "p".into(), cause: 0, value: text("true") }),
            Event::RunContinued(RunContinued { cause: 0, input: text("1"), run_id: run().run_id }),
            Event::RunTimedOut(RunTimedOut { run_timeout_ms: 1 }),
            Event::RunReset(RunReset { run_id: run().run_id, event: 1, guest_run_id: None }),
            Event::CallDeferred(CallDeferred { call: 1, attempt: 1 }),
            Event::RunForked(RunForked {
                run_id: run().run_id,
                event: 1,
                set_outcome: true,
                guest_run_id: run().run_id,
            }),
        ];
        let document = document();
        let types = document.pointer("/components/schemas/EventType/enum").unwrap().as_array().unwrap();
        let kinds: Vec<_> = events.iter().map(|event| json!(event.kind())).collect();
        assert_eq!(*types, kinds);
        let shown: Vec<_> = (0..)
            .zip(events)
            .map(|(seq, event)| HistoryEvent::of(seq, &Recorded { time_ms: 1, event }, Some(text("{}"))))
            .collect();
        fits("History", &History { run_id: run().run_id, events: shown, next: Some(14), ended: true });
    }
}
