//! The state of a guest that its imports and its driver share: what it did, and what it waits for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Waker;

use abide_model::{
    Attributes, Call, CallIndex, Failure, Json, Limits, MarkerRecorded, Outcome, ParkKind, Seq, UpdateAnswer,
};
use rand_chacha::ChaCha12Rng;
use wasmtime::ResourceLimiter;
use wasmtime::component::ResourceTable;

use crate::bindings::abide::workflow::run::Info;
use crate::wasi::Wasi;
use crate::wasi::stdio::Stdio;
use crate::watch::Watch;

/// How much a log line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// Finer than debug.
    Trace,
    /// For developers.
    Debug,
    /// The usual.
    Info,
    /// Something is odd.
    Warn,
    /// Something is wrong.
    Error,
}

/// What a guest did.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// It made a call.
    Call(Call),
    /// It dropped a call that it waited for.
    Cancelled(CallIndex),
    /// It said something to an update.
    Answered {
        /// Which.
        update: String,
        /// What it said.
        answer: UpdateAnswer,
    },
    /// It came for the first time to a place whose value is to be recorded.
    Marker {
        /// What the code calls it.
        id: String,
        /// The value.
        value: Json,
    },
    /// It published a value.
    Published {
        /// Under this name.
        name: String,
        /// The value.
        value: Json,
    },
    /// It changed the attributes of the run. These are all of them now.
    Attributes(Attributes),
    /// It wrote a log line.
    Log {
        /// How much it matters.
        level: LogLevel,
        /// The line.
        message: String,
        /// A JSON object.
        fields: Option<Json>,
    },
}

/// A call that waits for its outcome.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    pub(crate) outcome: Option<Outcome>,
    pub(crate) waker: Option<Waker>,
    /// The guest said that it does not wait for it any more; it was told so, or will be.
    pub(crate) dropped: bool,
}

/// A query that the driver asks of a guest.
#[derive(Debug)]
pub(crate) struct QueryRequest {
    pub(crate) name: String,
    pub(crate) arguments: Json,
}

/// What the imports and the driver share. Its lock is held for a few instructions at a time, and never while wasm runs.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    pub(crate) outputs: Vec<Output>,
    /// Bytes of `outputs`, but for log lines, which have a limit of their own.
    pub(crate) told_bytes: u64,
    pub(crate) slots: HashMap<CallIndex, Slot>,
    pub(crate) next_call: CallIndex,
    /// The time of the last event that was delivered.
    pub(crate) now_ms: u64,
    pub(crate) history_length: u64,
    /// The input that was delivered last.
    pub(crate) cause: Seq,
    /// Whether the history says nothing of what the guest does now.
    pub(crate) live: bool,
    /// Values that the history records, each from its cause on.
    pub(crate) markers: HashMap<String, MarkerRecorded>,
    /// Bytes of log lines since the last event.
    pub(crate) logged_bytes: usize,
    /// What it wrote to standard output and error.
    pub(crate) stdio: Stdio,
    /// The code with which a program ended itself.
    pub(crate) exit_code: Option<u8>,
    /// What the run goes on with as a new one, when it ends.
    pub(crate) continue_with: Option<Json>,
    pub(crate) published_names: std::collections::HashSet<String>,
    /// The driver is dropping the guest: calls that go with it were not cancelled by the guest.
    pub(crate) closing: bool,
    /// What a limiter refused; it explains the trap that follows.
    pub(crate) refused: Option<(ParkKind, String)>,
    pub(crate) memory_bytes: u64,
    pub(crate) query: Option<QueryRequest>,
    pub(crate) query_waker: Option<Waker>,
    pub(crate) query_answer: Option<Outcome>,
    pub(crate) ended: Option<Ending>,
    /// What somebody sees of the guest who watches it; mostly nobody does.
    pub(crate) watch: Option<Watch>,
}

/// A longer log message is cut.
pub(crate) const MAX_LOG_BYTES: usize = 8192;
/// What a guest may log between two events, in bytes. Each line counts as so many more.
const MAX_LOGGED_BYTES: usize = 1 << 20;
const LOG_LINE_BYTES: usize = 64;

impl Shared {
    /// Nobody waits for the call any more.
    pub(crate) fn remove_slot(&mut self, call: CallIndex) -> Option<Slot> {
        if let Some(watch) = &mut self.watch {
            watch.forget(call);
        }
        self.slots.remove(&call)
    }

    /// Takes down what the guest did. A guest that does more between two events than the host can hold is stopped: whatever it is told then
    /// decides nothing, since its step begins again with the next replay.
    pub(crate) fn tell(&mut self, output: Output, step_bytes: u64) -> Result<(), Failure> {
        self.told_bytes = self.told_bytes.saturating_add(output.bytes());
        if self.told_bytes > step_bytes {
            return Err(self.flooded(format!(
                "the guest asked for, and answered, more than {step_bytes} bytes between two events: let it wait for some of its \
                 calls, or raise `limits.step_bytes`"
            )));
        }
        // Attributes are told whole: of those that come one after another, the last one says it.
        if let (Output::Attributes(_), Some(Output::Attributes(_))) = (&output, self.outputs.last()) {
            self.outputs.pop();
        }
        self.outputs.push(output);
        Ok(())
    }

    /// Stops the guest at the end of this poll.
    pub(crate) fn flooded(&mut self, message: String) -> Failure {
        let refused = self.refused.get_or_insert((ParkKind::StepTooLarge, message));
        Failure::new("too-many-calls", refused.1.clone())
    }

    /// Publishes a value. Of several under one name in a step, the last one is seen.
    pub(crate) fn publish(&mut self, name: String, value: Json) {
        let before = self.outputs.iter_mut().rev().find_map(|output| match output {
            Output::Published { name: known, value } if *known == name => Some(value),
            _ => None,
        });
        match before {
            Some(before) => *before = value,
            None => self.outputs.push(Output::Published { name, value }),
        }
    }

    /// Writes a log line. A guest that writes without end fills nothing: what is beyond the limit between two events is left out, which
    /// the last line tells.
    pub(crate) fn write_log(&mut self, level: LogLevel, mut message: String, fields: Option<Json>) {
        if self.logged_bytes > MAX_LOGGED_BYTES {
            return;
        }
        if message.len() > MAX_LOG_BYTES {
            message.truncate(message.floor_char_boundary(MAX_LOG_BYTES));
            message.push('…');
        }
        self.logged_bytes += LOG_LINE_BYTES + message.len() + fields.as_ref().map_or(0, |fields| fields.as_str().len());
        self.outputs.push(Output::Log { level, message, fields });
        if self.logged_bytes > MAX_LOGGED_BYTES {
            let message =
                format!("more than {MAX_LOGGED_BYTES} bytes of log lines since the last event: the rest is left out");
            self.outputs.push(Output::Log { level: LogLevel::Warn, message, fields: None });
        }
    }
}

impl Output {
    /// What it takes to hold it, about.
    fn bytes(&self) -> u64 {
        const EACH: usize = 256;
        let bytes = match self {
            Self::Call(call) => call.request.len(),
            Self::Answered { update, answer } => update.len() + usize::try_from(answer.bytes()).unwrap_or(usize::MAX),
            Self::Marker { id, value } => id.len() + value.len(),
            Self::Attributes(_) => 4 << 10,
            Self::Published { name, value } => name.len() + value.len(),
            Self::Cancelled(_) | Self::Log { .. } => 0,
        };
        (EACH + bytes) as u64
    }
}

impl GuestState {
    /// Writes a log line.
    pub(crate) fn write_log(&self, level: LogLevel, message: String, fields: Option<Json>) {
        self.shared.lock().write_log(level, message, fields);
    }
}

/// How `run` ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Ending {
    /// It gave this.
    Gave(Outcome),
    /// The run goes on as a new one with this input.
    Continues(Json),
}

/// A handle to the shared state.
#[derive(Debug, Clone, Default)]
pub(crate) struct SharedState(Arc<Mutex<Shared>>);

impl SharedState {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Shared> {
        // Nothing that holds the lock panics half way through a change, so a poisoned state is still whole.
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// The data of a guest's store.
pub(crate) struct GuestState {
    pub(crate) shared: SharedState,
    pub(crate) random: ChaCha12Rng,
    pub(crate) info: Info,
    pub(crate) limits: Limits,
    /// What the guest holds of the host: updates, and calls that plain functions began.
    pub(crate) held: ResourceTable,
    /// What the run can be found by now.
    pub(crate) attributes: Attributes,
    pub(crate) wasi: Wasi,
}

impl ResourceLimiter for GuestState {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        self.grows(desired.saturating_sub(current) as u64, "of memory")?;
        Ok(true)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        // Tables are memory too, and there may be many.
        let bytes = desired.saturating_sub(current).saturating_mul(TABLE_ELEMENT_BYTES) as u64;
        self.grows(bytes, "of memory and tables")?;
        if desired > MAX_TABLE_ELEMENTS {
            let message = format!("the guest wanted a table of {desired} elements, the limit is {MAX_TABLE_ELEMENTS}");
            self.shared.lock().refused = Some((ParkKind::MemoryExceeded, message.clone()));
            return Err(wasmtime::Error::msg(message));
        }
        Ok(true)
    }
}

impl GuestState {
    /// Counts memory that the guest wants, or refuses it.
    fn grows(&mut self, bytes: u64, what: &str) -> wasmtime::Result<()> {
        let mut shared = self.shared.lock();
        let total = shared.memory_bytes.saturating_add(bytes);
        if total > self.limits.memory_bytes {
            let limit = self.limits.memory_bytes;
            let message = format!(
                "the guest wanted {total} bytes {what}, its limit is {limit}: raise `limits.memory_bytes`, or use less"
            );
            shared.refused = Some((ParkKind::MemoryExceeded, message.clone()));
            return Err(wasmtime::Error::msg(message));
        }
        shared.memory_bytes = total;
        Ok(())
    }
}

/// An element of a table is a pointer.
const TABLE_ELEMENT_BYTES: usize = size_of::<usize>();

/// The largest table of a guest, in elements.
pub(crate) const MAX_TABLE_ELEMENTS: usize = 200_000;
