//! `abide build`: makes a component of a source.

use std::path::PathBuf;
use std::time::Instant;

use abide_model::Digest;
use anyhow::Result;
use clap::Args;
use serde_json::json;

use crate::building::Source;
use crate::exit::{Exit, Fault};
use crate::output::{self, Format};
use crate::when;

/// `abide build`.
#[derive(Debug, Args)]
pub(crate) struct BuildArguments {
    /// The source: `agent.py`, `agent.ts`, `agent.js`, or the folder of a crate
    file: PathBuf,
    /// The component [default: the name of the workflow, with `.wasm`]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Build even if nothing has changed
    #[arg(long)]
    again: bool,
}

pub(crate) async fn run(arguments: BuildArguments, format: Format) -> Result<Exit> {
    let source = Source::of(&arguments.file)?;
    if !source.is_source() {
        let shown = arguments.file.display();
        return Err(Fault::usage(format!(
            "`{shown}` is nothing to build: give `NAME.py`, `NAME.ts`, `NAME.js`, or the folder of a crate"
        ))
        .into());
    }
    let out = match arguments.out {
        Some(out) => out,
        None => PathBuf::from(format!("{}.wasm", source.name()?)),
    };
    let began = Instant::now();
    let component = source.build(arguments.again).await?;
    let shown = out.display();
    std::fs::write(&out, &component).map_err(|error| Fault::usage(format!("cannot write `{shown}`: {error}")))?;
    let digest = Digest::of(&component);
    match format {
        Format::Json => output::json(&json!({"file": out, "version": digest, "size_bytes": component.len()}))?,
        Format::Text => {
            let took = when::span(u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX));
            let size = output::size(component.len() as u64);
            output::line(format!("built {shown} {} ({size}, {took})", digest.short()))?;
        }
    }
    Ok(Exit::Done)
}
