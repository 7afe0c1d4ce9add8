//! `credentials`: placeholders for access tokens.
//!
//! The token is had here, and stays in the host: the guest gets a placeholder that [`crate::egress`] replaces on the
//! way out, only toward the provider of the connection.

use std::sync::{Arc, PoisonError};

use crate::bindings::tandem::calendar::credentials::{AuthError, Host};
use crate::egress::Lane;
use crate::egress::passes::homes;
use crate::oauth::Secret;
use crate::runtime::State;
use crate::store::ConnectionRow;

/// Hosts of Google's Calendar API.
const GOOGLE: [&str; 2] = ["www.googleapis.com", "calendar.googleapis.com"];
/// Host of Microsoft Graph.
const MICROSOFT: [&str; 1] = ["graph.microsoft.com"];

impl Host for State {
    async fn authorization(&mut self, connection: String) -> Result<String, AuthError> {
        let (tenant, credentials) = self.reach()?;
        let (token, row) = credentials.token(&tenant, &connection).await?;
        self.pass(tenant, token, &row)
    }

    async fn refresh(&mut self, connection: String) -> Result<String, AuthError> {
        let (tenant, credentials) = self.reach()?;
        let (token, row) = credentials.refresh(&tenant, &connection).await?;
        self.pass(tenant, token, &row)
    }
}

impl State {
    fn reach(&self) -> Result<(Arc<str>, Arc<crate::oauth::Credentials>), AuthError> {
        let tenant = self.scope.tenant().ok_or(AuthError::Missing)?;
        Ok((Arc::clone(tenant), Arc::clone(&self.host.credentials)))
    }

    fn pass(&mut self, tenant: Arc<str>, token: Secret, row: &ConnectionRow) -> Result<String, AuthError> {
        let homes = {
            let settings = self.host.settings.read().unwrap_or_else(PoisonError::into_inner);
            match row.provider.as_str() {
                "google" => homes(settings.google_base_url.as_deref(), &GOOGLE),
                "microsoft" => homes(settings.microsoft_base_url.as_deref(), &MICROSOFT),
                _ => return Err(AuthError::Missing),
            }
        };
        let lane = Lane { tenant, connection: row.id.as_str().into() };
        self.guard.passes.issue(lane, token, homes).ok_or(AuthError::Unavailable)
    }
}
