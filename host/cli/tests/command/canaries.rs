//! Canaries: values that nobody may ever see again are given to a host (secrets, keys, tokens, what runs of a sealed tenant say), everything is done
//! that could let them out, and then everything that the host wrote is searched for them: its data folder byte by byte, its log at its most
//! talkative, and all that it answered.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{PATIENCE, abide, guest};

/// What is never seen again, in no form.
const SECRET: &str = "canary-Secret/+7d1f&key";
const API_KEY: &str = "canary-api-key-55c01a";
const HEADER: &str = "canary-header-of-the-config-9a0e";
/// What runs say: it is in answers, and in no file.
const PAYLOAD: &str = "canary-payload-31bb7c";

/// As talkative as it gets, but for the compiler, which is told code alone.
const LOG: &str = "trace,cranelift=warn,cranelift_codegen=warn,cranelift_frontend=warn,regalloc2=warn,wasmtime=warn,wasmtime_cranelift=warn,\
                   wasmtime_environ=warn,wasmparser=warn,wit_component=warn";

/// A host whose log is kept.
struct Watched {
    child: Child,
    url: String,
    log: std::path::PathBuf,
}

impl Watched {
    fn start(folder: &Path, log: &str) -> Self {
        let log = folder.join(log);
        let file = std::fs::File::create(&log).unwrap();
        let mut command = abide();
        command.current_dir(folder).args(["serve", "-o", "json"]).env("ABIDE_LOG", LOG);
        let mut child = command.env("CANARY_API_KEY", API_KEY).stderr(Stdio::from(file)).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let banner: Value = serde_json::from_str(&line)
            .unwrap_or_else(|_| panic!("the host did not start: {line:?}: {}", std::fs::read_to_string(&log).unwrap()));
        Self { child, url: banner["url"].as_str().unwrap().to_owned(), log }
    }

    fn client(&self, token: &str, tenant: &str, arguments: &[&str]) -> Command {
        let mut command = abide();
        command.env("ABIDE_URL", &self.url).env("ABIDE_TOKEN", token).env("ABIDE_TENANT", tenant).args(arguments);
        command
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// A server that sends back all that it is sent, in every form that it can think of.
fn echo() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || answer(stream));
        }
    });
    address
}

fn answer(mut stream: TcpStream) {
    use std::fmt::Write as _;
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") {
        if stream.read_exact(&mut byte).is_err() {
            return;
        }
        request.push(byte[0]);
    }
    let head = String::from_utf8(request).unwrap();
    let length = head.lines().find_map(|line| {
        line.to_ascii_lowercase().strip_prefix("content-length:").map(|n| n.trim().parse::<u64>().unwrap())
    });
    let mut body = String::new();
    (&stream).take(length.unwrap_or(0)).read_to_string(&mut body).unwrap();
    let hex: String = head.bytes().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    });
    let secret =
        head.lines().find(|line| line.to_ascii_lowercase().starts_with("authorization:")).unwrap_or("none: none");
    let secret = secret.split_once(": ").unwrap().1;
    let path = head.split(' ').nth(1).unwrap().to_owned();
    let (status, body) = match path.as_str() {
        "/refuse/chat/completions" => (
            "401 Unauthorized",
            json!({"error": {"message": format!("the key {secret} is wrong"), "code": secret}}).to_string(),
        ),
        path if path.ends_with("/chat/completions") => {
            let message = json!({"role": "assistant", "content": format!("you sent {secret}")});
            ("200 OK", json!({"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}).to_string())
        }
        "/bad" => ("500 Internal Server Error", head.clone()),
        _ => ("200 OK", json!({"head": head, "hex": hex, "base64": base64(head.as_bytes())}).to_string()),
    };
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\nx-echo: {secret}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let _ = stream.write_all(answer.as_bytes());
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0u32, |group, byte| group << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..=chunk.len() {
            text.push(char::from(DIGITS[(group >> (18 - 6 * place)) as usize & 63]));
        }
    }
    text
}

/// All forms of a canary: as it is, in hex, and in base64 wherever it begins within other bytes.
fn forms(canary: &str) -> Vec<Vec<u8>> {
    let hex: String = canary.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut forms = vec![canary.as_bytes().to_vec(), hex.to_uppercase().into_bytes(), hex.into_bytes()];
    for before in 0..3usize {
        let padded = [&vec![0; before][..], canary.as_bytes()].concat();
        let encoded = base64(&padded);
        forms.push(encoded.as_bytes()[(before * 8).div_ceil(6)..padded.len() * 8 / 6].to_vec());
    }
    forms
}

fn has(bytes: &[u8], canary: &str) -> bool {
    forms(canary).iter().any(|form| bytes.windows(form.len()).any(|window| window == &form[..]))
}

/// Every file below a folder.
fn files(folder: &Path, found: &mut Vec<(std::path::PathBuf, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        match entry.file_type().unwrap().is_dir() {
            true => files(&entry.path(), found),
            false => found.push((entry.path(), std::fs::read(entry.path()).unwrap())),
        }
    }
}

#[test]
fn no_canary_is_seen_again() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let echo = echo();
    let said = |output: std::process::Output| String::from_utf8(output.stdout).unwrap();
    let made = abide().current_dir(folder).args(["keys", "generate", "master.key"]).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    let config = format!(
        r#"
        listen = "127.0.0.1:0"
        [encryption]
        key_file = "master.key"
        payloads = true
        [http]
        allow = ["{echo}"]
        [llm.mine]
        kind = "openai"
        base_url = "http://{echo}/v1"
        api_key_secret = "crm"
        [llm.refusing]
        kind = "openai"
        base_url = "http://{echo}/refuse"
        api_key_secret = "crm"
        [llm.theirs]
        kind = "openai"
        base_url = "http://{echo}/refuse"
        api_key_env = "CANARY_API_KEY"
        headers = {{ x-of-config = "{HEADER}" }}
        [tools.desk]
        kind = "http"
        base_url = "http://{echo}"
        headers = {{ authorization = "Bearer {{secret.crm}}" }}
        [[tools.desk.tool]]
        name = "look"
        method = "GET"
        path = "/look"
        [[tools.desk.tool]]
        name = "bad"
        method = "POST"
        path = "/bad"
        "#
    );
    std::fs::write(folder.join("abide.toml"), config).unwrap();
    let bootstrapped = abide().current_dir(folder).args(["tokens", "bootstrap"]).output().unwrap();
    assert!(bootstrapped.status.success(), "{bootstrapped:?}");
    let token = said(bootstrapped).split_whitespace().find(|word| word.starts_with("abide_")).unwrap().to_owned();
    let master = std::fs::read_to_string(folder.join("master.key")).unwrap().trim().to_owned();

    let host = Watched::start(folder, "first.log");
    let mut answers = Vec::new();
    let mut run = |arguments: &[&str], fine: bool| {
        let output = host.client(&token, "default", arguments).output().unwrap();
        assert_eq!(output.status.success(), fine, "{arguments:?}: {output:?}");
        answers.push((format!("{arguments:?}"), [output.stdout.clone(), output.stderr].concat()));
        String::from_utf8(output.stdout).unwrap()
    };
    std::fs::write(folder.join("value"), SECRET).unwrap();
    let value = folder.join("value");
    run(&["secrets", "set", "crm", "--host", &echo, "--from", value.to_str().unwrap()], true);
    std::fs::remove_file(&value).unwrap();
    run(&["secrets"], true);
    run(&["deploy", guest("messenger").to_str().unwrap()], true);
    let send = json!([
        {"fetch": {"url": format!("http://{echo}/x"), "headers": [["authorization", "Bearer {secret.crm}"], ["x-said", PAYLOAD]]}},
        {"fetch": {"url": format!("http://{echo}/bad"), "headers": [["authorization", "{secret.crm}"]]}},
        {"fetch": {"url": format!("http://{echo}/x"), "headers": [["authorization", "{secret.none}"]]}},
        {"tool": {"provider": "desk", "tool": "look", "arguments": {}}},
        {"tool": {"provider": "desk", "tool": "bad", "arguments": {}}},
        {"ask": {"model": "mine/m", "question": PAYLOAD}},
        {"ask": {"model": "refusing/m", "question": "?"}},
        {"ask": {"model": "theirs/m", "question": "?"}},
    ]);
    for then in ["end", "fail", "trap"] {
        let input = json!({"send": send, "then": then}).to_string();
        run(&["start", "messenger", "--id", then, "--input", &input], true);
        let began = std::time::Instant::now();
        let status = loop {
            let described: Value = serde_json::from_str(&run(&["describe", then, "-o", "json"], true)).unwrap();
            let status = described["status"].as_str().unwrap_or_default().to_owned();
            if status != "running" {
                break status;
            }
            assert!(began.elapsed() < PATIENCE, "{described}");
            std::thread::sleep(std::time::Duration::from_millis(100));
        };
        assert_eq!(
            status,
            match then {
                "end" => "completed",
                "fail" => "failed",
                _ => "parked",
            }
        );
        run(&["history", then, "-o", "json"], true);
        run(&["replay", then], true);
        run(&["export", then, "--out", folder.join(format!("{then}.abide")).to_str().unwrap()], true);
    }
    // The echo really had the secret, and what came back says where it was.
    let history = run(&["history", "end", "-o", "json"], true);
    assert!(history.contains("Bearer [secret]") && history.contains("{secret.crm}"), "{history}");
    run(&["result", "end", "-o", "json"], true);
    run(&["query", "end", "came"], true);
    run(&["tenants", "export", "default", "--out", folder.join("all.ndjson").to_str().unwrap()], true);
    // Not where it may be sent any more.
    run(&["secrets", "allow", "crm", "--host", "api.example.com"], true);
    let input = json!({"send": [send[0]], "then": "end"}).to_string();
    run(&["start", "messenger", "--id", "denied", "--input", &input, "--wait"], true);
    assert!(run(&["result", "denied", "-o", "json"], true).contains("may not be sent to"));
    run(&["secrets", "set", "short", "--host", &echo, "--from", "/dev/null"], false);
    run(&["audit"], true);
    let log = host.log.clone();
    host.kill();
    // Once more: what a start reads and says.
    let host = Watched::start(folder, "second.log");
    let again = host.client(&token, "default", &["replay", "end"]).output().unwrap();
    assert!(again.status.success(), "{again:?}");
    answers.push(("replay after a restart".into(), [again.stdout, again.stderr].concat()));
    let logs = [log, host.log.clone()];
    host.kill();

    for (asked, answer) in &answers {
        for canary in [SECRET, API_KEY, HEADER, &master, &token] {
            assert!(
                !has(answer, canary),
                "`{canary}` is in the answer to {asked}: {}",
                String::from_utf8_lossy(answer)
            );
        }
    }
    for log in logs {
        let text = std::fs::read(&log).unwrap();
        assert!(!text.is_empty());
        for canary in [SECRET, API_KEY, HEADER, &master, &token] {
            assert!(
                !has(&text, canary),
                "`{canary}` is in the log: {:?}",
                String::from_utf8_lossy(&text).lines().find(|line| line.contains(canary))
            );
        }
    }
    let mut written = Vec::new();
    files(&folder.join("abide-data"), &mut written);
    assert!(written.iter().any(|(path, _)| path.ends_with("history.redb")), "{written:?}");
    for (path, bytes) in &written {
        for canary in [SECRET, API_KEY, HEADER, &master, &token, PAYLOAD] {
            assert!(!has(bytes, canary), "`{canary}` is in {}", path.display());
        }
    }
    // What left the host on purpose has what runs said, and nothing else of it.
    for file in ["end.abide", "all.ndjson"] {
        let bytes = std::fs::read(folder.join(file)).unwrap();
        for canary in [SECRET, API_KEY, HEADER, &master, &token] {
            assert!(!has(&bytes, canary), "`{canary}` is in {file}");
        }
    }
    let history = answers.iter().find(|(asked, _)| asked.contains("\"history\", \"end\"")).unwrap();
    assert!(has(&history.1, PAYLOAD), "the search finds what is there");
}
