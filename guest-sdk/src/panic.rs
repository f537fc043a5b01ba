//! A panic is written to the run's log before it stops the component: a trap alone says where, but not why. It stops nothing.

use std::panic::PanicHookInfo;
use std::sync::Once;

use crate::log::{self, Level};

/// Puts the hook in place, once.
pub(crate) fn install_hook() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| std::panic::set_hook(Box::new(report)));
}

fn report(info: &PanicHookInfo<'_>) {
    let message = info.payload_as_str().unwrap_or("a panic without a text");
    let location = info.location().map(ToString::to_string);
    log::write(
        Level::Error,
        &format!("the workflow panicked: {message}"),
        &serde_json::json!({ "location": location }),
    );
}
