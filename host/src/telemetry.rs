//! Logs: structured lines on standard error. Only Tandem's own lines go below `warn`, because the libraries under
//! it write headers, and so tokens, at their lower levels.

use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat, LogLevel};

/// Start logging for the whole process. A second call does nothing: the first one stands.
pub fn init(log: Log) {
    let level = match log.level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
        LogLevel::Trace => "trace",
    };
    let others = if log.level == LogLevel::Error { "error" } else { "warn" };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(format!("{others},tandem_host={level},tandem={level}")))
        .with_writer(std::io::stderr)
        .with_target(false);
    // Tests and embedders may have a subscriber already: theirs stays.
    let _ = match log.format {
        LogFormat::Text => builder.with_ansi(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(false).try_init(),
    };
}
