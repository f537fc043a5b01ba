//! A whole host from its configuration: the store, the activities, the host, and the server on top.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use abide_activities::{Activities, Performer};
use abide_history::{RedbOptions, RedbStore, Store};
use abide_model::{Clock, Error, ErrorCode, Limits, SystemClock};
use abide_runtime::{CompiledCache, Host, HostConfig, Retention};
use tokio::net::TcpListener;

use crate::access::Auth;
use crate::config::{Config, HostSection};
use crate::serve::{Options, serve};

/// A host that is open and not served yet.
#[derive(Clone)]
pub struct App {
    host: Host,
    activities: Activities,
    listen: String,
    behind_tls_proxy: bool,
    options: Options,
}

impl App {
    /// The host.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Binds the address of the configuration.
    pub async fn listen(&self) -> Result<TcpListener, Error> {
        if let Some(files) = &self.options.tls {
            files.check()?;
        }
        let listener = TcpListener::bind(&self.listen).await.map_err(|error| {
            let what_to_do = match error.kind() {
                io::ErrorKind::AddrInUse => {
                    ": another process has it; end that, or give another address with `--listen`"
                }
                _ => ": give an address and a port of this machine, such as `127.0.0.1:7400`",
            };
            Error::new(ErrorCode::InvalidConfig, format!("cannot listen on `{}`: {error}{what_to_do}", self.listen))
        })?;
        match listener.local_addr() {
            Ok(address) if address.ip().is_loopback() => {}
            _ => self.check_may_be_reached().await?,
        }
        Ok(listener)
    }

    /// Refuses to be reached by other machines where whoever comes may do anything, or may listen.
    async fn check_may_be_reached(&self) -> Result<(), Error> {
        let what_to_do = if self.options.auth == Auth::Open {
            "`abide dev` asks nobody for a token: listen on 127.0.0.1, or use `abide serve` with tokens (`abide tokens bootstrap`)"
        } else if !self.host.has_tokens().await? {
            "there is no token yet: make the first one with `abide tokens bootstrap --config FILE`"
        } else if self.options.tls.is_none() && !self.behind_tls_proxy {
            "tokens would pass in the clear: add `[tls]` with `cert` and `key` to the configuration, or, where a proxy in front of the host does \
             TLS, `behind_tls_proxy = true`"
        } else {
            return Ok(());
        };
        let message = format!("`{}` can be reached by other machines: {what_to_do}", self.listen);
        Err(Error::new(ErrorCode::InvalidConfig, message))
    }

    /// What its URLs begin with.
    pub fn scheme(&self) -> &'static str {
        if self.options.tls.is_some() { "https" } else { "http" }
    }

    /// Serves the host, see [`serve`], and ends what its activities started.
    pub async fn serve(self, listener: TcpListener, shutdown: impl Future<Output = ()>) -> Result<(), Error> {
        // The first URL that is said counts: that of the configuration stands before the address.
        if let (Some(workers), Ok(address)) = (self.activities.workers(), listener.local_addr()) {
            workers.reached_by(&format!("{}://{address}", self.scheme()));
        }
        let served = serve(listener, self.host, self.options, shutdown).await;
        self.activities.close().await;
        served
    }
}

/// Opens the data folder and the host in it.
pub async fn open(config: Config) -> Result<App, Error> {
    let settings = config.clone();
    // Opening reads the file through where the host was not stopped in order.
    let opening = tokio::task::spawn_blocking(move || open_store(&settings));
    let store = opening.await.map_err(|error| Error::new(ErrorCode::Internal, error.to_string()))??;
    open_with_store(config, Arc::new(store)).await
}

/// Opens the data folder, with the keys of its tenants.
fn open_store(config: &Config) -> Result<RedbStore, Error> {
    let keyring = Some(config.encryption.keyring(&config.data, &config.base_dir)?);
    Ok(RedbStore::open_with(&config.data, &RedbOptions { keyring, ..RedbOptions::default() })?)
}

/// Opens the host on a store that is open already; for tests, with stores that fail.
pub async fn open_with_store(config: Config, store: Arc<dyn Store>) -> Result<App, Error> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let cache_dir = config.data.join("cache");
    let mut activities = config.activities;
    activities.cache = Some(CompiledCache::open(&cache_dir, config.host.cache_bytes)?);
    activities.compiler = config.host.compiler(config.compiler.as_deref());
    let compiler = activities.compiler.clone();
    let activities = Activities::new(activities, &config.base_dir, clock.clone())?;
    let performer: Arc<dyn Performer> = Arc::new(activities.clone());
    let host_config = HostConfig { compiler, ..host_config(cache_dir, &config.host, config.limits, config.retention) };
    let host = Host::open(host_config, store, performer, clock).await?;
    let options = Options {
        max_component_bytes: config.host.max_component_bytes,
        allowed_hosts: config.allowed_hosts,
        auth: config.auth,
        tls: config.tls,
    };
    Ok(App { host, activities, listen: config.listen, behind_tls_proxy: config.behind_tls_proxy, options })
}

/// Opens what a host left in its data folder, to look at it: nothing is driven and nothing performed. A host that runs has the folder for
/// itself.
pub fn open_to_look(config: &Config) -> Result<Host, Error> {
    let store = open_store(config)?;
    let cache_dir = config.data.join("cache");
    let host_config = host_config(cache_dir, &config.host, config.limits.clone(), config.retention.clone());
    Host::open_to_look(host_config, Arc::new(store), Arc::new(SystemClock))
}

fn host_config(cache_dir: PathBuf, host: &HostSection, limits: Limits, retention: Retention) -> HostConfig {
    HostConfig {
        cache_dir,
        cache_bytes: host.cache_bytes,
        max_resident: host.max_resident_guests,
        resident_bytes: host.resident_bytes,
        limits,
        max_component_bytes: host.max_component_bytes,
        compiler: None,
        retention,
    }
}
