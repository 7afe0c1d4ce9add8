//! The simulated Microsoft Graph on a loopback port, for clients in other processes.
//! Invariant: what it prints on its first two lines is enough to use it: the base URL, then account and token.

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use tandem_providers::microsoft::{Config, EventsDelta, Microsoft};
use tandem_providers::{Server, SystemClock};

const USAGE: &str = "microsoft-sim [--port N] [--events N] [--seed N] [--token TEXT] [--account E-MAIL] \
[--zone NAME] [--page-limit N] [--drift-ms N] [--no-events-delta] [--allow-http-webhooks]";

struct Options {
    port: u16,
    events: usize,
    seed: u64,
    token: String,
    account: String,
    zone: String,
    config: Config,
}

fn read(mut arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options {
        port: 0,
        events: 0,
        seed: 1,
        token: "sim-access-token".to_owned(),
        account: "user@example.com".to_owned(),
        zone: "W. Europe Standard Time".to_owned(),
        config: Config::default(),
    };
    while let Some(name) = arguments.next() {
        match name.as_str() {
            "--allow-http-webhooks" => {
                options.config.allow_http_webhooks = true;
                continue;
            }
            "--no-events-delta" => {
                options.config.events_delta = EventsDelta::NotImplemented;
                continue;
            }
            _ => {}
        }
        let value = arguments.next().ok_or_else(|| format!("{name} needs a value; usage: {USAGE}"))?;
        let number = || value.parse::<u64>().map_err(|_| format!("{name} needs a number"));
        match name.as_str() {
            "--port" => options.port = value.parse().map_err(|_| "--port needs a port number".to_owned())?,
            "--events" => {
                options.events = usize::try_from(number()?).map_err(|_| "--events is too large".to_owned())?;
            }
            "--seed" => options.seed = number()?,
            "--page-limit" => options.config.page_limit = usize::try_from(number()?).ok(),
            "--drift-ms" => options.config.drift_after_ms = i64::try_from(number()?).ok(),
            "--token" => options.token = value,
            "--account" => options.account = value,
            "--zone" => options.zone = value,
            other => return Err(format!("unknown option {other}; usage: {USAGE}")),
        }
    }
    options.config.seed = options.seed;
    Ok(options)
}

async fn run(options: Options) -> Result<(), String> {
    let microsoft = Microsoft::new(options.config, Arc::new(SystemClock));
    microsoft.add_account(&options.account, &options.zone);
    microsoft.grant_access(&options.account, &options.token, i64::MAX / 2);
    microsoft.grant_refresh(&options.account, "sim-client", "sim-refresh-token");
    microsoft.generate(&options.account, options.events, options.seed).map_err(|error| error.to_string())?;
    let server =
        Server::start(Arc::new(microsoft), options.port).await.map_err(|error| format!("cannot listen: {error}"))?;
    let mut out = std::io::stdout();
    let said = writeln!(out, "{}", server.base_url())
        .and_then(|()| writeln!(out, "{} {}", options.account, options.token))
        .and_then(|()| out.flush());
    said.map_err(|error| error.to_string())?;
    tokio::signal::ctrl_c().await.map_err(|error| error.to_string())
}

#[tokio::main]
async fn main() -> ExitCode {
    let result = match read(std::env::args().skip(1)) {
        Ok(options) => run(options).await,
        Err(message) => Err(message),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            let _ = writeln!(std::io::stderr(), "microsoft-sim: {message}");
            ExitCode::FAILURE
        }
    }
}
