//! Digests everything that could differ between a run and its replay; publishes the digest and returns it.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::hint::black_box;
use std::time::Duration;

use abide::{Failure, Timestamp, join, join_all, random, run, select, state, timer, tools};
use serde::Serialize;
use serde_json::json;

#[derive(Serialize)]
struct Outcome {
    digest: String,
    /// In which order the calls completed, to see that it was not always the order of requests.
    completed: Vec<u32>,
}

/// FNV-1a of 64 bits: small, and a changed order changes it.
struct Digest(u64);

impl Digest {
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn add_u64(&mut self, number: u64) {
        self.add(&number.to_le_bytes());
    }

    fn add_time(&mut self, time: Timestamp) {
        self.add_u64(time.as_ms());
    }
}

#[abide::workflow]
async fn run() -> Result<Outcome, Failure> {
    let mut digest = Digest(0xcbf2_9ce4_8422_2325);
    digest.add_time(timer::now());
    digest.add_u64(random::u64());
    digest.add(&random::bytes(33));
    digest.add(random::uuid().as_bytes());
    digest.add(run::info().run_id.as_bytes());
    hash_order(&mut digest);
    floats(&mut digest);
    addresses(&mut digest);

    let completed = jitter(&mut digest).await?;
    digest.add_time(timer::now());
    nested_selects(&mut digest).await?;
    digest.add_time(timer::now());
    digest.add_u64(run::info().history_length);
    digest.add_u64(random::u64());

    let digest = format!("{:016x}", digest.0);
    state::publish("digest", &digest)?;
    Ok(Outcome { digest, completed })
}

/// The order of a hash map depends on its seed.
fn hash_order(digest: &mut Digest) {
    let map: HashMap<String, u32> = (0..100).map(|i| (format!("key {i}"), i)).collect();
    for (key, value) in &map {
        digest.add(key.as_bytes());
        digest.add_u64(u64::from(*value));
    }
    let set: HashSet<u64> = (0..100).map(|i| i * 7919).collect();
    for number in &set {
        digest.add_u64(*number);
    }
}

/// The bits of a NaN depend on the processor, unless somebody takes care.
fn floats(digest: &mut Digest) {
    let zero = black_box(0.0_f64);
    let nothing = black_box(0.0_f64);
    let negative = black_box(-1.0_f64);
    let infinity = black_box(f64::INFINITY);
    let boundless = black_box(f64::INFINITY);
    let nan_with_payload = black_box(f64::from_bits(0x7ff4_0000_dead_beef));
    let nans = [
        zero / nothing,
        -(zero / nothing),
        infinity - boundless,
        infinity * zero,
        negative.sqrt(),
        nan_with_payload + 1.0,
        nan_with_payload * negative,
        black_box(f32::from_bits(0x7fa1_2345)) as f64,
        black_box(nan_with_payload).min(zero / nothing),
    ];
    for nan in nans {
        digest.add_u64(nan.to_bits());
    }
    let nan32 = black_box(0.0_f32) / black_box(0.0_f32);
    digest.add_u64(u64::from(nan32.to_bits()));
    // Sums whose rounding shows a wider register or a fused operation.
    let mut sum = black_box(0.1_f64);
    for i in 1..1000 {
        sum = sum * 1.000_1 + (f64::from(i)).sin() / 3.0;
        digest.add_u64(sum.to_bits());
    }
}

/// Where things lie in memory follows from all that went before.
fn addresses(digest: &mut Digest) {
    let boxed = Box::new(7_u64);
    digest.add_u64(std::ptr::from_ref(&*boxed).addr() as u64);
    digest.add_u64(std::ptr::from_ref(&boxed).addr() as u64);
}

/// Twenty calls that complete in whatever order the tool likes.
async fn jitter(digest: &mut Digest) -> Result<Vec<u32>, Failure> {
    let completed = RefCell::new(Vec::new());
    let calls = (0..20_u32).map(|i| {
        let completed = &completed;
        async move {
            let result = tools::call("jitter", "echo", &json!({ "i": i })).await?;
            completed.borrow_mut().push((i, timer::now(), random::u64()));
            Ok::<_, Failure>(result.text())
        }
    });
    for text in join_all(calls).await {
        digest.add(text?.as_bytes());
    }
    let completed = completed.into_inner();
    for (i, time, number) in &completed {
        digest.add_u64(u64::from(*i));
        digest.add_time(*time);
        digest.add_u64(*number);
    }
    Ok(completed.into_iter().map(|(i, ..)| i).collect())
}

/// Timers against tools, in selects within selects within a join.
async fn nested_selects(digest: &mut Digest) -> Result<(), Failure> {
    let inner = async {
        select! {
            _ = tools::call("jitter", "echo", &json!({"i": 100})) => "tool",
            _ = timer::sleep(Duration::from_millis(random::below(20))) => "inner timer",
        }
    };
    let outer = async {
        select! {
            who = inner => who,
            _ = timer::sleep(Duration::from_millis(10)) => "outer timer",
        }
    };
    let (who, slept) = join!(outer, timer::sleep(Duration::from_millis(5)));
    digest.add(who.as_bytes());
    digest.add_time(slept?);
    Ok(())
}
