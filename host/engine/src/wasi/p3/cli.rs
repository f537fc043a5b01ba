//! `wasi:cli` 0.3: what a program is started with, its standard streams, and its end.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use wasmtime::StoreContextMut;
use wasmtime::component::{Access, FutureReader, Resource, Source, StreamConsumer, StreamReader, StreamResult};

use super::bindings::wasi::cli::{
    environment, exit, stderr, stdin, stdout, terminal_input, terminal_output, terminal_stderr, terminal_stdin,
    terminal_stdout, types,
};
use crate::calls::Imports;
use crate::state::{GuestState, SharedState};
use crate::wasi::cli::Terminal;
use crate::wasi::stdio::Channel;

impl types::Host for GuestState {}

impl environment::Host for GuestState {
    fn get_environment(&mut self) -> wasmtime::Result<Vec<(String, String)>> {
        Ok(self.wasi.surroundings.environment.clone())
    }

    fn get_arguments(&mut self) -> wasmtime::Result<Vec<String>> {
        Ok(self.wasi.surroundings.arguments.clone())
    }

    fn get_initial_cwd(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(Some("/".to_owned()))
    }
}

impl exit::Host for GuestState {
    fn exit(&mut self, status: Result<(), ()>) -> wasmtime::Result<()> {
        self.end_itself(u8::from(status.is_err()))
    }

    fn exit_with_code(&mut self, status_code: u8) -> wasmtime::Result<()> {
        self.end_itself(status_code)
    }
}

impl stdin::Host for GuestState {}

impl stdin::HostWithStore<GuestState> for Imports {
    fn read_via_stream(
        mut access: Access<'_, GuestState, Self>,
    ) -> wasmtime::Result<(StreamReader<u8>, FutureReader<Result<(), types::ErrorCode>>)> {
        // The first stream has all of it: a guest that asks again and again takes no more of the host's memory.
        let bytes = std::mem::take(&mut access.get().wasi.surroundings.stdin);
        let stream = StreamReader::new(&mut access, bytes)?;
        let end = FutureReader::new(&mut access, async { wasmtime::error::Ok(Ok(())) })?;
        Ok((stream, end))
    }
}

impl stdout::Host for GuestState {}

impl stdout::HostWithStore<GuestState> for Imports {
    fn write_via_stream(
        access: Access<'_, GuestState, Self>,
        data: StreamReader<u8>,
    ) -> wasmtime::Result<FutureReader<Result<(), types::ErrorCode>>> {
        write(access, data, Channel::Output)
    }
}

impl stderr::Host for GuestState {}

impl stderr::HostWithStore<GuestState> for Imports {
    fn write_via_stream(
        access: Access<'_, GuestState, Self>,
        data: StreamReader<u8>,
    ) -> wasmtime::Result<FutureReader<Result<(), types::ErrorCode>>> {
        write(access, data, Channel::Error)
    }
}

/// Takes all that comes of `data`. What it gives completes when nothing more comes.
fn write(
    mut access: Access<'_, GuestState, Imports>,
    data: StreamReader<u8>,
    channel: Channel,
) -> wasmtime::Result<FutureReader<Result<(), types::ErrorCode>>> {
    let end = End::default();
    let shared = access.get().shared.clone();
    data.pipe(&mut access, Written { channel, shared, end: end.clone() })?;
    FutureReader::new(&mut access, async {
        end.await;
        wasmtime::error::Ok(Ok(()))
    })
}

/// The host's side of a stream that the guest writes to. It is dropped when the guest has closed the other side.
struct Written {
    channel: Channel,
    shared: SharedState,
    end: End,
}

impl StreamConsumer<GuestState> for Written {
    type Item = u8;

    fn poll_consume(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        store: StoreContextMut<'_, GuestState>,
        source: Source<'_, u8>,
        _finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        let mut source = source.as_direct(store);
        let bytes = source.remaining();
        let taken = bytes.len();
        self.shared.lock().write_stdio(self.channel, bytes);
        source.mark_read(taken);
        Poll::Ready(Ok(StreamResult::Completed))
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        self.end.reach();
    }
}

/// Completes when it is reached.
#[derive(Debug, Clone, Default)]
struct End(Arc<Mutex<(bool, Option<Waker>)>>);

impl End {
    fn reach(&self) {
        let waker = {
            let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            state.0 = true;
            state.1.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Future for End {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.0 {
            return Poll::Ready(());
        }
        state.1 = Some(context.waker().clone());
        Poll::Pending
    }
}

impl terminal_input::Host for GuestState {}

impl terminal_input::HostTerminalInput for GuestState {
    fn drop(&mut self, terminal: Resource<Terminal>) -> wasmtime::Result<()> {
        self.wasi.table.delete(terminal)?;
        Ok(())
    }
}

impl terminal_output::Host for GuestState {}

impl terminal_output::HostTerminalOutput for GuestState {
    fn drop(&mut self, terminal: Resource<Terminal>) -> wasmtime::Result<()> {
        self.wasi.table.delete(terminal)?;
        Ok(())
    }
}

impl terminal_stdin::Host for GuestState {
    fn get_terminal_stdin(&mut self) -> wasmtime::Result<Option<Resource<Terminal>>> {
        Ok(None)
    }
}

impl terminal_stdout::Host for GuestState {
    fn get_terminal_stdout(&mut self) -> wasmtime::Result<Option<Resource<Terminal>>> {
        Ok(None)
    }
}

impl terminal_stderr::Host for GuestState {
    fn get_terminal_stderr(&mut self) -> wasmtime::Result<Option<Resource<Terminal>>> {
        Ok(None)
    }
}
