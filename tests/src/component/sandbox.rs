//! Calls of the component on a world.
//!
//! The world moves into the instance for a call and comes back whatever happens: an answer, a trap, or a failed
//! assertion of a simulator. An instance serves one world as long as its process lives: the component holds nothing
//! between calls, and if it did, the linked engine would leave another trace.

use std::cell::{Cell, RefCell};
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tandem_host::bindings::{Tandem, TandemPre};
use tandem_host::runtime::COMPONENT;
use tokio::runtime::Runtime;
use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store};

use super::imports::State;
use crate::world::World;

/// A world that an instance works on.
#[derive(Clone, Default)]
pub(super) struct Shared(Arc<Mutex<Option<World>>>);

/// The world, for one effect.
pub(super) struct Held<'a>(MutexGuard<'a, Option<World>>);

impl Shared {
    /// The world, for one effect.
    pub(super) fn lock(&self) -> Held<'_> {
        Held(self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Deref for Held<'_> {
    type Target = World;

    fn deref(&self) -> &World {
        self.0.as_ref().unwrap_or_else(|| panic!("the world is given back already"))
    }
}

impl DerefMut for Held<'_> {
    fn deref_mut(&mut self) -> &mut World {
        self.0.as_mut().unwrap_or_else(|| panic!("the world is given back already"))
    }
}

/// Instances at one time: one for each thread, and those of their rivals.
const INSTANCES: u32 = 128;
/// The memory of an instance, at most.
const MEMORY_BYTES: usize = 256 << 20;
/// What is cleaned by writing zeros.
const KEPT_BYTES: usize = 1 << 20;

/// An instance, and the world that it serves.
struct Live {
    store: Store<State>,
    component: Tandem,
    world: u64,
}

/// Puts the world back where it came from.
struct Loan<'a> {
    owner: &'a mut World,
    shared: Shared,
}

impl<'a> Loan<'a> {
    fn of(owner: &'a mut World, shared: Shared) -> Self {
        let place_holder = PLACE_HOLDER.take().unwrap_or_default();
        let world = std::mem::replace(owner, place_holder);
        *shared.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(world);
        Self { owner, shared }
    }
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        let world = self.shared.lock().0.take();
        if let Some(world) = world {
            PLACE_HOLDER.set(Some(std::mem::replace(self.owner, world)));
        }
    }
}

thread_local! {
    /// Stands where a world was while an instance works on it. Making one for each call would take longer than the call.
    static PLACE_HOLDER: Cell<Option<World>> = const { Cell::new(None) };
    /// The instance of the world that this thread worked on last.
    static IDLE: RefCell<Option<Live>> = const { RefCell::new(None) };
    /// Drives a call and the requests in it, on this thread and on no other.
    static THREAD: Runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap_or_else(|error| panic!("no runtime for the component: {error}"));
}

/// Drive something to its end that is not a call.
pub(super) fn block_on<T>(work: impl Future<Output = T>) -> T {
    THREAD.with(|thread| thread.block_on(work))
}

/// Call the instance that works on `world`.
pub(super) fn call<T>(
    world: &mut World,
    call: impl AsyncFnOnce(&Tandem, &mut Store<State>) -> wasmtime::Result<T>,
) -> T {
    let number = world.number;
    let idle = IDLE.take().filter(|live| live.world == number);
    let shared = idle.as_ref().map_or_else(Shared::default, |live| live.store.data().world().clone());
    let loan = Loan::of(world, shared);
    let called = THREAD.with(|thread| {
        thread.block_on(async {
            let mut live = match idle {
                Some(live) => live,
                None => Live::new(loan.shared.clone(), number).await?,
            };
            let answer = call(&live.component, &mut live.store).await?;
            Ok::<_, wasmtime::Error>((answer, live))
        })
    });
    let dead = loan.shared.lock().is_dead();
    drop(loan);
    let (answer, live) = called.unwrap_or_else(|error| panic!("the component stopped: {error:?}"));
    IDLE.set(Some(live).filter(|_| !dead));
    answer
}

impl Live {
    async fn new(world: Shared, number: u64) -> wasmtime::Result<Self> {
        let component = component();
        let mut store = Store::new(component.engine(), State::new(world));
        let component = component.instantiate_async(&mut store).await?;
        Ok(Self { store, component, world: number })
    }
}

/// A file's bytes in place of those that the host ships.
static FILE: OnceLock<Vec<u8>> = OnceLock::new();

/// Work with the component in a file from now on. Says whether nothing was loaded before.
pub(crate) fn use_bytes(bytes: Vec<u8>) -> bool {
    FILE.set(bytes).is_ok()
}

/// The component's bytes: those that the host ships, or a file's.
pub(crate) fn bytes() -> &'static [u8] {
    FILE.get().map_or(COMPONENT, Vec::as_slice)
}

/// Compiled once for each process.
fn component() -> &'static TandemPre<State> {
    static LOADED: OnceLock<TandemPre<State>> = OnceLock::new();
    LOADED.get_or_init(|| load().unwrap_or_else(|error| panic!("the component cannot be loaded: {error:?}")))
}

fn load() -> wasmtime::Result<TandemPre<State>> {
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(INSTANCES).total_core_instances(INSTANCES * 8).total_memories(INSTANCES);
    pool.total_tables(INSTANCES * 8).total_stacks(INSTANCES).max_memory_size(MEMORY_BYTES);
    // What an instance touched is cleaned without giving the pages back.
    pool.linear_memory_keep_resident(KEPT_BYTES).table_keep_resident(KEPT_BYTES);
    let mut config = Config::new();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    let engine = Engine::new(&config)?;
    let mut linker = Linker::new(&engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    Tandem::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state)?;
    TandemPre::new(linker.instantiate_pre(&Component::from_binary(&engine, bytes())?)?)
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
