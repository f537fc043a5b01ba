//! `abide tenants`: tenants and their settings.

use abide_model::{ErrorCode, SettingKind, Tenant, TenantState};
use abide_runtime::view::{CreateTenant, TenantSetting, TenantUsage, TenantView};
use anyhow::Result;
use clap::{Args, Subcommand};

use super::tenant_export;
use crate::client::Client;
use crate::exit::{Exit, Fault, has_code};
use crate::input;
use crate::output::{self, Format};
use crate::when;

/// `abide tenants`.
#[derive(Debug, Args)]
pub(crate) struct TenantsArguments {
    #[command(subcommand)]
    command: Option<TenantsCommand>,
}

/// What to do.
#[derive(Debug, Subcommand)]
enum TenantsCommand {
    /// Make a tenant
    Create(NameArguments),
    /// List the tenants
    List,
    /// Show a tenant and its settings
    Show(NameArguments),
    /// Show what a tenant uses, beside its quotas
    Usage(NameArguments),
    /// Delete a tenant with everything that is stored of it; nothing of that can be read again
    Delete(DeleteArguments),
    /// Write all of a tenant into one file: settings, versions, schedules and runs
    Export(tenant_export::ExportArguments),
    /// Import the runs of such a file
    Import(tenant_export::ImportArguments),
    /// Set a setting of a tenant
    Set(SetArguments),
    /// Take a setting of a tenant back
    Unset(UnsetArguments),
}

/// Which one.
#[derive(Debug, Args)]
struct NameArguments {
    /// The tenant
    name: String,
}

/// `abide tenants delete`.
#[derive(Debug, Args)]
struct DeleteArguments {
    /// The tenant
    name: String,
    /// The same name again, since this cannot be undone
    #[arg(long, value_name = "NAME")]
    confirm: String,
}

/// `abide tenants set`.
#[derive(Debug, Args)]
struct SetArguments {
    /// The tenant
    name: String,
    /// grants, quotas, gateway or budgets
    #[arg(value_name = "SETTING")]
    setting: String,
    /// What it says
    #[arg(value_name = "JSON")]
    value: String,
    /// Only if it has this revision: 0 where it was never set
    #[arg(long, value_name = "REVISION")]
    revision: Option<u64>,
}

/// `abide tenants unset`.
#[derive(Debug, Args)]
struct UnsetArguments {
    /// The tenant
    name: String,
    /// grants, quotas, gateway or budgets
    #[arg(value_name = "SETTING")]
    setting: String,
}

pub(crate) async fn run(client: &Client, arguments: TenantsArguments, format: Format) -> Result<Exit> {
    match arguments.command.unwrap_or(TenantsCommand::List) {
        TenantsCommand::Create(NameArguments { name }) => {
            let tenant = Tenant::parse(&name).map_err(|error| Fault::usage(error.message))?;
            let created = client.create_tenant(&CreateTenant { tenant }).await?;
            match format {
                Format::Json => output::json(&created)?,
                Format::Text => output::line(format!(
                    "created {name}; give it rights with `abide tenants set {name} grants JSON`, and somebody a token with `abide tokens create --tenant {name}`"
                ))?,
            }
        }
        TenantsCommand::List => list(client, format).await?,
        TenantsCommand::Show(NameArguments { name }) => show(client, &name, format).await?,
        TenantsCommand::Usage(NameArguments { name }) => usage(&client.usage(&name).await?, format)?,
        TenantsCommand::Delete(DeleteArguments { name, confirm }) => {
            if name != confirm {
                return Err(Fault::usage(format!("to delete the tenant `{name}`, give `--confirm {name}`")).into());
            }
            let deleted = client.delete_tenant(&name).await?;
            match format {
                Format::Json => output::json(&deleted)?,
                Format::Text => output::line(format!("{name} is being deleted; nobody can use it any more"))?,
            }
        }
        TenantsCommand::Export(arguments) => return tenant_export::export(client, arguments, format).await,
        TenantsCommand::Import(arguments) => return tenant_export::import(client, arguments, format).await,
        TenantsCommand::Set(SetArguments { name, setting, value, revision }) => {
            let set = client.put_setting(&name, &setting, &input::json(&value)?, revision).await?;
            told("set", &set, format)?;
        }
        TenantsCommand::Unset(UnsetArguments { name, setting }) => {
            told("unset", &client.delete_setting(&name, &setting).await?, format)?;
        }
    }
    Ok(Exit::Done)
}

fn told(what: &str, setting: &TenantSetting, format: Format) -> Result<()> {
    match format {
        Format::Json => output::json(setting),
        Format::Text => {
            let TenantSetting { tenant, setting, revision, .. } = setting;
            output::line(format!("{what} {setting} of {tenant} (revision {revision})"))
        }
    }
}

async fn list(client: &Client, format: Format) -> Result<()> {
    let answer = client.tenants().await?;
    if format == Format::Json {
        return output::json(&answer);
    }
    let rows: Vec<_> = answer
        .tenants
        .iter()
        .map(|tenant| {
            let created = tenant.created_ms.map(when::date).unwrap_or_default();
            [tenant.tenant.to_string(), state(tenant).to_owned(), created]
        })
        .collect();
    output::text_out(&output::table(["TENANT", "STATE", "CREATED"], &rows))
}

async fn show(client: &Client, name: &str, format: Format) -> Result<()> {
    let tenant = client.tenant(name).await?;
    let mut settings = Vec::new();
    for kind in SettingKind::ALL {
        match client.setting(name, kind.as_str()).await {
            Ok(setting) => settings.push(setting),
            Err(error) if has_code(&error, ErrorCode::SettingNotFound) => {}
            Err(error) => return Err(error),
        }
    }
    if format == Format::Json {
        return output::json(&serde_json::json!({ "tenant": tenant, "settings": settings }));
    }
    let mut rows = vec![["tenant".to_owned(), format!("{}, {}", tenant.tenant, state(&tenant))]];
    rows.extend(settings.iter().map(|setting| [setting.setting.to_string(), setting.value.as_str().to_owned()]));
    let text: String = rows.iter().map(|[what, told]| format!("{what:<10}{told}\n")).collect();
    output::text_out(&text)
}

/// What is used, and of how much where there is a quota.
fn usage(usage: &TenantUsage, format: Format) -> Result<()> {
    if format == Format::Json {
        return output::json(usage);
    }
    let quotas = &usage.quotas;
    let rows = [
        ("open runs", usage.open_runs, quotas.open_runs),
        ("stored bytes", usage.stored_bytes, quotas.stored_bytes),
        ("versions", usage.versions, quotas.versions),
        ("calls in flight", usage.calls_in_flight.into(), quotas.calls_in_flight.map(u64::from)),
        ("guests in memory", usage.resident_guests, quotas.resident_guests.map(u64::from)),
        ("their bytes", usage.resident_bytes, quotas.resident_bytes),
    ];
    let rows: Vec<_> = rows
        .into_iter()
        .map(|(what, used, quota)| {
            let quota = quota.map_or_else(|| "-".to_owned(), |quota| quota.to_string());
            [what.to_owned(), used.to_string(), quota]
        })
        .collect();
    output::text_out(&output::table(["WHAT", "USED", "QUOTA"], &rows))
}

fn state(tenant: &TenantView) -> &'static str {
    match tenant.state {
        TenantState::Active => "active",
        TenantState::Deleting => "being deleted",
    }
}
