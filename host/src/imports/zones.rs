//! `zones`: newer rules of time zones, if this machine is to give them.

use crate::bindings::tandem::calendar::zones::Host;
use crate::runtime::State;

impl Host for State {
    async fn version(&mut self) -> Option<String> {
        self.host.zones.as_ref().map(crate::zones::ZoneFiles::version)
    }

    async fn rules(&mut self, zone: String) -> Option<Vec<u8>> {
        self.host.zones.as_ref()?.rules(&zone)
    }
}
