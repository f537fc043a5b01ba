//! `abide serve` with tokens and TLS, as processes: the first token, tenants, who may do what, and all of it after a SIGKILL.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{abide, guest, told};

/// A host from a configuration file.
struct Served {
    child: Child,
    url: String,
}

impl Served {
    fn start(folder: &Path) -> Self {
        let mut command = abide();
        command.current_dir(folder).args(["serve", "-o", "json"]).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let banner: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("the host did not start: {line:?}"));
        Self { child, url: banner["url"].as_str().unwrap().to_owned() }
    }

    fn client(&self, folder: &Path, token: &str, arguments: &[&str]) -> Command {
        let mut command = abide();
        command.current_dir(folder).env("ABIDE_URL", &self.url).env("ABIDE_TOKEN", token).args(arguments);
        if self.url.starts_with("https") {
            command.args(["--ca-file", "cert.pem"]);
        }
        command
    }

    #[track_caller]
    fn run(&self, folder: &Path, token: &str, arguments: &[&str]) -> String {
        let output = self.client(folder, token, arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    #[track_caller]
    fn refused(&self, folder: &Path, token: &str, arguments: &[&str], words: &str) {
        let (status, _, stderr) = told(&self.client(folder, token, arguments).output().unwrap());
        assert_eq!(status, 4, "{arguments:?}: {stderr}");
        assert!(stderr.contains(words), "{arguments:?}: {stderr}");
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn bootstrap(folder: &Path) -> Output {
    abide().current_dir(folder).args(["tokens", "bootstrap"]).output().unwrap()
}

/// Writes a certificate for this machine and its key, as an operator would.
fn certificate(folder: &Path) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    std::fs::write(folder.join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
}

#[test]
fn from_the_first_token_to_a_tenants_run_over_tls() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    certificate(folder);
    let text = "listen = \"127.0.0.1:0\"\n[tls]\ncert = \"cert.pem\"\nkey = \"key.pem\"\n";
    std::fs::write(folder.join("abide.toml"), text).unwrap();
    let (status, stdout, stderr) = told(&bootstrap(folder));
    assert_eq!(status, 0, "{stderr}");
    let root = stdout.trim();
    assert!(root.starts_with("abide_") && stderr.contains("not shown again"), "{stdout} {stderr}");

    let host = Served::start(folder);
    assert!(host.url.starts_with("https://127.0.0.1:"), "{}", host.url);
    let (status, _, stderr) = told(&bootstrap(folder));
    assert_eq!(status, 6, "{stderr}");
    assert!(stderr.contains("is in use by another abide host"), "{stderr}");
    host.run(folder, root, &["tenants", "create", "acme"]);
    let create = ["tokens", "create", "ann", "--tenant", "acme", "--role"];
    let deployer = host.run(folder, root, &[&create[..], &["deployer"]].concat());
    let viewer = host.run(folder, root, &[&create[..], &["viewer", "--expires-in", "1h"]].concat());
    let (deployer, viewer) = (deployer.trim(), viewer.trim());
    assert!(host.run(folder, deployer, &["whoami"]).starts_with("ann (tok_"));

    host.run(folder, deployer, &["deploy", guest("waiter").to_str().unwrap()]);
    host.run(folder, deployer, &["start", "waiter", "--id", "a"]);
    host.refused(folder, viewer, &["signal", "a", "go", "1"], "this needs the role `operator`");
    host.refused(folder, viewer, &["tokens"], "this needs the role `admin`");
    host.refused(folder, deployer, &["list", "--tenant", "default"], "the token is of another tenant");
    host.refused(folder, "", &["list"], "the request has no token");
    host.refused(folder, &"x".repeat(40), &["list"], "the token is not known");
    host.kill();

    let host = Served::start(folder);
    host.run(folder, deployer, &["signal", "a", "go", "1"]);
    assert!(host.run(folder, viewer, &["list"]).contains("waiter"));
    // The default tenant has nothing of it.
    assert_eq!(host.run(folder, root, &["list"]), "");
    let listed = host.run(folder, root, &["tokens", "--tenant", "acme"]);
    let id = listed.lines().find(|line| line.contains("deployer")).unwrap().split_whitespace().next().unwrap();
    host.run(folder, root, &["tokens", "revoke", id, "--tenant", "acme"]);
    host.refused(folder, deployer, &["list"], "expired or was revoked");
    let audit = host.run(folder, root, &["audit", "--tenant", "acme"]);
    for words in ["ann (tok_", "/v1/runs/a/signals/go", "403", "DELETE"] {
        assert!(audit.contains(words), "{words}: {audit}");
    }
    host.kill();
    // What is on the disk is of no use to who reads it.
    for name in ["history.redb", "history.wal"] {
        let bytes = std::fs::read(folder.join("abide-data").join(name)).unwrap();
        for token in [root, deployer, viewer] {
            let secret = token.rsplit('_').next().unwrap().as_bytes();
            assert!(!bytes.windows(secret.len()).any(|window| window == secret), "{name}");
        }
    }
}

#[test]
fn other_machines_reach_a_host_only_with_tokens_and_tls() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let refused = |arguments: &[&str], words: &str| {
        let (status, stdout, stderr) = told(&abide().current_dir(folder).args(arguments).output().unwrap());
        assert_eq!((status, stdout.as_str()), (2, ""), "{stderr}");
        assert!(stderr.contains(words), "{stderr}");
    };
    refused(&["dev", "--listen", "0.0.0.0:0"], "`abide dev` asks nobody for a token");
    std::fs::write(folder.join("abide.toml"), "listen = \"0.0.0.0:0\"").unwrap();
    refused(&["serve"], "abide tokens bootstrap");
    assert!(bootstrap(folder).status.success());
    refused(&["serve"], "add `[tls]`");
    let broken = "listen = \"0.0.0.0:0\"\n[tls]\ncert = \"cert.pem\"\nkey = \"key.pem\"";
    std::fs::write(folder.join("abide.toml"), broken).unwrap();
    refused(&["serve"], "`tls.cert`: `cert.pem` cannot be used");
    certificate(folder);
    std::fs::write(folder.join("key.pem"), "no key").unwrap();
    refused(&["serve"], "`tls.key`: `key.pem` cannot be used");
}

#[test]
fn a_token_is_not_sent_in_the_clear() {
    let output = abide().env("ABIDE_TOKEN", "abide_x").args(["list", "--server", "http://abide.example"]).output();
    let (status, _, stderr) = told(&output.unwrap());
    assert_eq!(status, 2);
    assert!(stderr.contains("in the clear") && !stderr.contains("abide_x"), "{stderr}");
}
