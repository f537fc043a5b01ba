//! Lines for people: [`info!`](crate::info) and its siblings. A line is written once, and never by a replay. It offers no filter: the host has one.
//!
//! ```no_run
//! # let (ticket, customer) = (17, "ada");
//! abide::info!("filed ticket {ticket}");
//! abide::warn!("nobody answered for {} days", 3; ticket = ticket, customer = customer);
//! ```

use serde_json::Value;

use crate::bindings::abide::workflow::log as wire;

pub use wire::Level;

/// Writes a line. `fields` is a JSON object, or null for none. The macros are shorter.
pub fn write(level: Level, message: &str, fields: &Value) {
    let fields = (!fields.is_null()).then(|| fields.to_string());
    wire::write(level, message, fields.as_deref());
}

/// Writes a line at a [`Level`](crate::log::Level): a format string with its arguments, and after a semicolon fields,
/// whose values implement `serde::Serialize`.
///
/// ```no_run
/// use abide::log::Level;
/// abide::write_log!(Level::Info, "charged {} cents", 250; order = "17", attempt = 2);
/// ```
#[macro_export]
macro_rules! write_log {
    ($level:expr, $format:literal $(, $argument:expr)* $(,)?) => {
        $crate::log::write($level, &::std::format!($format $(, $argument)*), &$crate::__private::serde_json::Value::Null)
    };
    ($level:expr, $format:literal $(, $argument:expr)* ; $($name:ident = $value:expr),+ $(,)?) => {
        $crate::log::write(
            $level,
            &::std::format!($format $(, $argument)*),
            &$crate::__private::serde_json::json!({ $(::std::stringify!($name): $value),+ }),
        )
    };
}

/// Writes a line for those who look for something very small. See [`write_log!`](crate::write_log).
#[macro_export]
macro_rules! trace {
    ($($line:tt)+) => { $crate::write_log!($crate::log::Level::Trace, $($line)+) };
}

/// Writes a line for developers. See [`write_log!`](crate::write_log).
#[macro_export]
macro_rules! debug {
    ($($line:tt)+) => { $crate::write_log!($crate::log::Level::Debug, $($line)+) };
}

/// Writes a line of the usual kind. See [`write_log!`](crate::write_log).
///
/// ```no_run
/// let ticket = 17;
/// abide::info!("filed ticket {ticket}"; ticket = ticket);
/// ```
#[macro_export]
macro_rules! info {
    ($($line:tt)+) => { $crate::write_log!($crate::log::Level::Info, $($line)+) };
}

/// Writes a line about something odd. See [`write_log!`](crate::write_log).
#[macro_export]
macro_rules! warn {
    ($($line:tt)+) => { $crate::write_log!($crate::log::Level::Warn, $($line)+) };
}

/// Writes a line about something wrong. See [`write_log!`](crate::write_log).
#[macro_export]
macro_rules! error {
    ($($line:tt)+) => { $crate::write_log!($crate::log::Level::Error, $($line)+) };
}
