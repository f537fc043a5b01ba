//! What a run's task has gathered for its next commit, and what is to happen once that commit is durable.

use abide_engine::LogLevel;
use abide_history::{Commit, RunTimer};
use abide_model::{Call, CallIndex, CallKind, Error, Recorded, Run};

use crate::inner::RunKey;
use crate::new_run::NewRun;
use crate::registry::Reply;
use crate::session::LogLine;
use crate::swapping::Swap;
use crate::timers::RingingTimer;
use crate::view::Signalled;

/// An answer that waits for the commit.
pub(crate) enum Answer {
    Signalled(Reply<Signalled>, Signalled),
    /// With the row as the commit makes it.
    Run(Reply<Run>),
    Done(Reply<()>),
    Swapped(Reply<Swap>, Swap),
}

/// A change of a run with its effects.
pub(crate) struct Batch {
    pub(crate) commit: Commit,
    pub(crate) effects: Effects,
}

/// What happens when a change is durable, and not before.
#[derive(Default)]
pub(crate) struct Effects {
    /// Activities to perform, with the time of their request.
    pub(crate) perform: Vec<(Call, u64)>,
    /// What the calls ask for that the change requests, those included that nobody performs.
    pub(crate) requested: Vec<CallKind>,
    /// Activities to abort.
    pub(crate) abort: Vec<CallIndex>,
    /// The run has ended: all its activities are aborted.
    pub(crate) closed: bool,
    pub(crate) answers: Vec<Answer>,
    /// The row as this change makes it, where somebody is answered: nobody is shown what is gathered after it.
    pub(crate) run: Option<Run>,
    pub(crate) log: Vec<LogLine>,
    /// The run that this one goes on as.
    pub(crate) successor: Option<NewRun>,
    /// Activities whose outcome this change records.
    pub(crate) settled: Vec<CallIndex>,
    /// Timers that rang: they are let go when their rows are gone.
    pub(crate) ringing: Vec<RingingTimer>,
}

impl Batch {
    pub(crate) fn new(key: &RunKey, expected_length: u64) -> Self {
        Self { commit: Commit::new(key.tenant.clone(), key.run_id, expected_length), effects: Effects::default() }
    }

    /// Whether there is nothing to write and nothing to do afterwards.
    pub(crate) fn is_empty(&self) -> bool {
        let Commit { events, run, ready, timers_set, timers_cleared, published, nodes: _, key, .. } = &self.commit;
        events.is_empty()
            && run.is_none()
            && ready.is_none()
            && timers_set.is_empty()
            && timers_cleared.is_empty()
            && published.is_empty()
            && key.is_none()
            && self.effects.answers.is_empty()
            && self.effects.log.is_empty()
    }

    pub(crate) fn push(&mut self, recorded: Recorded) {
        self.commit.events.push(recorded);
    }

    pub(crate) fn set_timer(&mut self, timer: RunTimer) {
        self.commit.timers_set.push(timer);
    }

    /// Clears a timer; one that this very batch sets is not set at all.
    pub(crate) fn clear_timer(&mut self, timer: RunTimer) {
        let before = self.commit.timers_set.len();
        self.commit.timers_set.retain(|set| *set != timer);
        if self.commit.timers_set.len() == before {
            self.commit.timers_cleared.push(timer);
        }
    }
}

impl Effects {
    /// Tells everybody who waits that the change was not made.
    pub(crate) fn refuse(self, error: &Error) {
        for answer in self.answers {
            // Who no longer waits needs no answer.
            match answer {
                Answer::Signalled(reply, _) => drop(reply.send(Err(error.clone()))),
                Answer::Run(reply) => drop(reply.send(Err(error.clone()))),
                Answer::Done(reply) => drop(reply.send(Err(error.clone()))),
                Answer::Swapped(reply, _) => drop(reply.send(Err(error.clone()))),
            }
        }
    }

    /// Answers everybody who waits.
    pub(crate) fn answer(answers: Vec<Answer>, run: &Run) {
        for answer in answers {
            match answer {
                Answer::Signalled(reply, signalled) => drop(reply.send(Ok(signalled))),
                Answer::Run(reply) => drop(reply.send(Ok(run.clone()))),
                Answer::Done(reply) => drop(reply.send(Ok(()))),
                Answer::Swapped(reply, swap) => drop(reply.send(Ok(swap))),
            }
        }
    }
}

/// Writes the lines of a guest to the host's log.
pub(crate) fn write_log(key: &RunKey, run: &Run, lines: Vec<LogLine>) {
    for LogLine { level, message, fields } in lines {
        let (tenant, run_id, workflow) = (&key.tenant, key.run_id, &run.workflow);
        let fields = fields.as_ref().map_or("", |fields| fields.as_str());
        macro_rules! line {
            ($level:ident) => {
                tracing::event!(target: "abide::guest", tracing::Level::$level, %tenant, %run_id, %workflow, fields, "{message}")
            };
        }
        match level {
            LogLevel::Trace => line!(TRACE),
            LogLevel::Debug => line!(DEBUG),
            LogLevel::Info => line!(INFO),
            LogLevel::Warn => line!(WARN),
            LogLevel::Error => line!(ERROR),
        }
    }
}
