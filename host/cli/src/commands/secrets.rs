//! `abide secrets`: what activities send, and nobody sees. A value comes from a file or from standard input, never from an argument: arguments are seen by
//! every program of the machine, and kept by the shell.

use std::io::Read;
use std::path::PathBuf;

use abide_model::SecretName;
use abide_runtime::view::SecretView;
use anyhow::Result;
use clap::{Args, Subcommand};
use zeroize::Zeroizing;

use crate::client::Client;
use crate::exit::{Exit, Fault};
use crate::output::{self, Format};

/// The longest value that a host takes.
const MAX_BYTES: u64 = 16 << 10;

/// `abide secrets`.
#[derive(Debug, Args)]
pub(crate) struct SecretsArguments {
    #[command(subcommand)]
    command: Option<SecretsCommand>,
}

/// What to do.
#[derive(Debug, Subcommand)]
enum SecretsCommand {
    /// List the secrets: their names, and where they may be sent
    List,
    /// Set a secret; its value is read from standard input, or from a file
    Set(SetArguments),
    /// Say where a secret may be sent, and keep its value
    Allow(AllowArguments),
    /// Remove a secret
    Delete(NameArguments),
}

/// `abide secrets set`.
#[derive(Debug, Args)]
struct SetArguments {
    /// Its name: a header says `{secret.NAME}`
    name: String,
    /// A host that it may be sent to, such as `api.example.com`; may be given more than once
    #[arg(long, value_name = "HOST", required = true)]
    host: Vec<String>,
    /// The file of the value, instead of standard input; a line break at its end is left out
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
}

/// `abide secrets allow`.
#[derive(Debug, Args)]
struct AllowArguments {
    /// Its name
    name: String,
    /// A host that it may be sent to from now on, beside no other; may be given more than once
    #[arg(long, value_name = "HOST", required = true)]
    host: Vec<String>,
}

/// Which one.
#[derive(Debug, Args)]
struct NameArguments {
    /// Its name
    name: String,
}

pub(crate) async fn run(client: &Client, arguments: SecretsArguments, format: Format) -> Result<Exit> {
    match arguments.command.unwrap_or(SecretsCommand::List) {
        SecretsCommand::List => list(client, format).await?,
        SecretsCommand::Set(SetArguments { name, host, from }) => {
            let name = checked(&name)?;
            let secret = client.put_secret(name.as_str(), Some(value(from)?), host).await?;
            told("set", &secret, format)?;
        }
        SecretsCommand::Allow(AllowArguments { name, host }) => {
            let secret = client.put_secret(checked(&name)?.as_str(), None, host).await?;
            told("changed", &secret, format)?;
        }
        SecretsCommand::Delete(NameArguments { name }) => {
            let secret = client.delete_secret(checked(&name)?.as_str()).await?;
            told("deleted", &secret, format)?;
        }
    }
    Ok(Exit::Done)
}

fn checked(name: &str) -> Result<SecretName, Fault> {
    SecretName::parse(name).map_err(|error| Fault::usage(error.message))
}

fn value(from: Option<PathBuf>) -> Result<Zeroizing<String>, Fault> {
    let mut text = Zeroizing::new(String::new());
    let (place, read) = match from {
        Some(path) => {
            let read = std::fs::File::open(&path).and_then(|file| file.take(MAX_BYTES + 2).read_to_string(&mut text));
            (format!("`{}`", path.display()), read)
        }
        None => ("standard input".to_owned(), std::io::stdin().take(MAX_BYTES + 2).read_to_string(&mut text)),
    };
    read.map_err(|error| Fault::usage(format!("cannot read the value from {place}: {error}")))?;
    let kept = text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line)).len();
    text.truncate(kept);
    Ok(text)
}

async fn list(client: &Client, format: Format) -> Result<()> {
    let secrets = client.secrets().await?;
    if format == Format::Json {
        return output::json(&secrets);
    }
    let rows: Vec<_> = secrets
        .secrets
        .iter()
        .map(|secret| {
            let used = secret.last_used_ms.map_or("never".to_owned(), abide_runtime::format_time);
            [secret.name.to_string(), secret.version.to_string(), secret.hosts.join(", "), used]
        })
        .collect();
    output::text_out(&output::table(["NAME", "VERSION", "HOSTS", "LAST USED"], &rows))
}

fn told(what: &str, secret: &SecretView, format: Format) -> Result<()> {
    match format {
        Format::Json => output::json(secret),
        Format::Text => output::line(format!(
            "{what} {} (version {}), for {}",
            secret.name,
            secret.version,
            secret.hosts.join(", ")
        )),
    }
}
