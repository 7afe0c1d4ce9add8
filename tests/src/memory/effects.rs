//! What the effects of every test world have in common: reads of the memory, and requests as simulators take them.

use tandem_engine::effects::{Method, Request, Response, TransportError};
use tandem_providers::{SimRequest, SimResponse};

/// The reads of `Effects` over `read`, a function of the world that looks into its memory, or finds that it cannot.
/// `load_replica` is left out: who reads it matters to some worlds.
macro_rules! reads {
    () => {
        fn calendar_replicas(
            &mut self,
            calendar: &str,
        ) -> tandem_engine::effects::Stored<Vec<tandem_engine::effects::ReplicaSummary>> {
            self.read(|memory| memory.calendar_replicas(calendar))
        }

        fn events(
            &mut self,
            calendar: &str,
            uids: Vec<String>,
        ) -> tandem_engine::effects::Stored<Vec<Option<tandem_engine::effects::EventRow>>> {
            self.read(|memory| memory.events_by_uid(calendar, &uids))
        }

        fn events_between(
            &mut self,
            calendar: &str,
            from_ms: tandem_engine::effects::TimeMs,
            to_ms: tandem_engine::effects::TimeMs,
            after: Option<(tandem_engine::effects::TimeMs, String)>,
            limit: u32,
        ) -> tandem_engine::effects::Stored<Vec<tandem_engine::effects::EventRow>> {
            self.read(|memory| memory.between(calendar, from_ms, to_ms, after.as_ref(), limit))
        }

        fn shadows_by_remote(
            &mut self,
            replica: &str,
            remote_ids: Vec<String>,
        ) -> tandem_engine::effects::Stored<Vec<Option<tandem_engine::effects::Shadow>>> {
            self.read(|memory| memory.by_remote(replica, &remote_ids))
        }

        fn shadows_by_uid(
            &mut self,
            replica: &str,
            uids: Vec<String>,
        ) -> tandem_engine::effects::Stored<Vec<Option<tandem_engine::effects::Shadow>>> {
            self.read(|memory| memory.by_uid(replica, &uids))
        }

        fn unseen_shadows(
            &mut self,
            replica: &str,
            generation: u64,
            after: Option<String>,
            limit: u32,
        ) -> tandem_engine::effects::Stored<Vec<tandem_engine::effects::Shadow>> {
            self.read(|memory| memory.unseen(replica, generation, after.as_deref(), limit))
        }

        fn count_shadows(
            &mut self,
            replica: &str,
            generation: u64,
        ) -> tandem_engine::effects::Stored<tandem_engine::effects::ShadowCount> {
            self.read(|memory| memory.count(replica, generation))
        }

        fn push_queue(
            &mut self,
            replica: &str,
            now_ms: tandem_engine::effects::TimeMs,
            limit: u32,
        ) -> tandem_engine::effects::Stored<tandem_engine::effects::PushQueuePage> {
            self.read(|memory| memory.push_queue(replica, now_ms, limit))
        }

        fn orphans(
            &mut self,
            replica: &str,
            masters: Option<Vec<String>>,
            limit: u32,
        ) -> tandem_engine::effects::Stored<Vec<tandem_engine::effects::Orphan>> {
            self.read(|memory| memory.orphans_of(replica, masters.as_deref(), limit))
        }

        fn channels(&mut self, replica: &str) -> tandem_engine::effects::Stored<Vec<tandem_engine::effects::Channel>> {
            self.read(|memory| memory.channels_of(replica))
        }

        fn load_conflict(
            &mut self,
            conflict: &str,
        ) -> tandem_engine::effects::Stored<Option<tandem_engine::effects::ConflictRow>> {
            self.read(|memory| memory.conflicts.get(conflict).cloned())
        }
    };
}
pub(crate) use reads;

/// The name of a method on the wire.
#[must_use]
pub fn method_name(method: Method) -> &'static str {
    match method {
        Method::Get => "GET",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Patch => "PATCH",
        Method::Delete => "DELETE",
    }
}

/// A request as a simulator takes it.
#[must_use]
pub fn to_simulator(request: Request) -> SimRequest {
    let Request { method, url, headers, body, .. } = request;
    SimRequest { method: method_name(method).into(), url, headers, body }
}

/// What a simulator answered, as the engine is told it.
///
/// # Errors
/// `NoAnswer` where the simulator gave none.
pub fn from_simulator(answer: SimResponse) -> Result<Response, TransportError> {
    match answer {
        SimResponse::Answer(answer) => {
            Ok(Response { status: answer.status, headers: answer.headers, body: answer.body })
        }
        SimResponse::NoAnswer => Err(TransportError::NoAnswer),
    }
}
