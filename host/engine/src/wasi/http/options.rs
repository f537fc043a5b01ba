//! How a request is made: the timeouts of `wasi:http`, and for what it has no words, headers that begin with `abide-`, which are not sent.

use abide_model::{CallOptions, Failure, RetryPolicy};
use wasmtime::component::Resource;

use crate::convert;
use crate::state::GuestState;
use crate::wasi::bindings::wasi::http::types::HostRequestOptions;

/// How the names of headers begin that are for the host.
const PREFIX: &str = "abide-";

/// The timeouts of a request, in nanoseconds.
#[derive(Debug, Clone, Copy, Default)]
pub struct RequestOptions {
    connect: Option<u64>,
    first_byte: Option<u64>,
    between_bytes: Option<u64>,
}

impl RequestOptions {
    /// The time that one attempt has. What there is of bytes in between does not count: the host reads an answer as a whole.
    fn attempt_timeout_ms(self) -> Option<u64> {
        let nanos = self.first_byte?.saturating_add(self.connect.unwrap_or(0));
        Some(nanos.div_ceil(1_000_000).max(1))
    }
}

/// Takes the headers for the host out of `headers`.
pub(super) fn call_options(
    timeouts: RequestOptions,
    headers: &mut Vec<(String, String)>,
) -> Result<CallOptions, Failure> {
    let mut options = CallOptions { attempt_timeout_ms: timeouts.attempt_timeout_ms(), ..CallOptions::default() };
    let mut retry = RetryPolicy::default();
    let mut error = None;
    headers.retain(|(name, value)| {
        let name = name.to_ascii_lowercase();
        let Some(option) = name.strip_prefix(PREFIX) else { return true };
        if let Err(failure) = set(&mut options, &mut retry, option, value) {
            error.get_or_insert(failure);
        }
        false
    });
    if let Some(failure) = error {
        return Err(failure);
    }
    if retry != RetryPolicy::default() {
        options.retry = Some(retry);
    }
    Ok(options)
}

fn set(options: &mut CallOptions, retry: &mut RetryPolicy, option: &str, value: &str) -> Result<(), Failure> {
    let number = || {
        value.trim().parse::<u64>().map_err(|_| {
            Failure::new("invalid-request", format!("the header `{PREFIX}{option}` is `{value}`: give a whole number"))
        })
    };
    match option {
        "idempotency-key" => options.idempotency_key = Some(convert::idempotency_key(value.to_owned())?),
        "attempt-timeout-ms" => options.attempt_timeout_ms = Some(number()?),
        "total-timeout-ms" => options.total_timeout_ms = Some(number()?),
        "initial-interval-ms" => retry.initial_interval_ms = Some(number()?),
        "max-interval-ms" => retry.max_interval_ms = Some(number()?),
        "max-attempts" => {
            let attempts = u32::try_from(number()?).ok().filter(|attempts| *attempts > 0).ok_or_else(|| {
                Failure::new("invalid-request", format!("the header `{PREFIX}{option}` is `{value}`: 1 means no retry"))
            })?;
            retry.max_attempts = Some(attempts);
        }
        _ => {
            return Err(Failure::new(
                "invalid-request",
                format!(
                    "there is no header `{PREFIX}{option}`; there are: idempotency-key, attempt-timeout-ms, total-timeout-ms, \
                     initial-interval-ms, max-interval-ms, max-attempts, each after `{PREFIX}`"
                ),
            ));
        }
    }
    Ok(())
}

impl HostRequestOptions for GuestState {
    fn new(&mut self) -> wasmtime::Result<Resource<RequestOptions>> {
        self.hold(RequestOptions::default())
    }

    fn connect_timeout(&mut self, options: Resource<RequestOptions>) -> wasmtime::Result<Option<u64>> {
        Ok(self.wasi.table.get(&options)?.connect)
    }

    fn set_connect_timeout(
        &mut self,
        options: Resource<RequestOptions>,
        duration: Option<u64>,
    ) -> wasmtime::Result<Result<(), ()>> {
        self.wasi.table.get_mut(&options)?.connect = duration;
        Ok(Ok(()))
    }

    fn first_byte_timeout(&mut self, options: Resource<RequestOptions>) -> wasmtime::Result<Option<u64>> {
        Ok(self.wasi.table.get(&options)?.first_byte)
    }

    fn set_first_byte_timeout(
        &mut self,
        options: Resource<RequestOptions>,
        duration: Option<u64>,
    ) -> wasmtime::Result<Result<(), ()>> {
        self.wasi.table.get_mut(&options)?.first_byte = duration;
        Ok(Ok(()))
    }

    fn between_bytes_timeout(&mut self, options: Resource<RequestOptions>) -> wasmtime::Result<Option<u64>> {
        Ok(self.wasi.table.get(&options)?.between_bytes)
    }

    fn set_between_bytes_timeout(
        &mut self,
        options: Resource<RequestOptions>,
        duration: Option<u64>,
    ) -> wasmtime::Result<Result<(), ()>> {
        self.wasi.table.get_mut(&options)?.between_bytes = duration;
        Ok(Ok(()))
    }

    fn drop(&mut self, options: Resource<RequestOptions>) -> wasmtime::Result<()> {
        self.wasi.table.delete(options)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(headers: &[(&str, &str)]) -> (Result<CallOptions, Failure>, Vec<(String, String)>) {
        let mut headers =
            headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<Vec<_>>();
        (call_options(RequestOptions::default(), &mut headers), headers)
    }

    #[test]
    fn headers_for_the_host_are_options_and_are_not_sent() {
        let (options, headers) = read(&[("Abide-Max-Attempts", "3"), ("accept", "a"), ("abide-idempotency-key", "k")]);
        let options = options.unwrap();
        assert_eq!(options.retry.unwrap().max_attempts, Some(3));
        assert_eq!(options.idempotency_key.as_deref(), Some("k"));
        assert_eq!(headers, [("accept".to_owned(), "a".to_owned())]);
    }

    #[test]
    fn without_them_the_rules_of_the_host_hold() {
        assert_eq!(read(&[("accept", "a")]).0.unwrap(), CallOptions::default());
    }

    #[test]
    fn wrong_ones_are_refused_by_name() {
        for header in [("abide-max-attempts", "0"), ("abide-total-timeout-ms", "soon"), ("abide-retries", "1")] {
            let failure = read(&[header]).0.unwrap_err();
            assert!(failure.message.contains(header.0), "{}", failure.message);
        }
    }

    #[test]
    fn an_attempt_has_the_time_to_the_first_byte() {
        let timeouts = RequestOptions { connect: Some(1_000_000), first_byte: Some(2_000_001), between_bytes: Some(9) };
        assert_eq!(timeouts.attempt_timeout_ms(), Some(4));
        assert_eq!(RequestOptions { first_byte: None, ..timeouts }.attempt_timeout_ms(), None);
    }
}
