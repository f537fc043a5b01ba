//! `abide serve`: a host from a configuration file; and what it has in common with `abide dev`.

use std::path::PathBuf;

use abide_activities::{LlmProvider, ToolsProvider};
use abide_server::{Auth, Config, stop_signal};
use anyhow::Result;
use clap::Args;
use serde_json::json;

use crate::exit::{Exit, Fault};
use crate::logs::{self, LogFormat};
use crate::output::{self, Format};

/// `abide serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeArguments {
    /// The configuration file
    #[arg(long, value_name = "FILE", default_value = "abide.toml")]
    config: PathBuf,
    /// What log lines on standard error look like
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    log_format: LogFormat,
}

pub(crate) async fn run(arguments: ServeArguments, format: Format) -> Result<Exit> {
    logs::start(arguments.log_format, "info")?;
    let config = Config::read(&arguments.config).map_err(Fault::of_host)?;
    host(config, format).await
}

/// Runs a host until it is told to stop.
pub(super) async fn host(mut config: Config, format: Format) -> Result<Exit> {
    // What others upload is compiled in a process of its own. A binary that is not found any more compiles here, as libraries do.
    config.compiler = std::env::current_exe().ok();
    let (banner, asks) = (Banner::of(&config), config.auth == Auth::Tokens);
    let app = abide_server::open(config).await.map_err(Fault::of_host)?;
    let listener = app.listen().await.map_err(Fault::of_host)?;
    banner.show(&format!("{}://{}", app.scheme(), listener.local_addr()?), format)?;
    if asks && !app.host().has_tokens().await.map_err(Fault::of_host)? {
        output::note(
            "there is no token yet, and nobody gets in without one: stop the host, and make the first with `abide tokens bootstrap`",
        );
    }
    app.serve(listener, stop_signal()).await.map_err(|error| {
        tracing::error!(code = error.code.as_str(), %error, "the host stops");
        Fault::of_host(error)
    })?;
    tracing::info!("the host has stopped");
    Ok(Exit::Done)
}

/// What a host says of itself when it is up.
struct Banner {
    data: PathBuf,
    llm: Vec<String>,
    tools: Vec<String>,
    http: Vec<String>,
}

impl Banner {
    fn of(config: &Config) -> Self {
        let activities = &config.activities;
        let llm = activities.llm.iter().map(|(name, provider)| {
            let what = match provider {
                LlmProvider::OpenAi(provider) => provider.base_url.clone(),
                LlmProvider::Scripted(provider) => format!("answers of {}", provider.file.display()),
            };
            let default = activities.llm.len() == 1 || activities.default_llm.as_ref() == Some(name);
            format!("{name} ({what}{})", if default { ", default" } else { "" })
        });
        let tools = activities.tools.iter().map(|(name, provider)| match provider {
            ToolsProvider::McpStdio(provider) => format!("{name} (MCP, {})", provider.command),
            ToolsProvider::McpHttp(provider) => format!("{name} (MCP, {})", provider.url),
            ToolsProvider::Http(provider) => format!("{name} (HTTP, {})", provider.base_url),
        });
        let queues = activities.workers.keys().map(|name| format!("{name} (workers)"));
        let components = activities.components.keys().map(|name| format!("{name} (component)"));
        Self {
            data: config.data.clone(),
            llm: llm.collect(),
            tools: tools.chain(queues).chain(components).collect(),
            http: activities.http.allow.clone(),
        }
    }

    fn show(&self, url: &str, format: Format) -> Result<()> {
        if format == Format::Json {
            let Self { data, llm, tools, http } = self;
            return output::json(&json!({"url": url, "data": data, "llm": llm, "tools": tools, "http": http}));
        }
        let or = |names: &[String], none: &str| if names.is_empty() { none.to_owned() } else { names.join(", ") };
        output::line(format!(
            "abide {} listens on {url}\n  data   {}\n  llm    {}\n  tools  {}\n  http   {}",
            env!("CARGO_PKG_VERSION"),
            self.data.display(),
            or(&self.llm, "none: set OPENAI_API_KEY or OPENAI_BASE_URL, or add [llm.NAME] to abide.toml"),
            or(&self.tools, "none: add [tools.NAME] to abide.toml"),
            or(&self.http, "none: add hosts to `allow` in [http] of abide.toml"),
        ))
    }
}
