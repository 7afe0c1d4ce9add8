//! One call of the component on a world.
//!
//! The world moves into the instance for the call and comes back whatever happens: an answer, a trap, or a failed
//! assertion of a simulator.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tandem_host::bindings::{Tandem, TandemPre};
use tandem_host::runtime::COMPONENT;
use tokio::runtime::Runtime;
use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{Engine, Store};

use super::imports::State;
use crate::world::World;

/// A world that an instance works on.
#[derive(Clone, Default)]
pub(super) struct Shared(Arc<Mutex<World>>);

impl Shared {
    /// The world, for one effect.
    pub(super) fn lock(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Puts the world back where it came from.
struct Loan<'a> {
    owner: &'a mut World,
    shared: Shared,
}

impl<'a> Loan<'a> {
    fn of(owner: &'a mut World) -> Self {
        let shared = Shared::default();
        std::mem::swap(owner, &mut shared.lock());
        Self { owner, shared }
    }
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        std::mem::swap(self.owner, &mut self.shared.lock());
    }
}

thread_local! {
    /// Drives a call and the requests in it, on this thread and on no other.
    static THREAD: Runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap_or_else(|error| panic!("no runtime for the component: {error}"));
}

/// Call a fresh instance that works on `world`.
pub(super) fn call<T>(
    world: &mut World,
    call: impl AsyncFnOnce(&Tandem, &mut Store<State>) -> wasmtime::Result<T>,
) -> T {
    let loan = Loan::of(world);
    let called = THREAD.with(|thread| {
        thread.block_on(async {
            let component = component();
            let mut store = Store::new(component.engine(), State::new(loan.shared.clone()));
            let instance = component.instantiate_async(&mut store).await?;
            call(&instance, &mut store).await
        })
    });
    drop(loan);
    called.unwrap_or_else(|error| panic!("the component stopped: {error:?}"))
}

/// Compiled once for each process.
fn component() -> &'static TandemPre<State> {
    static LOADED: OnceLock<TandemPre<State>> = OnceLock::new();
    LOADED.get_or_init(|| load().unwrap_or_else(|error| panic!("the component cannot be loaded: {error:?}")))
}

fn load() -> wasmtime::Result<TandemPre<State>> {
    let engine = Engine::default();
    let mut linker = Linker::new(&engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    Tandem::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state)?;
    TandemPre::new(linker.instantiate_pre(&Component::from_binary(&engine, COMPONENT)?)?)
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    #[test]
    fn a_call_that_ends_badly_gives_the_world_back() {
        let mut world = World::new();
        world.clock.advance(5);
        let now_ms = world.now_ms();
        let trap = catch_unwind(AssertUnwindSafe(|| {
            call(&mut world, async |_, store| {
                store.data().world().lock().effects = 7;
                Err::<(), _>(wasmtime::Trap::UnreachableCodeReached.into())
            });
        }));
        assert!(trap.is_err() && world.effects == 7 && world.now_ms() == now_ms);
        let panic = catch_unwind(AssertUnwindSafe(|| {
            call(&mut world, async |_, store| -> wasmtime::Result<()> {
                let world = store.data().world().clone();
                let mut world = world.lock();
                world.effects = 9;
                panic!("an assertion of a simulator");
            });
        }));
        assert!(panic.is_err() && world.effects == 9 && world.now_ms() == now_ms);
        // The next call works as if nothing had been.
        assert!(crate::component::step(&mut world, crate::world::REPLICA).is_ok());
    }
}
