//! Questions that the workflow answers with code of its own. What can be shown as it is belongs into [`state`](crate::state).
//!
//! A handler sees the run where it stands, on a copy: it may look and compute, but make no calls. It shares
//! what it looks at with the workflow through an `Rc<RefCell<_>>`. Do not hold a `borrow_mut()` across an `.await`, or the
//! handler finds it taken.
//!
//! ```no_run
//! use std::{cell::RefCell, rc::Rc};
//!
//! #[abide::workflow]
//! async fn run(pages: Vec<String>) -> Result<(), abide::Failure> {
//!     let done = Rc::new(RefCell::new(Vec::new()));
//!     let seen = Rc::clone(&done);
//!     abide::queries::on("done", move |()| Ok(seen.borrow().clone()));
//!     for page in pages {
//!         abide::tools::call("crawler", "fetch", &page).await?.ok()?;
//!         done.borrow_mut().push(page);
//!     }
//!     Ok(())
//! }
//! ```

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use serde::{Serialize, de::DeserializeOwned};

use crate::{Failure, json};

type Handler = Rc<dyn Fn(&str) -> Result<String, Failure>>;

thread_local! {
    static HANDLERS: RefCell<BTreeMap<String, Handler>> = const { RefCell::new(BTreeMap::new()) };
}

/// Answers queries of that name from now on, in place of a handler that was there. Arguments are null where the caller gave
/// none: `|()|` takes that, and so does an `Option`.
pub fn on<A, R>(name: &str, handler: impl Fn(A) -> Result<R, Failure> + 'static)
where
    A: DeserializeOwned,
    R: Serialize,
{
    let answer = move |arguments: &str| {
        let arguments = json::decode(arguments, "invalid-arguments", "the arguments of the query do not fit")?;
        json::encode(&handler(arguments)?, "the answer to the query")
    };
    HANDLERS.with_borrow_mut(|handlers| handlers.insert(name.to_owned(), Rc::new(answer)));
}

/// Answers one query.
pub(crate) fn answer(name: &str, arguments: &str) -> Result<String, Failure> {
    // The handler leaves the table before it runs, so that one that registers another does not find the table taken.
    let handler = HANDLERS.with_borrow(|handlers| {
        handlers.get(name).cloned().ok_or_else(|| {
            let known: Vec<String> = handlers.keys().map(|name| format!("`{name}`")).collect();
            let known = if known.is_empty() { "none so far".to_owned() } else { known.join(", ") };
            Failure::new("unknown-query", format!("this run answers no query `{name}`; it answers: {known}"))
        })
    })?;
    handler(arguments)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dispatch_decode_and_list() {
        assert_eq!(
            answer("sum", "null").unwrap_err().message,
            "this run answers no query `sum`; it answers: none so far"
        );
        on("sum", |(a, b): (u32, u32)| Ok(a + b));
        on("phase", |()| Ok("waiting"));
        assert_eq!(answer("sum", "[1,2]").unwrap(), "3");
        assert_eq!(answer("phase", "null").unwrap(), "\"waiting\"");
        assert_eq!(answer("sum", "[1]").unwrap_err().code, "invalid-arguments");
        let unknown = answer("fase", "null").unwrap_err();
        assert_eq!(unknown.code, "unknown-query");
        assert!(unknown.message.ends_with("it answers: `phase`, `sum`"), "{unknown}");
    }
}
