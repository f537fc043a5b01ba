//! `abide dev` and `abide serve` as processes.

use std::io::Write;
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::{Host, PATIENCE, abide, host, told};

#[test]
fn a_second_host_on_the_same_folder() {
    let (host, folder) = host();
    let second = abide().args(["dev", "--listen", "127.0.0.1:0", "--data"]).arg(folder.path().join("data")).output();
    let (status, stdout, stderr) = told(&second.unwrap());
    assert_eq!((status, stdout.as_str()), (6, ""), "{stderr}");
    assert!(stderr.contains("is in use by another abide host"), "{stderr}");
    assert_eq!(host.run(["list"]), "", "the first one goes on");
}

#[test]
fn an_address_that_is_taken() {
    let (host, _folder) = host();
    let other = TempDir::new().unwrap();
    let listen = host.url.trim_start_matches("http://");
    let second = abide().args(["dev", "--listen", listen, "--data"]).arg(other.path()).output().unwrap();
    let (status, _, stderr) = told(&second);
    assert_eq!(status, 2, "{stderr}");
    assert!(stderr.contains("cannot listen on") && stderr.contains("--listen"), "{stderr}");
}

#[test]
fn a_configuration_that_is_wrong() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("abide.toml");
    for (text, words) in [
        ("listen = 7400", "abide.toml:1: `listen`: "),
        ("[host]\nmax_guests = 1", "abide.toml:2: `host.max_guests`: unknown field"),
        ("[llm.a]\nkind = \"openai\"\napi_key_env = \"ABIDE_TEST_NO_SUCH_KEY\"", "ABIDE_TEST_NO_SUCH_KEY"),
        ("[llm.a]\nkind = \"scripted\"\nfile = \"nothing.json\"", "nothing.json"),
        ("default_llm = \"a\"", "default_llm"),
    ] {
        std::fs::write(&path, text).unwrap();
        let output = abide().current_dir(folder.path()).args(["serve", "--config", "abide.toml"]).output().unwrap();
        let (status, stdout, stderr) = told(&output);
        assert_eq!((status, stdout.as_str()), (2, ""), "{text}: {stderr}");
        assert!(stderr.contains(words), "{text}: {stderr}");
    }
}

#[test]
fn a_host_from_a_file_says_what_it_has() {
    let folder = TempDir::new().unwrap();
    let text = "listen = \"127.0.0.1:0\"\n[http]\nallow = [\"api.example.com\"]\n";
    std::fs::write(folder.path().join("abide.toml"), text).unwrap();
    let mut command = abide();
    let child = command.current_dir(folder.path()).args(["serve"]).spawn().unwrap();
    let began = Instant::now();
    while !folder.path().join("abide-data/history.redb").exists() {
        assert!(began.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_secs(1));
    terminate(child.id());
    let (status, stdout, stderr) = told(&child.wait_with_output().unwrap());
    assert_eq!(status, 0, "{stderr}");
    assert!(stdout.contains(" listens on http://127.0.0.1:"), "{stdout}");
    assert!(stdout.contains("http   api.example.com"), "{stdout}");
    assert!(stdout.contains("llm    none: set OPENAI_API_KEY"), "{stdout}");
}

fn terminate(process: u32) {
    assert!(Command::new("kill").args(["-TERM", &process.to_string()]).status().unwrap().success());
}

/// SIGTERM ends the host in order, also while somebody waits.
#[test]
fn a_host_stops_in_order() {
    let (mut host, folder) = host();
    host.deploy("waiter");
    host.run(["start", "waiter", "--id", "w"]);
    let _follower = crate::support::Running::start(host.client(["history", "w", "--follow", "--reconnect-for", "0s"]));
    std::thread::sleep(Duration::from_millis(300));
    terminate(host.child.id());
    let began = Instant::now();
    let status = host.child.wait().unwrap();
    assert_eq!(status.code(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    let again = Host::start(folder.path());
    assert!(again.run(["list"]).contains("running"));
}

/// Bodies that are refused are not kept: the most memory that the process ever had grows by much less than they have.
#[cfg(target_os = "linux")]
#[test]
fn a_hundred_megabytes_are_not_kept() {
    let (host, _folder) = host();
    let peak = || -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", host.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
    };
    let before = peak();
    let piece = vec![b' '; 1 << 20];
    for head in [
        "POST /v1/runs HTTP/1.1\r\nhost: localhost\r\ncontent-length: 104857600\r\n\r\n",
        "POST /v1/runs HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n",
    ] {
        let mut connection = TcpStream::connect(host.url.trim_start_matches("http://")).unwrap();
        connection.write_all(head.as_bytes()).unwrap();
        for _ in 0..100 {
            if head.contains("chunked") {
                connection.write_all(b"100000\r\n").unwrap();
            }
            connection.write_all(&piece).unwrap();
            if head.contains("chunked") {
                connection.write_all(b"\r\n").unwrap();
            }
        }
        if head.contains("chunked") {
            connection.write_all(b"0\r\n\r\n").unwrap();
        }
        let mut answer = [0; 12];
        std::io::Read::read_exact(&mut connection, &mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 413");
    }
    let grown = peak() - before;
    assert!(grown < 32 << 20, "the host kept what it refused: {grown} bytes");
}
