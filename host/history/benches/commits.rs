//! How fast commits are, beside a bare disk sync on the same disk at the same time. Run it on the disk that matters:
//!
//! ```text
//! cargo bench -p abide-history --bench commits -- /a/folder/on/the/disk 1,64
//! ```
//!
//! The numbers are how many runs commit at the same time.
//!
//! Disks differ, and machines are busy: only the ratios mean something. So the rounds of what is compared take turns.

use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use abide_history::conformance::sample;
use abide_history::{RedbStore, Store};
use abide_model::{RunId, Seq};

/// How long one round takes.
const ROUND: Duration = Duration::from_millis(500);
/// How often the rounds take turns.
const ROUNDS: usize = 6;
/// The size of the file that is written without a store.
const BARE_BYTES: usize = 4 << 20;

fn main() -> Result<(), AnyError> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let folder = arguments.first().map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = tempfile::tempdir_in(folder)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build()?;
    let store: Arc<dyn Store> = Arc::new(RedbStore::open(folder.path())?);
    let bare = Bare::open(folder.path())?;

    println!("{:>24} {:>12} {:>12} {:>12}", "", "commits/s", "syncs/s", "ratio");
    let runs = arguments.get(1).map_or("1,8,64,256", String::as_str);
    for runs in runs.split(',').map(str::parse) {
        let runs = runs?;
        let mut histories = runtime.block_on(start_runs(&store, runs))?;
        let (mut commits, mut syncs) = (0.0, 0.0);
        for _ in 0..ROUNDS {
            syncs += bare.round()?;
            commits += runtime.block_on(round(&store, &mut histories))?;
        }
        let (commits, syncs) = (commits / ROUNDS as f64, syncs / ROUNDS as f64);
        println!("{:>24} {commits:>12.0} {syncs:>12.0} {:>12.2}", format!("{runs} runs, steps"), commits / syncs);
    }
    drop(store);
    let size = std::fs::metadata(folder.path().join("history.redb"))?.len();
    println!("the file has {:.1} MiB", size as f64 / f64::from(1 << 20));
    let begin = Instant::now();
    drop(RedbStore::open(folder.path())?);
    println!("opened and closed in {:.1} ms", begin.elapsed().as_secs_f64() * 1e3);
    Ok(())
}

/// A file whose bytes are written again and synced, again and again: the least that a durable step can cost.
struct Bare(File);

impl Bare {
    fn open(folder: &Path) -> std::io::Result<Self> {
        let mut file = File::create(folder.join("bare"))?;
        file.write_all(&vec![0; BARE_BYTES])?;
        file.sync_all()?;
        Ok(Self(file))
    }

    /// Syncs a second.
    fn round(&self) -> std::io::Result<f64> {
        let mut file = &self.0;
        let begin = Instant::now();
        let mut syncs = 0u32;
        while begin.elapsed() < ROUND {
            if (syncs as usize).is_multiple_of(BARE_BYTES / 256) {
                file.rewind()?;
            }
            file.write_all(&[7; 256])?;
            file.sync_data()?;
            syncs += 1;
        }
        Ok(f64::from(syncs) / begin.elapsed().as_secs_f64())
    }
}

type AnyError = Box<dyn std::error::Error + Send + Sync>;

async fn start_runs(store: &Arc<dyn Store>, runs: u64) -> Result<Vec<(RunId, Seq)>, AnyError> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let acme = sample::tenant("acme");
    let mut histories = Vec::new();
    for _ in 0..runs {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let run = sample::run(sample::run_id(number), &format!("ticket-{number}"));
        store.commit(sample::start(&acme, &run)).await?;
        histories.push((run.run_id, 1));
    }
    Ok(histories)
}

/// Each run commits one step after another. Gives the commits a second of all.
async fn round(store: &Arc<dyn Store>, histories: &mut [(RunId, Seq)]) -> Result<f64, AnyError> {
    let acme = sample::tenant("acme");
    let stop = Arc::new(AtomicBool::new(false));
    let begin = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for (place, (run_id, length)) in histories.iter().copied().enumerate() {
        let (store, acme, stop) = (Arc::clone(store), acme.clone(), Arc::clone(&stop));
        tasks.spawn(async move {
            let mut length = length;
            while !stop.load(Ordering::Relaxed) {
                let call = u32::try_from(length).unwrap_or(0);
                store.commit(sample::step(&acme, run_id, length, call)).await?;
                length += 2;
            }
            Ok::<_, abide_history::StoreError>((place, length))
        });
    }
    // A clock of its own thread, so that a busy runtime does not lengthen the round.
    let clock = std::thread::spawn(move || {
        std::thread::sleep(ROUND);
        stop.store(true, Ordering::Relaxed);
    });
    let mut commits = 0;
    for result in tasks.join_all().await {
        let (place, length) = result?;
        commits += (length - histories[place].1) / 2;
        histories[place].1 = length;
    }
    let rate = commits as f64 / begin.elapsed().as_secs_f64();
    clock.join().map_err(|_| "the clock died")?;
    Ok(rate)
}
