//! `abide dev`: a host for development, which needs no configuration.

use std::path::{Path, PathBuf};

use abide_activities::{LlmProvider, ScriptedProvider};
use abide_server::{Auth, Config};
use anyhow::Result;
use clap::Args;

use crate::commands::serve;
use crate::exit::{Exit, Fault};
use crate::logs::{self, LogFormat};
use crate::output::Format;

/// The name of the provider that `--scripted` adds.
const SCRIPTED: &str = "scripted";

/// `abide dev`.
#[derive(Debug, Args)]
pub(crate) struct DevArguments {
    /// The data folder [default: `data` of the configuration, else abide-data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Address and port [default: `listen` of the configuration, else 127.0.0.1:7400]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// The configuration file [default: abide.toml, if there is one here]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// A file with the answers of a scripted model, which becomes the default one
    #[arg(long, value_name = "FILE")]
    scripted: Option<PathBuf>,
    /// The base URL of a model's API that is like OpenAI's (Ollama, vLLM, llama.cpp…)
    #[arg(long, env = "OPENAI_BASE_URL", value_name = "URL", hide_env_values = true)]
    openai_base_url: Option<String>,
    /// The key of that API
    #[arg(long, env = "OPENAI_API_KEY", value_name = "KEY", hide_env_values = true)]
    openai_api_key: Option<String>,
    /// The model of that API that is meant where a workflow names none
    #[arg(long, env = "OPENAI_MODEL", value_name = "MODEL")]
    openai_model: Option<String>,
    /// What log lines on standard error look like
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    log_format: LogFormat,
}

pub(crate) async fn run(arguments: DevArguments, format: Format) -> Result<Exit> {
    logs::start(arguments.log_format, "info")?;
    serve::host(config(arguments)?, format).await
}

fn config(arguments: DevArguments) -> Result<Config> {
    let usual = Path::new("abide.toml");
    let mut config = match &arguments.config {
        Some(path) => Config::read(path).map_err(Fault::of_host)?,
        None if usual.exists() => Config::read(usual).map_err(Fault::of_host)?,
        None => Config::default(),
    };
    config.auth = Auth::Open;
    if let Some(data) = arguments.data {
        config.data = data;
    }
    if let Some(listen) = arguments.listen {
        config.listen = listen;
    }
    if let Some(file) = arguments.scripted {
        // It is relative to where the command runs, not to the configuration.
        let file = std::path::absolute(&file)
            .map_err(|error| Fault::usage(format!("`{}` is no path: {error}", file.display())))?;
        let provider = ScriptedProvider {
            file,
            attempt_timeout_ms: None,
            total_timeout_ms: None,
            retry: None,
            max_concurrent: None,
        };
        config.activities.llm.insert(SCRIPTED.to_owned(), LlmProvider::Scripted(provider));
        config.activities.default_llm = Some(SCRIPTED.to_owned());
    }
    let default = (config.activities.llm.len() == 1).then(|| config.activities.llm.keys().next().cloned()).flatten();
    config.activities.add_openai(arguments.openai_base_url, arguments.openai_api_key, arguments.openai_model);
    // A key in the environment must not take the place of the one provider that is configured.
    if config.activities.default_llm.is_none() {
        config.activities.default_llm = default;
    }
    Ok(config)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Words {
        #[command(flatten)]
        dev: DevArguments,
    }

    fn of(words: &str) -> Config {
        config(Words::parse_from(format!("abide {words}").split_whitespace()).dev).unwrap()
    }

    #[test]
    fn the_command_line_stands_above_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("abide.toml");
        std::fs::write(&path, "listen = \"127.0.0.1:1\"\n[llm.mine]\nkind = \"scripted\"\nfile = \"a.json\"\n")
            .unwrap();
        let file = path.display();

        let plain = of(&format!("--config {file}"));
        assert_eq!(plain.listen, "127.0.0.1:1");
        assert_eq!(plain.data, folder.path().join("abide-data"));

        let told = of(&format!("--config {file} --listen 127.0.0.1:2 --data here --openai-api-key k"));
        assert_eq!(told.listen, "127.0.0.1:2");
        assert_eq!(told.data, Path::new("here"));
        assert_eq!(told.activities.llm.keys().collect::<Vec<_>>(), ["mine", "openai"]);
        assert_eq!(told.activities.default_llm.as_deref(), Some("mine"));

        let scripted = of(&format!("--config {file} --scripted answers.json"));
        assert_eq!(scripted.activities.default_llm.as_deref(), Some("scripted"));
    }
}
