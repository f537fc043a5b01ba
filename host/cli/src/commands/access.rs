//! `abide tokens`, `abide whoami` and `abide audit`: who may do what, and who did.

use std::path::PathBuf;
use std::time::Duration;

use abide_model::Role;
use abide_runtime::view::{CreateToken, CreatedToken, TokenView};
use abide_server::{Config, open_to_look, parse_duration};
use anyhow::Result;
use clap::{Args, Subcommand};

use crate::client::Client;
use crate::exit::{Exit, Fault};
use crate::output::{self, Format};
use crate::when;

/// `abide tokens`.
#[derive(Debug, Args)]
pub(crate) struct TokensArguments {
    #[command(subcommand)]
    command: Option<TokensCommand>,
}

/// What to do.
#[derive(Debug, Subcommand)]
enum TokensCommand {
    /// Make a token; its text is printed this once
    Create(CreateArguments),
    /// List the tokens
    List(HostArguments),
    /// Make a token good for nothing
    Revoke(RevokeArguments),
    /// Make the first token of a host that is not running: an admin's, of the host's own
    Bootstrap(BootstrapArguments),
}

/// `abide tokens create`.
#[derive(Debug, Args)]
struct CreateArguments {
    /// What it is called, for people
    name: String,
    /// viewer, operator, deployer or admin
    #[arg(long, value_name = "ROLE", value_parser = role)]
    role: Role,
    /// For the host itself: it may act for any tenant
    #[arg(long)]
    host: bool,
    /// After how long it is good no more, such as 90d [default: never]
    #[arg(long, value_name = "TIME", value_parser = expiry)]
    expires_in: Option<Duration>,
}

/// `abide tokens list`.
#[derive(Debug, Default, Args)]
struct HostArguments {
    /// Those of the host itself
    #[arg(long)]
    host: bool,
}

/// `abide tokens revoke`.
#[derive(Debug, Args)]
struct RevokeArguments {
    /// The id of the token
    id: String,
    /// It is one of the host itself
    #[arg(long)]
    host: bool,
}

/// `abide tokens bootstrap`.
#[derive(Debug, Args)]
struct BootstrapArguments {
    /// The configuration of the host
    #[arg(long, value_name = "FILE", default_value = "abide.toml")]
    config: PathBuf,
    /// What the token is called, for people
    #[arg(long, value_name = "NAME", default_value = "bootstrap")]
    name: String,
}

/// `abide audit`.
#[derive(Debug, Args)]
pub(crate) struct AuditArguments {
    /// What concerns the host itself and all its tenants
    #[arg(long)]
    host: bool,
    /// How many entries, latest first
    #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
    /// The `next` of the page before
    #[arg(long, value_name = "ENTRY")]
    before: Option<String>,
}

fn role(text: &str) -> Result<Role, String> {
    Role::parse(text).map_err(|error| error.message)
}

fn expiry(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|error| error.message)
}

/// `abide tokens`; `client` is asked for where a host is.
pub(crate) async fn tokens(
    client: impl Fn() -> Result<Client>,
    arguments: TokensArguments,
    format: Format,
) -> Result<Exit> {
    match arguments.command.unwrap_or(TokensCommand::List(HostArguments::default())) {
        TokensCommand::Create(CreateArguments { name, role, host, expires_in }) => {
            let expires_in_s = expires_in.map(|span| span.as_secs());
            let created = client()?.create_token(&CreateToken { name, role, host, expires_in_s }).await?;
            made(&created, format)?;
        }
        TokensCommand::List(HostArguments { host }) => {
            let answer = client()?.tokens(host).await?;
            match format {
                Format::Json => output::json(&answer)?,
                Format::Text => {
                    let rows: Vec<_> = answer.tokens.iter().map(row).collect();
                    let heading = ["TOKEN", "NAME", "ROLE", "CREATED", "BY", "STATE"];
                    output::text_out(&output::table(heading, &rows))?;
                }
            }
        }
        TokensCommand::Revoke(RevokeArguments { id, host }) => {
            let revoked = client()?.revoke_token(&id, host).await?;
            match format {
                Format::Json => output::json(&revoked)?,
                Format::Text => output::line(format!("revoked {} ({})", revoked.id, revoked.name))?,
            }
        }
        TokensCommand::Bootstrap(BootstrapArguments { config, name }) => {
            let config = Config::read(&config).map_err(Fault::of_host)?;
            let host = open_to_look(&config).map_err(Fault::of_host)?;
            let create = CreateToken { name, role: Role::Admin, host: true, expires_in_s: None };
            let created = host.create_token(None, create, "who has the data folder").await.map_err(Fault::of_host)?;
            host.shutdown().await;
            made(&created, format)?;
        }
    }
    Ok(Exit::Done)
}

/// The text goes to standard output by itself, so that it can be kept without being seen.
fn made(CreatedToken { token, text }: &CreatedToken, format: Format) -> Result<()> {
    if format == Format::Json {
        return output::json(&serde_json::json!({ "token": token, "text": text }));
    }
    let whose = token.tenant.as_ref().map_or("the host".to_owned(), |tenant| format!("the tenant `{tenant}`"));
    output::note(format!(
        "{} is a token of {whose} with the role `{}`; keep it now, it is not shown again:",
        token.id, token.role
    ));
    output::line(text)
}

fn row(token: &TokenView) -> [String; 6] {
    let state = match (token.revoked_ms, token.expires_ms) {
        (Some(revoked_ms), _) => format!("revoked {}", when::date(revoked_ms)),
        (None, Some(expires_ms)) => format!("until {}", when::date(expires_ms)),
        (None, None) => "good".to_owned(),
    };
    let TokenView { id, name, role, created_ms, created_by, .. } = token;
    [id.clone(), name.clone(), role.to_string(), when::date(*created_ms), created_by.clone(), state]
}

/// `abide whoami`.
pub(crate) async fn whoami(client: &Client, format: Format) -> Result<Exit> {
    let who = client.whoami().await?;
    match format {
        Format::Json => output::json(&who)?,
        Format::Text => {
            let host = if who.host { ", the host's own" } else { "" };
            output::line(format!("{}: {} in the tenant `{}`{host}", who.actor, who.role, who.tenant))?;
        }
    }
    Ok(Exit::Done)
}

/// `abide audit`.
pub(crate) async fn audit(client: &Client, arguments: AuditArguments, format: Format) -> Result<Exit> {
    let AuditArguments { host, limit, before } = arguments;
    let page = client.audit(host, before.as_deref(), usize::from(limit)).await?;
    if format == Format::Json {
        output::json(&page)?;
        return Ok(Exit::Done);
    }
    let rows: Vec<_> = page
        .entries
        .iter()
        .map(|entry| {
            let status = entry.status.map_or("?".to_owned(), |status| status.to_string());
            let method = entry.action.split(' ').next().unwrap_or_default().to_owned();
            [when::date(entry.time_ms), entry.actor.clone(), method, entry.target.clone(), status]
        })
        .collect();
    output::text_out(&output::table(["TIME", "WHO", "WHAT", "WHERE", "STATUS"], &rows))?;
    if let Some(next) = page.next {
        output::note(format!("there is more: `--before {next}`"));
    }
    Ok(Exit::Done)
}
