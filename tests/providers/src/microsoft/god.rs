//! What only a test may do: act as the user in Outlook, break things, change switches.
//! Invariant: a user's edit takes the same path as a request's, so it moves change keys and notifies the same way.

use serde_json::{Value, json};

use super::error::ApiError;
use super::series::{self, Target};
use super::state::{Access, Account, Calendar, Counters, LogLine, Refresh, State};
use super::write::{self, Writer};
use super::{Config, Microsoft, auth, ids};
use crate::faults::{Fault, FaultPlan, PushFault, PushFaults};

/// The id of the calendar that a test names: by its id, or by the address of the account whose default it is.
pub(crate) fn calendar_id(state: &State, name: &str) -> Option<String> {
    let of_account = state.accounts.get(name).map(|account| account.calendar.clone());
    of_account.or_else(|| state.calendars.contains_key(name).then(|| name.to_owned()))
}

fn add(state: &mut State, owner: &str, name: &str, is_default: bool) -> String {
    // No letters that a path would have to escape, but those that an id may have.
    let id = format!("AAMkAGCal{}=", ids::new_core(&mut state.random));
    state.calendars.insert(id.clone(), Calendar::new(&id, owner, name, is_default));
    id
}

impl Microsoft {
    /// Adds an account with its default calendar and gives back that calendar's id. `time_zone` is a Windows or an
    /// IANA name; it is what generated events are written in. Nothing happens if the account is known.
    pub fn add_account(&self, address: &str, time_zone: &str) -> String {
        let state = &mut *self.lock();
        if let Some(known) = state.accounts.get(address) {
            return known.calendar.clone();
        }
        let calendar = add(state, address, "Calendar", true);
        let id = ids::uuid(3, crate::random::mix(state.config.seed, address));
        let account = Account {
            id,
            zone: time_zone.to_owned(),
            calendar: calendar.clone(),
            under_way: 0,
            requests: std::collections::VecDeque::new(),
        };
        state.accounts.insert(address.to_owned(), account);
        calendar
    }

    /// Adds another calendar of that owner and gives back its id.
    pub fn add_calendar(&self, owner: &str, name: &str) -> String {
        add(&mut self.lock(), owner, name, false)
    }

    /// The id of an account's default calendar.
    #[must_use]
    pub fn default_calendar(&self, address: &str) -> Option<String> {
        self.lock().accounts.get(address).map(|account| account.calendar.clone())
    }

    /// Whether the calendar may be written.
    pub fn set_can_edit(&self, calendar: &str, can_edit: bool) {
        let state = &mut *self.lock();
        let id = calendar_id(state, calendar);
        if let Some(calendar) = id.and_then(|id| state.calendars.get_mut(&id)) {
            calendar.can_edit = can_edit;
        }
    }

    /// Makes `token` an access token of the account, for `life_ms` milliseconds, with `Calendars.ReadWrite`.
    pub fn grant_access(&self, address: &str, token: &str, life_ms: i64) {
        self.grant_access_with_scopes(address, token, life_ms, &["Calendars.ReadWrite", "User.Read"]);
    }

    /// The same with chosen scopes (`Calendars.Read`, ...).
    pub fn grant_access_with_scopes(&self, address: &str, token: &str, life_ms: i64, scopes: &[&str]) {
        let state = &mut *self.lock();
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        let access = Access { account: address.to_owned(), expires_ms: state.now_ms.saturating_add(life_ms), scopes };
        state.access.insert(token.to_owned(), access);
    }

    /// Makes `token` a refresh token of the account for that client.
    pub fn grant_refresh(&self, address: &str, client: &str, token: &str) {
        let refresh = Refresh { account: address.to_owned(), client: client.to_owned(), revoked: false };
        self.lock().refresh.insert(token.to_owned(), refresh);
    }

    /// All access tokens of the account end now; refresh tokens stay.
    pub fn expire_access(&self, address: &str) {
        self.lock().access.retain(|_, access| access.account != address);
    }

    /// The user's password changes: all tokens die, and the subscriptions with them.
    pub fn revoke_account(&self, address: &str) {
        auth::revoke_account(&mut self.lock(), address);
    }

    /// All delta tokens of the calendar are lost from now on.
    pub fn expire_delta_tokens(&self, calendar: &str) {
        let state = &mut *self.lock();
        let id = calendar_id(state, calendar);
        if let Some(calendar) = id.and_then(|id| state.calendars.get_mut(&id)) {
            calendar.generation += 1;
        }
    }

    /// All subscriptions end now; with `told` their lifecycle addresses learn `subscriptionRemoved`.
    pub fn drop_subscriptions(&self, told: bool) {
        let state = &mut *self.lock();
        for (_, subscription) in std::mem::take(&mut state.subscriptions) {
            if told {
                super::notify::lifecycle(state, &subscription, "subscriptionRemoved");
            }
        }
    }

    /// Tells the lifecycle addresses of all subscriptions `reauthorizationRequired` or `missed`.
    pub fn tell_lifecycle(&self, event: &str) {
        let state = &mut *self.lock();
        let all: Vec<_> = state.subscriptions.values().cloned().collect();
        for subscription in all {
            super::notify::lifecycle(state, &subscription, event);
        }
    }

    /// Ids of the live subscriptions to a calendar.
    #[must_use]
    pub fn subscriptions(&self, calendar: &str) -> Vec<String> {
        let state = self.lock();
        let Some(id) = calendar_id(&state, calendar) else { return Vec::new() };
        state.subscriptions.values().filter(|one| one.calendar == id).map(|one| one.id.clone()).collect()
    }

    /// Plans a fault behind those already planned.
    pub fn plan(&self, fault: Fault) {
        self.lock().faults.add(fault);
    }

    /// Decides the fate of the next notification.
    pub fn plan_push(&self, fault: PushFault) {
        self.lock().faults.add_push(fault);
    }

    /// Sets the probabilities for notifications.
    pub fn set_push_faults(&self, faults: PushFaults) {
        self.lock().faults.pushes = faults;
    }

    /// Forgets all faults.
    pub fn clear_faults(&self) {
        self.lock().faults.clear();
    }

    /// Looks at or changes the whole fault plan. `act` must not call this Microsoft: it holds the lock.
    pub fn with_faults<T>(&self, act: impl FnOnce(&mut FaultPlan) -> T) -> T {
        act(&mut self.lock().faults)
    }

    /// Changes switches while it runs. `act` must not call this Microsoft: it holds the lock.
    pub fn configure(&self, act: impl FnOnce(&mut Config)) {
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

    fn as_user(state: &State, calendar: &str) -> Result<(String, Writer), ApiError> {
        let id = calendar_id(state, calendar).ok_or_else(ApiError::item_not_found)?;
        let account = state.calendars.get(&id).map(|calendar| calendar.owner.clone()).unwrap_or_default();
        Ok((id, Writer { account, if_match: None, god: true }))
    }

    /// The target and the writer of a user's edit.
    pub(crate) fn user_target(state: &State, calendar: &str, id: &str) -> Result<(Target, Writer), ApiError> {
        let (_, writer) = Self::as_user(state, calendar)?;
        Ok((series::find(state, &writer.account, id)?, writer))
    }

    /// The owner creates an event in Outlook. Unlike a request this may set `organizer`, `responseStatus`,
    /// `isCancelled` and `originalStartTimeZone`.
    ///
    /// # Errors
    /// What a request would be refused with.
    pub fn user_insert(&self, calendar: &str, event: &Value) -> Result<Value, ApiError> {
        let state = &mut *self.lock();
        let (id, writer) = Self::as_user(state, calendar)?;
        let (_, target) = write::create(state, &id, event, &writer)?;
        super::truth::shown(state, &target).ok_or_else(ApiError::item_not_found)
    }

    /// The owner changes an event or one occurrence; the same rules as PATCH.
    ///
    /// # Errors
    /// What a request would be refused with.
    pub fn user_patch(&self, calendar: &str, id: &str, patch: &Value) -> Result<Value, ApiError> {
        let state = &mut *self.lock();
        let (target, writer) = Self::user_target(state, calendar, id)?;
        write::change(state, &target, patch, &writer)?;
        super::truth::shown(state, &target).ok_or_else(ApiError::item_not_found)
    }

    /// The owner moves an event or one occurrence; `start` and `end` are whole `dateTimeTimeZone`s.
    ///
    /// # Errors
    /// What a request would be refused with.
    pub fn user_move(&self, calendar: &str, id: &str, start: &Value, end: &Value) -> Result<Value, ApiError> {
        self.user_patch(calendar, id, &json!({ "start": start, "end": end }))
    }

    /// The owner deletes an event, a series or one occurrence.
    ///
    /// # Errors
    /// What a request would be refused with.
    pub fn user_delete(&self, calendar: &str, id: &str) -> Result<(), ApiError> {
        let state = &mut *self.lock();
        let (target, writer) = Self::user_target(state, calendar, id)?;
        write::delete(state, &target, &writer)
    }

    /// The owner drags an event into another calendar of the mailbox: its default id changes, its immutable id stays.
    /// Answers the event with its new id.
    ///
    /// # Errors
    /// `ErrorItemNotFound` for an unknown event or calendar.
    pub fn user_transfer(&self, calendar: &str, id: &str, to: &str) -> Result<Value, ApiError> {
        let state = &mut *self.lock();
        let (target, _) = Self::user_target(state, calendar, id)?;
        let to = calendar_id(state, to).ok_or_else(ApiError::item_not_found)?;
        let home = state.calendars.get(&target.calendar).ok_or_else(ApiError::item_not_found)?;
        let old = series::live(home, &target.core)?.clone();
        let mut gone = old.clone();
        gone.deleted = true;
        let mut moved = old;
        moved.salt = ids::new_salt(&mut state.random);
        moved.change = state.next_change();
        moved.stamp_ms = state.now_ms;
        moved.reaches.clear();
        state.put(&target.calendar, gone);
        super::watch::changed(state, &Target { original_ms: None, ..target.clone() }, "deleted");
        let target = Target { calendar: to.clone(), core: target.core, original_ms: None };
        state.put(&to, moved);
        super::watch::changed(state, &target, "created");
        super::truth::shown(state, &target).ok_or_else(ApiError::item_not_found)
    }
}
