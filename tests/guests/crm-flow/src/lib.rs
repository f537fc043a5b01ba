//! Calls functions of interfaces of its own, one for each step of its input, and gives what came of them.

use abide::Failure;
use serde::Deserialize;
use serde_json::{Value, json};

mod bindings {
    wit_bindgen::generate!({ path: "../crm-tool/wit", world: "flow", additional_derives: [PartialEq] });
}

use bindings::acme::crm::values::{Contact, Everything, Rights};
use bindings::acme::crm::{customers, mischief, values};

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Step {
    Find(String),
    FindAll(Vec<String>),
    Echo,
    EchoPlain,
    Panic,
    Spin,
    Grow(u64),
    Wait(u64),
    Fetch(String),
    Count,
    Many(u32),
    Take(usize),
    Variable(String),
    Silent,
}

#[abide::workflow]
async fn run(steps: Vec<Step>) -> Result<Vec<Value>, Failure> {
    let mut results = Vec::new();
    for step in steps {
        results.push(perform(step).await);
    }
    Ok(results)
}

async fn perform(step: Step) -> Value {
    match step {
        Step::Find(name) => found(customers::find(name, Some(true)).await),
        Step::FindAll(names) => {
            let calls = names.into_iter().map(|name| async { found(customers::find(name, None).await) });
            abide::join_all(calls).await.into()
        }
        Step::Echo => same(&values::echo(everything()).await),
        Step::EchoPlain => same(&values::echo_plain(&everything())),
        Step::Panic => given(mischief::panic().await),
        Step::Spin => given(mischief::spin()),
        Step::Grow(bytes) => given(mischief::grow(bytes)),
        Step::Wait(duration_ms) => given(mischief::wait(duration_ms).await),
        Step::Fetch(url) => given(mischief::fetch(url).await),
        Step::Count => mischief::count().into(),
        Step::Many(count) => given(mischief::many(count).map(|texts| texts.len())),
        Step::Take(bytes) => given(mischief::take("a".repeat(bytes)).await),
        Step::Variable(name) => mischief::variable(&name).into(),
        Step::Silent => mischief::silent().await.into(),
    }
}

fn found(result: Result<customers::Customer, customers::Problem>) -> Value {
    match result {
        Ok(customer) => json!({ "name": customer.name, "email": customer.email, "tags": customer.tags }),
        Err(customers::Problem::Unknown(name)) => json!({ "unknown": name }),
        Err(customers::Problem::Other(message)) => json!({ "other": message }),
    }
}

fn given<T: Into<Value>>(result: Result<T, mischief::Failure>) -> Value {
    match result {
        Ok(value) => json!({ "ok": value.into() }),
        Err(failure) => json!({ "code": failure.code, "message": failure.message, "retryable": failure.retryable }),
    }
}

/// A value of every kind, with those that JSON has no plain form for.
fn everything() -> Everything {
    Everything {
        truth: true,
        small: (i8::MIN, u8::MAX, i16::MIN, u16::MAX),
        large: (i32::MIN, u32::MAX, i64::MIN, u64::MAX),
        single: vec![0.1, -0.0, f32::MAX, f32::MIN_POSITIVE, f32::NEG_INFINITY],
        double: vec![0.1, 1e300, 5e-324, f64::INFINITY, std::f64::consts::PI, 0.1 + 0.2],
        letter: '\u{1f980}',
        text: "line\n\"quoted\" \u{0} é".to_owned(),
        bytes: (0..=255).collect(),
        contacts: vec![Contact::None, Contact::Email("ada@example.com".to_owned()), Contact::Phone((351, u64::MAX))],
        rights: Rights::READ | Rights::ADMIN,
        nested: vec![None, Some(None), Some(Some("x".to_owned()))],
        outcomes: vec![Ok(1), Err("no".to_owned())],
        nothing: Ok(()),
    }
}

/// Whether it came back as it was; the text has what NaN and the sign of zero would hide.
fn same(value: &Everything) -> Value {
    let sent = everything();
    json!({ "same": *value == sent && format!("{value:?}") == format!("{sent:?}") })
}
