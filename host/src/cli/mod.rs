//! The command line: what is asked for, and the exit code.
//!
//! 0 is success, 1 a start or a run that failed, 2 a mistake of whoever called (arguments, settings).

pub mod app;
mod check_config;
mod demo;
mod explain;
pub mod housekeeping;
mod reach;
mod seed;
mod serve;
mod start_error;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{Config, Environment};

/// Keeps your application's calendars and your users' Google and Microsoft calendars the same.
#[derive(Parser)]
#[command(name = "tandem", version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server.
    Serve(Settings),
    /// Read the settings, say what is wrong with them, and start nothing.
    CheckConfig(Settings),
    /// Say of an event when it is, how it repeats, what comes next, and where each exception comes from.
    Explain {
        #[command(flatten)]
        settings: Settings,
        #[command(flatten)]
        options: explain::Options,
    },
    /// Show two-way sync against a simulated Google on this machine.
    Demo(demo::Options),
}

#[derive(clap::Args)]
struct Settings {
    /// The settings file [default: $TANDEM_CONFIG, else ./tandem.toml if it exists].
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Settings {
    fn load(&self) -> Result<Config, ExitCode> {
        // Variables that are not Unicode cannot be settings.
        let unicode = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        let environment: Environment = std::env::vars_os().filter_map(unicode).collect();
        Config::load(self.config.as_deref(), &environment).map_err(|error| fail(&error, 2))
    }
}

/// Run the program.
#[must_use]
pub fn run() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Serve(settings) => settings.load().and_then(serve::run),
        Command::CheckConfig(settings) => settings.load().and_then(|config| check_config::run(&config)),
        Command::Explain { settings, options } => settings.load().and_then(|config| explain::run(config, options)),
        Command::Demo(options) => demo::run(&options),
    };
    done.map_or_else(|code| code, |()| ExitCode::SUCCESS)
}

/// Say why it does not go on. Standard error is where people look, also before logging is set up.
fn fail(error: &dyn std::fmt::Display, code: u8) -> ExitCode {
    use std::io::Write as _;
    // With standard error gone there is nobody to tell; the exit code remains.
    let _ = writeln!(std::io::stderr(), "tandem: {error}");
    ExitCode::from(code)
}
