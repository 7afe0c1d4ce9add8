//! From the text of a file to [`Config`]: the sections that stand once. Lists are in `lists.rs`.

use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::checks;
use super::error::{ConfigError, Fault};
use super::keys::{SECTIONS, environment_name, names, nearest};
use super::lists;
use super::reader::{Reader, Source};
use super::signing::key_bytes;
use super::{
    Config, Environment, Google, Log, LogFormat, LogLevel, Microsoft, Sandbox, Security, Server, StoreSettings, Sync,
    ZoneRules,
};
use crate::store::sqlite::Synchronous;

/// Google's Calendar API.
const GOOGLE_BASE_URL: &str = "https://www.googleapis.com/calendar/v3";
/// Google's token endpoint.
const GOOGLE_TOKEN_URL: &str = "https://oauth2.googleapis.com/token";
/// Microsoft Graph.
const MICROSOFT_BASE_URL: &str = "https://graph.microsoft.com/v1.0";
/// The token endpoint of Entra, for accounts of every tenant and personal ones.
const MICROSOFT_TOKEN_URL: &str = "https://login.microsoftonline.com/common/oauth2/v2.0/token";
/// What a token must allow. Without `offline_access` an account gets no refresh token.
const MICROSOFT_SCOPE: &str = "offline_access Calendars.ReadWrite User.Read openid profile";

const LEVELS: &[(&str, LogLevel)] = &[
    ("error", LogLevel::Error),
    ("warn", LogLevel::Warn),
    ("info", LogLevel::Info),
    ("debug", LogLevel::Debug),
    ("trace", LogLevel::Trace),
];

const SYNCHRONOUS: &[(&str, Synchronous)] = &[("full", Synchronous::Full), ("normal", Synchronous::Normal)];

/// Read everything; all faults at once.
pub(super) fn read(text: &str, path: &Path, environment: &Environment) -> Result<Config, ConfigError> {
    let mut source = Source { path, text, environment, faults: Vec::new() };
    let parsed = match DeTable::parse(text) {
        Ok(parsed) => parsed,
        Err(error) => return Err(syntax(&source, &error)),
    };
    let root = parsed.get_ref();
    refuse_unknown_sections(root, &mut source);
    let server = server(&mut open(root, &mut source, "server"));
    let store = store(&mut open(root, &mut source, "store"));
    let sync = sync(&mut open(root, &mut source, "sync"));
    let security = security(&mut open(root, &mut source, "security"));
    let google = google(&mut open(root, &mut source, "google"));
    let microsoft = microsoft(&mut open(root, &mut source, "microsoft"));
    let sandbox = sandbox(&mut open(root, &mut source, "sandbox"));
    let zones = ZoneRules { directory: open(root, &mut source, "zones").text("directory").map(|f| f.value.into()) };
    let log = log(&mut open(root, &mut source, "log"));
    let connections = lists::connections(root, &mut source, &google, &microsoft);
    let calendars = lists::calendars(root, &mut source, &connections);
    if !source.faults.is_empty() {
        return Err(ConfigError { faults: source.faults });
    }
    let warnings = unknown_variables(environment);
    Ok(Config {
        server,
        store,
        sync,
        security,
        google,
        microsoft,
        sandbox,
        zones,
        log,
        connections,
        calendars,
        warnings,
    })
}

/// Not TOML. Only the parser's own words are shown: its excerpt of the line could hold a secret.
fn syntax(source: &Source<'_>, error: &toml::de::Error) -> ConfigError {
    let place = source.place(error.span().map_or(0, |span| span.start)).to_string();
    let problem = format!("this is not TOML: {}", error.message());
    let fix = "correct this line; texts stand in quotes, sections in [brackets]".into();
    ConfigError { faults: vec![Fault { place, key: String::new(), problem, fix }] }
}

fn refuse_unknown_sections(root: &DeTable<'_>, source: &mut Source<'_>) {
    let known: Vec<&str> = SECTIONS.iter().map(|section| section.name).filter(|name| !name.contains('.')).collect();
    for key in root.keys() {
        let name = key.get_ref().as_ref();
        if known.contains(&name) {
            continue;
        }
        let place = source.place(key.span().start);
        let fix = nearest(name, known.iter().copied()).map_or_else(
            || format!("remove it; sections are: {}", known.join(", ")),
            |near| format!("did you mean {near}?"),
        );
        source.fault(place, name, ("is not a section".into(), fix));
    }
}

fn open<'t, 's, 'a>(root: &'t DeTable<'t>, source: &'s mut Source<'a>, name: &'static str) -> Reader<'t, 's, 'a> {
    let value: Option<&Spanned<DeValue<'_>>> = root.get(name);
    let at = value.map_or(0, |value| value.span().start);
    let table = match value.map(Spanned::get_ref) {
        Some(DeValue::Table(table)) => Some(table),
        Some(_) => {
            let place = source.place(at);
            source.fault(place, name, ("is not a section".into(), format!("write [{name}] with its keys below")));
            None
        }
        None => None,
    };
    Reader::new(source, name, name.to_string(), table, at)
}

fn server(reader: &mut Reader<'_, '_, '_>) -> Server {
    let mut server = Server::default();
    if let Some(found) = reader.text("listen") {
        match found.value.parse() {
            Ok(address) => server.listen = address,
            Err(_) => {
                let fix = "write address:port, for example 127.0.0.1:8080".to_string();
                reader.fault(found.place, "listen", ("is not an address with a port".into(), fix));
            }
        }
    }
    server.public_url = reader.checked("public_url", checks::base_url);
    let token = reader.secret("api_token");
    if let Some(found) = token {
        if found.value.reveal().len() >= 16 {
            server.api_token = Some(found.value);
        } else {
            reader.fault(
                found.place,
                "api_token",
                ("is short enough to be guessed".into(), "use 16 characters or more".into()),
            );
        }
    } else if server.public_url.as_deref().is_some_and(|url| !is_local(url)) {
        // Behind a proxy on this machine every caller looks local, so "local callers only" protects nothing.
        let place = reader.start();
        let fix = "set a token (for example from `openssl rand -hex 32`) or remove public_url".to_string();
        reader.fault(place, "api_token", ("is needed when public_url is set".into(), fix));
    }
    server.shutdown_timeout_s = reader.number("shutdown_timeout_s", server.shutdown_timeout_s, 1, 600);
    server
}

fn is_local(url: &str) -> bool {
    url.parse::<http::Uri>().is_ok_and(|uri| uri.host().is_some_and(checks::is_loopback_host))
}

fn store(reader: &mut Reader<'_, '_, '_>) -> StoreSettings {
    let default = StoreSettings::default();
    let path = reader.checked("path", |path| checks::text(path, 4096));
    StoreSettings {
        path: path.map_or(default.path, PathBuf::from),
        synchronous: reader.choice("synchronous", default.synchronous, SYNCHRONOUS),
    }
}

fn sync(reader: &mut Reader<'_, '_, '_>) -> Sync {
    let default = Sync::default();
    Sync {
        poll_interval_s: reader.number("poll_interval_s", default.poll_interval_s, 1, 86_400),
        safety_poll_interval_s: reader.number("safety_poll_interval_s", default.safety_poll_interval_s, 10, 604_800),
        page_size: reader.number("page_size", default.page_size, 1, 2_500),
        workers: reader.number("workers", default.workers, 1, 256),
        lease_s: reader.number("lease_s", default.lease_s, 5, 3_600),
    }
}

fn security(reader: &mut Reader<'_, '_, '_>) -> Security {
    let Some(found) = reader.secret("signing_key") else { return Security::default() };
    if key_bytes(found.value.reveal()).is_none() {
        let fix = "write at least 32 bytes as hex or base64, or leave it out to have one made".to_string();
        reader.fault(found.place, "signing_key", ("is not a key".into(), fix));
        return Security::default();
    }
    Security { signing_key: Some(found.value) }
}

fn google(reader: &mut Reader<'_, '_, '_>) -> Google {
    let default = Google::default();
    Google {
        base_url: reader.checked("base_url", checks::base_url).unwrap_or(default.base_url),
        token_url: reader.checked("token_url", checks::base_url).unwrap_or(default.token_url),
        client_id: reader.checked("client_id", |id| checks::text(id, 500)),
        client_secret: reader.secret("client_secret").map(|found| found.value),
    }
}

fn microsoft(reader: &mut Reader<'_, '_, '_>) -> Microsoft {
    let default = Microsoft::default();
    Microsoft {
        base_url: reader.checked("base_url", checks::base_url).unwrap_or(default.base_url),
        token_url: reader.checked("token_url", checks::base_url).unwrap_or(default.token_url),
        client_id: reader.checked("client_id", |id| checks::text(id, 500)),
        client_secret: reader.secret("client_secret").map(|found| found.value),
        scope: reader.checked("scope", checks::scope).unwrap_or(default.scope),
    }
}

fn sandbox(reader: &mut Reader<'_, '_, '_>) -> Sandbox {
    let default = Sandbox::default();
    Sandbox {
        memory_mb: reader.number("memory_mb", default.memory_mb, 16, 4_096),
        call_timeout_ms: reader.number("call_timeout_ms", default.call_timeout_ms, 1_000, 600_000),
        cache_dir: reader.checked("cache_dir", |path| checks::text(path, 4096)).map(PathBuf::from),
    }
}

fn log(reader: &mut Reader<'_, '_, '_>) -> Log {
    let default = Log::default();
    Log {
        level: reader.choice("level", default.level, LEVELS),
        format: reader.choice("format", default.format, &[("text", LogFormat::Text), ("json", LogFormat::Json)]),
    }
}

/// Variables that look like settings and are none. Not refused: orchestrators set such names on their own.
fn unknown_variables(environment: &Environment) -> Vec<String> {
    let sections = || SECTIONS.iter().filter(|section| !section.list);
    let known: Vec<String> = sections()
        .flat_map(|section| names(section.name).into_iter().map(|key| environment_name(section.name, &key)))
        .collect();
    let prefixes: Vec<String> = sections().map(|section| environment_name(section.name, "")).collect();
    environment
        .keys()
        .filter(|name| prefixes.iter().any(|prefix| name.starts_with(prefix)) && !known.contains(name))
        .map(|name| format!("environment variable {name} is not a setting and is ignored"))
        .collect()
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: std::net::SocketAddr::from(([127, 0, 0, 1], 8080)),
            public_url: None,
            api_token: None,
            shutdown_timeout_s: 20,
        }
    }
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self { path: PathBuf::from("tandem.db"), synchronous: Synchronous::Full }
    }
}

impl Default for Sync {
    fn default() -> Self {
        Self { poll_interval_s: 60, safety_poll_interval_s: 3_600, page_size: 250, workers: 4, lease_s: 60 }
    }
}

impl Default for Google {
    fn default() -> Self {
        Self {
            base_url: GOOGLE_BASE_URL.into(),
            token_url: GOOGLE_TOKEN_URL.into(),
            client_id: None,
            client_secret: None,
        }
    }
}

impl Default for Microsoft {
    fn default() -> Self {
        Self {
            base_url: MICROSOFT_BASE_URL.into(),
            token_url: MICROSOFT_TOKEN_URL.into(),
            client_id: None,
            client_secret: None,
            scope: MICROSOFT_SCOPE.into(),
        }
    }
}

impl Default for Sandbox {
    fn default() -> Self {
        Self { memory_mb: 128, call_timeout_ms: 60_000, cache_dir: None }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { level: LogLevel::Info, format: LogFormat::Text }
    }
}
