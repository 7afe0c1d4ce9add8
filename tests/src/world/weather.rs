//! What goes wrong around a step, on the side of the host: another worker, a store that answers late or not at all, a
//! clock that is wrong.

use tandem_engine::sync::{Report, StepError};

use super::World;
use super::calls::EngineKind;
use crate::memory::Memory;
use crate::simulation::history::{Edit, Side};
use crate::simulation::people;

/// See the module. By default nothing goes wrong.
#[derive(Debug, Default)]
pub struct Weather {
    /// When the world has had so many effects, another worker takes the lease and does a step.
    pub rival_at: Option<u64>,
    /// When the world has had so many effects, somebody edits.
    pub meanwhile: Option<(u64, Edit)>,
    /// So many commits are let through, and the next one is applied without an answer.
    pub unanswered_commit: Option<u8>,
    /// So many commits are let through, and the next one is refused as stale.
    pub stale_commit: Option<u8>,
    /// What reads see in place of the store.
    pub past: Option<Memory>,
    /// How far the host's clock is ahead of everybody's, in milliseconds.
    pub ahead_ms: i64,
}

/// Counts down; true when it was at its end.
pub(super) fn is_due(countdown: &mut Option<u8>) -> bool {
    match countdown {
        Some(0) => {
            *countdown = None;
            true
        }
        Some(left) => {
            *left -= 1;
            false
        }
        None => false,
    }
}

impl World {
    /// One step by a worker that takes the lease first, as hosts do.
    ///
    /// # Errors
    /// As [`World::step`].
    pub fn leased_step(&mut self, replica: &str) -> Result<Report, StepError> {
        let Some(row) = self.memory.replicas.get_mut(replica) else {
            return Err(StepError::Bug(format!("there is no replica {replica}")));
        };
        row.lease_epoch += 1;
        let epoch = row.lease_epoch;
        let outer = self.observer.as_mut().and_then(|observer| observer.step.replace((replica.to_owned(), epoch)));
        let result = self.step_of(replica);
        if let Some(observer) = self.observer.as_mut() {
            observer.step = outer;
        }
        result
    }

    /// The other worker: what it comes to is its own business.
    pub(super) fn rival(&mut self) {
        let Some((replica, _)) = self.observer.as_ref().and_then(|observer| observer.step.clone()) else { return };
        self.beside(|world| drop(world.leased_step(&replica)));
    }

    /// Somebody edits in the middle of a step.
    pub(super) fn interrupt(&mut self, edit: Edit) {
        let step = self.observer.as_mut().and_then(|observer| observer.step.take());
        // What goes wrong around the step has nothing to do with it.
        let weather = Weather { ahead_ms: self.weather.ahead_ms, ..Weather::default() };
        let weather = std::mem::replace(&mut self.weather, weather);
        // The engine is at work; only an edit in the application needs another one.
        self.visit = Some(match edit.side {
            Side::App => self.beside(|world| people::visit(world, edit)),
            Side::Google | Side::Outlook => people::visit(self, edit),
        });
        self.weather = weather;
        if let Some(observer) = &mut self.observer {
            observer.step = step;
        }
    }

    /// Something happens in the middle of a call of the engine, and does not die with it.
    fn beside<T: Send>(&mut self, act: impl FnOnce(&mut Self) -> T + Send) -> T {
        let dies_after = self.dies_after.take();
        let before = self.effects;
        let done = match self.engine {
            EngineKind::Native => act(self),
            // The thread of the outer call is taken: this one has its own.
            EngineKind::Component | EngineKind::Sqlite => std::thread::scope(|scope| {
                scope.spawn(|| act(self)).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            }),
        };
        self.dies_after = dies_after.map(|last| last + self.effects - before);
        done
    }
}
