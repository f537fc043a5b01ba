//! `abide inspect`: what a file is, and what a host would say about it. No host is asked, unless that is wanted.

use std::fmt::Write;
use std::path::PathBuf;

use abide_model::{Digest, Limits};
use abide_runtime::HostConfig;
use abide_runtime::report::{Bounds, Debug, Kind, Module, report};
use abide_runtime::view::Inspection;
use anyhow::Result;
use clap::Args;

use crate::building;
use crate::client::Client;
use crate::exit::Exit;
use crate::output::{self, Format, size};

/// `abide inspect`.
#[derive(Debug, Args)]
pub(crate) struct InspectArguments {
    /// The file: a component, or a core module that carries the types of one
    file: PathBuf,
    /// Ask the host, which knows its own limits and who performs the interfaces of typed activities
    #[arg(long)]
    ask_host: bool,
}

pub(crate) async fn run(
    client: impl Fn() -> Result<Client>,
    arguments: InspectArguments,
    format: Format,
) -> Result<Exit> {
    let file = building::read(&arguments.file)?;
    let (inspection, whose) = match arguments.ask_host {
        true => (client()?.inspect(file).await?, "the host takes it"),
        false => (looked_at(&file), "a host of this release takes it"),
    };
    let report = &inspection.report;
    match format {
        Format::Json => output::json(&inspection)?,
        Format::Text => {
            let name = arguments.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            output::text_out(&in_words(&name, &inspection, whose))?;
        }
    }
    Ok(if report.accepted { Exit::Done } else { Exit::RunFailed })
}

/// What a host says that is configured as hosts are where nobody says otherwise.
fn looked_at(file: &[u8]) -> Inspection {
    let bounds = Bounds {
        component_bytes: HostConfig::new(PathBuf::new()).max_component_bytes as u64,
        memory_bytes: Limits::default().memory_bytes,
    };
    Inspection { version: Digest::of(file), report: report(file, bounds) }
}

fn in_words(name: &str, Inspection { version, report }: &Inspection, whose: &str) -> String {
    let mut text = String::new();
    let mut row = |what: &str, told: &str| writeln!(text, "{what:<10}{told}").expect("writing to a string cannot fail");
    let kind = match report.kind {
        Kind::Component => "component",
        Kind::CoreModule => "core module",
        Kind::Unknown => "no web assembly",
    };
    row("file", &format!("{name}, {kind}, {}, {}", size(report.bytes), version.short()));
    if let Some(language) = &report.origin.language {
        row("language", language);
    }
    let tools = report.origin.toolchain.iter().filter(|producer| producer.role != "language");
    let tools: Vec<_> = tools.map(|tool| format!("{} {}", tool.name, tool.version).trim_end().to_owned()).collect();
    if !tools.is_empty() {
        row("tools", &tools.join(", "));
    }
    if let Some(world) = &report.world {
        row("world", world);
    }
    for (number, capability) in report.imports.iter().enumerate() {
        let what = if number == 0 { "imports" } else { "" };
        let named = |interface: &&String| **interface != format!("abide:workflow/{}@0.1.0", capability.name);
        // An interface of the guest's world says no more than its name does.
        let interfaces: Vec<_> = capability.interfaces.iter().filter(named).map(String::as_str).collect();
        row(what, format!("{:<18}{}", capability.name, interfaces.join(" ")).trim_end());
    }
    if !report.exports.is_empty() {
        row("exports", &report.exports.join(" "));
    }
    for (number, module) in report.modules.iter().enumerate() {
        row(if number == 0 { "modules" } else { "" }, &of_module(module));
    }
    report.warnings.iter().for_each(|warning| row("mind", warning));
    report.refusals.iter().for_each(|refusal| row("refused", refusal));
    if report.accepted {
        row("accepted", whose);
    }
    text
}

fn of_module(module: &Module) -> String {
    let name = module.name.as_deref().unwrap_or("(no name)");
    let (code, data) = (size(module.code_bytes), size(module.data_bytes));
    let mut text = format!("{name}: {} functions in {code} of code, {data} of data", module.functions);
    for memory in &module.memories {
        let most = memory.maximum_pages.map_or("no maximum".to_owned(), |pages| format!("at most {}", pages_of(pages)));
        text.push_str(&format!(", memory of {} ({most})", pages_of(memory.minimum_pages)));
    }
    let debug = match module.debug {
        Debug { names: true, dwarf: true } => ", function names and DWARF",
        Debug { names: true, dwarf: false } => ", function names",
        Debug { names: false, dwarf: true } => ", DWARF",
        Debug { names: false, dwarf: false } => ", no debug information",
    };
    text + debug
}

fn pages_of(pages: u64) -> String {
    size(pages.saturating_mul(65_536))
}
