//! A capsule is read as it was written; a damaged or invented one is refused, with a reason and without much memory.

use abide_model::{
    Attributes, CallKind, CallOptions, CallRequested, CallerId, Limits, RecordedRequest, Request, Run, RunClosed,
    RunId, RunStarted, RunStatus, Tenant, WorkflowName,
};
use abide_model::{CallCompleted, Event, Json, Outcome};

use super::*;

fn json(text: &str) -> Json {
    Json::parse(text).unwrap()
}

/// A run that asked a model once.
fn sample() -> Capsule {
    let started = RunStarted {
        tenant: Tenant::default(),
        workflow: WorkflowName::parse("helpdesk").unwrap(),
        version: Digest::of(b"file"),
        id: CallerId::parse("lisbon").unwrap(),
        input: json("{\"message\":\"hello\"}"),
        seed: [7; 32],
        limits: Limits::default(),
        parent: None,
        continued_from: None,
        run_timeout_ms: None,
        attributes: Attributes::default(),
        configuration: None,
        veil: None,
    };
    let request = Request { head: json("{\"model\":\"m\"}"), messages: vec![json("{\"role\":\"user\"}"), json("[1]")] };
    let mut nodes = HashMap::new();
    let recorded = RecordedRequest::with_nodes(&request, |digest, node| drop(nodes.insert(digest, node)));
    let run_id = RunId::new(1, 2);
    let mut run = Run::begins(run_id, 1, &started);
    let outcome = Outcome::Ok(json("1"));
    (run.status, run.outcome, run.closed_ms) = (RunStatus::Completed, Some(outcome.clone()), Some(4));
    let (call, cause, kind, options) = (0, 0, CallKind::LlmGenerate, CallOptions::default());
    let events = [
        Event::RunStarted(Box::new(started)),
        Event::CallRequested(CallRequested { call, cause, kind, request: recorded, options }),
        Event::CallCompleted(CallCompleted::new(call, outcome.clone(), 1)),
        Event::RunClosed(RunClosed { cause: 2, outcome, cancelled: false }),
    ];
    let history = (0..).zip(events).map(|(seq, event)| (seq, Recorded { time_ms: 1 + seq, event })).collect();
    let component = Component { version: Digest::of(b"file"), bytes: b"component".repeat(200).into() };
    Capsule::new(run, vec![("stage".to_owned(), json("\"done\""))], vec![component], history, nodes)
}

/// The bytes with a digest that fits, so that it is not the digest that refuses them.
fn sealed(mut body: Vec<u8>) -> Vec<u8> {
    let digest = Digest::of(&body);
    body.extend_from_slice(digest.as_bytes());
    body
}

fn body() -> Vec<u8> {
    let mut file = sample().write().unwrap();
    file.truncate(file.len() - DIGEST_BYTES);
    file
}

fn refusal(file: &[u8]) -> String {
    Capsule::read(file).unwrap_err().message
}

#[test]
fn a_capsule_is_read_as_it_was_written() {
    let capsule = sample();
    let file = capsule.write().unwrap();
    let read = Capsule::read(&file).unwrap();
    assert_eq!(read.head, capsule.head);
    assert_eq!((read.components, read.history, read.nodes), (capsule.components, capsule.history, capsule.nodes));
    assert_eq!(sample().write().unwrap(), file, "the same run gives the same file");
    let event = Capsule::read(&file).unwrap().event(1).unwrap();
    assert_eq!(event.request.unwrap().as_str(), r#"{"model":"m","messages":[{"role":"user"},[1]]}"#);
}

/// The corpus of the fuzz target has a whole one to begin with.
#[test]
fn the_corpus_has_a_capsule_that_can_be_read() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/capsule/whole");
    if !path.exists() && std::env::var_os("ABIDE_UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, body()).unwrap();
    }
    assert_eq!(Capsule::read(&sealed(std::fs::read(&path).unwrap())).unwrap().events(), 4);
}

#[test]
fn a_file_that_is_cut_or_damaged_anywhere_is_refused() {
    let file = sample().write().unwrap();
    for length in 0..file.len() {
        assert!(Capsule::read(&file[..length]).is_err(), "cut to {length} bytes");
    }
    for at in 0..file.len() {
        let mut damaged = file.clone();
        damaged[at] ^= 1 << (at % 8);
        assert!(Capsule::read(&damaged).is_err(), "with another bit in byte {at}");
    }
}

/// The digest keeps nobody out who computes it: then each check has to hold by itself.
#[test]
fn a_damaged_file_with_a_digest_that_fits_is_read_or_refused_and_never_panics() {
    let body = body();
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    for round in 0..20_000 {
        let mut damaged = body.clone();
        for _ in 0..=round % 3 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let at = MAGIC.len() + 4 + (seed >> 33) as usize % (damaged.len() - MAGIC.len() - 4);
            damaged[at] = (seed >> 20) as u8;
        }
        if let Ok(read) = Capsule::read(&sealed(damaged)) {
            for event in 0..read.events() {
                let _ = read.event(event);
            }
            let _ = read.started();
            let _ = read.component();
        }
    }
    for length in 0..body.len() {
        assert!(Capsule::read(&sealed(body[..length].to_vec())).is_err(), "cut to {length} bytes");
    }
}

#[test]
fn lengths_that_lie_are_refused_before_they_are_allocated() {
    let mut bomb = MAGIC.to_vec();
    bomb.extend_from_slice(&VERSION.to_le_bytes());
    let head = bomb.clone();
    bomb.extend_from_slice(&[HEAD, LZ4]);
    bomb.extend_from_slice(&1u64.to_le_bytes());
    bomb.extend_from_slice(&(400u64 << 20).to_le_bytes());
    bomb.extend_from_slice(&[0, END]);
    assert!(refusal(&sealed(bomb.clone())).contains("cannot hold"), "{}", refusal(&sealed(bomb)));
    let mut long = head.clone();
    long.extend_from_slice(&[HEAD, PLAIN]);
    long.extend_from_slice(&u64::MAX.to_le_bytes());
    long.extend_from_slice(&u64::MAX.to_le_bytes());
    assert!(refusal(&sealed(long)).contains("longer than the file"));
    let mut many = head;
    for _ in 0..3 {
        many.extend_from_slice(&[COMPONENT, LZ4]);
        many.extend_from_slice(&0u64.to_le_bytes());
        many.extend_from_slice(&(300u64 << 20).to_le_bytes());
    }
    assert!(Capsule::read(&sealed(many)).is_err());
}

#[test]
fn parts_that_do_not_belong_together_are_refused() {
    let refused = |change: fn(&mut Capsule), why: &str| {
        let mut capsule = sample();
        change(&mut capsule);
        let message = refusal(&capsule.write().unwrap());
        assert!(message.contains(why), "{message}");
    };
    refused(|capsule| capsule.nodes.clear(), "parts of requests");
    refused(
        |capsule| {
            capsule.nodes.clear();
            capsule.head.nodes = 0;
        },
        "is missing",
    );
    refused(|capsule| drop(capsule.history.pop()), "it has 3 events, and says 4");
    refused(
        |capsule| {
            capsule.history.pop();
            capsule.head.events = 3;
        },
        "its run is completed, and its history says something else",
    );
    refused(|capsule| capsule.components[0].bytes = b"other".as_slice().into(), "is another one than it says");
    refused(|capsule| capsule.head.run.version = Digest::of(b"b"), "not that of the version");
    refused(|capsule| capsule.head.run.id = CallerId::parse("porto").unwrap(), "another run");
    refused(|capsule| capsule.history.swap(0, 1), "does not begin with the start of a run");
    refused(
        |capsule| {
            let Event::RunStarted(started) = &mut capsule.history[0].1.event else { unreachable!() };
            started.limits.memory_bytes = u64::MAX;
        },
        "bytes of memory",
    );
}

#[test]
fn a_text_that_is_no_json_is_refused() {
    // The same length, so that only this changes.
    let mut capsule = sample();
    let Event::CallCompleted(completed) = &mut capsule.history[2].1.event else { unreachable!() };
    completed.outcome = Outcome::Ok(json("\"XXXXXXXX\""));
    let plain = Json::parse("\"XXXXXXXX\"").unwrap();
    let mut bytes = Vec::new();
    for (_, recorded) in &capsule.history {
        minicbor::encode(recorded, &mut bytes).unwrap();
    }
    let at = bytes.windows(plain.len()).position(|window| window == plain.as_str().as_bytes()).unwrap();
    bytes[at] = b'{';
    let mut file = MAGIC.to_vec();
    file.extend_from_slice(&VERSION.to_le_bytes());
    add_section(&mut file, HEAD, &encoded(&capsule.head));
    add_section(&mut file, COMPONENT, &capsule.components[0].bytes);
    add_section(&mut file, EVENTS, &bytes);
    for node in capsule.nodes.values() {
        add_section(&mut file, NODES, &encoded(node));
    }
    file.push(END);
    assert!(refusal(&sealed(file.clone())).contains("no JSON"), "{}", refusal(&sealed(file)));
}

#[test]
fn another_form_is_refused_by_its_number() {
    let mut file = body();
    file[MAGIC.len()] = 9;
    assert!(refusal(&sealed(file)).contains("form 9"));
    assert!(refusal(b"\0asm").contains("does not begin like one"));
}
