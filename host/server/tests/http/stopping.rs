//! How a server ends: when it is told to, and when its disk fails.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use abide_history::{RedbOptions, RedbStore};
use abide_model::ErrorCode;
use abide_server::{Auth, Config, open, open_with_store};
use redb::StorageBackend;
use redb::backends::InMemoryBackend;
use reqwest::Method;
use serde_json::json;
use tempfile::TempDir;

use crate::support::{PATIENCE, Server};

#[tokio::test]
async fn waits_and_streams_end_with_the_server() {
    let mut server = Server::start().await;
    let path = server.waiting("w").await;
    let result = server.request(Method::GET, &format!("{path}/result?wait=10m"));
    let waiting = tokio::spawn(result.send());
    let history = server.request(Method::GET, &format!("{path}/history?from=99&wait=10m"));
    let reading = tokio::spawn(history.send());
    let stream = server.request(Method::GET, &format!("{path}/history")).header("accept", "text/event-stream");
    let stream = stream.send().await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;

    let began = Instant::now();
    server.stop();
    for answer in [waiting, reading] {
        let answer = answer.await.unwrap().unwrap();
        assert_eq!(answer.status(), 503);
        assert_eq!(answer.headers()["retry-after"], "1");
        let problem: serde_json::Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        assert_eq!(problem["code"], "unavailable");
    }
    // The stream ends; what came of it is whole.
    let text = tokio::time::timeout(PATIENCE, stream.text()).await.unwrap().unwrap();
    assert!(text.contains("event: run-started") && !text.contains("event: end"), "{text}");
    server.served().await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(10), "nothing had to be cut off: {:?}", began.elapsed());
}

/// A disk that fails when it is told to.
#[derive(Debug)]
struct FailingDisk {
    memory: InMemoryBackend,
    broken: Arc<AtomicBool>,
}

impl FailingDisk {
    fn check(&self) -> io::Result<()> {
        if self.broken.load(Ordering::SeqCst) { Err(io::Error::other("the disk is gone")) } else { Ok(()) }
    }
}

impl StorageBackend for FailingDisk {
    fn len(&self) -> io::Result<u64> {
        self.memory.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.memory.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.check()?;
        self.memory.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.check()?;
        self.memory.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.check()?;
        self.memory.write(offset, data)
    }
}

fn config(folder: &TempDir) -> Config {
    Config { data: folder.path().join("data"), listen: "127.0.0.1:0".to_owned(), auth: Auth::Open, ..Config::default() }
}

#[tokio::test]
async fn a_disk_that_fails_ends_the_server() {
    let folder = TempDir::new().unwrap();
    let broken = Arc::new(AtomicBool::new(false));
    let disk = || FailingDisk { memory: InMemoryBackend::new(), broken: broken.clone() };
    let store = RedbStore::open_with_backends(disk(), disk(), &RedbOptions::default()).unwrap();
    let app = open_with_store(config(&folder), Arc::new(store)).await.unwrap();
    let listener = app.listen().await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let served = tokio::spawn(app.serve(listener, std::future::pending()));

    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let upload = |name: &str| http.post(format!("{url}/v1/versions?name={name}")).body(abide_tests::guest("waiter"));
    assert_eq!(upload("a").send().await.unwrap().status(), 201);
    broken.store(true, Ordering::SeqCst);
    // It is not acknowledged; the connection may be gone before the answer.
    if let Ok(answer) = upload("b").send().await {
        assert_eq!(answer.status(), 503, "{answer:?}");
    }
    let error = tokio::time::timeout(PATIENCE, served).await.unwrap().unwrap().unwrap_err();
    assert_eq!(error.code, ErrorCode::StoreUnavailable, "{error}");
    assert!(error.message.contains("the disk is gone"), "{error}");
}

#[tokio::test]
async fn a_data_folder_has_one_host() {
    let folder = TempDir::new().unwrap();
    let first = open(config(&folder)).await.unwrap();
    let error = open(config(&folder)).await.err().expect("the folder is taken");
    assert_eq!(error.code, ErrorCode::DataInUse);
    assert!(error.message.contains(&folder.path().display().to_string()), "{error}");
    drop(first);
}

#[tokio::test]
async fn an_address_that_is_taken() {
    let folder = TempDir::new().unwrap();
    let app = open(config(&folder)).await.unwrap();
    let listener = app.listen().await.unwrap();
    let listen = listener.local_addr().unwrap().to_string();
    let other = TempDir::new().unwrap();
    let second = open(Config { listen: listen.clone(), ..config(&other) }).await.unwrap();
    let error = second.listen().await.unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidConfig);
    assert!(error.message.contains(&listen) && error.message.contains("--listen"), "{error}");

    let third = open(Config { listen: "nowhere".to_owned(), ..config(&TempDir::new().unwrap()) }).await.unwrap();
    assert!(third.listen().await.unwrap_err().message.contains("127.0.0.1:7400"));
}

#[test]
fn problems_are_read_back() {
    let problem: abide_server::Problem = serde_json::from_value(json!({
        "type": "about:blank", "title": "Not Found", "status": 404, "code": "run-not-found", "detail": "no"
    }))
    .unwrap();
    assert_eq!(problem.run_id, None);
}
