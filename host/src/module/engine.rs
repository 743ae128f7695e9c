//! The one place where a wasmtime `Config` is built, so that compiler and worker always agree.

use std::sync::Arc;

use wasmtime::{
    Config, CustomCodeMemory, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig,
    WasmBacktraceDetails,
};

/// Linear memories that one module may have. A slot reserves 4 GiB of address space.
pub(crate) const MAX_MEMORIES: u32 = 4;
/// Tables that one module may have.
pub(crate) const MAX_TABLES: u32 = 8;
/// Elements of one table. C++ programs with large class hierarchies stay under a tenth of it.
pub(crate) const MAX_TABLE_ELEMENTS: usize = 100_000;
/// Bytes of one memory, and of the address space that is reserved for it.
pub(crate) const MAX_MEMORY: usize = 4 << 30;
/// Bytes of one instance's own data (globals, function references): wasmtime's default is 1 MiB and a module of
/// 60,000 globals needs more.
pub(crate) const MAX_INSTANCE_SIZE: usize = 4 << 20;
/// Core instances that one component may have. A component of Rust or JavaScript has up to ten, one of Python about 150: each
/// of its shared libraries is one.
pub(crate) const MAX_COMPONENT_INSTANCES: u32 = 256;
/// Memories that all core instances of one component may have together.
pub(crate) const MAX_COMPONENT_MEMORIES: u32 = 40;
/// Tables that all core instances of one component may have together.
pub(crate) const MAX_COMPONENT_TABLES: u32 = 128;
/// Bytes that a component has for itself and for all of its core instances together.
const MAX_COMPONENT_SIZE: usize = 16 << 20;
/// What WebAssembly code may use of the worker's stack, in bytes, unless the pool was given another limit; deeper
/// recursion is a trap.
pub(crate) const WASM_STACK: u32 = 1 << 20;
/// The least that it can be: entering a guest and its first calls take some KiB.
pub(crate) const MIN_WASM_STACK: u32 = 64 << 10;
/// The most: half of what the system gives a process by default, so that imports and handlers of signals have their room.
pub(crate) const MAX_WASM_STACK: u32 = 4 << 20;
/// Bytes of a memory that are zeroed by hand instead of being given back to the kernel. Measured: 2.4 µs a task with
/// the pagemap scan at any value from here up, 5.7 µs at zero.
const KEEP_RESIDENT: usize = 256 << 10;
/// The same for tables.
const TABLE_KEEP_RESIDENT: usize = 16 << 10;

/// How an engine differs from the ordinary one. Both sides of a compiled module must use the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct EngineOptions {
    /// Count fuel: compiled into the code, so it is chosen when a module is loaded.
    pub(crate) fuel: bool,
    /// What WebAssembly code may use of the stack, in bytes.
    pub(crate) stack: u32,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            fuel: false,
            stack: WASM_STACK,
        }
    }
}

/// What an engine has room for at once. No part of the code: a compiler needs no room at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// One instance of a module.
    Module,
    /// One instance of a component.
    Component,
}

/// Code memory is mapped executable from a sealed file and never changes its protection.
struct Sealed;

impl CustomCodeMemory for Sealed {
    fn required_alignment(&self) -> usize {
        rustix::param::page_size()
    }
    fn publish_executable(&self, _ptr: *const u8, _len: usize) -> wasmtime::Result<()> {
        Ok(())
    }
    fn unpublish_executable(&self, _ptr: *const u8, _len: usize) -> wasmtime::Result<()> {
        Ok(())
    }
}

/// An engine with room for one instance of a module.
///
/// # Errors
/// When the address space for the pool cannot be reserved, or this CPU lacks what the code needs.
pub(crate) fn engine(options: EngineOptions) -> wasmtime::Result<Engine> {
    engine_with(options, Room::Module)
}

/// An engine with room for one instance.
///
/// # Errors
/// As [`engine`].
pub(crate) fn engine_with(options: EngineOptions, room: Room) -> wasmtime::Result<Engine> {
    let mut config = config(options, MAX_INSTANCE_SIZE, room);
    config.with_custom_code_memory(Some(Arc::new(Sealed)));
    Engine::new(&config)
}

/// The same engine, except that it makes code executable itself: tests run modules without mapping sealed files.
#[cfg(test)]
pub(crate) fn test_engine(options: EngineOptions) -> wasmtime::Result<Engine> {
    Engine::new(&config(options, MAX_INSTANCE_SIZE, Room::Module))
}

/// The same with room for instances of `size` bytes only: tests compare what was computed with what wasmtime needs.
#[cfg(test)]
pub(crate) fn test_engine_of_size(size: usize) -> wasmtime::Result<Engine> {
    Engine::new(&config(EngineOptions::default(), size, Room::Module))
}

/// Everything that compiler and worker must agree on.
fn config(options: EngineOptions, instance_size: usize, room: Room) -> Config {
    let (instances, memories, tables, warm) = match room {
        Room::Module => (1, MAX_MEMORIES, MAX_TABLES, 1),
        Room::Component => (
            MAX_COMPONENT_INSTANCES,
            MAX_COMPONENT_MEMORIES,
            MAX_COMPONENT_TABLES,
            MAX_COMPONENT_MEMORIES,
        ),
    };
    // Without it, what is kept is zeroed whether it was touched or not, which costs more than it saves.
    let scan = PoolingAllocationConfig::is_pagemap_scan_available();
    let mut pool = PoolingAllocationConfig::default();
    pool.total_core_instances(instances)
        .total_component_instances(1)
        // What a component may have is said by every engine, since the compiler's refuses what is over it.
        .max_core_instances_per_component(MAX_COMPONENT_INSTANCES)
        .max_memories_per_component(MAX_COMPONENT_MEMORIES)
        .max_tables_per_component(MAX_COMPONENT_TABLES)
        .max_component_instance_size(MAX_COMPONENT_SIZE)
        .total_memories(memories)
        .max_memories_per_module(MAX_MEMORIES)
        .total_tables(tables)
        .max_tables_per_module(MAX_TABLES)
        .table_elements(MAX_TABLE_ELEMENTS)
        .max_core_instance_size(instance_size)
        .max_memory_size(MAX_MEMORY)
        // One task at a time: the next instance takes the slots of the last.
        .max_unused_warm_slots(warm)
        .linear_memory_keep_resident(if scan { KEEP_RESIDENT } else { 0 })
        .table_keep_resident(if scan { TABLE_KEEP_RESIDENT } else { 0 })
        .pagemap_scan(Enabled::Auto);
    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .max_wasm_stack(options.stack as usize)
        // No task runs on such a stack, which may still not be the smaller one.
        .async_stack_size(options.stack.max(WASM_STACK) as usize * 2)
        .epoch_interruption(true)
        .consume_fuel(options.fuel)
        // Set here and never from the environment.
        .wasm_backtrace_details(WasmBacktraceDetails::Enable)
        .wasm_tail_call(true)
        .wasm_simd(true)
        .wasm_relaxed_simd(true)
        .relaxed_simd_deterministic(true)
        .wasm_bulk_memory(true)
        .wasm_multi_value(true)
        .wasm_multi_memory(true)
        .wasm_extended_const(true)
        .wasm_memory64(false)
        .wasm_custom_page_sizes(false)
        .wasm_wide_arithmetic(false)
        .memory_reservation(MAX_MEMORY as u64)
        .memory_may_move(false);
    config
}
