//! `abide workflows`.

use anyhow::Result;

use super::versions::state;
use crate::client::Client;
use crate::exit::Exit;
use crate::output::{self, Format};
use crate::when;

pub(crate) async fn run(client: &Client, format: Format) -> Result<Exit> {
    let answer = client.workflows().await?;
    if format == Format::Json {
        output::json(&answer)?;
        return Ok(Exit::Done);
    }
    if answer.workflows.is_empty() {
        output::note("no workflows yet: upload one with `abide deploy FILE`");
        return Ok(Exit::Done);
    }
    let rows: Vec<_> = answer
        .workflows
        .iter()
        .flat_map(|workflow| workflow.versions.iter().rev().map(move |version| (workflow, version)))
        .map(|(workflow, version)| {
            [
                workflow.name.to_string(),
                version.version.short(),
                state(workflow, version),
                version.labels.iter().map(|label| label.as_str()).collect::<Vec<_>>().join(" "),
                when::date(version.uploaded_ms),
                version.imports.iter().map(|import| short(import)).collect::<Vec<_>>().join(" "),
            ]
        })
        .collect();
    output::text_out(&output::table(["WORKFLOW", "VERSION", "STATE", "LABELS", "UPLOADED", "IMPORTS"], &rows))?;
    Ok(Exit::Done)
}

/// `abide:workflow/llm@0.1.0` → `llm`; names of other packages stay whole.
fn short(import: &str) -> &str {
    match import.strip_prefix("abide:workflow/") {
        Some(interface) => interface.split('@').next().unwrap_or(interface),
        None => import,
    }
}
