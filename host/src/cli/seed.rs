//! Puts the connections, calendars and replicas of the settings into the store. Doing it again changes nothing: what is
//! there already is left alone, because writing a connection anew would forget that a provider asked to slow down.

use super::start_error::StartError;
use crate::config::{Calendar, Config, Connection, Token};
use crate::oauth::Grant;
use crate::store::{CalendarRow, ConnectionRow, NewReplica, Provider, Store};

/// Write what is missing or differs.
pub(super) async fn seed(config: &Config, store: &dyn Store) -> Result<(), StartError> {
    for wanted in &config.connections {
        connection(config, wanted, store).await?;
    }
    for wanted in &config.calendars {
        calendar(wanted, store).await?;
    }
    Ok(())
}

async fn connection(config: &Config, wanted: &Connection, store: &dyn Store) -> Result<(), StartError> {
    let provider = match wanted.provider {
        Provider::Google => "google",
        Provider::Microsoft => "microsoft",
    };
    let there = store.connection(&wanted.tenant, &wanted.id).await?.filter(|row| row.provider == provider);
    let kept = there.as_ref().and_then(|row| serde_json::from_str::<Grant>(&row.settings).ok());
    let grant = grant(config, wanted);
    // A refresh token that the provider replaced since is kept: the settings still name the first one.
    let grant = match &kept {
        Some(kept) => grant.going_on_from(kept),
        None => grant,
    };
    let settings = serde_json::to_string(&grant).map_err(|_| StartError::Seed(wanted.id.clone()))?;
    if there.is_some_and(|row| row.settings == settings) {
        return Ok(());
    }
    let row = ConnectionRow {
        tenant: wanted.tenant.clone(),
        id: wanted.id.clone(),
        provider: provider.into(),
        settings,
        revoked: false,
        not_before_ms: 0,
        attempts: 0,
    };
    Ok(store.put_connection(row).await?)
}

/// How the settings authorise a connection.
fn grant(config: &Config, wanted: &Connection) -> Grant {
    let (Token::Access(token) | Token::Refresh(token)) = &wanted.token;
    let token = token.reveal().to_string();
    if matches!(wanted.token, Token::Access(_)) {
        return Grant::AccessToken { token };
    }
    let (google, microsoft) = (&config.google, &config.microsoft);
    let (id, secret, url, scope) = match wanted.provider {
        Provider::Google => (&google.client_id, &google.client_secret, &google.token_url, None),
        Provider::Microsoft => {
            (&microsoft.client_id, &microsoft.client_secret, &microsoft.token_url, Some(microsoft.scope.clone()))
        }
    };
    Grant::RefreshToken {
        token,
        client_id: id.clone().unwrap_or_default(),
        client_secret: secret.as_ref().map(|secret| secret.reveal().to_string()),
        token_url: url.clone(),
        scope,
        given: None,
    }
}

async fn calendar(wanted: &Calendar, store: &dyn Store) -> Result<(), StartError> {
    let row = CalendarRow {
        tenant: wanted.tenant.clone(),
        id: wanted.id.clone(),
        name: wanted.name.clone(),
        time_zone: wanted.time_zone.clone(),
    };
    if !store.calendars(&wanted.tenant).await?.contains(&row) {
        store.put_calendar(row).await?;
    }
    let there = store.replica_statuses(&wanted.tenant).await?;
    for replica in &wanted.replicas {
        let new = NewReplica {
            tenant: wanted.tenant.clone(),
            id: replica.id.clone(),
            connection: replica.connection.clone(),
            calendar: wanted.id.clone(),
            remote_calendar: replica.remote_calendar.clone(),
            mode: replica.mode,
            policy: replica.policy,
        };
        if let Some(status) = there.iter().find(|status| status.id == new.id) {
            // Its shadows belong to the old pair of calendars: going on with them would delete events.
            let bound = (&status.calendar, &status.connection, &status.remote_calendar);
            if bound != (&new.calendar, &new.connection, &new.remote_calendar) {
                return Err(StartError::Bound(new.id));
            }
            if (status.mode, status.policy) == (new.mode, new.policy) {
                continue;
            }
        }
        store.put_replica(new).await?;
    }
    Ok(())
}
