//! The half of `wasi:http` for those who serve. A workflow gets no requests: what there is of it can be made and dropped, and leads nowhere.

use wasmtime::component::Resource;

use super::body::OutgoingBody;
use super::fields::Fields;
use super::response::IncomingBody;
use crate::state::GuestState;
use crate::wasi::bindings::wasi::http::types::{
    ErrorCode, HostIncomingRequest, HostOutgoingResponse, HostResponseOutparam, Method, Scheme,
};

/// A response of the guest's. Requests, and places to answer them, are never made.
#[derive(Debug)]
pub struct Server {
    status: u16,
    headers: Fields,
}

fn never() -> wasmtime::Error {
    wasmtime::Error::msg("a workflow gets no HTTP requests: give it signals, updates or queries")
}

impl HostIncomingRequest for GuestState {
    fn method(&mut self, _request: Resource<Server>) -> wasmtime::Result<Method> {
        Err(never())
    }

    fn path_with_query(&mut self, _request: Resource<Server>) -> wasmtime::Result<Option<String>> {
        Err(never())
    }

    fn scheme(&mut self, _request: Resource<Server>) -> wasmtime::Result<Option<Scheme>> {
        Err(never())
    }

    fn authority(&mut self, _request: Resource<Server>) -> wasmtime::Result<Option<String>> {
        Err(never())
    }

    fn headers(&mut self, _request: Resource<Server>) -> wasmtime::Result<Resource<Fields>> {
        Err(never())
    }

    fn consume(&mut self, _request: Resource<Server>) -> wasmtime::Result<Result<Resource<IncomingBody>, ()>> {
        Err(never())
    }

    fn drop(&mut self, request: Resource<Server>) -> wasmtime::Result<()> {
        self.wasi.table.delete(request)?;
        Ok(())
    }
}

impl HostResponseOutparam for GuestState {
    fn set(
        &mut self,
        _answer: Resource<Server>,
        _response: Result<Resource<Server>, ErrorCode>,
    ) -> wasmtime::Result<()> {
        Err(never())
    }

    fn send_informational(
        &mut self,
        _answer: Resource<Server>,
        _status: u16,
        _headers: Resource<Fields>,
    ) -> wasmtime::Result<Result<(), ErrorCode>> {
        Err(never())
    }

    fn drop(&mut self, answer: Resource<Server>) -> wasmtime::Result<()> {
        self.wasi.table.delete(answer)?;
        Ok(())
    }
}

impl HostOutgoingResponse for GuestState {
    fn new(&mut self, headers: Resource<Fields>) -> wasmtime::Result<Resource<Server>> {
        let headers = self.wasi.table.delete(headers)?.frozen();
        self.hold(Server { status: 200, headers })
    }

    fn status_code(&mut self, response: Resource<Server>) -> wasmtime::Result<u16> {
        Ok(self.wasi.table.get(&response)?.status)
    }

    fn set_status_code(&mut self, response: Resource<Server>, status: u16) -> wasmtime::Result<Result<(), ()>> {
        if !(100..600).contains(&status) {
            return Ok(Err(()));
        }
        self.wasi.table.get_mut(&response)?.status = status;
        Ok(Ok(()))
    }

    fn headers(&mut self, response: Resource<Server>) -> wasmtime::Result<Resource<Fields>> {
        let headers = self.wasi.table.get(&response)?.headers.clone();
        self.hold(headers)
    }

    fn body(&mut self, _response: Resource<Server>) -> wasmtime::Result<Result<Resource<OutgoingBody>, ()>> {
        Err(never())
    }

    fn drop(&mut self, response: Resource<Server>) -> wasmtime::Result<()> {
        self.wasi.table.delete(response)?;
        Ok(())
    }
}
