//! `wasi:http`, the outgoing half: a request is a recorded call `http.fetch`, made when its body is finished, under the allow-list of the
//! host. The response is recorded as a whole, and read from the record.

mod body;
mod error;
mod fields;
mod options;
mod request;
mod response;
mod server;

pub use body::OutgoingBody;
pub(crate) use body::Upload;
pub use fields::Fields;
pub use options::RequestOptions;
pub use request::OutgoingRequest;
pub use response::{FutureResponse, IncomingBody, IncomingResponse, NoTrailers};
pub use server::Server;

use wasmtime::component::Resource;

use super::bindings::wasi::http::types;
use super::streams::IoError;
use crate::state::GuestState;

impl types::Host for GuestState {
    fn http_error_code(&mut self, _error: Resource<IoError>) -> wasmtime::Result<Option<types::ErrorCode>> {
        Ok(None)
    }
}
