//! Why a guest stopped, in words: traps, limits, and the guest's own functions where it happened.

use abide_model::{ParkKind, ParkReason};
use wasmtime::{FrameInfo, Trap, WasmBacktrace};

use crate::state::SharedState;

/// The most frames that are kept of a backtrace.
const MAX_FRAMES: usize = 40;

/// Explains `error`, which ended a guest.
pub(crate) fn explain(error: &wasmtime::Error, shared: &SharedState) -> ParkReason {
    let backtrace = error.downcast_ref::<WasmBacktrace>().map(frames).unwrap_or_default();
    if let Some((kind, message)) = shared.lock().refused.take() {
        return ParkReason { kind, message, event: None, backtrace };
    }
    let (kind, message) = match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => (
            ParkKind::FuelExhausted,
            "the guest used all the fuel of one step: mend the loop, or raise `limits.step_fuel`".to_owned(),
        ),
        Some(Trap::StackOverflow) => {
            (ParkKind::StackExhausted, "the guest's call stack is full: mend the recursion".to_owned())
        }
        Some(Trap::UnreachableCodeReached) => {
            (ParkKind::Trap, "the guest trapped: it reached `unreachable`, which mostly is a panic".to_owned())
        }
        Some(trap) => (ParkKind::Trap, format!("the guest trapped: {trap}")),
        None => {
            (ParkKind::GuestError, format!("the guest broke a rule of the component model: {}", error.root_cause()))
        }
    };
    ParkReason { kind, message, event: None, backtrace }
}

/// The functions of a backtrace, innermost first, with file and line where the component carries them.
pub(crate) fn frames(backtrace: &WasmBacktrace) -> Vec<String> {
    let mut lines = Vec::new();
    // Innermost are the shims of the component's imports, which nobody wrote and which have no names. Where nothing has a name, all is shown.
    let is_named = |frame: &FrameInfo| frame.func_name().is_some() || !frame.symbols().is_empty();
    let shims = backtrace.frames().iter().position(is_named).unwrap_or(0);
    for frame in &backtrace.frames()[shims..] {
        if lines.len() == MAX_FRAMES {
            lines.push("…".to_owned());
            break;
        }
        let symbols = frame.symbols();
        if symbols.is_empty() {
            let name = frame.func_name().map_or_else(|| format!("function {}", frame.func_index()), demangle);
            lines.push(name);
        }
        for symbol in symbols {
            let name = symbol.name().or(frame.func_name()).map_or_else(|| "?".to_owned(), demangle);
            lines.push(match (symbol.file(), symbol.line()) {
                (Some(file), Some(line)) => format!("{name} at {file}:{line}"),
                _ => name,
            });
        }
    }
    lines
}

fn demangle(name: &str) -> String {
    let mut plain = format!("{:#}", rustc_demangle::demangle(name));
    if plain.len() > 200 {
        plain.truncate(plain.floor_char_boundary(200));
        plain.push('…');
    }
    plain
}
