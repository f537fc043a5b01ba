//! Requests that a web page could have sent.

use abide_server::Options;
use reqwest::Method;
use serde_json::json;

use crate::support::{Server, open};

#[tokio::test]
async fn web_pages_are_kept_out() {
    let options = Options { allowed_hosts: vec!["console.example".to_owned()], ..open() };
    let server = Server::with(options).await;
    for (header, value, passes) in [
        ("origin", "https://evil.example", false),
        ("origin", "null", false),
        ("host", "evil.example:7400", false),
        ("origin", "http://localhost:3000", true),
        ("origin", "https://console.example", true),
        ("host", "localhost:7400", true),
    ] {
        let answer = server.send(server.request(Method::GET, "/v1/workflows").header(header, value)).await;
        if passes {
            assert_eq!(answer.status, 200, "{header}: {value}");
        } else {
            assert_eq!((answer.status, &answer.body["code"]), (403, &json!("origin-not-allowed")), "{header}: {value}");
            assert!(answer.body["detail"].as_str().unwrap().contains("allowed_hosts"), "{answer:?}");
        }
    }
}
