//! The one engine and its one configuration.

use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::SandboxError;

/// The most that any guest's linear memory may be, whatever its limits say.
pub(crate) const LARGEST_MEMORY: usize = 1 << 30;

/// Makes the engine that every plugin runs in.
///
/// There is no second place that configures one: what is compiled, cached and instantiated always agrees.
pub(crate) fn engine() -> Result<Engine, SandboxError> {
    let mut config = config();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool()));
    Engine::new(&config).or_else(|error| {
        let engine = Engine::new(&frugal())
            .map_err(|second| SandboxError { message: format!("{error:#}; without a pool: {second:#}") })?;
        tracing::warn!(
            "there is no address space for a pool of guests, so each is allocated by itself, which is slower; \
             `ulimit -v unlimited` would help: {error:#}"
        );
        Ok(engine)
    })
}

/// What any engine here has in common: what guests compute does not depend on where their memory lies.
fn config() -> Config {
    let mut config = Config::new();
    // Fuel counts the same on every machine, so that a replayed run stops where the first one did; epochs catch
    // what fuel does not count.
    config.consume_fuel(true);
    config.epoch_interruption(true);
    // The bits of a NaN are the only thing in WebAssembly without threads that differs between machines.
    config.cranelift_nan_canonicalization(true);
    config.relaxed_simd_deterministic(true);
    // Tables from code to byte offsets would be a third of each cached component, and guests are stripped anyway.
    config.generate_address_map(false);
    config
}

/// Configures an engine for where address space is limited (`ulimit -v`, some containers).
///
/// Even one slot of the pool would be 4 GiB. Here a memory takes what it holds, and code checks its bounds; that is
/// other code, which the cache keeps apart by itself.
fn frugal() -> Config {
    let mut config = config();
    config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
    config.memory_reservation(0);
    config.memory_guard_size(0);
    // What a growing memory gets in advance, so that it is not copied for each page.
    config.memory_reservation_for_growth(16 << 20);
    config
}

/// Sizes the pool.
///
/// All of it is address space: a slot takes memory only once a guest touches it, and nothing of a dead guest is kept.
/// What counts is therefore that nobody runs into a bound: a thousand live runs, each with an instance of its own,
/// beside policies and sanitizers.
fn pool() -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    // A Rust guest is three core instances (itself and two shims), one in JavaScript (componentize-js) four, and one in
    // Python (componentize-py) 14: libc, libpython, and the glue between them, and one more for each native module that
    // it brings along. The runtime's 1,000 in all is for core modules.
    pool.total_component_instances(2_048);
    pool.total_core_instances(65_536);
    // Bounds and no reservations: what the Python guest takes is 400 KB in all, the one in JavaScript 210 KB.
    pool.max_core_instance_size(4 << 20);
    pool.max_component_instance_size(8 << 20);
    // 2,048 slots of 4 GiB each, so that Cranelift needs no bounds checks: 8 of the 128 TiB of address space.
    pool.total_memories(2_048);
    pool.max_memory_size(LARGEST_MEMORY);
    pool.max_memories_per_module(4);
    // Each of these guests has two tables: a few hundred elements in Rust, 5,800 in Python, 7,700 in JavaScript. All
    // modules of a Python component share one, so native modules bring it near the runtime's 20,000. 2 GiB, untouched.
    pool.total_tables(4_096);
    pool.table_elements(65_536);
    pool.max_tables_per_module(8);
    // Guests run on the threads that call them.
    pool.total_stacks(0);
    // An unused slot keeps its mapping, not its pages: the next guest of the same component saves the mmap.
    pool.max_unused_warm_slots(64);
    pool.linear_memory_keep_resident(0);
    pool.table_keep_resident(0);
    pool
}
