//! One connection's access token: one refresh in flight, never more often than once in a few seconds.

use std::sync::Arc;

use tokio::sync::Mutex;

use super::token_endpoint::{self, Refresh};
use super::{AuthError, Grant, Secret, Shared, Wanted};
use crate::store::ConnectionRow;

/// A token that runs out within this time is not handed out any more: a request takes a while.
const MARGIN_MS: u64 = 60_000;
/// Time between two token requests of one connection.
const PAUSE_MS: u64 = 5_000;

/// What is known of one connection's token. The lock is held while the provider is asked: others wait for the result.
#[derive(Default)]
pub(super) struct Slot(Mutex<Known>);

#[derive(Default)]
struct Known {
    token: Option<Token>,
    last: Option<Attempt>,
}

struct Token {
    access: Secret,
    expires_ms: u64,
    settings: String,
}

struct Attempt {
    at_ms: u64,
    settings: String,
    error: Option<AuthError>,
}

/// A token for the connection in `row`.
pub(super) async fn obtain(
    shared: Arc<Shared>,
    slot: Arc<Slot>,
    row: ConnectionRow,
    wanted: Wanted,
) -> Result<Secret, AuthError> {
    // On a task of its own: a caller that gives up must not lose a rotated refresh token between its arrival and
    // the store.
    let work = tokio::spawn(async move {
        let mut known = slot.0.lock().await;
        let now_ms = shared.clock.now_ms();
        if let Some(answer) = known.answer(&row.settings, wanted, now_ms) {
            return answer;
        }
        // Somebody may have refreshed while this caller waited: ask the store again for the newest refresh token.
        let (row, grant) = shared.grant(&row.tenant, &row.id).await?;
        if let Some(answer) = known.answer(&row.settings, wanted, now_ms) {
            return answer;
        }
        ask(&shared, &mut known, row, grant, now_ms).await
    });
    work.await.unwrap_or(Err(AuthError::Unavailable))
}

impl Known {
    /// What can be answered without asking the provider. Knowledge about other settings (the account was connected
    /// again) does not count.
    fn answer(&self, settings: &str, wanted: Wanted, now_ms: u64) -> Option<Result<Secret, AuthError>> {
        let token = self.token.as_ref().filter(|token| token.settings == settings);
        let just_asked = self
            .last
            .as_ref()
            .filter(|attempt| attempt.settings == settings && now_ms < attempt.at_ms.saturating_add(PAUSE_MS));
        let valid = token.filter(|token| now_ms.saturating_add(MARGIN_MS) < token.expires_ms);
        match (valid, just_asked) {
            (Some(token), _) if wanted == Wanted::Valid => Some(Ok(token.access.clone())),
            (_, Some(Attempt { error: Some(error), .. })) => Some(Err(*error)),
            // Fresh from the provider, even if it does not live long.
            (_, Some(_)) => token.map(|token| Ok(token.access.clone())),
            (_, None) => None,
        }
    }
}

async fn ask(
    shared: &Shared,
    known: &mut Known,
    row: ConnectionRow,
    grant: Grant,
    now_ms: u64,
) -> Result<Secret, AuthError> {
    let Some(request) = Refresh::of(&grant) else { return Err(AuthError::Unavailable) };
    let result = token_endpoint::ask(&shared.egress, &request).await;
    let tokens = match result {
        Ok(tokens) => tokens,
        Err(error) => {
            known.last = Some(Attempt { at_ms: now_ms, settings: row.settings, error: Some(error) });
            return Err(error);
        }
    };
    let rotated = tokens.rotated.filter(|rotated| rotated != request.token);
    let settings = match rotated {
        None => row.settings,
        Some(newer) => keep(shared, row, &grant.rotated(newer)).await,
    };
    let expires_ms = now_ms.saturating_add(tokens.life_s.saturating_mul(1_000));
    known.last = Some(Attempt { at_ms: now_ms, settings: settings.clone(), error: None });
    known.token = Some(Token { access: tokens.access.clone(), expires_ms, settings });
    Ok(tokens.access)
}

/// Store a rotated refresh token; returns the settings as the store has them afterwards.
async fn keep(shared: &Shared, row: ConnectionRow, grant: &Grant) -> String {
    let Ok(settings) = serde_json::to_string(grant) else { return row.settings };
    match shared.store.set_connection_settings(&row.tenant, &row.id, &row.settings, &settings).await {
        Ok(true) => settings,
        // Connected again or rotated elsewhere meanwhile: the store's version is newer than this one.
        Ok(false) => row.settings,
        Err(_) => {
            tracing::error!("a rotated refresh token could not be stored; the old one may stop working");
            row.settings
        }
    }
}
