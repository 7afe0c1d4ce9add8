//! `tandem serve`: the server until a signal.

use std::process::ExitCode;

use super::app::{StartOptions, start};
use super::fail;
use crate::config::Config;
use crate::telemetry;

/// Run until SIGTERM or Ctrl-C; a second one ends at once.
pub(super) fn run(config: Config) -> Result<(), ExitCode> {
    telemetry::init(config.log);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| fail(&error, 1))?;
    runtime.block_on(async {
        let running = start(config, StartOptions::default()).await.map_err(|error| fail(&error, 1))?;
        signal().await.map_err(|error| fail(&error, 1))?;
        tracing::info!("stopping; a second signal stops at once");
        tokio::select! {
            () = running.shutdown() => Ok(()),
            // Everything that matters is committed: what is cut off is repeated after the next start.
            _ = signal() => Err(ExitCode::FAILURE),
        }
    })
}

/// Returns at the next SIGTERM or Ctrl-C.
pub(super) async fn signal() -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        Ok(())
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}
