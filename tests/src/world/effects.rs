//! Every effect of the engine in the world. Counted, and refused once the process is dead.

use tandem_engine::effects::{
    AuthError, Batch, Change, Effects, Mark, MarkOutcome, ProviderKind, Replica, Request, Response, Settings,
    StorageError, Stored, TimeMs, TransportError,
};
use tandem_engine::webhooks;
use tandem_providers::{Clock as _, Served, SimRequest, SimResponse};

use super::{ACCOUNT, GRAPH, OUTLOOK, Sent, World, notice, weather};
use crate::memory::Memory;
use crate::memory::effects::{from_simulator, method_name, reads, to_simulator};
use crate::simulation::Observer;

impl World {
    fn act(&mut self) -> bool {
        if self.weather.rival_at.is_some_and(|at| self.effects >= at) {
            self.weather.rival_at = None;
            self.rival();
        }
        if self.weather.meanwhile.as_ref().is_some_and(|(at, _)| self.effects >= *at)
            && let Some((_, edit)) = self.weather.meanwhile.take()
        {
            self.interrupt(edit);
        }
        if self.is_dead() {
            return false;
        }
        self.effects += 1;
        true
    }

    /// A request to Microsoft, which may call the webhook before it answers. That call gets its answer from the linked
    /// engine: the component that sent the request is still at work.
    fn graph(&mut self, request: &SimRequest) -> SimResponse {
        let mut served = self.microsoft.serve(request);
        loop {
            match served {
                Served::Done(answer) => return answer,
                Served::Ask(question) => {
                    let SimRequest { url, headers, body, .. } = &question.call;
                    let answer = webhooks::receive(self, &notice(ProviderKind::Microsoft, url, headers, body));
                    let headers = vec![("content-type".to_owned(), answer.content_type.to_owned())];
                    let answer =
                        tandem_providers::Answer { status: answer.status, headers, body: answer.body.into_bytes() };
                    served = self.microsoft.resume(*question, Some(&answer));
                }
            }
        }
    }

    fn read<T>(&mut self, read: impl FnOnce(&Memory) -> T) -> Stored<T> {
        if !self.act() {
            return Err(StorageError::Unavailable);
        }
        Ok(read(self.weather.past.as_ref().unwrap_or(&self.memory)))
    }

    /// What a step takes away although its provider has it (I13).
    fn taken_too_early(&self, batch: &Batch, observer: &Observer) -> Option<String> {
        let (replica, _) = observer.step.as_ref()?;
        let deleted = batch.changes.iter().filter_map(|change| match change {
            Change::PutEvent(calendar, row) if row.deleted => Some((calendar.clone(), row.uid.clone())),
            _ => None,
        });
        let mut deleted = deleted.filter(|key| self.memory.events.get(key).is_some_and(|row| !row.deleted));
        let there = |uid: &String| {
            let shadow = self.memory.shadows.get(&(replica.clone(), uid.clone()))?;
            if observer.restored.contains(&shadow.remote_id) {
                return None;
            }
            match replica.as_str() {
                OUTLOOK => self.microsoft.event(ACCOUNT, &shadow.remote_id),
                _ => self.google.event(ACCOUNT, &shadow.remote_id).filter(|row| row["status"] != "cancelled"),
            }
        };
        let (_, uid) = deleted.find(|(_, uid)| there(uid).is_some())?;
        Some(format!("{uid} is deleted here, and {replica} has it"))
    }
}

impl Effects for World {
    fn now_ms(&mut self) -> TimeMs {
        World::now_ms(self)
    }

    fn random(&mut self) -> u64 {
        // splitmix64: the same numbers in every run.
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn settings(&mut self) -> Settings {
        self.settings.clone()
    }

    fn exchange(&mut self, request: Request) -> Result<Response, TransportError> {
        if !self.act() {
            return Err(TransportError::NoAnswer);
        }
        if let Some(error) = self.stopped {
            return Err(error);
        }
        let method = method_name(request.method);
        self.sent.push(Sent { method, url: request.url.clone(), body: request.body.clone() });
        let sim = to_simulator(request);
        let traced = std::env::var_os("TANDEM_TRACE")
            .is_some()
            .then(|| format!("{method} {} {}", sim.url, String::from_utf8_lossy(&sim.body)));
        let answer = if sim.url.contains(GRAPH) { self.graph(&sim) } else { self.google.handle(&sim) };
        if let Some(traced) = traced {
            eprintln!("TRACE {} {traced} -> {:?} {}", World::now_ms(self), answer.status(), answer.json());
        }
        if let Some(observer) = &mut self.observer {
            let now_ms = u64::try_from(self.clock.now_ms()).unwrap_or(0);
            observer.exchanged(now_ms, self.effects, &sim, &answer);
        }
        from_simulator(answer)
    }

    fn authorization(&mut self, _connection: &str) -> Result<String, AuthError> {
        Ok("Bearer token".into())
    }

    fn refresh(&mut self, _connection: &str) -> Result<String, AuthError> {
        self.refreshes += 1;
        self.grant?;
        self.google.grant_access(ACCOUNT, "token", i64::MAX / 4);
        self.microsoft.grant_access(ACCOUNT, "token", i64::MAX / 4);
        Ok("Bearer token".into())
    }

    fn accept(&mut self, marks: Vec<Mark>) -> Stored<Vec<MarkOutcome>> {
        if self.act() { Ok(self.memory.accept(&marks)) } else { Err(StorageError::Unavailable) }
    }

    fn load_replica(&mut self, replica: &str) -> Stored<Option<Replica>> {
        let mut found = self.read(|memory| memory.replica(replica))?;
        // A host answers with the lease that the step was started with, not with whoever has it now.
        let step = self.observer.as_ref().and_then(|observer| observer.step.as_ref());
        if let (Some(found), Some((_, epoch))) = (&mut found, step.filter(|(of, _)| of == replica)) {
            found.lease_epoch = *epoch;
        }
        Ok(found)
    }

    reads!();

    fn commit(&mut self, batch: Batch) -> Stored<()> {
        if !self.act() {
            return Err(StorageError::Unavailable);
        }
        if weather::is_due(&mut self.weather.stale_commit) {
            return Err(StorageError::Stale);
        }
        let unanswered = weather::is_due(&mut self.weather.unanswered_commit);
        let mut observer = self.observer.take();
        let late = observer.as_mut().is_some_and(|observer| {
            let replica = observer.step.as_ref().and_then(|(replica, _)| self.memory.replicas.get(replica));
            observer.committing(self.effects, &batch, replica.map(|replica| replica.lease_epoch))
        });
        let taken = observer.as_ref().and_then(|observer| self.taken_too_early(&batch, observer));
        let result = self.memory.commit(batch);
        self.committed = Some(result.clone());
        if let Some(observer) = &mut observer {
            observer.committed(late, &result);
            if let (Some(what), Ok(())) = (taken, &result) {
                observer.violated("I13", what);
            }
        }
        self.observer = observer;
        if unanswered { Err(StorageError::Unavailable) } else { result }
    }
}
