//! The refresh request of OAuth 2.0 (RFC 6749, section 6) and its answers.

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use serde::Deserialize;

use super::{AuthError, Grant, Secret};
use crate::egress::Egress;

/// Life of an access token whose response does not say (`expires_in` is only recommended).
const DEFAULT_LIFE_S: u64 = 3_600;

/// What a refresh gave.
pub(super) struct Tokens {
    /// For requests.
    pub(super) access: Secret,
    /// Its life in seconds.
    pub(super) life_s: u64,
    /// A new refresh token that takes the place of the old one; none when that stays good.
    pub(super) rotated: Option<String>,
}

/// What the request is made from.
pub(super) struct Refresh<'a> {
    pub(super) token: &'a str,
    pub(super) client_id: &'a str,
    pub(super) client_secret: Option<&'a str>,
    pub(super) token_url: &'a str,
    pub(super) scope: Option<&'a str>,
}

impl<'a> Refresh<'a> {
    /// Of a grant that has a refresh token.
    pub(super) fn of(grant: &'a Grant) -> Option<Self> {
        match grant {
            Grant::RefreshToken { token, client_id, client_secret, token_url, scope, .. } => Some(Self {
                token,
                client_id,
                client_secret: client_secret.as_deref(),
                token_url,
                scope: scope.as_deref(),
            }),
            Grant::AccessToken { .. } => None,
        }
    }
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: Option<u64>,
    refresh_token: Option<String>,
}

#[derive(Deserialize)]
struct Refused {
    error: String,
    /// Microsoft's own numbers; read leniently, because only two of them matter.
    #[serde(default)]
    error_codes: serde_json::Value,
}

/// Numbers of Microsoft that pass by themselves, whatever `error` comes with them: too many requests of one client
/// (AADSTS50196), the service is not available (AADSTS90033).
const PASSING: [u64; 2] = [50_196, 90_033];

impl Refused {
    fn passes(&self) -> bool {
        let codes = self.error_codes.as_array().into_iter().flatten();
        codes.filter_map(serde_json::Value::as_u64).any(|code| PASSING.contains(&code))
    }
}

/// Ask for a new access token.
pub(super) async fn ask(egress: &Egress, refresh: &Refresh<'_>) -> Result<Tokens, AuthError> {
    let Ok(request) = to_wire(refresh) else {
        tracing::warn!("the token URL of a connection is not a URL");
        return Err(AuthError::Unavailable);
    };
    let response = egress.send(request).await.map_err(|error| {
        tracing::warn!(%error, "no answer from a token endpoint");
        AuthError::Unavailable
    })?;
    from_wire(response.status(), response.body())
}

fn to_wire(refresh: &Refresh<'_>) -> http::Result<Request<Bytes>> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "refresh_token");
    form.append_pair("refresh_token", refresh.token);
    form.append_pair("client_id", refresh.client_id);
    if let Some(secret) = refresh.client_secret {
        form.append_pair("client_secret", secret);
    }
    if let Some(scope) = refresh.scope {
        form.append_pair("scope", scope);
    }
    Request::builder()
        .method(Method::POST)
        .uri(refresh.token_url)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::ACCEPT, "application/json")
        .body(Bytes::from(form.finish()))
}

fn from_wire(status: StatusCode, body: &[u8]) -> Result<Tokens, AuthError> {
    if status == StatusCode::OK {
        let granted: Granted = serde_json::from_slice(body).map_err(|_| {
            tracing::warn!("a token endpoint answered without a token");
            AuthError::Unavailable
        })?;
        return Ok(Tokens {
            access: Secret::new(granted.access_token),
            life_s: granted.expires_in.unwrap_or(DEFAULT_LIFE_S),
            rotated: granted.refresh_token.filter(|token| !token.is_empty()),
        });
    }
    let refused: Option<Refused> = serde_json::from_slice(body).ok();
    // Only `error` and the numbers say what it is. The texts beside them change, and may name the account.
    let code = refused.as_ref().filter(|refused| !refused.passes()).map_or("", |refused| refused.error.as_str());
    match code {
        // Only a person can help: consent was withdrawn, or the provider wants a new sign-in.
        "invalid_grant" | "interaction_required" | "consent_required" | "login_required"
            if status.is_client_error() =>
        {
            Err(AuthError::Revoked)
        }
        // A setting of this installation is wrong; the connections themselves are fine.
        "invalid_client" | "unauthorized_client" | "invalid_request" | "invalid_scope" => {
            tracing::error!(code, "a token endpoint refuses the OAuth client: check its id, its secret and the scope");
            Err(AuthError::Unavailable)
        }
        _ => {
            tracing::warn!(status = status.as_u16(), "a token endpoint gave no token");
            Err(AuthError::Unavailable)
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
    use super::*;

    #[test]
    fn refusals_say_who_can_help() {
        let cases = [
            (
                400,
                r#"{"error":"invalid_grant","error_description":"Token has been expired or revoked."}"#,
                AuthError::Revoked,
            ),
            (401, r#"{"error":"invalid_grant"}"#, AuthError::Revoked),
            (400, r#"{"error":"interaction_required"}"#, AuthError::Revoked),
            (401, r#"{"error":"invalid_client"}"#, AuthError::Unavailable),
            (400, r#"{"error":"unknown"}"#, AuthError::Unavailable),
            // Microsoft: a refresh token that was not used for 90 days, a changed password, consent or a second factor.
            (400, r#"{"error":"invalid_grant","error_codes":[700082],"suberror":"bad_token"}"#, AuthError::Revoked),
            (
                400,
                r#"{"error":"invalid_grant","error_codes":[65001],"suberror":"consent_required"}"#,
                AuthError::Revoked,
            ),
            (400, r#"{"error":"interaction_required","error_codes":[50076],"claims":"{}"}"#, AuthError::Revoked),
            (400, r#"{"error":"consent_required"}"#, AuthError::Revoked),
            (400, r#"{"error":"login_required"}"#, AuthError::Revoked),
            (401, r#"{"error":"invalid_client","error_codes":[7000222]}"#, AuthError::Unavailable),
            (400, r#"{"error":"unauthorized_client","error_codes":[700016]}"#, AuthError::Unavailable),
            (400, r#"{"error":"temporarily_unavailable"}"#, AuthError::Unavailable),
            (400, r#"{"error":"invalid_grant","error_codes":[50196]}"#, AuthError::Unavailable),
            (400, r#"{"error":"invalid_grant","error_codes":[90033]}"#, AuthError::Unavailable),
            // What cannot be read beside `error` does not hide it, and a text decides nothing.
            (400, r#"{"error":"invalid_grant","error_codes":"90033"}"#, AuthError::Revoked),
            (400, r#"{"error":"unknown","error_description":"AADSTS70008: invalid_grant"}"#, AuthError::Unavailable),
            (500, r#"{"error":"invalid_grant"}"#, AuthError::Unavailable),
            (503, "<html>", AuthError::Unavailable),
            (302, "", AuthError::Unavailable),
            (200, "{}", AuthError::Unavailable),
        ];
        for (status, body, expected) in cases {
            match from_wire(StatusCode::from_u16(status).unwrap(), body.as_bytes()) {
                Err(error) => assert_eq!(error, expected, "{status} {body}"),
                Ok(_) => panic!("{status} {body} gave a token"),
            }
        }
    }

    #[test]
    fn a_token_without_a_life_gets_the_usual_one() {
        let tokens =
            from_wire(StatusCode::OK, br#"{"access_token":"a","refresh_token":""}"#).unwrap_or_else(|_| panic!());
        assert_eq!((tokens.access.reveal(), tokens.life_s, tokens.rotated), ("a", DEFAULT_LIFE_S, None));
    }
}
