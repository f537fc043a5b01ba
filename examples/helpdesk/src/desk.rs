//! The ticket system, as the tools of the provider `desk`. What its tools are told is decided here; when they are called is not.

use abide::{Failure, tools};
use serde::Deserialize;
use serde_json::json;

use crate::model::Draft;
use crate::patiently;

#[derive(Deserialize)]
struct Filed {
    ticket: String,
}

#[derive(Deserialize)]
struct Provisioned {
    done: String,
}

/// Files a ticket and gives its name.
pub(crate) async fn file_ticket(customer: &str, draft: &Draft) -> Result<String, Failure> {
    let arguments = json!({
        "customer": customer,
        "title": draft.title,
        "category": draft.category,
        "urgency": draft.urgency,
    });
    let filed: Filed = tools::call_with("desk", "file_ticket", &arguments, patiently()).await?.ok()?.json()?;
    Ok(filed.ticket)
}

/// Reminds those who can approve.
pub(crate) async fn remind(ticket: &str, reminder: u32) -> Result<(), Failure> {
    tools::call("desk", "remind", &json!({ "ticket": ticket, "reminder": reminder })).await?.ok()?;
    Ok(())
}

/// Does what was asked for, and says what that was.
pub(crate) async fn provision(ticket: &str, draft: &Draft, approved_by: &str) -> Result<String, Failure> {
    let arguments = json!({ "ticket": ticket, "action": draft.action, "approved_by": approved_by });
    let provisioned: Provisioned =
        tools::call_with("desk", "provision", &arguments, patiently()).await?.ok()?.json()?;
    Ok(provisioned.done)
}
