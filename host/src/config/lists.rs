//! `[[connections]]` and `[[calendars]]`: entries that refer to each other, so ids are checked here too.

use std::collections::BTreeSet;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::checks;
use super::reader::{Reader, Source};
use super::{Calendar, Connection, Google, Microsoft, Replica, Token};
use crate::store::{ConflictPolicy, Provider, ReplicaMode};

const PROVIDERS: &[(&str, Provider)] = &[("google", Provider::Google), ("microsoft", Provider::Microsoft)];

const MODES: &[(&str, ReplicaMode)] = &[
    ("two-way", ReplicaMode::TwoWay),
    ("pull", ReplicaMode::Pull),
    ("push", ReplicaMode::Push),
    ("busy-only", ReplicaMode::BusyOnly),
];

const POLICIES: &[(&str, ConflictPolicy)] = &[
    ("newest", ConflictPolicy::Newest),
    ("remote", ConflictPolicy::Remote),
    ("local", ConflictPolicy::Local),
    ("ask", ConflictPolicy::Ask),
];

/// The tables of a list, each with its start; a fault when it is something else.
fn tables<'t>(
    table: &'t DeTable<'t>,
    key: &str,
    label: &str,
    source: &mut Source<'_>,
) -> Vec<(&'t DeTable<'t>, usize, String)> {
    let Some(value) = table.get(key) else { return Vec::new() };
    let wrong = |key: &str| ("is not a list of tables".to_string(), format!("write [[{key}]] with its keys below"));
    let DeValue::Array(items) = value.get_ref() else {
        let place = source.place(value.span().start);
        source.fault(place, label, wrong(key));
        return Vec::new();
    };
    let mut tables = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let item: &Spanned<DeValue<'_>> = item;
        let name = format!("{label}[{index}]");
        match item.get_ref() {
            DeValue::Table(table) => tables.push((table, item.span().start, name)),
            _ => {
                let place = source.place(item.span().start);
                source.fault(place, &name, wrong(key));
            }
        }
    }
    tables
}

/// `[[connections]]`.
pub(super) fn connections<'t>(
    root: &'t DeTable<'t>,
    source: &mut Source<'_>,
    google: &Google,
    microsoft: &Microsoft,
) -> Vec<Connection> {
    let mut seen = BTreeSet::new();
    let mut connections = Vec::new();
    for (table, at, label) in tables(root, "connections", "connections", source) {
        let mut reader = Reader::new(source, "connections", label, Some(table), at);
        let tenant = reader.required("tenant", checks::id);
        let id = reader.required("id", checks::id);
        let provider = reader.choice("provider", Provider::Google, PROVIDERS);
        unique(&mut reader, &mut seen, &tenant, &id);
        let client = match provider {
            Provider::Google => Client { of: "google", missing: google.client_id.is_none() },
            Provider::Microsoft => Client { of: "microsoft", missing: microsoft.client_id.is_none() },
        };
        if let Some(token) = token(&mut reader, client) {
            connections.push(Connection { tenant, id, provider, token });
        }
    }
    connections
}

/// The OAuth client that a connection's refresh token belongs to.
struct Client {
    /// The section it stands in.
    of: &'static str,
    /// It does not stand there.
    missing: bool,
}

fn token(reader: &mut Reader<'_, '_, '_>, client: Client) -> Option<Token> {
    let (access, refresh) = (reader.secret("access_token"), reader.secret("refresh_token"));
    match (access, refresh) {
        (Some(access), None) => Some(Token::Access(access.value)),
        (None, Some(refresh)) if !client.missing => Some(Token::Refresh(refresh.value)),
        (None, Some(refresh)) => {
            let fix = format!("set {}.client_id (and client_secret) to the client that it was given to", client.of);
            reader.fault(refresh.place, "refresh_token", ("has no OAuth client".into(), fix));
            None
        }
        (Some(access), Some(_)) => {
            let wrong = ("is given beside a refresh_token".into(), "keep one of them".into());
            reader.fault(access.place, "access_token", wrong);
            None
        }
        (None, None) => {
            let place = reader.start();
            let fix = "add access_token or refresh_token (or one of them with _env or _file)".to_string();
            reader.fault(place, "access_token", ("is missing or not valid".into(), fix));
            None
        }
    }
}

/// `[[calendars]]` with their replicas.
pub(super) fn calendars<'t>(
    root: &'t DeTable<'t>,
    source: &mut Source<'_>,
    connections: &[Connection],
) -> Vec<Calendar> {
    let (mut seen, mut seen_replicas) = (BTreeSet::new(), BTreeSet::new());
    let mut calendars = Vec::new();
    for (table, at, label) in tables(root, "calendars", "calendars", source) {
        let mut reader = Reader::new(source, "calendars", label.clone(), Some(table), at);
        let tenant = reader.required("tenant", checks::id);
        let id = reader.required("id", checks::id);
        let name = reader.checked("name", |name| checks::text(name, 200)).unwrap_or_else(|| id.clone());
        let time_zone = reader.checked("time_zone", checks::time_zone).unwrap_or_else(|| "Etc/UTC".into());
        unique(&mut reader, &mut seen, &tenant, &id);
        let mut replicas = Vec::new();
        for (table, at, label) in tables(table, "replicas", &format!("{label}.replicas"), source) {
            let mut reader = Reader::new(source, "calendars.replicas", label, Some(table), at);
            let replica = replica(&mut reader, &tenant, connections);
            unique(&mut reader, &mut seen_replicas, &tenant, &replica.id);
            replicas.push(replica);
        }
        calendars.push(Calendar { tenant, id, name, time_zone, replicas });
    }
    calendars
}

fn replica(reader: &mut Reader<'_, '_, '_>, tenant: &str, connections: &[Connection]) -> Replica {
    let id = reader.required("id", checks::id);
    let connection = reader.required("connection", |name| {
        checks::id(name)?;
        // A connection that is wrong itself is not in the list: this fault then names the second place to look at.
        if connections.iter().any(|known| known.tenant == tenant && known.id == name) {
            return Ok(());
        }
        Err((
            "is not a (valid) connection of this tenant".into(),
            "name the id of one of the [[connections]] with the same tenant".into(),
        ))
    });
    let remote_calendar = reader.required("remote_calendar", |name| checks::text(name, 1_000));
    let mode = reader.choice("mode", ReplicaMode::TwoWay, MODES);
    let policy = reader.choice("policy", ConflictPolicy::Newest, POLICIES);
    Replica { id, connection, remote_calendar, mode, policy }
}

fn unique(reader: &mut Reader<'_, '_, '_>, seen: &mut BTreeSet<(String, String)>, tenant: &str, id: &str) {
    if !id.is_empty() && !seen.insert((tenant.to_string(), id.to_string())) {
        let place = reader.start();
        reader.fault(place, "id", ("is used twice in this tenant".into(), "give each its own id".into()));
    }
}
