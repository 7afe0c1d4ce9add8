//! Instances of the component, each with a store of its own, and the bounds around every call.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::component::{HasSelf, Linker};
use wasmtime::{Engine, Store, UpdateDeadline};

use super::limits::{Limiter, MAX_APPLICATION_CALLS, MAX_STEPS};
use super::state::{Host, Scope, State};
use super::{RuntimeError, RuntimeOptions, Trap, engine, load, trap};
use crate::bindings::{Tandem, TandemPre};
use crate::egress::Egress;
use crate::egress::guard::Guard;

/// A loaded component and everything its instances are made from.
pub(crate) struct Sandbox {
    engine: Engine,
    component: TandemPre<State>,
    host: Arc<Host>,
    egress: Arc<Egress>,
    step_places: Arc<Semaphore>,
    application_places: Arc<Semaphore>,
    timeout: Duration,
    memory_limit: usize,
    seed: Option<u64>,
    instances: AtomicU64,
}

/// A running instance.
pub(crate) struct Live {
    pub(crate) store: Store<State>,
    pub(crate) component: Tandem,
    /// Given back when the instance is gone.
    _place: Option<OwnedSemaphorePermit>,
}

impl Sandbox {
    /// Load the component and link it.
    pub(crate) fn new(options: RuntimeOptions) -> Result<Self, RuntimeError> {
        let engine = engine::engine(options.memory_limit)?;
        let component = load::load(&engine, &options.component, options.cache_dir.as_deref())?;
        let linker = linker(&engine).map_err(|error| RuntimeError::Engine(error.to_string()))?;
        let component = linker.instantiate_pre(&component).and_then(TandemPre::new);
        let component = component
            .map_err(|error| RuntimeError::Component(format!("the component does not fit this host: {error:#}")))?;
        Ok(Self {
            engine,
            component,
            host: Arc::new(Host {
                store: options.store,
                credentials: options.credentials,
                settings: options.settings,
                clock: options.clock,
                zones: options.zones,
            }),
            egress: options.egress,
            step_places: Arc::new(Semaphore::new(MAX_STEPS as usize)),
            application_places: Arc::new(Semaphore::new(MAX_APPLICATION_CALLS as usize)),
            timeout: Duration::from_millis(options.call_timeout_ms),
            memory_limit: options.memory_limit,
            seed: options.seed,
            instances: AtomicU64::new(0),
        })
    }

    /// A fresh instance for one call; waits for a free place.
    pub(crate) async fn enter(&self, scope: Scope) -> Result<Live, Trap> {
        let step = matches!(scope, Scope::Tenant { lease: Some(_), .. });
        let places = if step { &self.step_places } else { &self.application_places };
        let place = Arc::clone(places).acquire_owned().await;
        let place = place.map_err(|_| Trap("the runtime is being shut down".to_owned()))?;
        let live = self.instantiate(scope).await?;
        Ok(Live { _place: Some(place), ..live })
    }

    /// A fresh instance. The caller bounds how many there are.
    pub(crate) async fn instantiate(&self, scope: Scope) -> Result<Live, Trap> {
        let number = self.instances.fetch_add(1, Ordering::Relaxed);
        let seed = self.seed.map(|seed| mix(seed, number));
        let tenant = scope.tenant().cloned().unwrap_or_else(|| "".into());
        let guard = Guard::new(Arc::clone(&self.egress), tenant);
        let limiter = Limiter { memory: self.memory_limit };
        let state = State::new(scope, Arc::clone(&self.host), guard, self.deadline(), limiter, seed);
        let mut store = Store::new(&self.engine, state);
        store.limiter(|state| &mut state.limiter);
        // At each tick the guest lets other tasks run, until its time is over.
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|context| {
            let over = Instant::now() >= context.data().deadline;
            Ok(if over { UpdateDeadline::Interrupt } else { UpdateDeadline::Yield(1) })
        });
        let component = self.bounded(self.component.instantiate_async(&mut store)).await?;
        Ok(Live { store, component, _place: None })
    }

    /// When a call that starts now has to have ended.
    pub(crate) fn deadline(&self) -> Instant {
        Instant::now() + self.timeout
    }

    /// Bound a call in time, also while it waits for the host, and tell what stopped it.
    pub(crate) async fn bounded<T>(&self, call: impl Future<Output = wasmtime::Result<T>>) -> Result<T, Trap> {
        match tokio::time::timeout(self.timeout, call).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(trap::from_error(&error, self.timeout.as_millis())),
            Err(_) => Err(trap::too_long(self.timeout.as_millis())),
        }
    }
}

fn linker(engine: &Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    Tandem::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state)?;
    Ok(linker)
}

/// Another seed for each instance, the same for the same run (the finaliser of SplitMix64).
fn mix(seed: u64, number: u64) -> u64 {
    let mut mixed = seed.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
