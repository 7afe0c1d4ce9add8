//! Calls into the engine: linked into this program, or in the component that ships. The answers are the same words, so
//! that a test says nothing about which one it runs.

use std::cell::Cell;

use tandem_engine::agenda::{self, Agenda, Query, QueryError};
use tandem_engine::conflicts::{self, Choice, ResolveError};
use tandem_engine::editing::{self, Applied, Edit, EditError};
use tandem_engine::effects::EventRow;
use tandem_engine::explain::{self, ExplainError, Explanation, Question};
use tandem_engine::sync::{self, Report, StepError};
use tandem_engine::time::BundledZones;
use tandem_engine::webhooks::{self, Answer, Notice};

use super::{REPLICA, World};
use crate::component;

/// What does the work of a world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EngineKind {
    /// The engine, linked into this program.
    #[default]
    Native,
    /// The same engine in the component that the host ships, in an instance of the world's own.
    Component,
    /// The component, and SQLite beside the store in memory: both must say the same.
    Sqlite,
}

thread_local! {
    static CHOSEN: Cell<Option<EngineKind>> = const { Cell::new(None) };
}

impl EngineKind {
    /// What new worlds of this thread use: as [`EngineKind::during`] says, else as the variable `TANDEM_ENGINE` says
    /// (`native` or `component`), else the native engine.
    ///
    /// # Panics
    /// When the variable says something else.
    #[must_use]
    pub fn chosen() -> Self {
        CHOSEN.get().unwrap_or_else(|| match std::env::var("TANDEM_ENGINE").as_deref() {
            Err(_) | Ok("" | "native") => Self::Native,
            Ok("component") => Self::Component,
            Ok(other) => panic!("TANDEM_ENGINE is {other:?}; it is `native` or `component`"),
        })
    }

    /// Run `work` so that every world it makes on this thread uses this engine.
    pub fn during<T>(self, work: impl FnOnce() -> T) -> T {
        let before = CHOSEN.replace(Some(self));
        let result = work();
        CHOSEN.set(before);
        result
    }
}

impl World {
    /// The same world, worked on by the component that ships.
    #[must_use]
    pub fn through_component(mut self) -> Self {
        self.engine = EngineKind::Component;
        self
    }

    /// Run `call` with the zones, which it may read while it changes the world.
    fn native<T>(&mut self, call: impl FnOnce(&mut Self, &BundledZones) -> T) -> T {
        let zones = std::mem::take(&mut self.zones);
        let result = call(self, &zones);
        self.zones = zones;
        result
    }

    /// One step.
    ///
    /// # Errors
    /// When the process died, or as the engine says.
    pub fn step(&mut self) -> Result<Report, StepError> {
        self.step_of(REPLICA)
    }

    /// One step of a replica.
    ///
    /// # Errors
    /// As [`World::step`].
    pub fn step_of(&mut self, replica: &str) -> Result<Report, StepError> {
        match self.engine {
            EngineKind::Native => self.native(|world, zones| sync::step(world, zones, replica)),
            EngineKind::Component | EngineKind::Sqlite => component::step(self, replica),
        }
    }

    /// An edit by the application: the event afterwards.
    ///
    /// # Errors
    /// As [`editing::apply`].
    pub fn edit(&mut self, edit: &Edit) -> Result<EventRow, EditError> {
        self.apply(edit).map(|applied| applied.event)
    }

    /// The same, with everything that the application is told.
    ///
    /// # Errors
    /// As [`editing::apply`].
    pub fn apply(&mut self, edit: &Edit) -> Result<Applied, EditError> {
        match self.engine {
            EngineKind::Native => self.native(|world, zones| editing::apply(world, zones, edit)),
            EngineKind::Component | EngineKind::Sqlite => component::apply(self, edit),
        }
    }

    /// A notification arrives.
    pub fn receive(&mut self, notice: &Notice) -> Answer {
        match self.engine {
            EngineKind::Native => webhooks::receive(self, notice),
            EngineKind::Component | EngineKind::Sqlite => component::receive(self, notice),
        }
    }

    /// Somebody answers the mass-delete guard of a replica.
    ///
    /// # Errors
    /// As [`sync::answer_guard`].
    pub fn answer_guard(&mut self, replica: &str, accept: bool) -> Result<(), StepError> {
        match self.engine {
            EngineKind::Native => self.native(|world, zones| sync::answer_guard(world, zones, replica, accept)),
            EngineKind::Component | EngineKind::Sqlite => component::answer_guard(self, replica, accept),
        }
    }

    /// Stop every channel of a replica.
    ///
    /// # Errors
    /// As [`sync::stop_channels`].
    pub fn stop_channels(&mut self, replica: &str) -> Result<(), StepError> {
        match self.engine {
            EngineKind::Native => self.native(|world, zones| sync::stop_channels(world, zones, replica)),
            EngineKind::Component | EngineKind::Sqlite => component::stop_channels(self, replica),
        }
    }

    /// Somebody decides a conflict.
    ///
    /// # Errors
    /// As [`conflicts::resolve`].
    pub fn resolve(&mut self, conflict: &str, choice: Choice, decided_by: &str) -> Result<(), ResolveError> {
        match self.engine {
            EngineKind::Native => {
                self.native(|world, zones| conflicts::resolve(world, zones, conflict, choice, decided_by))
            }
            EngineKind::Component | EngineKind::Sqlite => component::resolve(self, conflict, choice, decided_by),
        }
    }

    /// What the application shows in a window.
    ///
    /// # Errors
    /// As [`agenda::occurrences`].
    pub fn occurrences(&mut self, query: &Query) -> Result<Agenda, QueryError> {
        match self.engine {
            EngineKind::Native => self.native(|world, zones| agenda::occurrences(world, zones, query)),
            EngineKind::Component | EngineKind::Sqlite => component::occurrences(self, query),
        }
    }

    /// An event in words.
    ///
    /// # Errors
    /// As [`explain::explain`].
    pub fn explain(&mut self, question: &Question) -> Result<Explanation, ExplainError> {
        match self.engine {
            EngineKind::Native => self.native(|world, zones| explain::explain(world, zones, question)),
            EngineKind::Component | EngineKind::Sqlite => component::explain(self, question),
        }
    }
}
