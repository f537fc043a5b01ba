//! A response: awaited as a call, and read from the record.

use std::future::Future as _;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use abide_model::{Failure, Outcome, http as model_http};
use wasmtime::component::Resource;

use super::fields::Fields;
use crate::calls::PendingCall;
use crate::convert;
use crate::state::GuestState;
use crate::wasi::bindings::wasi::http::types::{
    ErrorCode, HostFutureIncomingResponse, HostFutureTrailers, HostIncomingBody, HostIncomingResponse, Trailers,
};
use crate::wasi::poll::Pollable;
use crate::wasi::streams::InputStream;

/// A response that will be there; shared with what waits for it. When the last of them is dropped, the call is cancelled.
#[derive(Clone, Default)]
pub struct FutureResponse(Arc<Mutex<State>>);

#[derive(Default)]
enum State {
    /// The body of the request is not finished.
    #[default]
    Unsent,
    Waiting(PendingCall),
    Came(Outcome),
    Failed(ErrorCode),
    Taken,
}

impl FutureResponse {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn wait_for(&self, call: PendingCall) {
        *self.lock() = State::Waiting(call);
    }

    pub(super) fn fail(&self, code: ErrorCode) {
        *self.lock() = State::Failed(code);
    }

    pub(crate) fn is_ready(&self, context: &mut Context<'_>) -> bool {
        let mut state = self.lock();
        if let State::Waiting(call) = &mut *state
            && let Poll::Ready(outcome) = Pin::new(call).poll(context)
        {
            *state = State::Came(outcome);
        }
        !matches!(*state, State::Unsent | State::Waiting(_))
    }

    /// What came; `None` where it was taken before.
    fn take(&self) -> Option<Result<Outcome, ErrorCode>> {
        match std::mem::replace(&mut *self.lock(), State::Taken) {
            State::Came(outcome) => Some(Ok(outcome)),
            State::Failed(code) => Some(Err(code)),
            State::Unsent | State::Waiting(_) | State::Taken => None,
        }
    }
}

/// A response that is there.
pub struct IncomingResponse {
    status: u16,
    headers: Fields,
    body: Option<Arc<[u8]>>,
}

impl IncomingResponse {
    fn read(outcome: Outcome) -> Result<Self, Failure> {
        let json = match outcome {
            Outcome::Ok(json) => json,
            Outcome::Failed(failure) => return Err(failure),
        };
        let unreadable = |error: &dyn std::fmt::Display| {
            Failure::new("invalid-outcome", format!("the recorded answer cannot be read: {error}"))
        };
        let response: model_http::FetchResponse = json.read().map_err(|error| unreadable(&error))?;
        let body = convert::body_bytes(response.body).map_err(|error| unreadable(&error))?;
        let headers = response.headers.into_iter().map(|(name, value)| (name, value.into_bytes()));
        Ok(Self { status: response.status, headers: Fields::immutable(headers), body: Some(body.into()) })
    }
}

/// The body of a response.
pub struct IncomingBody {
    bytes: Option<Arc<[u8]>>,
}

/// The trailers of a response: the host does not keep any.
#[derive(Debug)]
pub struct NoTrailers {
    taken: bool,
}

impl HostFutureIncomingResponse for GuestState {
    fn subscribe(&mut self, response: Resource<FutureResponse>) -> wasmtime::Result<Resource<Pollable>> {
        let response = self.wasi.table.get(&response)?.clone();
        self.hold(Pollable::Response(response))
    }

    fn get(
        &mut self,
        response: Resource<FutureResponse>,
    ) -> wasmtime::Result<Option<Result<Result<Resource<IncomingResponse>, ErrorCode>, ()>>> {
        let response = self.wasi.table.get(&response)?.clone();
        if !response.is_ready(&mut Context::from_waker(Waker::noop())) {
            return Ok(None);
        }
        let read = match response.take() {
            None => return Ok(Some(Err(()))),
            Some(Err(code)) => Err(code),
            Some(Ok(outcome)) => IncomingResponse::read(outcome).map_err(|failure| self.told(&failure)),
        };
        Ok(Some(Ok(match read {
            Ok(response) => Ok(self.hold(response)?),
            Err(code) => Err(code),
        })))
    }

    fn drop(&mut self, response: Resource<FutureResponse>) -> wasmtime::Result<()> {
        self.wasi.table.delete(response)?;
        Ok(())
    }
}

impl HostIncomingResponse for GuestState {
    fn status(&mut self, response: Resource<IncomingResponse>) -> wasmtime::Result<u16> {
        Ok(self.wasi.table.get(&response)?.status)
    }

    fn headers(&mut self, response: Resource<IncomingResponse>) -> wasmtime::Result<Resource<Fields>> {
        let headers = self.wasi.table.get(&response)?.headers.clone();
        self.hold(headers)
    }

    fn consume(
        &mut self,
        response: Resource<IncomingResponse>,
    ) -> wasmtime::Result<Result<Resource<IncomingBody>, ()>> {
        let Some(bytes) = self.wasi.table.get_mut(&response)?.body.take() else { return Ok(Err(())) };
        Ok(Ok(self.hold(IncomingBody { bytes: Some(bytes) })?))
    }

    fn drop(&mut self, response: Resource<IncomingResponse>) -> wasmtime::Result<()> {
        self.wasi.table.delete(response)?;
        Ok(())
    }
}

impl HostIncomingBody for GuestState {
    fn stream(&mut self, body: Resource<IncomingBody>) -> wasmtime::Result<Result<Resource<InputStream>, ()>> {
        let Some(bytes) = self.wasi.table.get_mut(&body)?.bytes.take() else { return Ok(Err(())) };
        Ok(Ok(self.hold(InputStream::new(bytes))?))
    }

    fn finish(&mut self, body: Resource<IncomingBody>) -> wasmtime::Result<Resource<NoTrailers>> {
        self.wasi.table.delete(body)?;
        self.hold(NoTrailers { taken: false })
    }

    fn drop(&mut self, body: Resource<IncomingBody>) -> wasmtime::Result<()> {
        self.wasi.table.delete(body)?;
        Ok(())
    }
}

impl HostFutureTrailers for GuestState {
    fn subscribe(&mut self, trailers: Resource<NoTrailers>) -> wasmtime::Result<Resource<Pollable>> {
        self.wasi.table.get(&trailers)?;
        self.hold(Pollable::Ready)
    }

    fn get(
        &mut self,
        trailers: Resource<NoTrailers>,
    ) -> wasmtime::Result<Option<Result<Result<Option<Resource<Trailers>>, ErrorCode>, ()>>> {
        let trailers = self.wasi.table.get_mut(&trailers)?;
        Ok(Some(if std::mem::replace(&mut trailers.taken, true) { Err(()) } else { Ok(Ok(None)) }))
    }

    fn drop(&mut self, trailers: Resource<NoTrailers>) -> wasmtime::Result<()> {
        self.wasi.table.delete(trailers)?;
        Ok(())
    }
}
