//! Waiting for all of several futures: [`join!`](crate::join) and [`join_all`]. They start in the order written and run concurrently; nothing
//! is spawned, and dropping the whole cancels what still waits.

use std::future::poll_fn;
use std::task::Poll;

use crate::branch::Branch;

/// Waits for all of several futures, and gives their outputs as a tuple. Up to twelve.
///
/// ```no_run
/// use abide::{join, tools};
/// # async fn f() -> Result<(), abide::Failure> {
/// let (weather, news) = join!(
///     tools::call("web", "weather", &"Oslo"),
///     tools::call("web", "news", &"Oslo"),
/// );
/// println!("{}\n{}", weather?.text(), news?.text());
/// # Ok(()) }
/// ```
#[macro_export]
macro_rules! join {
    ($($future:expr),+ $(,)?) => { $crate::__private::all(($($future,)+)).await };
}

/// Waits for all futures of a list, and gives their outputs in the order of the list, whatever the order of completion.
///
/// ```no_run
/// # async fn f(cities: Vec<String>) -> Result<(), abide::Failure> {
/// let reports = abide::join_all(cities.iter().map(|city| abide::tools::call("web", "weather", city))).await;
/// for report in reports {
///     println!("{}", report?.text());
/// }
/// # Ok(()) }
/// ```
pub async fn join_all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut branches: Vec<Branch<F>> = futures.into_iter().map(Branch::new).collect();
    poll_fn(|context| {
        // No `all`: every branch has to have its turn.
        let waiting = branches.iter_mut().filter_map(|branch| (!branch.poll(context)).then_some(())).count();
        if waiting == 0 { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    branches.iter_mut().map(|branch| branch.take().expect("every branch has completed")).collect()
}

/// A tuple of futures. What [`join!`](crate::join) uses.
pub trait Join {
    /// The tuple of their outputs.
    type Output;
    /// Waits for all of them.
    fn join(self) -> impl Future<Output = Self::Output>;
}

/// See [`join!`](crate::join).
pub async fn all<T: Join>(futures: T) -> T::Output {
    futures.join().await
}

macro_rules! join_tuples {
    ($($name:ident)+) => {
        impl<$($name: Future),+> Join for ($($name,)+) {
            type Output = ($($name::Output,)+);

            #[expect(non_snake_case, reason = "the names of the types name the branches, too")]
            async fn join(self) -> Self::Output {
                let ($($name,)+) = self;
                $(let mut $name = Branch::new($name);)+
                poll_fn(|context| {
                    let mut completed = true;
                    $(completed &= $name.poll(context);)+
                    if completed { Poll::Ready(()) } else { Poll::Pending }
                })
                .await;
                ($($name.take().expect("every branch has completed"),)+)
            }
        }
    };
}

join_tuples!(A);
join_tuples!(A B);
join_tuples!(A B C);
join_tuples!(A B C D);
join_tuples!(A B C D E);
join_tuples!(A B C D E F);
join_tuples!(A B C D E F G);
join_tuples!(A B C D E F G H);
join_tuples!(A B C D E F G H I);
join_tuples!(A B C D E F G H I J);
join_tuples!(A B C D E F G H I J K);
join_tuples!(A B C D E F G H I J K L);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_calls::{Calls, drive};

    #[test]
    fn outputs_stand_in_the_order_of_the_list() {
        let calls = Calls::default();
        let all = join_all((0..3).map(|_| calls.call()));
        let outputs = drive(all, |turn| calls.complete([2, 0, 1][turn], turn as u32));
        assert_eq!(outputs, [1, 2, 0]);
    }

    #[test]
    fn only_what_was_woken_is_polled() {
        let calls = Calls::default();
        let all = join_all((0..50).map(|_| calls.call()));
        drive(all, |turn| calls.complete(49 - turn, 0));
        assert!((0..50).all(|number| calls.polls(number) == 2));
    }

    #[test]
    fn what_has_completed_is_released_at_once() {
        let calls = Calls::default();
        let both = async { join!(calls.call(), calls.call()) };
        let outputs = drive(both, |turn| {
            assert_eq!(calls.is_dropped(0), turn == 1);
            calls.complete(turn, 7 + turn as u32);
        });
        assert_eq!(outputs, (7, 8));
    }

    #[test]
    fn several_may_complete_in_one_turn() {
        let calls = Calls::default();
        let three = async { join!(calls.call(), async { calls.call().await + calls.call().await }, async { 5 }) };
        // Call 2 is made when call 1 has completed.
        let together =
            |turn| if turn == 0 { (0..2).for_each(|number| calls.complete(number, 1)) } else { calls.complete(2, 1) };
        let outputs = drive(three, together);
        assert_eq!(outputs, (1, 2, 5));
        assert!(drive(join_all(Vec::<std::future::Ready<u8>>::new()), |_| ()).is_empty());
    }
}
