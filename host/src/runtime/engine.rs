//! The engine: how guest code is compiled and where its instances live.

use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use super::RuntimeError;
use super::limits::{
    CORE_INSTANCES, KEEP_RESIDENT, MAX_APPLICATION_CALLS, MAX_RECEIVERS, MAX_STEPS, PAGE, TABLE_ELEMENTS, TABLES, TICK,
    WARM_SLOTS,
};

/// An engine for instances of up to `memory_limit` bytes, with its ticker running.
pub(crate) fn engine(memory_limit: usize) -> Result<Engine, RuntimeError> {
    let engine = Engine::new(&config(Some(memory_limit))).or_else(|error| {
        // The pool reserves address space, which `ulimit -v` and some sandboxes forbid.
        tracing::warn!(%error, "no pool of instances: each is allocated when it is needed, which is slower");
        Engine::new(&config(None))
    });
    let engine = engine.map_err(|error| RuntimeError::Engine(error.to_string()))?;
    start_ticker(&engine)?;
    Ok(engine)
}

fn config(pooled_memory: Option<usize>) -> Config {
    let mut config = Config::new();
    config.epoch_interruption(true);
    // The same input gives the same output on every machine.
    config.cranelift_nan_canonicalization(true);
    config.relaxed_simd_deterministic(true);
    if let Some(memory) = pooled_memory {
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(memory)));
    }
    config
}

fn pool(memory: usize) -> PoolingAllocationConfig {
    let instances = MAX_STEPS + MAX_APPLICATION_CALLS + MAX_RECEIVERS;
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(instances)
        .total_core_instances(instances * CORE_INSTANCES)
        .max_core_instances_per_component(CORE_INSTANCES)
        .total_memories(instances)
        .max_memories_per_component(1)
        .max_memory_size(memory.next_multiple_of(PAGE))
        .total_tables(instances * TABLES)
        .max_tables_per_component(TABLES)
        .table_elements(TABLE_ELEMENTS)
        .total_stacks(instances)
        .max_unused_warm_slots(WARM_SLOTS)
        .linear_memory_keep_resident(KEEP_RESIDENT)
        .table_keep_resident(KEEP_RESIDENT / 16);
    pool
}

/// Advance the epoch for as long as the engine lives.
fn start_ticker(engine: &Engine) -> Result<(), RuntimeError> {
    let engine = engine.weak();
    let tick = move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(TICK);
        }
    };
    let started = std::thread::Builder::new().name("tandem-epoch".into()).spawn(tick);
    started.map(drop).map_err(|error| RuntimeError::Engine(format!("no thread can be started: {error}")))
}
