//! `tandem check-config`: settings that were read are valid; says in short what they make of the server.

use std::io::Write as _;
use std::process::ExitCode;

use super::fail;
use crate::config::Config;

/// Print the summary and the warnings.
pub(super) fn run(config: &Config) -> Result<(), ExitCode> {
    let replicas: usize = config.calendars.iter().map(|calendar| calendar.replicas.len()).sum();
    let way = if config.server.public_url.is_some() { "webhooks" } else { "polling" };
    let mut text = format!(
        "the settings are valid: {} connections, {} calendars with {replicas} replicas, {way}, listening on {}\n",
        config.connections.len(),
        config.calendars.len(),
        config.server.listen,
    );
    for warning in &config.warnings {
        text.push_str(&format!("warning: {warning}\n"));
    }
    std::io::stdout().write_all(text.as_bytes()).map_err(|error| fail(&error, 1))
}
