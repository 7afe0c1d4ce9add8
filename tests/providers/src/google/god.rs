//! What only a test may do: act as the user in Google's own pages, break things.
//! Invariant: a user's edit takes the same path as a request's, so it moves etags and pushes the same way.

use serde_json::{Value, json};

use super::Google;
use super::auth;
use super::body::WriteOptions;
use super::error::ApiError;
use super::state::{Access, Calendar, Counters, LogLine, Refresh, Role};
use super::write::{self, Writer};
use crate::faults::{Fault, FaultPlan, PushFault, PushFaults};

const ALL_SCOPES: &str = "https://www.googleapis.com/auth/calendar";

impl Google {
    /// Adds an account with its primary calendar (whose id is the e-mail address).
    pub fn add_account(&self, email: &str, time_zone: &str) {
        let mut state = self.lock();
        state.accounts.insert(email.to_owned());
        let shuffle = state.config.shuffle;
        state.calendars.entry(email.to_owned()).or_insert_with(|| Calendar::new(email, email, time_zone, shuffle));
    }

    /// Adds another calendar of that owner; nothing happens if the id is taken.
    pub fn add_calendar(&self, owner: &str, id: &str, summary: &str, time_zone: &str) {
        let mut state = self.lock();
        let shuffle = state.config.shuffle;
        let calendar = state.calendars.entry(id.to_owned());
        calendar.or_insert_with(|| Calendar::new(id, owner, time_zone, shuffle)).summary = summary.to_owned();
    }

    /// Gives an account a role in a calendar, or takes it away. As an ACL change it kills the calendar's sync tokens.
    pub fn set_role(&self, calendar: &str, email: &str, role: Option<Role>) {
        if let Some(calendar) = self.lock().calendars.get_mut(calendar) {
            match role {
                Some(role) => calendar.roles.insert(email.to_owned(), role),
                None => calendar.roles.remove(email),
            };
            calendar.generation += 1;
        }
    }

    /// Whether the calendar can be watched.
    pub fn set_pushable(&self, calendar: &str, pushable: bool) {
        if let Some(calendar) = self.lock().calendars.get_mut(calendar) {
            calendar.pushable = pushable;
        }
    }

    /// Makes `token` an access token of the account, for `life_ms` milliseconds, with the scope `calendar`.
    pub fn grant_access(&self, email: &str, token: &str, life_ms: i64) {
        self.grant_access_with_scopes(email, token, life_ms, &[ALL_SCOPES]);
    }

    /// The same with chosen scopes (whole URLs).
    pub fn grant_access_with_scopes(&self, email: &str, token: &str, life_ms: i64, scopes: &[&str]) {
        let mut state = self.lock();
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        let access = Access { account: email.to_owned(), expires_ms: state.now_ms.saturating_add(life_ms), scopes };
        state.access.insert(token.to_owned(), access);
    }

    /// Makes `token` a refresh token of the account for that client.
    pub fn grant_refresh(&self, email: &str, client: &str, token: &str) {
        let refresh = Refresh {
            account: email.to_owned(),
            client: client.to_owned(),
            scopes: vec![ALL_SCOPES.to_owned()],
            revoked: false,
        };
        self.lock().refresh.insert(token.to_owned(), refresh);
    }

    /// All access tokens of the account end now; refresh tokens stay.
    pub fn expire_access(&self, email: &str) {
        self.lock().access.retain(|_, access| access.account != email);
    }

    /// The user takes back the consent.
    pub fn revoke_account(&self, email: &str) {
        auth::revoke_account(&mut self.lock(), email);
    }

    /// All sync tokens of the calendar are refused with 410 from now on.
    pub fn expire_sync_tokens(&self, calendar: &str) {
        if let Some(calendar) = self.lock().calendars.get_mut(calendar) {
            calendar.generation += 1;
        }
    }

    /// All channels end now, without a word.
    pub fn drop_channels(&self) {
        self.lock().channels.clear();
    }

    /// Ids of the live channels of a calendar.
    #[must_use]
    pub fn channels(&self, calendar: &str) -> Vec<String> {
        let state = self.lock();
        let live = state.channels.values().filter(|c| c.calendar == calendar && c.expires_ms > state.now_ms);
        live.map(|channel| channel.id.clone()).collect()
    }

    /// Plans a fault behind those already planned.
    pub fn plan(&self, fault: Fault) {
        self.lock().faults.add(fault);
    }

    /// Decides the fate of the next push.
    pub fn plan_push(&self, fault: PushFault) {
        self.lock().faults.add_push(fault);
    }

    /// Sets the probabilities of what happens to pushes.
    pub fn set_push_faults(&self, faults: PushFaults) {
        self.lock().faults.pushes = faults;
    }

    /// Ends all faults.
    pub fn clear_faults(&self) {
        self.lock().faults.clear();
    }

    /// Looks at or changes the whole fault plan. `act` must not call this Google: it holds the lock.
    pub fn with_faults<T>(&self, act: impl FnOnce(&mut FaultPlan) -> T) -> T {
        act(&mut self.lock().faults)
    }

    /// Changes switches while it runs. `act` must not call this Google: it holds the lock.
    pub fn configure(&self, act: impl FnOnce(&mut super::Config)) {
        act(&mut self.lock().config);
    }

    /// Figures since the start.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.lock().counters.clone()
    }

    /// The latest requests, oldest first.
    #[must_use]
    pub fn log(&self) -> Vec<LogLine> {
        self.lock().log.iter().cloned().collect()
    }

    /// Forgets the request log; the counters stay.
    pub fn clear_log(&self) {
        self.lock().log.clear();
    }

    fn as_user(&self, calendar: &str) -> Writer {
        let account = self.lock().calendars.get(calendar).map(|c| c.owner.clone()).unwrap_or_default();
        let options = WriteOptions { god: true, attachments: true, ..WriteOptions::default() };
        Writer { account, if_match: None, options }
    }

    /// The owner creates an event in Google's own pages. Unlike a request this may set `organizer`, any `eventType`,
    /// any `id`, and even `recurringEventId` with `originalStartTime` (an exception before its master).
    ///
    /// # Errors
    /// What a request would be refused with.
    pub fn user_insert(&self, calendar: &str, event: &Value) -> Result<Value, ApiError> {
        let writer = self.as_user(calendar);
        write::insert(&mut self.lock(), calendar, event, &writer).map(Value::Object)
    }

    /// The owner changes an event or one instance; the same rules as PATCH.
    ///
    /// # Errors
    /// What a request would be refused with.
    pub fn user_patch(&self, calendar: &str, id: &str, patch: &Value) -> Result<Value, ApiError> {
        let writer = self.as_user(calendar);
        write::change(&mut self.lock(), calendar, id, patch, false, &writer).map(Value::Object)
    }

    /// The owner moves an event or one instance to other times; `start` and `end` are whole `EventDateTime`s.
    ///
    /// # Errors
    /// What a request would be refused with.
    pub fn user_move(&self, calendar: &str, id: &str, start: &Value, end: &Value) -> Result<Value, ApiError> {
        let whole = |given: &Value| {
            let mut full = json!({ "date": null, "dateTime": null, "timeZone": null });
            if let (Some(full), Some(given)) = (full.as_object_mut(), given.as_object()) {
                full.extend(given.clone());
            }
            full
        };
        self.user_patch(calendar, id, &json!({ "start": whole(start), "end": whole(end) }))
    }

    /// The owner deletes an event, a series or one instance.
    ///
    /// # Errors
    /// What a request would be refused with.
    pub fn user_delete(&self, calendar: &str, id: &str) -> Result<(), ApiError> {
        let writer = self.as_user(calendar);
        write::delete(&mut self.lock(), calendar, id, &writer)
    }
}
