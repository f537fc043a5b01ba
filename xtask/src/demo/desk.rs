//! A ticket desk: an HTTP server that does the work of the tools of the example `helpdesk`, counts how often each call reached it,
//! and can hold an answer back so that the host can be killed while a call is in flight.
//!
//! It does what a good neighbour of a durable workflow does: it keeps its answer to each `Idempotency-Key`, so that a call that is
//! made again is not done again. It speaks as much HTTP as the host does: one request a connection.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

/// A longer body is none of the host's.
const MAX_BODY_BYTES: usize = 1 << 20;

/// A desk at work. It ends with the process.
#[derive(Clone)]
pub(crate) struct Desk {
    shared: Arc<Shared>,
    url: String,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    calls: Vec<Call>,
    tickets: u32,
    /// The answer to the next call at this path is held back.
    hold: Option<&'static str>,
}

/// What the desk knows of the calls with one key.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) path: String,
    /// The `Idempotency-Key`.
    pub(crate) key: String,
    /// How often it came.
    pub(crate) received: u32,
    /// How often the desk did what it asks for.
    pub(crate) done: u32,
    /// What the desk answers, each time.
    pub(crate) answer: Value,
}

impl Desk {
    /// A desk at a free port of this machine.
    pub(crate) fn open() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).context("no port for the ticket desk")?;
        let url = format!("http://{}", listener.local_addr()?);
        let shared = Arc::new(Shared { state: Mutex::default(), changed: Condvar::new() });
        let desk = Self { shared, url };
        let server = desk.clone();
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let desk = server.clone();
                // The host may be killed at any moment: then there is nobody to answer.
                thread::spawn(move || drop(desk.serve(connection)));
            }
        });
        Ok(desk)
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Holds back the answer to the next call at `path`, for ever.
    pub(crate) fn hold(&self, path: &'static str) {
        self.lock().hold = Some(path);
    }

    /// All calls, in the order in which they came first.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.lock().calls.clone()
    }

    /// Waits until a call at `path` came `received` times.
    pub(crate) fn wait_for(&self, path: &str, received: u32, patience: Duration) -> Result<Call> {
        let came =
            |state: &State| state.calls.iter().find(|call| call.path == path && call.received >= received).cloned();
        let waiting = self.shared.changed.wait_timeout_while(self.lock(), patience, |state| came(state).is_none());
        let (state, _) = waiting.unwrap_or_else(PoisonError::into_inner);
        came(&state).with_context(|| format!("`{path}` did not come {received} times to the desk within {patience:?}"))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, mut connection: TcpStream) -> Result<()> {
        let request = Request::read(&mut BufReader::new(&connection))?;
        let (answer, held) = {
            let mut state = self.lock();
            let held = state.hold.take_if(|path| *path == request.path).is_some();
            (state.perform(request), held)
        };
        self.shared.changed.notify_all();
        if held {
            return wait_for_the_end(&mut connection);
        }
        let body = answer.to_string();
        write!(
            connection,
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        )?;
        Ok(())
    }
}

impl State {
    /// Does what is asked for, unless it did so before under the same key.
    fn perform(&mut self, request: Request) -> Value {
        if let Some(call) = self.calls.iter_mut().find(|call| call.key == request.key) {
            call.received += 1;
            return call.answer.clone();
        }
        let answer = match request.path.as_str() {
            "/tickets" => {
                self.tickets += 1;
                json!({ "ticket": format!("DESK-{}", self.tickets) })
            }
            "/provisions" => {
                let text = |name: &str| request.body[name].as_str().unwrap_or_default().to_owned();
                json!({ "done": format!("{} (approved by {})", text("action"), text("approved_by")) })
            }
            _ => json!({ "reminded": true }),
        };
        let Request { path, key, .. } = request;
        self.calls.push(Call { path, key, received: 1, done: 1, answer: answer.clone() });
        answer
    }
}

/// Waits until the other side goes away, without an answer.
fn wait_for_the_end(connection: &mut TcpStream) -> Result<()> {
    // Nothing more comes: this ends when the host does, with an end or with an error.
    let _ = connection.read(&mut [0])?;
    Ok(())
}

struct Request {
    path: String,
    key: String,
    body: Value,
}

impl Request {
    fn read(reader: &mut impl BufRead) -> Result<Self> {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let path = line.split(' ').nth(1).context("no request")?.to_owned();
        let (mut key, mut length) = (None, 0);
        loop {
            line.clear();
            if reader.read_line(&mut line)? == 0 {
                bail!("the request was cut");
            }
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            match name.to_ascii_lowercase().as_str() {
                "idempotency-key" => key = Some(value.trim().to_owned()),
                "content-length" => length = value.trim().parse()?,
                _ => {}
            }
        }
        if length > MAX_BODY_BYTES {
            bail!("the body is too long");
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let key = key.context("a call without an Idempotency-Key")?;
        Ok(Self { path, key, body: serde_json::from_slice(&body).unwrap_or_default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(desk: &Desk, path: &str, key: &str) -> String {
        let mut connection = TcpStream::connect(desk.url().trim_start_matches("http://")).unwrap();
        let body = r#"{"action":"dig","approved_by":"grace"}"#;
        let length = body.len();
        write!(connection, "POST {path} HTTP/1.1\r\nIdempotency-Key: {key}\r\nContent-Length: {length}\r\n\r\n{body}")
            .unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        answer.rsplit_once("\r\n\r\n").unwrap().1.to_owned()
    }

    #[test]
    fn a_call_that_comes_again_is_done_once() {
        let desk = Desk::open().unwrap();
        assert_eq!(ask(&desk, "/tickets", "a"), r#"{"ticket":"DESK-1"}"#);
        assert_eq!(ask(&desk, "/tickets", "a"), r#"{"ticket":"DESK-1"}"#);
        assert_eq!(ask(&desk, "/tickets", "b"), r#"{"ticket":"DESK-2"}"#);
        assert_eq!(ask(&desk, "/provisions", "c"), r#"{"done":"dig (approved by grace)"}"#);
        let counts: Vec<_> = desk.calls().iter().map(|call| (call.received, call.done)).collect();
        assert_eq!(counts, [(2, 1), (1, 1), (1, 1)]);
    }

    #[test]
    fn waiting_ends_when_the_call_came_or_patience_is_over() {
        let desk = Desk::open().unwrap();
        assert!(desk.wait_for("/tickets", 1, Duration::ZERO).is_err());
        ask(&desk, "/tickets", "a");
        assert_eq!(desk.wait_for("/tickets", 1, Duration::ZERO).unwrap().key, "a");
    }
}
