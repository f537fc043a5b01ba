//! Bodies that are too large: refused without being kept, and the sender gets to see the answer.

use abide_server::Options;
use reqwest::{Body, Method};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Server, open};

const MIB: usize = 1 << 20;

/// A body of no announced length.
fn endless(bytes: usize) -> Body {
    let pieces = (0..bytes / MIB).map(|_| Ok::<_, std::io::Error>(vec![b' '; MIB]));
    Body::wrap_stream(futures_util::stream::iter(pieces))
}

#[tokio::test]
async fn a_hundred_megabytes_of_json() {
    let server = Server::start().await;
    let path = server.waiting("w").await;
    for place in ["/v1/runs".to_owned(), format!("{path}/signals/go"), format!("{path}/cancel")] {
        let answer = server.post_text(&place, endless(100 * MIB)).await;
        assert_eq!((answer.status, &answer.body["code"]), (413, &json!("too-large")), "{place}: {answer:?}");
        assert!(answer.body["detail"].as_str().unwrap().contains("4194304 bytes"), "{answer:?}");
    }
    let announced = server.post_text("/v1/runs", vec![b' '; 100 * MIB]).await;
    assert_eq!(announced.status, 413, "{announced:?}");
    assert_eq!(server.get("/readyz").await.status, 200);
}

#[tokio::test]
async fn a_hundred_megabytes_of_component() {
    let server = Server::start().await;
    for body in [endless(100 * MIB), vec![0; 100 * MIB].into()] {
        let answer = server.post_text("/v1/versions?name=a", body).await;
        assert_eq!((answer.status, &answer.body["code"]), (413, &json!("too-large")), "{answer:?}");
    }
}

#[tokio::test]
async fn the_limit_of_components_is_configured() {
    let server = Server::with(Options { max_component_bytes: 1000, ..open() }).await;
    assert_eq!(server.post_text("/v1/versions?name=a", vec![0; 1000]).await.status, 422);
    assert_eq!(server.post_text("/v1/versions?name=a", vec![0; 1001]).await.status, 413);
}

/// Who asks before sending is told no, and sends nothing.
#[tokio::test]
async fn a_client_that_asks_first() {
    let server = Server::start().await;
    let mut connection = TcpStream::connect(server.url.trim_start_matches("http://")).await.unwrap();
    let head = "POST /v1/runs HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100000000\r\nexpect: 100-continue\r\n\r\n";
    connection.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    connection.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413");
}

/// An input that the host could not keep either.
#[tokio::test]
async fn just_within_the_limit() {
    let server = Server::start().await;
    let path = server.waiting("w").await;
    let payload = format!("\"{}\"", "x".repeat(4 * MIB - 2));
    let answer = server.send(server.request(Method::POST, &format!("{path}/signals/go")).body(payload)).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let result = server.get(&format!("{path}/result?wait=30s")).await;
    assert_eq!(result.body["status"], "completed", "{:?}", result.body["parked"]);
}
