//! `wasi:io/streams` and `wasi:io/error`: every stream is ready at any time, since what can be read is recorded as a whole and what is
//! written is kept.

use std::sync::Arc;

use wasmtime::component::Resource;

use super::bindings::wasi::io::{error, streams};
use super::http::Upload;
use super::poll::Pollable;
use super::stdio::Channel;
use crate::state::GuestState;

/// The most bytes that are read or written at once.
const MAX_CHUNK_BYTES: u64 = 64 << 10;

/// Why a stream failed, in words.
#[derive(Debug)]
pub struct IoError(pub(crate) String);

/// Bytes to read.
#[derive(Debug, Clone)]
pub struct InputStream {
    bytes: Arc<[u8]>,
    place: usize,
}

impl InputStream {
    pub(crate) fn new(bytes: impl Into<Arc<[u8]>>) -> Self {
        Self { bytes: bytes.into(), place: 0 }
    }

    /// Up to `length` bytes; `None` at the end.
    fn read(&mut self, length: u64) -> Option<Vec<u8>> {
        let rest = &self.bytes[self.place..];
        if rest.is_empty() {
            return None;
        }
        let length = usize::try_from(length.min(MAX_CHUNK_BYTES)).unwrap_or(usize::MAX).min(rest.len());
        self.place += length;
        Some(rest[..length].to_vec())
    }
}

/// Where bytes are written to.
pub enum OutputStream {
    /// Log lines.
    Stdio(Channel),
    /// The body of an HTTP request.
    Upload(Upload),
}

type StreamResult<T> = wasmtime::Result<Result<T, streams::StreamError>>;

impl error::Host for GuestState {}

impl error::HostError for GuestState {
    fn to_debug_string(&mut self, error: Resource<IoError>) -> wasmtime::Result<String> {
        Ok(self.wasi.table.get(&error)?.0.clone())
    }

    fn drop(&mut self, error: Resource<IoError>) -> wasmtime::Result<()> {
        self.wasi.table.delete(error)?;
        Ok(())
    }
}

impl streams::Host for GuestState {}

impl streams::HostInputStream for GuestState {
    fn read(&mut self, stream: Resource<InputStream>, length: u64) -> StreamResult<Vec<u8>> {
        Ok(self.wasi.table.get_mut(&stream)?.read(length).ok_or(streams::StreamError::Closed))
    }

    fn blocking_read(&mut self, stream: Resource<InputStream>, length: u64) -> StreamResult<Vec<u8>> {
        self.read(stream, length)
    }

    fn skip(&mut self, stream: Resource<InputStream>, length: u64) -> StreamResult<u64> {
        Ok(self.read(stream, length)?.map(|bytes| bytes.len() as u64))
    }

    fn blocking_skip(&mut self, stream: Resource<InputStream>, length: u64) -> StreamResult<u64> {
        self.skip(stream, length)
    }

    fn subscribe(&mut self, _stream: Resource<InputStream>) -> wasmtime::Result<Resource<Pollable>> {
        self.hold(Pollable::Ready)
    }

    fn drop(&mut self, stream: Resource<InputStream>) -> wasmtime::Result<()> {
        self.wasi.table.delete(stream)?;
        Ok(())
    }
}

impl streams::HostOutputStream for GuestState {
    fn check_write(&mut self, stream: Resource<OutputStream>) -> StreamResult<u64> {
        self.wasi.table.get(&stream)?;
        Ok(Ok(MAX_CHUNK_BYTES))
    }

    fn write(&mut self, stream: Resource<OutputStream>, contents: Vec<u8>) -> StreamResult<()> {
        let written = match self.wasi.table.get(&stream)? {
            OutputStream::Upload(upload) => upload.write(&contents, self.limits.request_bytes),
            OutputStream::Stdio(channel) => {
                self.shared.lock().write_stdio(*channel, &contents);
                Ok(())
            }
        };
        match written {
            Ok(()) => Ok(Ok(())),
            Err(message) => Ok(Err(streams::StreamError::LastOperationFailed(self.hold(IoError(message))?))),
        }
    }

    fn blocking_write_and_flush(&mut self, stream: Resource<OutputStream>, contents: Vec<u8>) -> StreamResult<()> {
        self.write(stream, contents)
    }

    fn flush(&mut self, stream: Resource<OutputStream>) -> StreamResult<()> {
        self.wasi.table.get(&stream)?;
        Ok(Ok(()))
    }

    fn blocking_flush(&mut self, stream: Resource<OutputStream>) -> StreamResult<()> {
        self.flush(stream)
    }

    fn subscribe(&mut self, _stream: Resource<OutputStream>) -> wasmtime::Result<Resource<Pollable>> {
        self.hold(Pollable::Ready)
    }

    fn write_zeroes(&mut self, stream: Resource<OutputStream>, length: u64) -> StreamResult<()> {
        if length > MAX_CHUNK_BYTES {
            return Err(wasmtime::Error::msg(format!(
                "more than the {MAX_CHUNK_BYTES} bytes that `check-write` allowed"
            )));
        }
        self.write(stream, vec![0; usize::try_from(length).unwrap_or(0)])
    }

    fn blocking_write_zeroes_and_flush(&mut self, stream: Resource<OutputStream>, length: u64) -> StreamResult<()> {
        self.write_zeroes(stream, length)
    }

    fn splice(
        &mut self,
        stream: Resource<OutputStream>,
        source: Resource<InputStream>,
        length: u64,
    ) -> StreamResult<u64> {
        let Some(bytes) = self.wasi.table.get_mut(&source)?.read(length) else {
            return Ok(Err(streams::StreamError::Closed));
        };
        let spliced = bytes.len() as u64;
        Ok(self.write(stream, bytes)?.map(|()| spliced))
    }

    fn blocking_splice(
        &mut self,
        stream: Resource<OutputStream>,
        source: Resource<InputStream>,
        length: u64,
    ) -> StreamResult<u64> {
        self.splice(stream, source, length)
    }

    fn drop(&mut self, stream: Resource<OutputStream>) -> wasmtime::Result<()> {
        self.wasi.table.delete(stream)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_read_in_pieces_to_its_end() {
        let mut stream = InputStream::new(vec![7; MAX_CHUNK_BYTES as usize + 3]);
        assert_eq!(stream.read(2).unwrap().len(), 2);
        assert_eq!(stream.read(u64::MAX).unwrap().len(), MAX_CHUNK_BYTES as usize);
        assert_eq!(stream.read(u64::MAX).unwrap().len(), 1);
        assert!(stream.read(1).is_none());
    }
}
