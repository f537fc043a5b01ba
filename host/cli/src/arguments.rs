//! The arguments of the command line.

use clap::builder::Styles;
use clap::builder::styling::{AnsiColor, Effects};
use clap::{Args, Parser, Subcommand};

use crate::client::Connection;
use crate::commands::{
    access, batch, build, capsule, check, compile, control, deploy, dev, fork, grants, history, inspect, keys, ledger,
    list, new, replay, result, schedule, secrets, serve, signal, start, swap, tasks, tenants, tools, update, versions,
};
use crate::output::Format;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().effects(Effects::BOLD))
    .usage(AnsiColor::Green.on_default().effects(Effects::BOLD))
    .literal(AnsiColor::Cyan.on_default().effects(Effects::BOLD))
    .placeholder(AnsiColor::Cyan.on_default());

const AFTER_HELP: &str = "\
RUN is a run id (`run_…`), or the id that was given at the start: then its latest run is meant.
FILTER is such as \"status = 'running' and customer = 'acme' and started > -24h\": fields are status, workflow, id,
version, started, closed, parked, forked_from, fork_root, fork_race and any attribute; operators are = != < <= > >= in not-in starts_with and or not.
JSON is a JSON text, `@FILE`, or `-` for standard input.

Exit status: 0 done · 1 the run failed, the replay is not identical, or the file is refused · 2 wrong arguments · 3 the host cannot
be reached · 4 the host refused · 5 the run is still open · 6 the host itself failed";

/// Workflows and agents that outlive crashes
#[derive(Debug, Parser)]
#[command(name = "abide", version, styles = STYLES, after_help = AFTER_HELP, max_term_width = 110)]
#[command(disable_help_subcommand = true, subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
pub(crate) struct Global {
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// What results look like
    #[arg(short, long, global = true, value_enum, value_name = "FORMAT", default_value = "text")]
    #[arg(help_heading = "Global options")]
    pub(crate) output: Format,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a host for development
    Dev(dev::DevArguments),
    /// Run a host from a configuration file
    Serve(serve::ServeArguments),
    /// Compile a component for a host that asks for it
    #[command(hide = true)]
    CompileComponent(compile::CompileArguments),
    /// Make a project to begin with
    New(new::NewArguments),
    /// Make a component of a workflow's source
    Build(build::BuildArguments),
    /// Show what a component is, and what a host would refuse about it
    Inspect(inspect::InspectArguments),
    /// Upload a version of a workflow
    Deploy(deploy::DeployArguments),
    /// List the workflows and their versions
    Workflows,
    /// List, label, deactivate and delete the versions of a workflow
    #[command(subcommand)]
    Versions(versions::VersionsCommand),
    /// Let new runs take a version
    Activate(versions::VersionArguments),
    /// Let new runs take the version again that they took before
    Rollback(versions::WorkflowArguments),
    /// Let some of the new runs take a version
    Ramp(versions::RampArguments),
    /// Say what happens to open runs when a version becomes active
    Policy(versions::PolicyArguments),
    /// Let open runs go on with a version that does what their histories say
    Swap(swap::SwapArguments),
    /// Replay all histories of a workflow on a component, and change nothing
    Check(check::CheckArguments),
    /// Start a run
    Start(start::StartArguments),
    /// List runs, newest first
    List(list::ListArguments),
    /// Show what runs used: calls, tokens and their price, fuel, time in memory
    Ledger(ledger::LedgerArguments),
    /// Count runs, by status
    Count(list::CountArguments),
    /// Do something to all runs of a filter
    #[command(subcommand)]
    Batch(batch::BatchCommand),
    /// Show a run in detail
    Describe(list::DescribeArguments),
    /// Show what happened in a run
    History(history::HistoryArguments),
    /// Show what a run came to
    Result(result::ResultArguments),
    /// Send a signal to a run
    Signal(signal::SignalArguments),
    /// Ask a run for something, and wait for its answer
    Update(update::UpdateArguments),
    /// Ask a run something
    Query(signal::QueryArguments),
    /// Ask a run to end
    Cancel(control::BecauseArguments),
    /// End a run without asking it
    Terminate(control::BecauseArguments),
    /// Remove a run that has ended, and its history
    Delete(control::DeleteArguments),
    /// Let a parked run go on
    Resume(control::ResumeArguments),
    /// Keep a run on its version
    Pin(control::PinArguments),
    /// Let a run go on with other versions again
    Unpin(control::PinArguments),
    /// Let a run go on from one of its events, as a new run
    Reset(control::ResetArguments),
    /// Start a run that shares the history up to an event of another one, and goes on differently
    Fork(fork::ForkArguments),
    /// Show the forks of a run, as a tree
    Forks(fork::ForksArguments),
    /// Keep a run of a race, and end the others
    Keep(fork::KeepArguments),
    /// Show, upload and remove tool components
    Tools(tools::ToolsArguments),
    /// Make and look at master keys
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Set, list and remove secrets, which activities send and nobody sees
    Secrets(secrets::SecretsArguments),
    /// Show and change what a tenant may do
    #[command(subcommand)]
    Grants(grants::GrantsCommand),
    /// Show the task queues and their workers
    Tasks,
    /// Answer a task or a deferred call with a result
    Complete(tasks::CompleteArguments),
    /// Answer a task or a deferred call with a failure
    Fail(tasks::FailArguments),
    /// Run a history again, with no live calls
    Replay(replay::ReplayArguments),
    /// Write a run into one file, which can be replayed anywhere
    Export(capsule::ExportArguments),
    /// Bring back a run from such a file
    Import(capsule::ImportArguments),
    /// Show, make and change tenants
    Tenants(tenants::TenantsArguments),
    /// Show, make and revoke tokens
    Tokens(access::TokensArguments),
    /// Show who the host takes this one for
    Whoami,
    /// Show who did what
    Audit(access::AuditArguments),
    /// Have runs started when it is time
    #[command(subcommand)]
    Schedule(schedule::ScheduleCommand),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_make_sense() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_command_takes_the_global_options() {
        let words = "abide history lisbon --follow -o json --server http://127.0.0.1:9";
        let arguments = Arguments::try_parse_from(words.split(' ')).unwrap();
        assert_eq!(arguments.global.output, Format::Json);
        assert_eq!(arguments.global.connection.server, "http://127.0.0.1:9");
    }

    #[test]
    fn json_may_begin_with_a_minus() {
        for words in [&["abide", "signal", "a", "b", "-1"][..], &["abide", "start", "a", "--input", "-1"]] {
            Arguments::try_parse_from(words).unwrap();
        }
    }
}
