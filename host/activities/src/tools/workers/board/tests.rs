//! The board by itself, with a clock that is moved by hand: leases, retries, rates, and answers that come late.

use abide_model::{ErrorCode, RunId};

use super::*;

/// A board with one queue, and a clock that is moved by hand.
struct Bench {
    board: Board,
    now: Instant,
}

const QUEUE: &str = "gpu";

impl Bench {
    fn new(change: impl FnOnce(&mut QueueLimits)) -> Self {
        let mut limits =
            QueueLimits { lease: Duration::from_secs(10), max_concurrent: 100, max_waiting: 100, max_per_second: None };
        change(&mut limits);
        let (mut board, now) = (Board::default(), Instant::now());
        board.add_queue(QUEUE, limits, now);
        Self { board, now }
    }

    fn key(call: u32) -> CallKey {
        CallKey { tenant: Tenant::default(), run_id: RunId::new(1, 1), call }
    }

    fn token(call: u32, attempt: u32) -> Token {
        Token { key: Self::key(call), attempt }
    }

    fn open(&mut self, call: u32, attempts: u32) -> u64 {
        let work = Work {
            provider: QUEUE.to_owned(),
            tool: "render".to_owned(),
            arguments: Json::from(&serde_json::json!({ "call": call })),
            idempotency_key: format!("key-{call}"),
            attempt_timeout: Duration::from_secs(60),
            schedule_to_start: Some(Duration::from_secs(30)),
            deadline_ms: 7,
        };
        self.board.open(&Self::key(call), Arc::new(work), attempts)
    }

    fn enqueue(&mut self, call: u32) {
        self.board.enqueue(&Self::key(call), self.now).unwrap();
    }

    fn call(&mut self, call: u32) -> u64 {
        let serial = self.open(call, 0);
        self.enqueue(call);
        serial
    }

    fn lease(&mut self, max: usize) -> Vec<Task> {
        self.board.lease(QUEUE, &Tenant::default(), "w-1", max, self.now).unwrap().0
    }

    fn pass(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }

    /// The code of the failure that time alone brought about.
    fn expired(&mut self, call: u32) -> Option<(String, bool)> {
        let trouble = self.board.expire(&Self::key(call), self.now)?;
        Some((trouble.failure.code, trouble.failure.retryable))
    }

    fn complete(&mut self, token: &Token) -> Result<Accepted, ErrorCode> {
        self.board.answer(token, Some(QUEUE), Outcome::Ok(Json::null())).map_err(|error| error.code)
    }

    fn fail(&mut self, token: &Token, retryable: bool) -> Result<Accepted, ErrorCode> {
        let failure = Failure { retryable, ..Failure::new("broken", "it broke") };
        self.board.answer(token, Some(QUEUE), Outcome::Failed(failure)).map_err(|error| error.code)
    }

    fn beat(&mut self, token: &Token, details: Option<u32>) -> Result<Beat, ErrorCode> {
        let details = details.map(|number| Json::from(&number.into()));
        self.board.heartbeat(token, QUEUE, details, self.now).map_err(|error| error.code)
    }

    fn counts(&self) -> (usize, usize, usize) {
        let (waiting, leased, deferred, _) = self.board.count(&Tenant::default(), QUEUE);
        (waiting, leased, deferred)
    }
}

#[test]
fn a_task_goes_to_one_worker_and_its_answer_stays_until_it_is_durable() {
    let mut bench = Bench::new(|_| ());
    let serial = bench.call(0);
    let tasks = bench.lease(5);
    assert_eq!((tasks.len(), tasks[0].attempt, tasks[0].lease_ms), (1, 1, 10_000));
    assert_eq!(tasks[0].token, Bench::token(0, 1).to_string());
    assert!(bench.lease(5).is_empty());

    let Ok(Accepted::Outcome { mut durable, duplicate: false }) = bench.complete(&Bench::token(0, 1)) else {
        panic!("the answer is not taken")
    };
    let Ok(Accepted::Outcome { durable: mut again, duplicate: true }) = bench.complete(&Bench::token(0, 1)) else {
        panic!("the same answer is not taken twice")
    };
    assert!(matches!(bench.board.take(&Bench::key(0)), Some(Late::Done(_))));
    bench.board.came_to_an_end(&Bench::key(0), serial);
    assert!(durable.try_recv().is_err(), "nobody is answered before it is durable");
    bench.board.settled(&Bench::key(0), true);
    assert_eq!((durable.try_recv(), again.try_recv()), (Ok(true), Ok(true)));
    assert!(matches!(bench.complete(&Bench::token(0, 1)), Ok(Accepted::Before)));
    assert_eq!(bench.beat(&Bench::token(0, 1), None), Err(ErrorCode::TaskClosed));
    assert_eq!(bench.counts(), (0, 0, 0));
}

#[test]
fn a_lease_runs_out_without_heartbeats_and_the_next_attempt_has_their_details() {
    let mut bench = Bench::new(|_| ());
    bench.call(0);
    bench.lease(1);
    for _ in 0..3 {
        bench.pass(9);
        assert_eq!(bench.expired(0), None);
        assert_eq!(bench.beat(&Bench::token(0, 1), Some(3)), Ok(Beat { cancelled: false, lease_ms: 10_000 }));
    }
    bench.pass(10);
    assert_eq!(bench.expired(0), Some(("lease-expired".to_owned(), true)));
    assert_eq!(bench.counts(), (0, 0, 0));
    assert_eq!(bench.complete(&Bench::token(0, 1)).unwrap_err(), ErrorCode::TaskSuperseded);

    bench.enqueue(0);
    let tasks = bench.lease(1);
    assert_eq!((tasks[0].attempt, tasks[0].heartbeat.as_ref().map(Json::as_str)), (2, Some("3")));
    for late in [bench.complete(&Bench::token(0, 1)), bench.fail(&Bench::token(0, 1), true)] {
        assert_eq!(late.unwrap_err(), ErrorCode::TaskSuperseded);
    }
    assert_eq!(bench.beat(&Bench::token(0, 1), None), Err(ErrorCode::TaskSuperseded));
    assert!(bench.complete(&Bench::token(0, 2)).is_ok());
}

#[test]
fn heartbeats_do_not_stretch_the_attempt() {
    let mut bench = Bench::new(|_| ());
    bench.call(0);
    bench.lease(1);
    for _ in 0..11 {
        bench.pass(5);
        bench.beat(&Bench::token(0, 1), None).unwrap();
    }
    assert_eq!(bench.beat(&Bench::token(0, 1), None), Ok(Beat { cancelled: false, lease_ms: 5_000 }));
    bench.pass(5);
    assert_eq!(bench.expired(0), Some(("timeout".to_owned(), true)));
}

#[test]
fn a_task_that_no_worker_takes_fails_for_good() {
    let mut bench = Bench::new(|_| ());
    bench.call(0);
    bench.pass(29);
    assert_eq!(bench.expired(0), None);
    bench.pass(1);
    assert_eq!(bench.expired(0), Some(("no-worker".to_owned(), false)));
    assert!(bench.lease(1).is_empty(), "it has left the line");
}

#[test]
fn a_failure_that_may_pass_is_retried_and_one_that_does_not_is_the_outcome() {
    let mut bench = Bench::new(|_| ());
    bench.call(0);
    bench.lease(1);
    assert!(matches!(bench.fail(&Bench::token(0, 1), true), Ok(Accepted::Noted)));
    assert!(matches!(bench.board.take(&Bench::key(0)), Some(Late::Failed(_))));
    bench.enqueue(0);
    bench.lease(1);
    assert!(matches!(bench.fail(&Bench::token(0, 2), false), Ok(Accepted::Outcome { .. })));
}

#[test]
fn a_dropped_call_leaves_the_queue_and_its_worker_is_told() {
    let mut bench = Bench::new(|_| ());
    let (first, second) = (bench.call(0), bench.call(1));
    bench.lease(1);
    bench.board.dropped(&Bench::key(0), first);
    bench.board.dropped(&Bench::key(1), second);
    assert_eq!(bench.counts(), (0, 0, 0));
    assert!(bench.lease(9).is_empty());
    assert_eq!(bench.beat(&Bench::token(0, 1), None), Ok(Beat { cancelled: true, lease_ms: 0 }));
    assert_eq!(bench.complete(&Bench::token(0, 1)).unwrap_err(), ErrorCode::TaskClosed);
    assert_eq!(bench.complete(&Bench::token(7, 1)).unwrap_err(), ErrorCode::TaskNotFound);
}

#[test]
fn an_old_seat_does_not_drop_the_call_that_was_made_again() {
    let mut bench = Bench::new(|_| ());
    let old = bench.call(0);
    bench.call(0);
    bench.board.dropped(&Bench::key(0), old);
    assert_eq!(bench.counts(), (1, 0, 0));
}

#[test]
fn an_answer_is_not_durable_when_the_call_is_dropped_before_it_is_recorded() {
    let mut bench = Bench::new(|_| ());
    let serial = bench.call(0);
    bench.lease(1);
    let Ok(Accepted::Outcome { mut durable, .. }) = bench.complete(&Bench::token(0, 1)) else { panic!("not taken") };
    bench.board.dropped(&Bench::key(0), serial);
    assert!(matches!(durable.try_recv(), Err(oneshot::error::TryRecvError::Closed)));
}

#[test]
fn tokens_of_before_a_restart_are_good() {
    let mut bench = Bench::new(|_| ());
    // The count began anew. The worker has attempt 3, and the run has just asked again.
    bench.call(0);
    assert_eq!(bench.beat(&Bench::token(0, 3), None), Ok(Beat { cancelled: false, lease_ms: 10_000 }));
    assert!(bench.lease(1).is_empty(), "it is not handed out to a second worker");
    assert!(bench.complete(&Bench::token(0, 3)).is_ok());

    bench.call(1);
    assert!(matches!(bench.complete(&Bench::token(1, 1)), Ok(Accepted::Outcome { .. })));
    assert!(bench.lease(1).is_empty(), "what is completed is never handed out");
}

#[test]
fn a_deferred_call_has_no_lease_and_its_failure_is_final() {
    let mut bench = Bench::new(|limits| limits.max_concurrent = 1);
    bench.call(0);
    bench.call(1);
    assert_eq!(bench.lease(2).len(), 1);
    assert_eq!(bench.board.hold(&Bench::token(0, 1), Some(QUEUE)), Ok(false));
    bench.board.held(&Bench::token(0, 1), true, bench.now);
    assert_eq!(bench.board.hold(&Bench::token(0, 1), Some(QUEUE)), Ok(true), "it may be said again");
    assert_eq!(bench.lease(2).len(), 1, "it takes no place of those that workers have");
    bench.pass(1_000_000);
    assert_eq!((bench.expired(0), bench.counts()), (None, (0, 1, 1)));
    assert!(matches!(bench.fail(&Bench::token(0, 1), true), Ok(Accepted::Outcome { .. })));
    assert!(matches!(bench.board.take(&Bench::key(0)), Some(Late::GivenUp(_))));

    // After a restart it is waited for, under the same token.
    bench.open(2, 4);
    let pending = bench.board.still_deferred(&Bench::key(2)).unwrap();
    assert_eq!(pending.token, Bench::token(2, 5));
    assert!(bench.lease(1).is_empty());
    assert!(bench.complete(&Bench::token(2, 5)).is_ok());
}

#[test]
fn a_call_that_could_not_be_deferred_is_leased_as_before() {
    let mut bench = Bench::new(|_| ());
    bench.call(0);
    bench.lease(1);
    bench.board.hold(&Bench::token(0, 1), Some(QUEUE)).unwrap();
    bench.board.held(&Bench::token(0, 1), false, bench.now);
    assert_eq!(bench.counts(), (0, 1, 0));
    bench.pass(10);
    assert_eq!(bench.expired(0), Some(("lease-expired".to_owned(), true)));
}

#[test]
fn limits_hold() {
    let mut bench = Bench::new(|limits| {
        limits.max_waiting = 3;
        limits.max_concurrent = 2;
    });
    for call in 0..3 {
        bench.call(call);
    }
    bench.open(3, 0);
    let refused = bench.board.enqueue(&Bench::key(3), bench.now).unwrap_err();
    assert_eq!((refused.failure.code.as_str(), refused.failure.retryable), ("queue-full", true));
    assert_eq!(bench.lease(9).len(), 2);
    assert!(bench.lease(9).is_empty());
    bench.complete(&Bench::token(1, 1)).unwrap();
    assert_eq!(bench.lease(9).len(), 1, "the answer made room");
}

#[test]
fn the_rate_is_that_of_all_workers() {
    let mut bench = Bench::new(|limits| limits.max_per_second = Some(1.0));
    for call in 0..4 {
        bench.call(call);
    }
    assert_eq!(bench.lease(9).len(), 1);
    let (tasks, again) = bench.board.lease(QUEUE, &Tenant::default(), "w-2", 9, bench.now).unwrap();
    assert!(tasks.is_empty() && again.is_some_and(|again| again > bench.now));
    bench.pass(2);
    assert_eq!(bench.lease(9).len(), 1);
}

#[test]
fn a_tenant_sees_its_own_tasks_only() {
    let mut bench = Bench::new(|_| ());
    bench.call(0);
    let other = Tenant::parse("other").unwrap();
    assert!(bench.board.lease(QUEUE, &other, "w", 9, bench.now).unwrap().0.is_empty());
    let token = Token { key: CallKey { tenant: other, ..Bench::key(0) }, attempt: 1 };
    assert_eq!(bench.complete(&token).unwrap_err(), ErrorCode::TaskNotFound);
    assert_eq!(bench.lease(9).len(), 1);
}

#[test]
fn a_token_belongs_to_its_queue() {
    let mut bench = Bench::new(|_| ());
    bench.call(0);
    bench.lease(1);
    let refused = bench.board.answer(&Bench::token(0, 1), Some("cpu"), Outcome::Ok(Json::null())).unwrap_err();
    assert_eq!(refused.code, ErrorCode::InvalidArgument);
    assert!(bench.board.answer(&Bench::token(0, 1), None, Outcome::Ok(Json::null())).is_ok());
}
