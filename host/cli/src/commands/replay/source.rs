//! What is replayed: a run of a host, or a capsule, which needs none.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use abide_model::{Error, Seq};
use abide_runtime::view::{ReplayReport, RunAt};
use abide_runtime::{CAPSULE_MAGIC, Capsule, MAX_CAPSULE_BYTES, Replayer};
use anyhow::Result;
use bytes::Bytes;

use crate::building;
use crate::client::Client;
use crate::exit::{Exit, Fault};

/// How the names of capsules end.
const ENDING: &str = "abide";
/// Machine code of so many components of capsules is kept.
const KEPT_FILES: usize = 32;

/// See above.
pub(super) struct Source {
    place: Place,
    /// Replayed on this instead of the run's own version.
    component: Option<Bytes>,
    /// Where machine code goes that is not kept.
    _temporary: Option<tempfile::TempDir>,
}

enum Place {
    Host(Client, String),
    Capsule(Box<Replayer>),
}

impl Source {
    /// What `run` means: a file that is a capsule, or else a run.
    pub(super) async fn of(client: &Client, run: &str, component: Option<Bytes>) -> Result<Self> {
        let path = Path::new(run);
        let (place, temporary) = if is_capsule(path) {
            open(path)?
        } else if path.extension().is_some_and(|ending| ending == ENDING) || run.contains('/') {
            let message = if path.exists() { "is no capsule: `abide export RUN` makes one" } else { "is not there" };
            return Err(Fault::usage(format!("the file `{run}` {message}")).into());
        } else {
            // An id may pass to a later run while this goes on.
            let run = client.describe(run).await?.run.run_id;
            (Place::Host(client.clone(), run.to_string()), None)
        };
        Ok(Self { place, component, _temporary: temporary })
    }

    /// Replays all of it, on several engines if it is to be proved.
    pub(super) async fn replay(&self, prove: bool) -> Result<ReplayReport> {
        let component = self.component.clone();
        Ok(match (&self.place, prove) {
            (Place::Host(client, run), prove) => client.replay(run, component, prove).await?,
            (Place::Capsule(replayer), true) => replayer.prove(component).await.map_err(fault)?,
            (Place::Capsule(replayer), false) => replayer.replay(component).await.map_err(fault)?,
        })
    }

    /// Where it stood after an event.
    pub(super) async fn at(&self, event: Seq) -> Result<RunAt> {
        let component = self.component.clone();
        Ok(match &self.place {
            Place::Host(client, run) => client.at(run, event, component).await?,
            Place::Capsule(replayer) => replayer.at(event, component).await.map_err(fault)?,
        })
    }
}

/// A capsule is told by how it begins.
fn is_capsule(path: &Path) -> bool {
    let mut begins = [0; CAPSULE_MAGIC.len()];
    File::open(path).and_then(|mut file| file.read_exact(&mut begins)).is_ok() && begins == CAPSULE_MAGIC
}

fn open(path: &Path) -> Result<(Place, Option<tempfile::TempDir>)> {
    let capsule = Capsule::read(&read(path)?).map_err(fault)?;
    // Without a place for it, the machine code is thrown away afterwards.
    let kept = building::cache_folder("compiled").filter(|folder| std::fs::create_dir_all(folder).is_ok());
    let temporary = if kept.is_none() { Some(tempfile::tempdir()?) } else { None };
    let folder = kept.as_deref().or_else(|| temporary.as_ref().map(tempfile::TempDir::path));
    let folder = folder.expect("one of the two is there");
    building::prune(folder, KEPT_FILES);
    let replayer = Replayer::new(capsule, folder).map_err(fault)?;
    Ok((Place::Capsule(Box::new(replayer)), temporary))
}

/// Reads the file of a capsule.
pub(in crate::commands) fn read(path: &Path) -> Result<Bytes, Fault> {
    let length = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    if length > MAX_CAPSULE_BYTES as u64 {
        let shown = path.display();
        return Err(Fault::usage(format!("`{shown}` has {length} bytes: a capsule has at most {MAX_CAPSULE_BYTES}")));
    }
    building::read(path)
}

/// What is wrong with a capsule or an argument is a matter of the arguments; there is no host that refuses.
fn fault(error: Error) -> Fault {
    let exit = if error.code.http_status() < 500 { Exit::Usage } else { Exit::HostFailed };
    Fault::new(exit, error.code.as_str(), error.message)
}
