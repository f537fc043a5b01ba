//! `abide export` and `abide import`: a run in one file, and back.

use std::io::Write;
use std::path::{Path, PathBuf};

use abide_model::RunStatus;
use anyhow::Result;
use clap::Args;
use serde_json::json;

use super::replay;
use crate::client::Client;
use crate::exit::{Exit, Fault};
use crate::output::{self, Format};

/// `abide export`.
#[derive(Debug, Args)]
pub(crate) struct ExportArguments {
    /// The run
    run: String,
    /// The file, or `-` for standard output [default: the run id, with `.abide`]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// `abide import`.
#[derive(Debug, Args)]
pub(crate) struct ImportArguments {
    /// The file of a capsule
    file: PathBuf,
}

pub(crate) async fn export(client: &Client, arguments: ExportArguments, format: Format) -> Result<Exit> {
    let run = client.describe(&arguments.run).await?.run.run_id;
    let capsule = client.export(&run.to_string()).await?;
    let out = arguments.out.unwrap_or_else(|| PathBuf::from(format!("{run}.abide")));
    if out.as_os_str() == "-" {
        std::io::stdout().lock().write_all(&capsule).map_err(|error| cannot_write(&out, &error))?;
        return Ok(Exit::Done);
    }
    write(&out, &capsule).map_err(|error| cannot_write(&out, &error))?;
    match format {
        Format::Json => output::json(&json!({"file": out, "run_id": run, "size_bytes": capsule.len()}))?,
        Format::Text => {
            let size = output::size(capsule.len() as u64);
            output::line(format!("exported {run} to {} ({size})", out.display()))?;
        }
    }
    Ok(Exit::Done)
}

pub(crate) async fn import(client: &Client, arguments: ImportArguments, format: Format) -> Result<Exit> {
    let file = replay::read_capsule(&arguments.file)?;
    let imported = client.import(file).await?;
    match format {
        Format::Json => output::json(&imported)?,
        Format::Text => {
            let run = &imported.run;
            output::line(format!("imported {} ({}), {} events: {}", run.run_id, run.id, imported.events, run.status))?;
            if run.status == RunStatus::Parked {
                output::line(format!("`abide resume {}` lets it go on here", run.run_id))?;
            }
        }
    }
    Ok(Exit::Done)
}

/// Puts a file in place as a whole: half a capsule is none.
fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.persist(path)?;
    Ok(())
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Fault {
    Fault::usage(format!("cannot write `{}`: {error}", path.display()))
}
