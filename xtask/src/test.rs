//! `cargo xtask test`: everything that can be tested here, from an empty clone: installs what the tests need, builds the guests, runs all
//! tests of the workspace, and the demo. The last line counts.

use std::env;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::demo::built_host;
use crate::places::{cargo, target_folder};
use crate::{guests, guests_c, guests_programs, guests_python, parts};

/// How many tests passed and failed.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    passed: u64,
    failed: u64,
}

/// Runs everything.
pub(crate) fn command() -> Result<()> {
    let guests = guests::build_all()?;
    let parts = parts::install()?;
    guests_c::build(&parts)?;
    guests_python::build(&parts)?;
    guests_programs::build(&parts)?;
    let mut tests = cargo();
    tests
        .args(["test", "--workspace", "--no-fail-fast", "--target-dir"])
        .arg(target_folder()?)
        .env("ABIDE_GUESTS", guests)
        .env("ABIDE_TEST_PARTS", parts.folder);
    println!("running the tests of the workspace");
    let mut tally = Tally::default();
    let succeeded = watch(&mut tests, &mut tally)?;
    if !succeeded && tally.failed == 0 {
        // Something did not build, or was killed.
        tally.failed += 1;
    }
    if succeeded {
        println!("running the demo");
        if demo()? {
            tally.passed += 1;
        } else {
            tally.failed += 1;
        }
    }
    println!("{} passed, {} failed", tally.passed, tally.failed);
    if tally.failed > 0 {
        bail!("there are failures");
    }
    Ok(())
}

/// Runs a command, shows what it prints, and counts.
fn watch(command: &mut Command, tally: &mut Tally) -> Result<bool> {
    let mut child = command.stdout(Stdio::piped()).spawn().context("`cargo test` does not start")?;
    let output = child.stdout.take().context("`cargo test` has no output")?;
    for line in BufReader::new(output).lines() {
        let line = line?;
        println!("{line}");
        tally.count(&line);
    }
    Ok(child.wait()?.success())
}

/// Runs the demo. What it prints is shown only where it fails.
fn demo() -> Result<bool> {
    let mut demo = Command::new(env::current_exe()?);
    // The tests of the command line had it built.
    demo.arg("demo").arg("--abide").arg(built_host()?);
    let output = demo.output().context("the demo does not start")?;
    if !output.status.success() {
        print!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        println!("the demo failed");
    }
    Ok(output.status.success())
}

impl Tally {
    /// Counts a line such as `test result: ok. 5 passed; 0 failed; 0 ignored; …`.
    fn count(&mut self, line: &str) {
        let Some(result) = line.strip_prefix("test result: ") else { return };
        let counts = result.split_once(". ").map_or("", |(_, counts)| counts);
        for count in counts.split("; ") {
            match count.split_once(' ') {
                Some((number, "passed")) => self.passed += number.parse().unwrap_or(0),
                Some((number, "failed")) => self.failed += number.parse().unwrap_or(0),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_the_results_of_cargo_test() {
        let mut tally = Tally::default();
        tally.count("test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s");
        tally
            .count("test result: FAILED. 2 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s");
        tally.count("test tests::passed ... ok");
        assert_eq!(tally, Tally { passed: 7, failed: 3 });
    }
}
