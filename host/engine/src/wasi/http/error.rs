//! What a failed call is in the words of `wasi:http`.

use abide_model::Failure;

use crate::wasi::bindings::wasi::http::types::ErrorCode;

/// The longest text of an error, in bytes.
const MAX_MESSAGE_BYTES: usize = 1024;

/// The code that says what happened; where there is none, or where its text says what to do, the text.
pub(super) fn code(failure: &Failure) -> ErrorCode {
    match failure.code.as_str() {
        "denied" => ErrorCode::HttpRequestDenied,
        "timeout" => ErrorCode::HttpResponseTimeout,
        "unavailable" => ErrorCode::DestinationUnavailable,
        "response-too-large" => ErrorCode::HttpResponseBodySize(None),
        _ => {
            let mut message = format!("{}: {}", failure.code, failure.message);
            if message.len() > MAX_MESSAGE_BYTES {
                message.truncate(message.floor_char_boundary(MAX_MESSAGE_BYTES));
            }
            ErrorCode::InternalError(Some(message))
        }
    }
}
