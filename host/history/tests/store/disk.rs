//! A disk that crashes and fails on demand. What was written since the last sync may be lost or torn at a crash: each sector of
//! 512 bytes is there or not, by chance. Reads see what was written, as long as there is no crash.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use redb::StorageBackend;

const SECTOR: usize = 512;

/// Random numbers from a seed (splitmix64).
#[derive(Debug, Clone)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(crate) fn coin(&mut self) -> bool {
        self.next() & 1 == 1
    }
}

/// What happens at a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The machine loses power: this operation may be done in part, and none after it is done.
    Crash,
    /// This operation fails, and those after it do not.
    Error,
    /// This operation fails, and all after it.
    Broken,
}

/// The files of a disk, each a [`StorageBackend`].
#[derive(Debug, Clone)]
pub(crate) struct Disk(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    files: [Content; 2],
    random: Random,
    /// Writes, syncs and changes of length so far.
    operations: u64,
    fault: Option<(u64, Fault)>,
    dead: bool,
}

#[derive(Debug, Default)]
struct Content {
    /// What a reader sees.
    seen: Vec<u8>,
    /// What is sure to be there after a crash.
    durable: Vec<u8>,
    /// Sectors that were written since the last sync.
    dirty: BTreeSet<usize>,
}

/// What an operation is to do.
enum Verdict {
    Do,
    /// Do it, but be dead.
    DoAndDie,
    Fail,
}

impl Disk {
    pub(crate) fn new(seed: u64) -> Self {
        let state = State { files: Default::default(), random: Random(seed), operations: 0, fault: None, dead: false };
        Self(Arc::new(Mutex::new(state)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no test panics while it writes")
    }

    /// One of its two files.
    pub(crate) fn file(&self, number: usize) -> File {
        File { disk: self.clone(), number }
    }

    /// From now on, the operation `after` operations from here has the fault.
    pub(crate) fn set_fault(&self, after: u64, fault: Fault) {
        let mut state = self.state();
        state.operations = 0;
        state.fault = Some((after, fault));
    }

    /// How many operations there were since the fault was set, or since the beginning.
    pub(crate) fn operations(&self) -> u64 {
        self.state().operations
    }

    /// What is on the disk when the machine comes up again after losing power now. It works again.
    pub(crate) fn crash(&self) {
        let mut state = self.state();
        let State { files, random, .. } = &mut *state;
        for file in files {
            file.crash(random);
        }
        state.revive();
    }

    /// The process is started again, the machine kept running. The disk works again.
    pub(crate) fn restart(&self) {
        self.state().revive();
    }
}

impl State {
    fn revive(&mut self) {
        self.dead = false;
        self.fault = None;
        self.operations = 0;
    }

    fn next(&mut self) -> Verdict {
        if self.dead {
            return Verdict::Fail;
        }
        let position = self.operations;
        self.operations += 1;
        match self.fault {
            Some((at, fault)) if at == position => match fault {
                Fault::Crash => {
                    self.dead = true;
                    Verdict::DoAndDie
                }
                Fault::Broken => {
                    self.dead = true;
                    Verdict::Fail
                }
                Fault::Error => Verdict::Fail,
            },
            _ => Verdict::Do,
        }
    }
}

impl Content {
    fn write(&mut self, offset: usize, data: &[u8]) {
        self.seen[offset..][..data.len()].copy_from_slice(data);
        if !data.is_empty() {
            self.dirty.extend(offset / SECTOR..=(offset + data.len() - 1) / SECTOR);
        }
    }

    fn sync(&mut self) {
        self.durable = self.seen.clone();
        self.dirty.clear();
    }

    /// A sync failed: of what it was to write, some is there, and the rest is forgotten, whatever later syncs say.
    fn lose(&mut self, random: &mut Random) {
        let lost: Vec<usize> = self.dirty.iter().copied().filter(|_| random.coin()).collect();
        for sector in lost {
            self.dirty.remove(&sector);
        }
        let seen = self.seen.clone();
        self.durable.resize(seen.len(), 0);
        for sector in std::mem::take(&mut self.dirty) {
            copy_sector(&seen, &mut self.durable, sector);
        }
    }

    fn crash(&mut self, random: &mut Random) {
        let mut left = self.durable.clone();
        if self.seen.len() != left.len() && random.coin() {
            left.resize(self.seen.len(), 0);
        }
        // Some crashes lose everything or nothing: chance alone would hardly ever do that.
        let mode = random.below(4);
        for sector in &self.dirty {
            let kept = match mode {
                0 => false,
                1 => true,
                _ => random.coin(),
            };
            if kept {
                copy_sector(&self.seen, &mut left, *sector);
            }
        }
        self.seen = left.clone();
        self.durable = left;
        self.dirty.clear();
    }
}

fn copy_sector(from: &[u8], to: &mut [u8], sector: usize) {
    let begin = sector * SECTOR;
    let end = (begin + SECTOR).min(from.len()).min(to.len());
    if begin < end {
        to[begin..end].copy_from_slice(&from[begin..end]);
    }
}

/// A file of a [`Disk`].
#[derive(Debug, Clone)]
pub(crate) struct File {
    disk: Disk,
    number: usize,
}

fn failed() -> io::Error {
    io::Error::other("the disk failed, as the test wants it")
}

impl File {
    fn change(&self, change: impl FnOnce(&mut Content, &mut Random)) -> io::Result<()> {
        let mut state = self.disk.state();
        let verdict = state.next();
        let State { files, random, .. } = &mut *state;
        match verdict {
            Verdict::Fail => return Err(failed()),
            Verdict::Do | Verdict::DoAndDie => change(&mut files[self.number], random),
        }
        if matches!(verdict, Verdict::DoAndDie) { Err(failed()) } else { Ok(()) }
    }
}

impl StorageBackend for File {
    fn len(&self) -> io::Result<u64> {
        Ok(self.disk.state().files[self.number].seen.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.disk.state();
        let seen = state.files[self.number].seen.get(offset as usize..offset as usize + out.len());
        out.copy_from_slice(seen.ok_or_else(failed)?);
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.change(|file, _| file.seen.resize(length as usize, 0))
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        let verdict = state.next();
        let State { files, random, .. } = &mut *state;
        let file = &mut files[self.number];
        match verdict {
            Verdict::Do => file.sync(),
            // Whether the sync was done when the power went: by chance, sector for sector, at the crash.
            Verdict::DoAndDie => return Err(failed()),
            Verdict::Fail => {
                file.lose(random);
                return Err(failed());
            }
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.change(|file, _| file.write(offset as usize, data))
    }
}
