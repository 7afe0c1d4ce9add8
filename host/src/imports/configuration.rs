//! `configuration`: the settings as they are now.

use std::sync::PoisonError;

use crate::bindings::tandem::calendar::configuration::{Host, Settings};
use crate::runtime::State;

impl Host for State {
    async fn get(&mut self) -> Settings {
        self.host.settings.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
