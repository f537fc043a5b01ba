//! The raw limit of durable work: how often a second the disk can be told to keep one more page.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;

/// A page of the file system: however little a commit writes, the disk gets this much.
const PAGE_BYTES: usize = 4096;
/// The pages of the file, which is written before it is measured: appending to it changes no size, which would cost more.
const PAGES: u64 = 2048;

/// A file whose pages are written one after the other and synced, over and over.
pub(crate) struct BareDisk {
    file: File,
    next: u64,
    /// How long each sync took, in microseconds.
    times_us: Vec<f64>,
}

impl BareDisk {
    /// A file in `folder`.
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        let file = File::create(folder.join("bare"))?;
        file.write_all_at(&vec![0; PAGE_BYTES * PAGES as usize], 0)?;
        file.sync_all()?;
        Ok(Self { file, next: 0, times_us: Vec::new() })
    }

    /// Syncs for about so long. Gives how many a second.
    pub(crate) fn syncs_per_s(&mut self, duration: Duration) -> Result<f64> {
        let began = Instant::now();
        let mut syncs = 0u32;
        while began.elapsed() < duration {
            let one = Instant::now();
            let byte = (self.next / PAGES) as u8;
            self.file.write_all_at(&[byte; PAGE_BYTES], self.next % PAGES * PAGE_BYTES as u64)?;
            self.file.sync_data()?;
            self.times_us.push(one.elapsed().as_secs_f64() * 1e6);
            self.next += 1;
            syncs += 1;
        }
        Ok(f64::from(syncs) / began.elapsed().as_secs_f64())
    }

    /// How long each sync took since this was asked last, in microseconds.
    pub(crate) fn sync_times(&mut self) -> Vec<f64> {
        std::mem::take(&mut self.times_us)
    }
}
