//! `abide tenants export` and `import`: all of a tenant in one file of lines, and its runs back from it.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use abide_model::Json;
use anyhow::Result;
use clap::Args;
use serde_json::{Value, json};

use crate::client::Client;
use crate::exit::{Exit, Fault};
use crate::output::{self, Format};

/// `abide tenants export`.
#[derive(Debug, Args)]
pub(crate) struct ExportArguments {
    /// The tenant
    name: String,
    /// The file [default: the tenant, with `.ndjson`]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// `abide tenants import`.
#[derive(Debug, Args)]
pub(crate) struct ImportArguments {
    /// The file of an export; its runs are imported into the tenant that is acted for
    file: PathBuf,
}

pub(crate) async fn export(client: &Client, arguments: ExportArguments, format: Format) -> Result<Exit> {
    let ExportArguments { name, out } = arguments;
    let out = out.unwrap_or_else(|| PathBuf::from(format!("{name}.ndjson")));
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let cannot = |error: std::io::Error| Fault::usage(format!("cannot write `{}`: {error}", out.display()));
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(cannot)?;
    let mut answer = client.export_tenant(&name).await?;
    let mut size_bytes = 0;
    // The last line says that it is whole; it is short.
    let mut tail: Vec<u8> = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        file.write_all(&chunk).map_err(cannot)?;
        size_bytes += chunk.len() as u64;
        tail.extend_from_slice(&chunk);
        tail.drain(..tail.len().saturating_sub(1024));
    }
    let last = tail.strip_suffix(b"\n").and_then(|tail| tail.rsplit(|byte| *byte == b'\n').next());
    let end =
        last.and_then(|line| serde_json::from_slice::<Value>(line).ok()).and_then(|line| line.get("end").cloned());
    let Some(end) = end else {
        return Err(Fault::usage("the export was cut short: look at the log of the host, and try again").into());
    };
    file.persist(&out).map_err(|error| cannot(error.error))?;
    match format {
        Format::Json => {
            output::json(&json!({"file": out, "size_bytes": size_bytes, "runs": end["runs"], "failed": end["failed"]}))?
        }
        Format::Text => output::line(format!(
            "exported {name} to {} ({}): {} runs, {} could not be exported",
            out.display(),
            output::size(size_bytes),
            end["runs"],
            end["failed"]
        ))?,
    }
    Ok(Exit::Done)
}

pub(crate) async fn import(client: &Client, arguments: ImportArguments, format: Format) -> Result<Exit> {
    use base64::Engine as _;
    let path = arguments.file.display();
    let file = File::open(&arguments.file).map_err(|error| Fault::usage(format!("cannot read `{path}`: {error}")))?;
    let (mut imported, mut refused) = (0, Vec::new());
    for line in BufReader::new(file).lines() {
        let line = line.map_err(|error| Fault::usage(format!("cannot read `{path}`: {error}")))?;
        let line: Value =
            serde_json::from_str(&line).map_err(|error| Fault::usage(format!("`{path}` is no export: {error}")))?;
        let Some(run) = line.get("run") else { continue };
        let capsule =
            run["capsule"].as_str().and_then(|text| base64::engine::general_purpose::STANDARD.decode(text).ok());
        let capsule = capsule.ok_or_else(|| Fault::usage(format!("`{path}` has a run without its capsule")))?;
        match client.import(capsule.into()).await {
            Ok(_) => imported += 1,
            Err(error) => refused.push(json!({"run_id": run["run_id"], "why": error.to_string()})),
        }
    }
    match format {
        Format::Json => output::json(&Json::of(&json!({"imported": imported, "refused": refused}))?)?,
        Format::Text => {
            output::line(format!("imported {imported} runs"))?;
            for run in &refused {
                output::line(format!("  {} was refused: {}", run["run_id"], run["why"]))?;
            }
        }
    }
    Ok(if refused.is_empty() { Exit::Done } else { Exit::Refused })
}
