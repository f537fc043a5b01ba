//! A program on WASI 0.3 that knows nothing of abide: it reads its input from a stream, waits for two times at once, draws numbers, and writes its
//! result to a stream.
#![expect(unsafe_code, reason = "the code that wit-bindgen makes for exports reads what the host passed")]

mod bindings {
    wit_bindgen::generate!({
        path: "../../../host/engine/wasi3",
        world: "abide:wasi3-host/program",
        generate_all,
    });
}

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use bindings::exports::wasi::cli::run::Guest;
use bindings::wasi::cli::{environment, exit, stderr, stdin, stdout};
use bindings::wasi::clocks::{monotonic_clock, system_clock};
use bindings::wasi::random::random;
use bindings::wit_stream;

const MILLISECOND: u64 = 1_000_000;

struct Program;

impl Guest for Program {
    async fn run() -> Result<(), ()> {
        let (input, _) = stdin::read_via_stream();
        let input = String::from_utf8(input.collect().await).map_err(|_| ())?;
        let began = monotonic_clock::now();
        let written = complain(format!("asked: {input}\n"));
        let (short, long) =
            (monotonic_clock::wait_for(20 * MILLISECOND), monotonic_clock::wait_until(began + 60 * MILLISECOND));
        let first = first_of(short, long).await;
        let numbers = random::get_random_bytes(8);
        let waited = monotonic_clock::now() - began >= 60 * MILLISECOND;
        written.await;
        if input.contains("exit") {
            exit::exit_with_code(3);
        }
        let result = format!(
            "{{\"input\":{input},\"first\":\"{first}\",\"waited\":{waited},\"numbers\":{numbers:?},\"arguments\":{},\"seconds\":{}}}",
            environment::get_arguments().len(),
            system_clock::now().seconds > 1_700_000_000,
        );
        let (mut writer, reader) = wit_stream::new::<u8>();
        let written = stdout::write_via_stream(reader);
        writer.write_all(result.into_bytes()).await;
        drop(writer);
        written.await.map_err(|_| ())
    }
}

/// Writes to standard error. What it gives completes when all is written.
fn complain(text: String) -> impl Future<Output = ()> {
    let (mut writer, reader) = wit_stream::new::<u8>();
    let written = stderr::write_via_stream(reader);
    async move {
        writer.write_all(text.into_bytes()).await;
        drop(writer);
        // A host that cannot write it has nobody to tell.
        let _ = written.await;
    }
}

/// Waits for both, and says which came first.
async fn first_of(short: impl Future<Output = ()>, long: impl Future<Output = ()>) -> &'static str {
    let (mut short, mut long) = (pin!(short), pin!(long));
    let first = poll_fn(|context| {
        if short.as_mut().poll(context).is_ready() {
            return Poll::Ready("short");
        }
        long.as_mut().poll(context).map(|()| "long")
    })
    .await;
    match first {
        "short" => long.await,
        _ => short.await,
    }
    first
}

bindings::export!(Program with_types_in bindings);
