//! How a command that waits gets over a host that is away for a while.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::exit::{Exit, Fault};
use crate::output::note;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Pauses between attempts to reach the host again. It says on standard error when the host is lost and when it is back.
pub(crate) struct Patience {
    server: String,
    /// How long the host may be away.
    limit: Duration,
    /// When it was lost, and the next pause.
    lost: Option<(Instant, Duration)>,
}

impl Patience {
    pub(crate) fn new(server: &str, limit: Duration) -> Self {
        Self { server: server.to_owned(), limit, lost: None }
    }

    /// The host answered.
    pub(crate) fn reached(&mut self) {
        if self.lost.take().is_some() {
            note(format!("abide: the host at {} is back", self.server));
        }
    }

    /// The host did not: pauses, or gives up with `fault`. Faults that are not about being away are given back at once, and
    /// so are those of a host that never `answered`.
    pub(crate) async fn after(&mut self, fault: Fault, answered: bool) -> Result<(), Fault> {
        let away =
            fault.exit == Exit::Unreachable || fault.problem.as_ref().is_some_and(|problem| problem.status == 503);
        if !away || !answered {
            return Err(fault);
        }
        let (since, pause) = *self.lost.get_or_insert_with(|| {
            note(format!("abide: lost the host at {}: trying to reach it again", self.server));
            (Instant::now(), FIRST_PAUSE)
        });
        if since.elapsed() >= self.limit {
            return Err(fault);
        }
        sleep(pause).await;
        self.lost = Some((since, (pause * 2).min(LONGEST_PAUSE)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn away() -> Fault {
        Fault::new(Exit::Unreachable, "host-unreachable", "gone")
    }

    #[tokio::test]
    async fn pauses_grow_and_end() {
        let began = Instant::now();
        let mut patience = Patience::new("http://h", Duration::from_millis(500));
        let mut attempts = 0;
        while patience.after(away(), true).await.is_ok() {
            attempts += 1;
        }
        assert!((2..=3).contains(&attempts), "100, 200 and 400 ms: {attempts}");
        assert!(began.elapsed() >= Duration::from_millis(500));
    }

    #[tokio::test]
    async fn a_host_that_never_answered_is_an_error_at_once() {
        assert!(Patience::new("http://h", Duration::from_secs(10)).after(away(), false).await.is_err());
    }

    #[tokio::test]
    async fn a_refusal_is_final() {
        let mut patience = Patience::new("http://h", Duration::from_secs(10));
        assert!(patience.after(Fault::new(Exit::Refused, "run-not-found", "no"), true).await.is_err());
    }
}
