//! A disk in memory that outlives the store that is on it.

use std::io;
use std::sync::{Arc, Mutex};

use redb::StorageBackend;

/// The disk. A clone is the same disk.
#[derive(Debug, Clone, Default)]
pub(crate) struct Memory(Arc<Mutex<Vec<u8>>>);

impl StorageBackend for Memory {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().expect("no test panics while it writes").len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        out.copy_from_slice(&self.0.lock().expect("no test panics while it writes")[offset as usize..][..out.len()]);
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.0.lock().expect("no test panics while it writes").resize(length as usize, 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.lock().expect("no test panics while it writes")[offset as usize..][..data.len()].copy_from_slice(data);
        Ok(())
    }
}
