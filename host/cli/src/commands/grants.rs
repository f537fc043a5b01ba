//! `abide grants`: what a tenant may do.

use abide_model::{ErrorCode, Grants, Json, Right, SettingKind, Tenant};
use anyhow::Result;
use clap::{Args, Subcommand};

use crate::client::Client;
use crate::exit::{Exit, Fault, has_code};
use crate::output::{self, Format};

/// How often a change is made anew when others come in between.
const ATTEMPTS: usize = 8;

/// `abide grants`.
#[derive(Debug, Subcommand)]
pub(crate) enum GrantsCommand {
    /// Show what a tenant is granted
    Show,
    /// Grant rights to a tenant
    Add(RightsArguments),
    /// Take rights back from a tenant; calls under way go on
    Remove(RightsArguments),
}

/// Rights of a tenant, which the option `--tenant` names.
#[derive(Debug, Args)]
pub(crate) struct RightsArguments {
    /// Such as `llm:openai/gpt-5*`, `tool:crm/lookup`, `interface:acme:crm/api`, `http:GET api.example.com/v1/`, `child:invoice`, `signal:invoice`,
    /// `cancel:invoice`, `env:LANG`, or `*` for everything
    #[arg(value_name = "RIGHT", required = true, value_parser = right)]
    rights: Vec<Right>,
}

fn right(text: &str) -> Result<Right, String> {
    Right::parse(text).map_err(|error| error.message)
}

pub(crate) async fn run(client: &Client, tenant: Option<&str>, command: GrantsCommand, format: Format) -> Result<Exit> {
    let tenant = match tenant {
        Some(name) => Tenant::parse(name).map_err(|error| Fault::usage(error.message))?,
        None => client.whoami().await?.tenant,
    };
    let (tenant, grants, revision) = match command {
        GrantsCommand::Show => {
            let (grants, revision) = granted(client, &tenant).await?;
            (tenant, grants, revision)
        }
        GrantsCommand::Add(RightsArguments { rights }) => {
            let add = |grants: &mut Grants| {
                for right in &rights {
                    if !grants.allow.contains(right) {
                        grants.allow.push(right.clone());
                    }
                }
                Ok(())
            };
            change(client, tenant, add).await?
        }
        GrantsCommand::Remove(RightsArguments { rights }) => {
            let remove = |grants: &mut Grants| {
                for right in &rights {
                    let before = grants.allow.len();
                    grants.allow.retain(|known| known != right);
                    if grants.allow.len() == before {
                        let covering = grants.allow.iter().find(|known| known.covers(right));
                        let hint = covering.map(|known| format!(": it has it by `{known}`")).unwrap_or_default();
                        return Err(Fault::usage(format!("the tenant was not granted `{right}` by that name{hint}")));
                    }
                }
                Ok(())
            };
            change(client, tenant, remove).await?
        }
    };
    show(&tenant, &grants, revision, format)
}

async fn change(
    client: &Client,
    tenant: Tenant,
    make: impl Fn(&mut Grants) -> Result<(), Fault>,
) -> Result<(Tenant, Grants, u64)> {
    let mut attempt = 1;
    loop {
        let (mut grants, revision) = granted(client, &tenant).await?;
        if revision == 0 && tenant == Tenant::default() {
            return Err(Fault::usage(format!(
                "the tenant `{tenant}` has everything, since nobody said what it has: to restrict it, give the whole list with \
                 `abide tenants set {tenant} grants JSON`"
            ))
            .into());
        }
        make(&mut grants)?;
        let value = Json::of(&grants)?;
        match client.put_setting(tenant.as_str(), SettingKind::Grants.as_str(), &value, Some(revision)).await {
            Ok(set) => return Ok((tenant, grants, set.revision)),
            Err(error) if has_code(&error, ErrorCode::Conflict) && attempt < ATTEMPTS => attempt += 1,
            Err(error) => return Err(error),
        }
    }
}

/// The grants of a tenant with their revision; 0 where nobody set any.
async fn granted(client: &Client, tenant: &Tenant) -> Result<(Grants, u64)> {
    match client.setting(tenant.as_str(), SettingKind::Grants.as_str()).await {
        Ok(setting) => Ok((setting.value.read()?, setting.revision)),
        Err(error) if has_code(&error, ErrorCode::SettingNotFound) => Ok((Grants::default(), 0)),
        Err(error) => Err(error),
    }
}

fn show(tenant: &Tenant, grants: &Grants, revision: u64, format: Format) -> Result<Exit> {
    if format == Format::Json {
        output::json(grants)?;
        return Ok(Exit::Done);
    }
    if grants.allow.is_empty() {
        let what = if revision == 0 && *tenant == Tenant::default() { "everything" } else { "nothing" };
        output::note(format!("the tenant `{tenant}` has {what}"));
    }
    for right in &grants.allow {
        output::line(right.to_string())?;
    }
    for (name, most) in &grants.limits {
        output::line(format!("limits.{name} {most}"))?;
    }
    Ok(Exit::Done)
}
