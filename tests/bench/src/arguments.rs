//! The arguments of the program.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

const USAGE: &str = "usage: abide-bench --guests FOLDER --out FILE [--folder FOLDER] [--quick] [MEASURE…]

  --guests FOLDER   where `steps.wasm`, `waiter.wasm` and `hostile.wasm` are, and those of `components`
  --out FILE        where the figures go, as JSON
  --folder FOLDER   on the disk that is measured [default: the folder of FILE]
  --quick           shorter, and less certain
  MEASURE           only those: memory, sequential, latency, concurrent, replay, check, noisy, components";

/// What is measured, and where.
pub(crate) struct Arguments {
    pub(crate) guests: PathBuf,
    pub(crate) out: PathBuf,
    /// On the disk that is measured.
    pub(crate) folder: PathBuf,
    pub(crate) quick: bool,
    only: Vec<String>,
}

impl Arguments {
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        let (mut guests, mut out, mut folder, mut quick, mut only) = (None, None, None, false, Vec::new());
        while let Some(argument) = arguments.next() {
            let mut path = || arguments.next().map(PathBuf::from).with_context(|| format!("`{argument}` needs a path"));
            match argument.as_str() {
                "--guests" => guests = Some(path()?),
                "--out" => out = Some(path()?),
                "--folder" => folder = Some(path()?),
                "--quick" => quick = true,
                "memory" | "sequential" | "latency" | "concurrent" | "replay" | "check" | "noisy" | "components" => {
                    only.push(argument)
                }
                _ => bail!("there is no argument `{argument}`\n\n{USAGE}"),
            }
        }
        let out = std::path::absolute(out.context(USAGE)?)?;
        let folder = match folder {
            Some(folder) => folder,
            None => out.parent().context("`--out` is no file")?.to_owned(),
        };
        Ok(Self { guests: guests.context(USAGE)?, out, folder, quick, only })
    }

    /// Whether a measure is to be made.
    pub(crate) fn wants(&self, measure: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == measure)
    }

    /// One of two numbers.
    pub(crate) fn pick<T>(&self, usual: T, quick: T) -> T {
        if self.quick { quick } else { usual }
    }
}
