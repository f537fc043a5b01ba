//! Headers that mean something here.

use abide_model::{Error, Seq};
use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, header};

use crate::problem::{Problem, invalid, shown};
use crate::state::Shared;

/// `Idempotency-Key`, where it is given. What a key may be is the host's to say.
pub(crate) struct IdempotencyKey(pub(crate) Option<String>);

impl FromRequestParts<Shared> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Problem> {
        Ok(Self(idempotency_key(&parts.headers)?))
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Error> {
    Ok(single(headers, "idempotency-key")?.map(str::to_owned))
}

/// `Last-Event-ID`, where it is given: the event up to which the client has the stream.
pub(crate) struct LastEventId(pub(crate) Option<Seq>);

impl FromRequestParts<Shared> for LastEventId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Problem> {
        Ok(Self(last_event_id(&parts.headers)?))
    }
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<Seq>, Error> {
    // An empty one means that no event came yet (WHATWG HTML, section 9.2.4).
    let Some(value) = single(headers, "last-event-id")?.filter(|value| !value.is_empty()) else { return Ok(None) };
    let seq = value.parse::<Seq>().ok().filter(|seq| *seq < Seq::MAX);
    seq.map(Some).ok_or_else(|| invalid(format!("`Last-Event-ID: {}` is no number of an event", shown(value))))
}

/// Whether the client asks for server-sent events.
pub(crate) struct WantsStream(pub(crate) bool);

impl FromRequestParts<Shared> for WantsStream {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Problem> {
        Ok(Self(wants_stream(&parts.headers)))
    }
}

fn wants_stream(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|range| {
        let media_type = range.split(';').next().unwrap_or_default();
        media_type.trim().eq_ignore_ascii_case("text/event-stream")
    })
}

fn single<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Error> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(invalid(format!("the header `{name}` is given twice: give it once")));
    }
    let text = value.to_str().map_err(|_| invalid(format!("the header `{name}` takes visible ASCII characters")))?;
    Ok(Some(text))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(name: &'static str, values: &[&[u8]]) -> HeaderMap {
        values
            .iter()
            .map(|value| (http::HeaderName::from_static(name), HeaderValue::from_bytes(value).unwrap()))
            .collect()
    }

    #[test]
    fn an_idempotency_key_is_one_text() {
        let key =
            |values: &[&[u8]]| idempotency_key(&headers("idempotency-key", values)).map_err(|error| error.message);
        assert_eq!(key(&[]), Ok(None));
        assert_eq!(key(&[b"approve-1"]), Ok(Some("approve-1".to_owned())));
        for bad in [&[&b"\xff"[..]][..], &[b"a", b"b"]] {
            assert!(key(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_last_event_id_is_a_number() {
        let id = |value: &'static str| last_event_id(&headers("last-event-id", &[value.as_bytes()])).ok();
        assert_eq!(id("12"), Some(Some(12)));
        assert_eq!(id(""), Some(None));
        assert_eq!(id("x"), None);
        assert_eq!(id("18446744073709551615"), None);
    }

    #[test]
    fn a_stream_is_asked_for_by_name() {
        let wants = |value: &'static str| wants_stream(&headers("accept", &[value.as_bytes()]));
        assert!(wants("text/event-stream"));
        assert!(wants("application/json, text/event-stream;q=0.9"));
        assert!(!wants("*/*"));
        assert!(!wants("application/json"));
    }
}
