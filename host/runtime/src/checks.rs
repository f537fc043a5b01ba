//! Checks of what callers give, and the random bytes of the operating system.

use abide_history::KeyUse;
use abide_model::{Digest, Error, ErrorCode, Json, SignalReceived};
use rand_core::{OsRng, TryRngCore};

/// The longest name of a signal, in bytes.
const MAX_SIGNAL_NAME_BYTES: usize = 128;
/// The longest idempotency key, in bytes.
const MAX_KEY_BYTES: usize = 256;
/// The largest input of a run or payload of a signal, in bytes.
const MAX_PAYLOAD_BYTES: usize = 4 << 20;
/// The longest run timeout: ten years.
const MAX_TIMEOUT_MS: u64 = 10 * 366 * 24 * 3600 * 1000;
/// The longest reason that is recorded, in bytes.
const MAX_REASON_BYTES: usize = 4096;

/// Refuses a message with a name or an idempotency key that cannot be one.
pub(crate) fn check_message(what: &str, name: &str, key: Option<&str>) -> Result<(), Error> {
    if name.is_empty() || name.len() > MAX_SIGNAL_NAME_BYTES || name.chars().any(char::is_control) {
        return Err(Error::new(
            ErrorCode::InvalidArgument,
            format!("the name of {what} has 1 to {MAX_SIGNAL_NAME_BYTES} bytes and no control characters"),
        ));
    }
    if let Some(key) = key
        && (key.is_empty() || key.len() > MAX_KEY_BYTES || !key.bytes().all(|byte| byte.is_ascii_graphic()))
    {
        return Err(Error::new(
            ErrorCode::InvalidArgument,
            format!("an idempotency key has 1 to {MAX_KEY_BYTES} bytes of visible ASCII"),
        ));
    }
    Ok(())
}

pub(crate) fn check_timeout(run_timeout_ms: Option<u64>) -> Result<(), Error> {
    match run_timeout_ms {
        Some(timeout) if timeout == 0 || timeout > MAX_TIMEOUT_MS => {
            Err(Error::new(ErrorCode::InvalidArgument, "`run_timeout_ms` has to be 1 millisecond to 10 years"))
        }
        _ => Ok(()),
    }
}

/// The idempotency key of a signal that comes with the start.
pub(crate) fn first_key(signal: &SignalReceived) -> Option<(String, KeyUse)> {
    let key = signal.key.clone()?;
    Some((key, KeyUse { digest: message_digest(&signal.name, &signal.payload), seq: 1 }))
}

/// What an idempotency key stands for.
pub(crate) fn message_digest(name: &str, payload: &Json) -> Digest {
    Digest::of_parts([name.as_bytes(), &b"\0"[..], payload.as_str().as_bytes()])
}

pub(crate) fn check_size(what: &str, bytes: usize) -> Result<(), Error> {
    if bytes > MAX_PAYLOAD_BYTES {
        let message = format!("{what} has {bytes} bytes, the limit is {MAX_PAYLOAD_BYTES}: pass a reference instead");
        return Err(Error::new(ErrorCode::TooLarge, message));
    }
    Ok(())
}

pub(crate) fn cut(reason: &str) -> String {
    reason[..reason.floor_char_boundary(MAX_REASON_BYTES)].to_owned()
}

/// Random bytes of the operating system: for run ids, and for seeds, which are recorded.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    OsRng.try_fill_bytes(&mut bytes).map_err(|error| {
        Error::new(ErrorCode::Internal, format!("the operating system gives no random numbers: {error}"))
    })?;
    Ok(bytes)
}
