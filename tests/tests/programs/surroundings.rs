//! What a program reads and writes besides HTTP: its configuration, its log, files and sockets.

use std::collections::BTreeMap;

use abide_model::{Configuration, WorkflowName};
use abide_tests::guest;
use serde_json::json;

use crate::{PROGRAMS, URL, failed, given, host, identical, model, talk};

fn configuration() -> Configuration {
    Configuration {
        environment: BTreeMap::from([("TONE".to_owned(), "friendly".to_owned())]),
        arguments: vec!["--fast".to_owned(), "two words".to_owned()],
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_sees_the_environment_and_the_arguments_of_its_version() {
    let local = host(model()).await;
    let deploy = async |program: &str, configuration: Configuration| {
        let name = WorkflowName::parse(program).unwrap();
        local.host.upload(&local.tenant, &name, guest(program), configuration.into()).await.unwrap();
    };
    deploy("program-python", configuration()).await;
    let run = local.start("program-python", "py-1", json!({ "part": "started-with" })).await;
    let expected = json!({ "tone": "friendly", "id": "py-1", "arguments": ["--fast", "two words"] });
    assert_eq!(given(&local.result(&run).await), expected);

    deploy("ordinary", configuration()).await;
    let run = local.start("ordinary", "rs-1", talk(URL)).await;
    assert_eq!(given(&local.result(&run).await)["arguments"], json!(["--fast", "two words"]));

    // The same file, configured otherwise: what has run keeps what it started with.
    deploy("program-python", Configuration::default()).await;
    let other = local.start("program-python", "py-2", json!({ "part": "started-with" })).await;
    assert_eq!(given(&local.result(&other).await), json!({ "tone": null, "id": "py-2", "arguments": [] }));
    identical(&local, &run).await;
    identical(&local, &other).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_program_writes_is_its_log() {
    let local = host(model()).await;
    for program in PROGRAMS {
        local.deploy(program).await;
        let run = local.start(program, program, talk(URL)).await;
        given(&local.result(&run).await);
        let log = identical(&local, &run).await.log;
        assert!(log.iter().any(|line| line.contains("asked: why")), "{program}: {log:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_and_sockets_are_refused_in_words_that_help() {
    let local = host(model()).await;
    local.deploy("program-python").await;
    for (part, error, hint) in
        [("write-file", "Read-only file system", "publish it"), ("connect", "Permission denied", "send HTTP requests")]
    {
        let run = local.start("program-python", part, json!({ "part": part })).await;
        let row = local.result(&run).await;
        assert!(failed(&row).message.contains(error), "{part}: {row:?}");
        let log = identical(&local, &run).await.log;
        assert!(log.iter().any(|line| line.contains(hint)), "{part}: {log:?}");
    }
}
