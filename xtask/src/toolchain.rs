//! Finds a Rust toolchain that builds for WebAssembly, and adds what is missing. What is built with it is the business of `guests`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::apt;

/// What guests are built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// `wasm32-unknown-unknown`: guests that import nothing but what they name.
    Plain,
    /// `wasm32-wasip1`: ordinary programs.
    Wasi,
}

impl Target {
    /// As rustc calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plain => "wasm32-unknown-unknown",
            Self::Wasi => "wasm32-wasip1",
        }
    }

    /// The packages of Debian that build for it.
    fn packages(self) -> &'static [&'static str] {
        match self {
            Self::Plain => &PACKAGES[..3],
            Self::Wasi => &PACKAGES,
        }
    }
}

/// How long `rustup` may try to download the target before the packages of the distribution are looked at.
const RUSTUP_PATIENCE: Duration = Duration::from_secs(60);

/// Debian's compiler for web assembly comes as source of the standard library, which is built with the guests.
const PACKAGES: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "wasi-libc"];
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_LIBRARY: &str = "/usr/lib/rustlib/src/rust/library/std/Cargo.toml";
const DEBIAN_LIBC: &str = "/usr/lib/wasm32-wasi";

/// A way to build guests.
#[derive(Debug)]
pub(crate) enum Toolchain {
    /// The toolchain in use has the target.
    Usual,
    /// The packages of Debian, which build the standard library from source. `linker` links web assembly.
    Debian { linker: PathBuf },
}

impl Toolchain {
    /// Finds a toolchain, and installs one where there is none.
    pub(crate) fn find(target: Target) -> Result<Self> {
        let sysroot = sysroot()?;
        if has_target(&sysroot, target) {
            return Ok(Self::Usual);
        }
        println!("the toolchain in use has no target {}: asking rustup for it", target.name());
        if rustup_adds(target) && has_target(&sysroot, target) {
            return Ok(Self::Usual);
        }
        if !debian_is_installed(target) {
            install_debian(target)?;
        }
        let linker = linker(&sysroot)?;
        println!("building with Debian's {DEBIAN_CARGO}, and the standard library from source");
        Ok(Self::Debian { linker })
    }

    /// `cargo build` for the target. The caller adds packages, profile and folder.
    pub(crate) fn cargo_build(&self, target: Target) -> Command {
        let mut command = match self {
            Self::Usual => clean("cargo"),
            Self::Debian { linker } => {
                let mut command = clean(DEBIAN_CARGO);
                command
                    .env_remove("RUSTUP_TOOLCHAIN")
                    .env("RUSTC", DEBIAN_RUSTC)
                    // Building the standard library is not stable yet, but this release of Debian is tested to do it.
                    .env("RUSTC_BOOTSTRAP", "1")
                    .env(variable(target, "LINKER"), linker);
                if target == Target::Wasi {
                    // The C library of the package, since the one that rustc brings along is not there.
                    let flags =
                        format!("-C link-self-contained=no -C link-arg={DEBIAN_LIBC}/crt1-command.o -L {DEBIAN_LIBC}");
                    command.env(variable(target, "RUSTFLAGS"), flags);
                }
                command
            }
        };
        command.args(["build", "--target", target.name()]);
        if let Self::Debian { .. } = self {
            command.arg("-Zbuild-std=std,panic_abort");
        }
        command
    }
}

/// The environment variable of cargo that is about a target.
fn variable(target: Target, what: &str) -> String {
    format!("CARGO_TARGET_{}_{what}", target.name().to_uppercase().replace('-', "_"))
}

/// A command without what the cargo that runs this put into the environment: it is about another target, and maybe another toolchain.
fn clean(program: &str) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if is_about_our_build(&name) {
            command.env_remove(name);
        }
    }
    command
}

fn is_about_our_build(name: &OsString) -> bool {
    const NAMES: [&str; 8] = [
        "CARGO",
        "RUSTC",
        "RUSTDOC",
        "RUSTFLAGS",
        "RUSTC_WRAPPER",
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTC_BOOTSTRAP",
        "OUT_DIR",
    ];
    const BEGINNINGS: [&str; 6] =
        ["CARGO_BUILD_", "CARGO_ENCODED_", "CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_CFG_", "CARGO_TARGET_"];
    let Some(name) = name.to_str() else { return false };
    NAMES.contains(&name) || BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
}

fn sysroot() -> Result<PathBuf> {
    let output = clean("rustc").args(["--print", "sysroot"]).stderr(Stdio::inherit()).output();
    let output = output.context("`rustc` does not start: install Rust from https://rustup.rs")?;
    let path = String::from_utf8(output.stdout).context("the path of the toolchain is no text")?;
    if !output.status.success() {
        bail!("`rustc --print sysroot` ended with {}", output.status);
    }
    Ok(PathBuf::from(path.trim()))
}

fn has_target(sysroot: &Path, target: Target) -> bool {
    let Ok(files) = sysroot.join("lib/rustlib").join(target.name()).join("lib").read_dir() else { return false };
    files.flatten().any(|file| file.file_name().to_string_lossy().starts_with("libstd-"))
}

fn rustup_adds(target: Target) -> bool {
    let Ok(mut rustup) = clean("rustup").args(["target", "add", target.name()]).spawn() else {
        println!("there is no rustup");
        return false;
    };
    let begun = Instant::now();
    loop {
        match rustup.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) if begun.elapsed() < RUSTUP_PATIENCE => thread::sleep(Duration::from_millis(100)),
            Ok(None) | Err(_) => {
                println!("rustup got nowhere in {} seconds", RUSTUP_PATIENCE.as_secs());
                // Either may fail only because it has ended by itself in the meantime.
                drop(rustup.kill());
                drop(rustup.wait());
                return false;
            }
        }
    }
}

fn debian_is_installed(target: Target) -> bool {
    let compiler = [DEBIAN_CARGO, DEBIAN_RUSTC, DEBIAN_LIBRARY];
    let libc = (target == Target::Wasi).then_some(DEBIAN_LIBC);
    compiler.into_iter().chain(libc).all(|path| Path::new(path).exists())
}

fn install_debian(target: Target) -> Result<()> {
    let (name, packages) = (target.name(), target.packages());
    let by_hand = format!(
        "run `rustup target add {name}` where the network allows it, or on Debian, as root, \
         `apt-get install --no-install-recommends {}`",
        packages.join(" ")
    );
    apt::install(packages, &by_hand).with_context(|| format!("rustup could not add the target {name}"))?;
    if !debian_is_installed(target) {
        bail!("the packages {} are installed, but {DEBIAN_LIBRARY} is missing", packages.join(", "));
    }
    Ok(())
}

/// What links web assembly: the linker that comes with rustup's toolchains, or else LLVM's own.
fn linker(sysroot: &Path) -> Result<PathBuf> {
    let toolchains = sysroot.join("lib/rustlib").read_dir().into_iter().flatten().flatten();
    let bundled = toolchains.map(|host| host.path().join("bin/rust-lld")).find(|path| path.exists());
    let path = std::env::var_os("PATH").unwrap_or_default();
    let in_path = || std::env::split_paths(&path).map(|folder| folder.join("wasm-ld")).find(|path| path.exists());
    bundled
        .or_else(in_path)
        .context("there is no linker for web assembly: install the package `lld`, which has `wasm-ld`")
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command.status().with_context(|| format!("`{program}` does not start"))?;
    if !status.success() {
        bail!("`{program}` ended with {status}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_of_another_build_is_not_inherited() {
        for name in ["RUSTC", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_PKG_NAME", "CARGO_TARGET_DIR", "CARGO"] {
            assert!(is_about_our_build(&name.into()), "{name}");
        }
        for name in
            ["PATH", "HOME", "CARGO_HOME", "CARGO_NET_OFFLINE", "CARGO_REGISTRIES_CRATES_IO_PROTOCOL", "HTTPS_PROXY"]
        {
            assert!(!is_about_our_build(&name.into()), "{name}");
        }
    }
}
