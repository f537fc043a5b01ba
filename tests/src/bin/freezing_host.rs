//! The real host on a store that freezes at a commit, so that a test can kill the process exactly there.
//!
//! `freezing-host CONFIG [before:N|after:N]`: serves the configuration. Before (or after) the N-th commit of this process is made
//! durable, it prints `frozen` and never answers a commit again.

use std::sync::Arc;

use abide_history::RedbStore;
use abide_tests::FreezingStore;
use anyhow::{Context, Result};

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().context("usage: freezing-host CONFIG [before:N|after:N]")?;
    let mut config = abide_server::Config::read(path.as_ref())?;
    config.auth = abide_server::Auth::Open;
    let inner = Arc::new(RedbStore::open(&config.data)?);
    let store = FreezingStore::new(inner, arguments.next().as_deref().map(str::parse).transpose()?);
    let app = abide_server::open_with_store(config, Arc::new(store)).await?;
    let listener = app.listen().await?;
    println!("listening {}", listener.local_addr()?);
    app.serve(listener, std::future::pending()).await?;
    Ok(())
}
