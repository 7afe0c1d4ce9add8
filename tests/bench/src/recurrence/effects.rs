//! The effects of one calendar in memory, for the engine in native code. Only reading it is possible.

use tandem_engine::effects::{
    AuthError, Batch, Channel, ConflictRow, Effects, EventRow, Mark, MarkOutcome, Orphan, PushQueuePage, Replica,
    ReplicaSummary, Request, Response, Settings, Shadow, ShadowCount, StorageError, Stored, TimeMs, TransportError,
};

pub(super) struct OneCalendar {
    /// By start.
    pub(super) rows: Vec<EventRow>,
}

#[expect(clippy::unimplemented, reason = "a window of occurrences asks for nothing else")]
impl Effects for OneCalendar {
    fn events_between(
        &mut self,
        _: &str,
        from_ms: TimeMs,
        to_ms: TimeMs,
        after: Option<(TimeMs, String)>,
        limit: u32,
    ) -> Stored<Vec<EventRow>> {
        let inside = |row: &&EventRow| row.start_ms < to_ms && row.end_ms > from_ms;
        let later = |row: &&EventRow| after.as_ref().is_none_or(|(ms, uid)| (row.start_ms, &row.uid) > (*ms, uid));
        Ok(self.rows.iter().filter(inside).filter(later).take(limit as usize).cloned().collect())
    }
    fn now_ms(&mut self) -> TimeMs {
        unimplemented!()
    }
    fn random(&mut self) -> u64 {
        unimplemented!()
    }
    fn settings(&mut self) -> Settings {
        unimplemented!()
    }
    fn exchange(&mut self, _: Request) -> Result<Response, TransportError> {
        unimplemented!()
    }
    fn authorization(&mut self, _: &str) -> Result<String, AuthError> {
        unimplemented!()
    }
    fn refresh(&mut self, _: &str) -> Result<String, AuthError> {
        unimplemented!()
    }
    fn accept(&mut self, _: Vec<Mark>) -> Stored<Vec<MarkOutcome>> {
        Err(StorageError::Unavailable)
    }
    fn load_replica(&mut self, _: &str) -> Stored<Option<Replica>> {
        Err(StorageError::Unavailable)
    }
    fn calendar_replicas(&mut self, _: &str) -> Stored<Vec<ReplicaSummary>> {
        Err(StorageError::Unavailable)
    }
    fn events(&mut self, _: &str, _: Vec<String>) -> Stored<Vec<Option<EventRow>>> {
        Err(StorageError::Unavailable)
    }
    fn shadows_by_remote(&mut self, _: &str, _: Vec<String>) -> Stored<Vec<Option<Shadow>>> {
        Err(StorageError::Unavailable)
    }
    fn shadows_by_uid(&mut self, _: &str, _: Vec<String>) -> Stored<Vec<Option<Shadow>>> {
        Err(StorageError::Unavailable)
    }
    fn unseen_shadows(&mut self, _: &str, _: u64, _: Option<String>, _: u32) -> Stored<Vec<Shadow>> {
        Err(StorageError::Unavailable)
    }
    fn count_shadows(&mut self, _: &str, _: u64) -> Stored<ShadowCount> {
        Err(StorageError::Unavailable)
    }
    fn push_queue(&mut self, _: &str, _: TimeMs, _: u32) -> Stored<PushQueuePage> {
        Err(StorageError::Unavailable)
    }
    fn orphans(&mut self, _: &str, _: Option<Vec<String>>, _: u32) -> Stored<Vec<Orphan>> {
        Err(StorageError::Unavailable)
    }
    fn channels(&mut self, _: &str) -> Stored<Vec<Channel>> {
        Err(StorageError::Unavailable)
    }
    fn load_conflict(&mut self, _: &str) -> Stored<Option<ConflictRow>> {
        Err(StorageError::Unavailable)
    }
    fn commit(&mut self, _: Batch) -> Stored<()> {
        Err(StorageError::Unavailable)
    }
}
