//! Settings: every fault names file, line, key and fix; no secret is repeated; the documents list every key.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop")]

use std::path::Path;

use tandem_host::config::{Config, Environment, SECTIONS, Secret, Token, environment_name, signing_key};
use tandem_host::store::{ConflictPolicy, Provider, ReplicaMode};

const EXAMPLE: &str = include_str!("../../tandem.example.toml");
const PAGE: &str = include_str!("../../docs/configuration.md");

fn environment(pairs: &[(&str, &str)]) -> Environment {
    pairs.iter().map(|(name, value)| ((*name).to_string(), (*value).to_string())).collect()
}

fn parse(text: &str, pairs: &[(&str, &str)]) -> Result<Config, String> {
    Config::parse(text, Path::new("tandem.toml"), &environment(pairs)).map_err(|error| error.to_string())
}

#[test]
fn example_is_the_defaults() {
    assert_eq!(parse(EXAMPLE, &[]).unwrap(), Config::default());
    assert_eq!(parse("", &[]).unwrap(), Config::default());
}

#[test]
fn commented_lines_of_the_example_are_valid_too() {
    // Every "# key = value" and "# [section]" line is taken in, except for the other of two ways to give a token.
    let text: String = EXAMPLE
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(rest) if rest.starts_with('[') || rest.contains(" = ") => rest,
            _ => line,
        })
        .filter(|line| !line.starts_with("refresh_token_file"))
        .map(|line| line.replace("api_token_file", "api_token").replace("client_secret_file", "client_secret"))
        .map(|line| line + "\n")
        .collect();
    let text = text.replace("\"api-token\"", "\"0123456789abcdef\"");
    let key = "00".repeat(32);
    let config =
        parse(&text, &[("TANDEM_SIGNING_KEY", &key), ("ALICE_GOOGLE_TOKEN", "t"), ("ALICE_MICROSOFT_TOKEN", "t")])
            .unwrap();
    assert_eq!(config.calendars[0].replicas[0].remote_calendar, "primary");
    assert_eq!(config.calendars[0].replicas[1].connection, "alice-microsoft");
    assert_eq!(config.connections[1].provider, Provider::Microsoft);
    assert_eq!(config.server.public_url.as_deref(), Some("https://sync.example.com"));
}

#[test]
fn documents_list_every_key() {
    for section in SECTIONS {
        for setting in section.settings {
            let row = format!("| `{}.{}` |", section.name, setting.key);
            assert!(PAGE.contains(&row), "docs/configuration.md has no row {row}");
            let (key, env, file) = (setting.key, format!("{}_env = ", setting.key), format!("{}_file = ", setting.key));
            let shown = EXAMPLE.contains(&format!("{key} = ")) || EXAMPLE.contains(&env) || EXAMPLE.contains(&file);
            let list = EXAMPLE.contains(&format!("[[{}.{key}]]", section.name));
            assert!(shown || list, "tandem.example.toml does not show {}.{key}", section.name);
        }
    }
    let rows = PAGE.lines().filter(|line| line.starts_with("| `")).count();
    assert_eq!(
        rows,
        SECTIONS.iter().map(|section| section.settings.len()).sum::<usize>(),
        "the page has keys too many"
    );
}

#[test]
fn documented_defaults_are_the_defaults() {
    let config = Config::default();
    for (key, value) in [
        ("server.listen", config.server.listen.to_string()),
        ("server.shutdown_timeout_s", config.server.shutdown_timeout_s.to_string()),
        ("store.path", config.store.path.display().to_string()),
        ("store.synchronous", "full".into()),
        ("sync.poll_interval_s", config.sync.poll_interval_s.to_string()),
        ("sync.safety_poll_interval_s", config.sync.safety_poll_interval_s.to_string()),
        ("sync.page_size", config.sync.page_size.to_string()),
        ("sync.workers", config.sync.workers.to_string()),
        ("sync.lease_s", config.sync.lease_s.to_string()),
        ("google.base_url", config.google.base_url.clone()),
        ("google.token_url", config.google.token_url.clone()),
        ("microsoft.base_url", config.microsoft.base_url.clone()),
        ("microsoft.token_url", config.microsoft.token_url.clone()),
        ("microsoft.scope", config.microsoft.scope.clone()),
        ("sandbox.memory_mb", config.sandbox.memory_mb.to_string()),
        ("sandbox.call_timeout_ms", config.sandbox.call_timeout_ms.to_string()),
    ] {
        assert!(PAGE.contains(&format!("| `{key}` | `{value}` |")), "the page has another default for {key}");
    }
}

/// Text of a file, and what its error must contain.
const FAULTS: &[(&str, &str)] = &[
    ("[server]\nlisen = \"x\"", "tandem.toml:2: server.lisen is not a setting; did you mean listen?"),
    ("[server]\nzzzzzzzz = 1", "tandem.toml:2: server.zzzzzzzz is not a setting; remove it, or use one of: listen,"),
    ("\n\n[servr]", "tandem.toml:3: servr is not a section; did you mean server?"),
    ("server = 3", "tandem.toml:1: server is not a section; write [server] with its keys below"),
    ("[server]\nlisten = \"here\"", "tandem.toml:2: server.listen is not an address with a port; write address:port"),
    ("[server]\nlisten = 8080", "tandem.toml:2: server.listen is a number, not a text; write a text in quotes"),
    ("[server]\npublic_url = \"https://a/\"", "server.public_url ends with a slash; leave the slash out"),
    ("[server]\npublic_url = \"http://a.example\"", "server.public_url uses plain http toward another machine"),
    ("[server]\npublic_url = \"ftp://a.example\"", "server.public_url is neither http nor https"),
    ("[server]\npublic_url = \"sync\"", "server.public_url is "),
    ("[server]\npublic_url = \"https://u:p@a.example\"", "server.public_url holds a user name or password"),
    ("[server]\npublic_url = \"https://a.example\"", "server.api_token is needed when public_url is set; set a token"),
    ("[server]\napi_token = \"short\"", "server.api_token is short enough to be guessed; use 16 characters or more"),
    ("[server]\napi_token_env = \"NOT_SET\"", "server.api_token_env names a variable that is not set"),
    ("[server]\napi_token_file = \"no/such/file\"", "server.api_token_file names a file that cannot be read"),
    (
        "[server]\napi_token = \"a\"\napi_token_env = \"B\"",
        "server.api_token is given more than once (api_token, api_token_env); keep one",
    ),
    ("[store]\nsynchronous = \"off\"", "store.synchronous is not one of the choices; write one of: full, normal"),
    ("[sync]\npage_size = 0", "tandem.toml:2: sync.page_size is not a whole number within bounds; write 1 to 2500"),
    ("[sync]\npage_size = 2501", "sync.page_size is not a whole number within bounds"),
    ("[sync]\npage_size = \"250\"", "sync.page_size is not a whole number within bounds"),
    ("[sync]\nworkers = 1.5", "sync.workers is not a whole number within bounds"),
    ("[log]\nlevel = \"loud\"", "tandem.toml:2: log.level is not one of the choices; write one of: error, warn"),
    ("[security]\nsigning_key = \"abcd\"", "security.signing_key is not a key; write at least 32 bytes"),
    ("[google]\nbase_url = \"http://10.0.0.1\"", "google.base_url uses plain http toward another machine"),
    ("[microsoft]\ntoken_url = \"http://10.0.0.1\"", "microsoft.token_url uses plain http toward another machine"),
    (
        "[microsoft]\nscope = \"offline_access,Calendars.ReadWrite\"",
        "tandem.toml:2: microsoft.scope is not a list of scopes; write their names with one space between them",
    ),
    ("[microsoft]\nscope = \"\"", "microsoft.scope is not a list of scopes"),
    ("[microsoft]\nscope = \"a  b\"", "microsoft.scope is not a list of scopes"),
    ("[microsoft]\nclientid = \"a\"", "microsoft.clientid is not a setting; did you mean client_id?"),
    ("[server\n", "tandem.toml:1: this is not TOML:"),
    ("connections = 1", "connections is not a list of tables; write [[connections]]"),
    ("[[connections]]\nid = \"a\"\naccess_token = \"x\"", "tandem.toml:1: connections[0].tenant is missing; add it"),
    (
        "[[connections]]\ntenant = \"a b\"\nid = \"a\"\naccess_token = \"x\"",
        "tandem.toml:2: connections[0].tenant is not an id",
    ),
    ("[[connections]]\ntenant = \"t\"\nid = \"a\"", "connections[0].access_token is missing"),
    (
        "[[connections]]\ntenant = \"t\"\nid = \"a\"\nrefresh_token = \"x\"",
        "connections[0].refresh_token has no OAuth client; set google.client_id",
    ),
    (
        "[[connections]]\ntenant = \"t\"\nid = \"a\"\nprovider = \"yahoo\"\naccess_token = \"x\"",
        "connections[0].provider is not one of the choices; write one of: google, microsoft",
    ),
    (
        "[google]\nclient_id = \"c\"\n[[connections]]\ntenant = \"t\"\nid = \"a\"\nprovider = \"microsoft\"\nrefresh_token = \"x\"",
        "connections[0].refresh_token has no OAuth client; set microsoft.client_id",
    ),
    (
        "[[calendars]]\ntenant = \"t\"\nid = \"a\"\ntime_zone = \"+01:00\"",
        "calendars[0].time_zone is not the name of a time zone",
    ),
    (
        "[[calendars]]\ntenant = \"t\"\nid = \"a\"\n[[calendars]]\ntenant = \"t\"\nid = \"a\"",
        "tandem.toml:4: calendars[1].id is used twice in this tenant",
    ),
    (
        "[[calendars]]\ntenant = \"t\"\nid = \"a\"\n[[calendars.replicas]]\nid = \"r\"\nconnection = \"nobody\"\nremote_calendar = \"primary\"",
        "tandem.toml:6: calendars[0].replicas[0].connection is not a (valid) connection of this tenant",
    ),
];

#[test]
fn faults_name_place_key_and_fix() {
    for (text, expected) in FAULTS {
        let error = parse(text, &[]).expect_err(text);
        assert!(error.contains(expected), "for {text:?}\nexpected {expected}\ngot      {error}");
    }
    let text = "[[connections]]\ntenant = \"t\"\nid = \"c\"\naccess_token = \"x\"\n[[calendars]]\ntenant = \"t\"\nid = \"a\"\n\
                [[calendars.replicas]]\nid = \"r\"\nconnection = \"c\"\nremote_calendar = \"p\"\nmode = \"both\"";
    let expected =
        "tandem.toml:12: calendars[0].replicas[0].mode is not one of the choices; write one of: two-way, pull";
    let error = parse(text, &[]).unwrap_err();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn all_faults_come_at_once() {
    let error = parse("[server]\nlisten = 1\n[log]\nlevel = 2\n", &[("TANDEM_SYNC_WORKERS", "many")]).unwrap_err();
    assert_eq!(error.lines().count(), 3, "{error}");
    assert!(error.contains("environment variable TANDEM_SYNC_WORKERS: sync.workers"), "{error}");
}

#[test]
fn secrets_are_never_repeated() {
    let secret = "s3cr3t-hunter2";
    for text in [
        format!("[server]\napi_token = \"{secret}"),
        format!("[server]\napi_token = {secret}"),
        format!("[server]\napi_token = \"{secret} x\""),
        format!("[server]\napi_token = \"{secret}\"\nlisten = 3"),
        format!("[security]\nsigning_key = \"{secret}\""),
        format!("[google]\nclient_secret = [\"{secret}\"]"),
        format!("[microsoft]\nclient_secret = \"{secret} x\""),
        format!("[microsoft]\ntoken_url = \"https://u:{secret}@a.example\""),
        format!("[google]\nbase_url = \"https://u:{secret}@a.example\""),
        format!("[[connections]]\naccess_token = \"{secret}\"\nrefresh_token = \"{secret}\""),
    ] {
        let error = parse(&text, &[]).expect_err(&text);
        assert!(!error.contains("hunter2"), "{error}");
    }
    let error = parse("", &[("TANDEM_SERVER_API_TOKEN", "hunter2")]).unwrap_err();
    assert!(!error.contains("hunter2"), "{error}");
    let good = parse(&format!("[server]\napi_token = \"{secret}-and-more\""), &[]).unwrap();
    assert!(!format!("{good:?}").contains("hunter2"));
}

#[test]
fn environment_wins_over_the_file() {
    let text = "[server]\nlisten = \"127.0.0.1:1\"\n[sync]\npage_size = 5\n";
    let config = parse(text, &[("TANDEM_SERVER_LISTEN", "127.0.0.1:2"), ("TANDEM_SYNC_PAGE_SIZE", "")]).unwrap();
    assert_eq!(config.server.listen.port(), 2);
    assert_eq!(config.sync.page_size, 5, "an empty variable counts as not set");
    assert_eq!(environment_name("server", "public_url"), "TANDEM_SERVER_PUBLIC_URL");
    let config = parse("", &[("TANDEM_SERVER_LISTN", "x"), ("TANDEM_OTHER", "x")]).unwrap();
    assert_eq!(config.warnings, ["environment variable TANDEM_SERVER_LISTN is not a setting and is ignored"]);
}

#[test]
fn lists_are_read_whole() {
    let text = r#"
        [google]
        client_id = "client"
        [[connections]]
        tenant = "t"
        id = "one"
        refresh_token_env = "REFRESH"
        [microsoft]
        client_id = "public-client"
        [[connections]]
        tenant = "t"
        id = "two"
        provider = "microsoft"
        refresh_token = "of-microsoft"
        [[calendars]]
        tenant = "t"
        id = "a"
        [[calendars.replicas]]
        id = "r1"
        connection = "one"
        remote_calendar = "primary"
        [[calendars.replicas]]
        id = "r2"
        connection = "one"
        remote_calendar = "team@group.calendar.google.com"
        mode = "busy-only"
        policy = "ask"
    "#;
    let config = parse(text, &[("REFRESH", " token\n")]).unwrap();
    assert_eq!(config.connections[0].token, Token::Refresh(Secret::new("token".into())));
    assert_eq!(config.connections[0].provider, Provider::Google);
    assert_eq!(config.connections[1].token, Token::Refresh(Secret::new("of-microsoft".into())));
    assert_eq!(config.connections[1].provider, Provider::Microsoft);
    assert_eq!(config.microsoft.client_secret, None);
    let calendar = &config.calendars[0];
    assert_eq!((calendar.name.as_str(), calendar.time_zone.as_str()), ("a", "Etc/UTC"));
    assert_eq!((calendar.replicas[0].mode, calendar.replicas[0].policy), (ReplicaMode::TwoWay, ConflictPolicy::Newest));
    assert_eq!((calendar.replicas[1].mode, calendar.replicas[1].policy), (ReplicaMode::BusyOnly, ConflictPolicy::Ask));
}

#[test]
fn files_are_found_and_missing_ones_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("own.toml");
    std::fs::write(&file, "[server]\napi_token_file = \"token\"\n").unwrap();
    std::fs::write(directory.path().join("token"), "0123456789abcdef\n").unwrap();
    let config = Config::load(Some(&file), &Environment::new()).unwrap();
    assert_eq!(config.server.api_token, Some(Secret::new("0123456789abcdef".into())));
    let by_variable = environment(&[("TANDEM_CONFIG", file.to_str().unwrap())]);
    assert_eq!(Config::load(None, &by_variable).unwrap(), config);
    let missing = directory.path().join("absent.toml");
    let error = Config::load(Some(&missing), &Environment::new()).unwrap_err().to_string();
    assert!(error.contains("absent.toml: cannot be read") && error.contains("--config"), "{error}");
}

#[test]
fn signing_key_is_made_once_and_private() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("tandem.db.key");
    let first = signing_key(None, &file).unwrap();
    assert_eq!(first.len(), 32);
    assert_eq!(signing_key(None, &file).unwrap(), first);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1, "no draft is left behind");
    std::fs::write(&file, "not a key").unwrap();
    let error = signing_key(None, &file).unwrap_err().to_string();
    assert!(error.contains("is damaged") && !error.contains("not a key"), "{error}");
    let base64 = Secret::new("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=".into());
    assert_eq!(signing_key(Some(&base64), &file).unwrap(), vec![0; 32]);
}
