//! Settings from file and environment.
//!
//! The file is read first, `TANDEM_SECTION_KEY` variables win over it, defaults fill the rest. Everything that is
//! wrong is reported at once, each with its place and what to write instead; a secret is never repeated.

mod checks;
mod error;
mod keys;
mod lists;
mod reader;
mod sections;
mod signing;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::store::sqlite::Synchronous;
use crate::store::{ConflictPolicy, Provider, ReplicaMode};

pub use crate::oauth::Secret;
pub use checks::{https_authority, is_id, is_loopback_host, plain_http_authority};
pub use error::{ConfigError, Fault};
pub use keys::{SECTIONS, Section, Setting, environment_name};
pub use signing::{SecretError, signing_key};

/// The file that is read when none is named, if it exists.
pub const DEFAULT_FILE: &str = "tandem.toml";

/// Variables of the process, by name.
pub type Environment = BTreeMap<String, String>;

/// All settings. `Config::default()` is a server on loopback that polls and syncs nothing yet.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Config {
    /// `[server]`
    pub server: Server,
    /// `[store]`
    pub store: StoreSettings,
    /// `[sync]`
    pub sync: Sync,
    /// `[security]`
    pub security: Security,
    /// `[google]`
    pub google: Google,
    /// `[microsoft]`
    pub microsoft: Microsoft,
    /// `[sandbox]`
    pub sandbox: Sandbox,
    /// `[zones]`
    pub zones: ZoneRules,
    /// `[log]`
    pub log: Log,
    /// `[[connections]]`
    pub connections: Vec<Connection>,
    /// `[[calendars]]`
    pub calendars: Vec<Calendar>,
    /// What looks like a mistake but does not stop the start, for the log.
    pub warnings: Vec<String>,
}

/// The HTTP server.
#[derive(Debug, Clone, PartialEq)]
pub struct Server {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The URL under which providers reach this server, no slash at the end; none to poll.
    pub public_url: Option<String>,
    /// The bearer token of the API; none to answer only callers on this machine.
    pub api_token: Option<Secret>,
    /// How long requests and steps may take to end after a signal, in seconds.
    pub shutdown_timeout_s: u32,
}

/// The database.
#[derive(Debug, Clone, PartialEq)]
pub struct StoreSettings {
    /// The file; made when missing.
    pub path: PathBuf,
    /// What a power cut may lose.
    pub synchronous: Synchronous,
}

/// Steps and polls.
#[derive(Debug, Clone, PartialEq)]
pub struct Sync {
    /// Seconds between two looks at a replica without a channel.
    pub poll_interval_s: u32,
    /// Seconds between two looks at a replica with one.
    pub safety_poll_interval_s: u32,
    /// Rows in a page of a listing.
    pub page_size: u32,
    /// Steps at the same time.
    pub workers: u32,
    /// Seconds a worker owns a replica without a sign of life.
    pub lease_s: u32,
}

/// Keys.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Security {
    /// Signs channel tokens, hex or base64 of 32 bytes or more; none for the key beside the database.
    pub signing_key: Option<Secret>,
}

/// Google.
#[derive(Debug, Clone, PartialEq)]
pub struct Google {
    /// Base URL of the Calendar API.
    pub base_url: String,
    /// Where access tokens are had.
    pub token_url: String,
    /// The OAuth client.
    pub client_id: Option<String>,
    /// Its secret.
    pub client_secret: Option<Secret>,
}

/// Microsoft.
#[derive(Debug, Clone, PartialEq)]
pub struct Microsoft {
    /// Base URL of Microsoft Graph.
    pub base_url: String,
    /// Where access tokens are had.
    pub token_url: String,
    /// The OAuth client (the application's id).
    pub client_id: Option<String>,
    /// Its secret; none for a public client.
    pub client_secret: Option<Secret>,
    /// What access tokens are asked for: names with one space between them.
    pub scope: String,
}

/// The sandbox.
#[derive(Debug, Clone, PartialEq)]
pub struct Sandbox {
    /// Memory of one instance, in MiB.
    pub memory_mb: u32,
    /// Bound on one call, in milliseconds.
    pub call_timeout_ms: u32,
    /// Where the compiled component is kept; none for a directory beside the database.
    pub cache_dir: Option<PathBuf>,
}

/// Time zones.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ZoneRules {
    /// Compiled zone rules that win over the component's own; none for those.
    pub directory: Option<PathBuf>,
}

/// Logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Log {
    /// How much.
    pub level: LogLevel,
    /// Which form.
    pub format: LogFormat,
}

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the usual levels")]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// An account.
#[derive(Debug, Clone, PartialEq)]
pub struct Connection {
    /// Whose.
    pub tenant: String,
    /// Its id.
    pub id: String,
    /// Who provides it.
    pub provider: Provider,
    /// How it is authorised.
    pub token: Token,
}

/// What authorises a connection.
#[derive(Debug, Clone, PartialEq)]
pub enum Token {
    /// A bearer token; it works until it expires.
    Access(Secret),
    /// An OAuth refresh token of the client in the provider's section.
    Refresh(Secret),
}

/// A local calendar.
#[derive(Debug, Clone, PartialEq)]
pub struct Calendar {
    /// Whose.
    pub tenant: String,
    /// Its id.
    pub id: String,
    /// For people.
    pub name: String,
    /// IANA name.
    pub time_zone: String,
    /// The provider calendars that it is kept the same with.
    pub replicas: Vec<Replica>,
}

/// A provider calendar.
#[derive(Debug, Clone, PartialEq)]
pub struct Replica {
    /// Its id.
    pub id: String,
    /// A connection of the same tenant.
    pub connection: String,
    /// The provider's name of the calendar.
    pub remote_calendar: String,
    /// Which way.
    pub mode: ReplicaMode,
    /// Who wins.
    pub policy: ConflictPolicy,
}

impl Config {
    /// Read the settings: from `file`, else from the file that `TANDEM_CONFIG` names, else from `tandem.toml` if
    /// there is one, else only from the environment.
    ///
    /// # Errors
    /// Everything that is wrong, with file, line, key and fix.
    pub fn load(file: Option<&Path>, environment: &Environment) -> Result<Self, ConfigError> {
        let named = file
            .map(Path::to_path_buf)
            .or_else(|| environment.get("TANDEM_CONFIG").map(|name| PathBuf::from(name.as_str())));
        let path = named.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_FILE));
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::parse(&text, &path, environment),
            Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
                Self::parse("", &path, environment)
            }
            Err(error) => Err(ConfigError::unreadable(&path, &error)),
        }
    }

    /// Read the settings from the text of a file; `path` is for messages and for files named beside it.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn parse(text: &str, path: &Path, environment: &Environment) -> Result<Self, ConfigError> {
        sections::read(text, path, environment)
    }

    /// Where the compiled component is kept.
    #[must_use]
    pub fn cache_dir(&self) -> PathBuf {
        self.sandbox.cache_dir.clone().unwrap_or_else(|| beside(&self.store.path, ".cache"))
    }

    /// Where the generated signing key is kept.
    #[must_use]
    pub fn key_file(&self) -> PathBuf {
        beside(&self.store.path, ".key")
    }
}

/// The path of a file with something added to its name.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(suffix);
    PathBuf::from(name)
}
