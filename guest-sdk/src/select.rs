//! Waiting for the first of several futures: [`select!`](crate::select) and [`race`]. The losers are dropped, which cancels their calls; to go on
//! waiting for one later, see [`keep`](crate::keep).

use std::future::poll_fn;
use std::task::Poll;

use crate::branch::Branch;

/// Which of two futures was first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Either<A, B> {
    /// The first one, with its output.
    First(A),
    /// The second one, with its output.
    Second(B),
}

/// Waits for the first of two futures and drops the other. Where both are ready, the first one written wins.
///
/// ```no_run
/// use abide::{Either, race, signals, timer};
/// # async fn f() -> Result<(), abide::Failure> {
/// match race(signals::receive::<String>("answer"), timer::sleep(std::time::Duration::from_secs(60))).await {
///     Either::First(answer) => println!("{}", answer?),
///     Either::Second(_) => println!("nobody answered"),
/// }
/// # Ok(()) }
/// ```
pub async fn race<A: Future, B: Future>(first: A, second: B) -> Either<A::Output, B::Output> {
    let mut first = Branch::new(first);
    let mut second = Branch::new(second);
    poll_fn(|context| {
        if first.poll(context) {
            return Poll::Ready(Either::First(first.take().expect("it has just completed")));
        }
        if second.poll(context) {
            return Poll::Ready(Either::Second(second.take().expect("it has just completed")));
        }
        Poll::Pending
    })
    .await
}

/// Waits for the first of several futures, and goes on with its branch.
///
/// - It is deterministic: the futures start in the order written, and where several are ready, the one written first wins.
/// - The others are **dropped before the branch runs**. That cancels their calls: a timer is removed, a signal is left for the
///   next `receive`, and a tool is told, as far as its provider can be told; what it did by then is done.
/// - Branches may use `?`, `return`, `break` and `continue`. All give the same type.
///
/// ```no_run
/// use abide::{Failure, select, signals, timer};
/// use std::time::Duration;
///
/// # async fn f() -> Result<String, Failure> {
/// let answer = select! {
///     answer = signals::receive::<String>("answer") => answer?,
///     _ = timer::sleep(Duration::from_secs(3_600)) => return Err(Failure::new("no-answer", "nobody answered in an hour")),
/// };
/// # Ok(answer) }
/// ```
///
/// In a loop each turn starts its futures anew. Where one has to go on over the turns, [`keep`](crate::keep) it and
/// give `&mut` of it.
#[macro_export]
macro_rules! select {
    ($($branches:tt)+) => { $crate::__select!(@parse [] $($branches)+) };
}

/// The steps of [`select!`](crate::select).
#[doc(hidden)]
#[macro_export]
macro_rules! __select {
    // Reads one branch after the other, into groups of pattern, future and what follows.
    (@parse [$($read:tt)*] $pattern:pat = $future:expr => $then:block $(,)?) => {
        $crate::__select!(@run $($read)* {[$pattern] [$future] [$then]})
    };
    (@parse [$($read:tt)*] $pattern:pat = $future:expr => $then:block, $($rest:tt)+) => {
        $crate::__select!(@parse [$($read)* {[$pattern] [$future] [$then]}] $($rest)+)
    };
    (@parse [$($read:tt)*] $pattern:pat = $future:expr => $then:block $($rest:tt)+) => {
        $crate::__select!(@parse [$($read)* {[$pattern] [$future] [$then]}] $($rest)+)
    };
    (@parse [$($read:tt)*] $pattern:pat = $future:expr => $then:expr $(,)?) => {
        $crate::__select!(@run $($read)* {[$pattern] [$future] [$then]})
    };
    (@parse [$($read:tt)*] $pattern:pat = $future:expr => $then:expr, $($rest:tt)+) => {
        $crate::__select!(@parse [$($read)* {[$pattern] [$future] [$then]}] $($rest)+)
    };
    // The winner stands in a `let` of its own, so that the losers are gone before its branch runs.
    (@run $($branch:tt)+) => {{
        let winner = $crate::__select!(@futures $($branch)+).await;
        $crate::__select!(@branches winner $($branch)+)
    }};
    (@futures {[$pattern:pat] [$future:expr] [$then:expr]}) => { $future };
    (@futures {[$pattern:pat] [$future:expr] [$then:expr]} $($rest:tt)+) => {
        $crate::race($future, $crate::__select!(@futures $($rest)+))
    };
    (@branches $winner:ident {[$pattern:pat] [$future:expr] [$then:expr]}) => {
        match $winner { $pattern => $then }
    };
    (@branches $winner:ident {[$pattern:pat] [$future:expr] [$then:expr]} $($rest:tt)+) => {
        match $winner {
            $crate::Either::First($pattern) => $then,
            $crate::Either::Second(winner) => $crate::__select!(@branches winner $($rest)+),
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keep;
    use crate::test_calls::{Calls, drive};

    #[test]
    fn losers_are_gone_before_the_branch_runs() {
        let calls = Calls::default();
        let who = async {
            select! {
                _ = calls.call() => panic!("it never completes"),
                outcome = calls.call() => {
                    assert!(calls.is_dropped(0) && calls.is_dropped(1) && calls.is_dropped(2));
                    outcome
                }
                _ = calls.call() => panic!("it never completes"),
            }
        };
        assert_eq!(drive(who, |_| calls.complete(1, 9)), 9);
    }

    #[test]
    fn where_several_are_ready_the_first_one_wins() {
        let calls = Calls::default();
        let who = async {
            select! {
                _ = calls.call() => "first",
                _ = calls.call() => "second",
                _ = calls.call() => "third",
            }
        };
        let ready_together = |_| [2, 1].into_iter().for_each(|number| calls.complete(number, 0));
        assert_eq!(drive(who, ready_together), "second");
    }

    #[test]
    fn a_later_future_is_not_started_where_an_earlier_one_is_ready() {
        let calls = Calls::default();
        let late = calls.call();
        assert_eq!(drive(race(async { 1 }, late), |_| ()), Either::First(1));
        assert_eq!(calls.polls(0), 0);
    }

    #[test]
    fn branches_may_leave_the_function_and_the_loop() {
        async fn first_even(calls: &Calls) -> Result<u32, String> {
            let mut rejected = 0;
            loop {
                let number = select! {
                    number = calls.call() => number,
                    (a, b) = async { (1, std::future::pending::<u32>().await) } => return Err(format!("{a}{b}")),
                };
                if number == 99 {
                    Err("too large")?;
                }
                select! {
                    even = async { number % 2 == 0 } => if even { break } else { rejected += 1; continue },
                }
            }
            Ok(rejected)
        }
        let calls = Calls::default();
        assert_eq!(drive(first_even(&calls), |turn| calls.complete(turn, [3, 5, 4][turn])), Ok(2));
        let calls = Calls::default();
        assert!(drive(first_even(&calls), |turn| calls.complete(turn, 99)).is_err());
    }

    #[test]
    fn a_kept_future_goes_on_over_the_turns_of_a_loop() {
        let calls = Calls::default();
        let waiting = async {
            let mut signal = keep(calls.call());
            let mut reminders = 0;
            let outcome = loop {
                select! {
                    outcome = &mut signal => break outcome,
                    _ = calls.call() => reminders += 1,
                }
            };
            assert!(signal.is_completed());
            // Once completed it loses for ever, rather than panicking.
            let after = select! { _ = &mut signal => panic!("it is completed"), _ = calls.call() => "other" };
            (outcome, reminders, after)
        };
        // Calls 1, 2 and 3 are timers; call 0 is the signal, and comes third; call 4 is the other.
        let outcome = drive(waiting, |turn| calls.complete([1, 2, 0, 4][turn], 40));
        assert_eq!(outcome, (40, 2, "other"));
        assert!(calls.is_dropped(0) && calls.is_dropped(3));
    }
}
