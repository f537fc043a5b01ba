//! `abide-bench`: what abide costs, beside the raw limits of the machine, measured in the same run on the same disk.
//!
//! Machines and disks differ and are busy, so only ratios mean something: what is compared takes turns, and a figure is the
//! median of the turns unless its measure says otherwise. `cargo xtask bench` builds this, runs it and says where the figures are. Each measure has a file, which
//! says what its figures mean; this one only puts them in order.

mod arguments;
mod bare_calls;
mod check;
mod components;
mod concurrent;
mod disk;
mod memory;
mod noisy;
mod replay;
mod report;
mod sequential;
mod subject;

use anyhow::{Context as _, Result};

use crate::arguments::Arguments;
use crate::report::Report;

fn main() -> Result<()> {
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    // One thread more than cores, as the command has: guests compute on as many as there are cores.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(std::thread::available_parallelism().map_or(2, usize::from) + 1)
        .enable_all()
        .build()
        .context("cannot start the threads")?;
    let report = runtime.block_on(measure(&arguments))?;
    report.print();
    report.write(&arguments.out)
}

async fn measure(arguments: &Arguments) -> Result<Report> {
    let mut report = Report::default();
    // Memory comes first, while the allocator holds nothing of the other measures.
    if arguments.wants("memory") {
        memory::dropped(arguments, &mut report).await?;
        memory::waiting(arguments, &mut report).await?;
    }
    if arguments.wants("sequential") {
        sequential::measure(arguments, &mut report).await?;
    }
    if arguments.wants("latency") {
        concurrent::latency(arguments, &mut report).await?;
    }
    if arguments.wants("concurrent") {
        concurrent::clients(arguments, &mut report).await?;
    }
    if arguments.wants("replay") {
        replay::measure(arguments, &mut report).await?;
    }
    if arguments.wants("check") {
        check::measure(arguments, &mut report).await?;
    }
    if arguments.wants("noisy") {
        noisy::measure(arguments, &mut report).await?;
    }
    if arguments.wants("components") {
        components::measure(arguments, &mut report).await?;
    }
    Ok(report)
}
