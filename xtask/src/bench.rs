//! `cargo xtask bench`: builds what is measured in release, measures it, and leaves the figures in `target/bench.json`. What a figure
//! means stands in `tests/bench`. The guests in Python and StarlingMonkey are measured where `cargo xtask languages` has built them.

use anyhow::{Context as _, Result};

use crate::{guests, places, toolchain};

/// Measures. The arguments go to `abide-bench`: `--quick`, or the names of measures.
pub(crate) fn command(arguments: &[String]) -> Result<()> {
    let guests = guests::build(&["steps", "waiter", "hostile"].map(str::to_owned))?;
    let target = guests.parent().context("the guests lie nowhere")?;
    let figures = target.join("bench.json");
    let mut cargo = places::cargo();
    cargo.args(["run", "--release", "--package", "abide-bench", "--target-dir"]).arg(target).arg("--");
    cargo.arg("--guests").arg(&guests).arg("--out").arg(&figures).args(arguments);
    toolchain::run(&mut cargo).context("the figures could not be taken")?;
    println!("the figures are in {}", figures.display());
    Ok(())
}
