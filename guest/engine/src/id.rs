//! Ids that come out the same on every try, so that a repeated write can never create a second thing.

use data_encoding::{BASE32HEX_NOPAD, HEXLOWER};
use sha2::{Digest, Sha256};

use crate::effects::{FailureKind, Replica};

/// SHA-256 over parts, each closed by a zero byte so that parts cannot run into each other.
fn digest(parts: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.finalize().into()
}

fn hex(bytes: &[u8], length: usize) -> String {
    let mut text = HEXLOWER.encode(bytes);
    text.truncate(length);
    text
}

/// The id under which an event is created at a provider: 32 characters `a-v0-9` (legal wherever a provider lets the client choose). The same for the
/// same local calendar, uid and incarnation, whichever replica writes it: two replicas of one remote calendar meet
/// in one event. A new incarnation is needed once the provider has burned an id.
#[must_use]
pub fn client_id(replica: &Replica, uid: &str, incarnation: u32) -> String {
    let bytes = digest(&["event", &replica.tenant, &replica.calendar, uid, &incarnation.to_string()]);
    let mut text = BASE32HEX_NOPAD.encode(&bytes).to_ascii_lowercase();
    text.truncate(32);
    text
}

/// What is written into a remote event to recognise it as ours: which local calendar it belongs to, and its uid there.
#[must_use]
pub fn origin_mark(replica: &Replica, uid: &str) -> String {
    format!("{}:{uid}", calendar_tag(replica))
}

/// The uid in an origin mark, when it was made for this replica's calendar.
#[must_use]
pub fn uid_of_mark<'a>(replica: &Replica, mark: &'a str) -> Option<&'a str> {
    mark.strip_prefix(&calendar_tag(replica))?.strip_prefix(':')
}

fn calendar_tag(replica: &Replica) -> String {
    hex(&digest(&["calendar", &replica.tenant, &replica.calendar]), 16)
}

/// The local uid of a remote event whose own uid is already taken by another event of the same remote calendar.
#[must_use]
pub fn derived_uid(uid: &str, remote_id: &str) -> String {
    format!("{}@tandem", hex(&digest(&["uid", uid, remote_id]), 32))
}

/// The id of a failure: one for each replica, kind and subject.
#[must_use]
pub fn failure_id(replica: &str, kind: FailureKind, subject: &str) -> String {
    let kind = match kind {
        FailureKind::Push => "push",
        FailureKind::Item => "item",
        FailureKind::Step => "step",
        FailureKind::Guard => "guard",
    };
    format!("{kind}-{}", hex(&digest(&[replica, kind, subject]), 24))
}

/// The id of a conflict: the same when the same two versions clash again (a step repeated after a crash).
#[must_use]
pub fn conflict_id(replica: &str, uid: &str, revision: u64, remote: &str) -> String {
    format!("conflict-{}", hex(&digest(&[replica, uid, &revision.to_string(), remote]), 24))
}

/// A new channel id.
#[must_use]
pub fn channel_id(replica: &Replica, random: [u64; 2]) -> String {
    hex(&digest(&["channel", &replica.tenant, &replica.id, &random[0].to_string(), &random[1].to_string()]), 40)
}

/// A new uid for an event that the application made without one.
#[must_use]
pub fn new_uid(random: [u64; 2]) -> String {
    format!("{:016x}{:016x}@tandem", random[0], random[1])
}

/// The key of a participant in a JSCalendar document that was made from a provider's attendee list. RFC 8984 ids
/// may not hold `@`, and an address must not be readable in a JSON Pointer that ends up in a log.
#[must_use]
pub fn participant_key(address: &str) -> String {
    hex(&digest(&["participant", &address.to_ascii_lowercase()]), 16)
}

/// The key of an item of a keyed set that a provider sends as a list.
#[must_use]
pub fn item_key(kind: &str, value: &str) -> String {
    hex(&digest(&[kind, value]), 12)
}
