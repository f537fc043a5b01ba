//! The commands, one file for each group.

pub(crate) mod access;
pub(crate) mod batch;
pub(crate) mod build;
pub(crate) mod capsule;
pub(crate) mod check;
pub(crate) mod compile;
pub(crate) mod control;
pub(crate) mod deploy;
pub(crate) mod dev;
pub(crate) mod fork;
pub(crate) mod grants;
pub(crate) mod history;
pub(crate) mod inspect;
pub(crate) mod keys;
pub(crate) mod ledger;
pub(crate) mod list;
pub(crate) mod new;
pub(crate) mod replay;
pub(crate) mod result;
pub(crate) mod schedule;
pub(crate) mod secrets;
pub(crate) mod serve;
pub(crate) mod signal;
pub(crate) mod start;
pub(crate) mod swap;
pub(crate) mod tasks;
mod tenant_export;
pub(crate) mod tenants;
pub(crate) mod tools;
pub(crate) mod update;
mod uploading;
pub(crate) mod versions;
mod workflows;

use anyhow::Result;

use crate::arguments::{Arguments, Command};
use crate::client::Client;
use crate::exit::Exit;

/// Runs a command.
pub(crate) async fn run(arguments: Arguments) -> Result<Exit> {
    let format = arguments.global.output;
    let client = || Client::new(&arguments.global.connection);
    match arguments.command {
        Command::Dev(dev) => dev::run(dev, format).await,
        Command::Serve(serve) => serve::run(serve, format).await,
        Command::CompileComponent(compile) => compile::run(&compile),
        Command::New(new) => new::run(new, format),
        Command::Build(build) => build::run(build, format).await,
        Command::Inspect(inspect) => inspect::run(client, inspect, format).await,
        Command::Deploy(deploy) => deploy::run(&client()?, deploy, format).await,
        Command::Workflows => workflows::run(&client()?, format).await,
        Command::Versions(command) => versions::run(&client()?, command, format).await,
        Command::Activate(which) => versions::activate(&client()?, which, format).await,
        Command::Rollback(which) => versions::rollback(&client()?, which, format).await,
        Command::Ramp(ramp) => versions::ramp(&client()?, ramp, format).await,
        Command::Policy(policy) => versions::policy(&client()?, policy, format).await,
        Command::Swap(swap) => swap::run(&client()?, swap, format).await,
        Command::Check(check) => check::run(&arguments.global.connection, check, format).await,
        Command::Start(start) => start::run(&client()?, start, format).await,
        Command::Ledger(ledger) => ledger::run(&client()?, ledger, format).await,
        Command::List(list) => list::run(&client()?, list, format).await,
        Command::Count(count) => list::count(&client()?, count, format).await,
        Command::Batch(batch) => batch::run(&client()?, batch, format).await,
        Command::Describe(describe) => list::describe(&client()?, describe, format).await,
        Command::History(history) => history::run(&client()?, history, format).await,
        Command::Result(result) => result::run(&client()?, result, format).await,
        Command::Signal(signal) => signal::signal(&client()?, signal, format).await,
        Command::Update(update) => update::run(&client()?, update, format).await,
        Command::Query(query) => signal::query(&client()?, query).await,
        Command::Cancel(because) => control::cancel(&client()?, because, format).await,
        Command::Terminate(because) => control::terminate(&client()?, because, format).await,
        Command::Delete(delete) => control::delete(&client()?, delete, format).await,
        Command::Resume(resume) => control::resume(&client()?, resume, format).await,
        Command::Pin(pin) => control::pin(&client()?, pin, true, format).await,
        Command::Unpin(pin) => control::pin(&client()?, pin, false, format).await,
        Command::Reset(reset) => control::reset(&client()?, reset, format).await,
        Command::Fork(fork) => fork::fork(&client()?, fork, format).await,
        Command::Forks(forks) => fork::forks(&client()?, forks, format).await,
        Command::Keep(keep) => fork::keep(&client()?, keep, format).await,
        Command::Keys(command) => keys::run(command, format),
        Command::Secrets(secrets) => secrets::run(&client()?, secrets, format).await,
        Command::Grants(command) => {
            grants::run(&client()?, arguments.global.connection.tenant.as_deref(), command, format).await
        }
        Command::Tasks => tasks::queues(&client()?, format).await,
        Command::Complete(complete) => tasks::complete(&client()?, complete, format).await,
        Command::Fail(fail) => tasks::fail(&client()?, fail, format).await,
        Command::Export(export) => capsule::export(&client()?, export, format).await,
        Command::Import(import) => capsule::import(&client()?, import, format).await,
        Command::Replay(replay) => replay::run(&client()?, replay, format).await,
        Command::Tools(tools) => tools::run(&client()?, tools, format).await,
        Command::Tenants(tenants) => tenants::run(&client()?, tenants, format).await,
        Command::Tokens(tokens) => access::tokens(client, tokens, format).await,
        Command::Whoami => access::whoami(&client()?, format).await,
        Command::Audit(audit) => access::audit(&client()?, audit, format).await,
        Command::Schedule(schedule) => schedule::run(&client()?, schedule, format).await,
    }
}
