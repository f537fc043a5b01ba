//! HTTP tools that may answer later: they are sent a token with each request, say `202 Accepted`, and whoever has the token completes
//! the call.

use abide_model::Clock;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::{HttpTools, Operation, Prepared};
use crate::lane::refused;
use crate::tools::workers::Seat;
use crate::trouble::{Attempt, Trouble};
use crate::{Activity, Performed};

const COMPLETION_URL: HeaderName = HeaderName::from_static("abide-completion-url");
const COMPLETION_TOKEN: HeaderName = HeaderName::from_static("abide-completion-token");

/// The status of an answer that is still to come.
const ACCEPTED: u16 = 202;

impl HttpTools {
    /// Performs a call of such a tool.
    pub(super) async fn call_for_later(
        &self,
        clock: &dyn Clock,
        activity: &Activity,
        name: &str,
        operation: &Operation,
        prepared: &Prepared,
    ) -> Performed {
        let provider = self.lane.key();
        // The board needs no arguments: they go out with the request.
        let seat =
            Seat::take(&self.workers, activity, &operation.policy, provider, name, abide_model::Json::null(), None);
        let seat = match seat {
            Ok(seat) => seat,
            Err(failure) => return refused(failure),
        };
        let mut deferred = activity.deferred.is_some();
        let key = activity.idempotency_key();
        let (seat_of, key) = (&seat, key.as_str());
        let attempt = || {
            let goes_on = std::mem::take(&mut deferred);
            async move {
                if goes_on {
                    seat_of.elsewhere(seat_of.still_deferred())
                } else {
                    self.ask(clock, seat_of, key, prepared).await
                }
            }
        };
        let performed = self.lane.run_by(operation.policy.clone(), clock, activity, attempt).await;
        seat.leave();
        performed
    }

    /// One attempt. The tool may complete the call while its request is still under way.
    async fn ask(&self, clock: &dyn Clock, seat: &Seat, idempotency_key: &str, prepared: &Prepared) -> Attempt {
        let pending = match seat.ask() {
            Ok(pending) => pending,
            Err(trouble) => return trouble.into(),
        };
        let asked = async {
            let url = seat.completion_url(&pending)?;
            let mut headers = HeaderMap::new();
            headers.insert(COMPLETION_URL, header(&url)?);
            headers.insert(COMPLETION_TOKEN, header(&pending.token())?);
            let response = self.send(idempotency_key, prepared, headers).await?;
            if response.status().as_u16() == ACCEPTED {
                seat.defer(&pending).await?;
                return Ok(None);
            }
            self.answered(clock, response).await.map(Some)
        };
        let asked = tokio::select! {
            biased;
            () = seat.answered(&pending) => Ok(None),
            asked = asked => asked,
        };
        match asked {
            Ok(Some(answer)) if seat.over() => Attempt::Done(answer),
            Err(trouble) if seat.over() => trouble.into(),
            // It is still to come, or it is there already.
            Ok(_) | Err(_) => seat.elsewhere(Ok(pending)),
        }
    }
}

fn header(text: &str) -> Result<HeaderValue, Trouble> {
    let value = HeaderValue::from_str(text);
    value.map_err(|_| Trouble::lasting("invalid-request", "`public_url` has characters that no header can have"))
}
