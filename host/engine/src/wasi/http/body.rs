//! The body of a request, while it is written.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wasmtime::component::Resource;

use super::error;
use super::fields::Fields;
use super::request::Draft;
use super::response::FutureResponse;
use crate::state::GuestState;
use crate::wasi::bindings::wasi::http::types::{ErrorCode, HostOutgoingBody};
use crate::wasi::streams::OutputStream;
use abide_model::Failure;

/// A body that is written; shared by the request, the body and its stream.
#[derive(Clone, Default)]
pub(crate) struct Upload(Arc<Mutex<Written>>);

#[derive(Default)]
struct Written {
    bytes: Vec<u8>,
    state: State,
    /// The request that is sent when the body is finished.
    waiting: Option<(Draft, FutureResponse)>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Open,
    Finished,
    /// It was dropped before it was finished: the request is never sent.
    Aborted,
}

impl Upload {
    fn lock(&self) -> MutexGuard<'_, Written> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds to the body.
    pub(crate) fn write(&self, bytes: &[u8], limit_bytes: u64) -> Result<(), String> {
        let mut written = self.lock();
        if written.state != State::Open {
            return Err("the body of the request is finished".to_owned());
        }
        if (written.bytes.len() + bytes.len()) as u64 > limit_bytes {
            return Err(format!(
                "the body of the request has more than {limit_bytes} bytes, which is the limit of a call"
            ));
        }
        written.bytes.extend_from_slice(bytes);
        Ok(())
    }
}

/// The body as a guest holds it.
pub struct OutgoingBody {
    upload: Upload,
    has_stream: bool,
}

impl OutgoingBody {
    pub(crate) fn new(upload: Upload) -> Self {
        Self { upload, has_stream: false }
    }
}

impl GuestState {
    /// Sends a request, or leaves it to the end of its body.
    pub(super) fn send_with_body(&mut self, draft: Draft, upload: Option<Upload>) -> FutureResponse {
        let response = FutureResponse::default();
        let Some(upload) = upload else {
            self.send(draft, None, &response);
            return response;
        };
        let mut written = upload.lock();
        match written.state {
            State::Open => written.waiting = Some((draft, response.clone())),
            State::Finished => {
                let bytes = std::mem::take(&mut written.bytes);
                drop(written);
                self.send(draft, Some(bytes), &response);
            }
            State::Aborted => response.fail(unfinished()),
        }
        response
    }

    fn send(&mut self, draft: Draft, body: Option<Vec<u8>>, response: &FutureResponse) {
        let (request, options) = draft.request(body);
        match self.begin_call(abide_model::CallKind::HttpFetch, request, Ok(options)) {
            Ok(call) => response.wait_for(call),
            Err(failure) => response.fail(self.told(&failure)),
        }
    }

    /// The code of a failure, of which the log tells the rest: most codes have no text.
    pub(super) fn told(&mut self, failure: &Failure) -> ErrorCode {
        self.write_log(crate::state::LogLevel::Warn, format!("an HTTP request failed: {}", failure.message), None);
        error::code(failure)
    }
}

fn unfinished() -> ErrorCode {
    ErrorCode::InternalError(Some("the body of the request was dropped before it was finished".to_owned()))
}

impl HostOutgoingBody for GuestState {
    fn write(&mut self, body: Resource<OutgoingBody>) -> wasmtime::Result<Result<Resource<OutputStream>, ()>> {
        let body = self.wasi.table.get_mut(&body)?;
        if std::mem::replace(&mut body.has_stream, true) {
            return Ok(Err(()));
        }
        let upload = body.upload.clone();
        Ok(Ok(self.hold(OutputStream::Upload(upload))?))
    }

    fn finish(
        &mut self,
        body: Resource<OutgoingBody>,
        trailers: Option<Resource<Fields>>,
    ) -> wasmtime::Result<Result<(), ErrorCode>> {
        let body = self.wasi.table.delete(body)?;
        if let Some(trailers) = trailers
            && !self.wasi.table.delete(trailers)?.entries().is_empty()
        {
            self.abort(&body.upload);
            let message = "the host sends no trailers: send them as headers".to_owned();
            return Ok(Err(ErrorCode::InternalError(Some(message))));
        }
        let mut written = body.upload.lock();
        written.state = State::Finished;
        if let Some((draft, response)) = written.waiting.take() {
            let bytes = std::mem::take(&mut written.bytes);
            drop(written);
            self.send(draft, Some(bytes), &response);
        }
        Ok(Ok(()))
    }

    fn drop(&mut self, body: Resource<OutgoingBody>) -> wasmtime::Result<()> {
        let body = self.wasi.table.delete(body)?;
        self.abort(&body.upload);
        Ok(())
    }
}

impl GuestState {
    fn abort(&mut self, upload: &Upload) {
        let mut written = upload.lock();
        if written.state == State::Open {
            written.state = State::Aborted;
            if let Some((_, response)) = written.waiting.take() {
                response.fail(unfinished());
            }
        }
    }
}
