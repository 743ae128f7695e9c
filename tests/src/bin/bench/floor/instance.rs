//! Instance and call in a loop, in one process: the same guest and the same settings as in a worker.

use wasmtime::{
    Caller, Config, Enabled, Engine, Extern, Instance, InstanceAllocationStrategy, InstancePre,
    Linker, Module, PoolingAllocationConfig, Result, Store, TypedFunc, ensure,
};

/// One guest, ready to be called again and again.
pub(crate) struct Runner {
    engine: Engine,
    guest: InstancePre<Task>,
    export: String,
}

/// Input and output of the running call.
#[derive(Default)]
struct Task {
    input: Vec<u8>,
    output: Vec<u8>,
}

impl Runner {
    /// Compiles and links a guest.
    ///
    /// # Errors
    /// When it is not accepted.
    pub(crate) fn new(wasm: &[u8], export: &str) -> Result<Self> {
        let engine = engine()?;
        let module = Module::new(&engine, wasm)?;
        let mut linker = Linker::new(&engine);
        linker.func_wrap("wasmpool", "input_len", |caller: Caller<'_, Task>| -> i32 {
            i32::try_from(caller.data().input.len()).unwrap_or(i32::MAX)
        })?;
        linker.func_wrap("wasmpool", "input_read", input_read)?;
        linker.func_wrap("wasmpool", "output_write", output_write)?;
        // A tiny task calls nothing else; if it did, it would stop here.
        linker.define_unknown_imports_as_traps(&module)?;
        let guest = linker.instantiate_pre(&module)?;
        Ok(Self {
            engine,
            guest,
            export: export.to_owned(),
        })
    }

    /// Doubles the numbers up to `tasks`, in a fresh instance each or all in one, and checks each answer.
    ///
    /// # Errors
    /// When one is wrong.
    pub(crate) fn run(&self, fresh: bool, tasks: u64) -> Result<()> {
        if fresh {
            return (0..tasks).try_for_each(|n| {
                let (mut store, call) = self.instance()?;
                double(&mut store, &call, n)
            });
        }
        let (mut store, call) = self.instance()?;
        (0..tasks).try_for_each(|n| double(&mut store, &call, n))
    }

    fn instance(&self) -> Result<(Store<Task>, TypedFunc<(), i32>)> {
        let mut store = Store::new(&self.engine, Task::default());
        store.set_epoch_deadline(1);
        let instance: Instance = self.guest.instantiate(&mut store)?;
        if let Ok(initialize) = instance.get_typed_func::<(), ()>(&mut store, "_initialize") {
            initialize.call(&mut store, ())?;
        }
        let call = instance.get_typed_func(&mut store, &self.export)?;
        Ok((store, call))
    }
}

fn double(store: &mut Store<Task>, call: &TypedFunc<(), i32>, n: u64) -> Result<()> {
    let task = store.data_mut();
    task.output.clear();
    task.input.clear();
    varint(n, &mut task.input);
    ensure!(call.call(&mut *store, ())? == 0, "the guest failed");
    let mut wanted = Vec::with_capacity(10);
    varint(n * 2, &mut wanted);
    ensure!(
        store.data().output == wanted,
        "{n} doubled is {:?}",
        store.data().output
    );
    Ok(())
}

/// A number as postcard writes it: seven bits a byte, the lowest first.
fn varint(mut n: u64, out: &mut Vec<u8>) {
    loop {
        let [low, ..] = n.to_le_bytes();
        n >>= 7;
        if n == 0 {
            return out.push(low);
        }
        out.push(low | 0x80);
    }
}

fn input_read(
    mut caller: Caller<'_, Task>,
    dst: u32,
    offset: u32,
    length: u32,
) -> wasmtime::Result<u32> {
    let Some(Extern::Memory(memory)) = caller.get_export("memory") else {
        wasmtime::bail!("no memory");
    };
    let (memory, task) = memory.data_and_store_mut(&mut caller);
    let input = task.input.get(offset as usize..).unwrap_or_default();
    let length = input.len().min(length as usize);
    let place = memory
        .get_mut(dst as usize..)
        .and_then(|memory| memory.get_mut(..length));
    match place {
        Some(place) => place.copy_from_slice(&input[..length]),
        None => wasmtime::bail!("outside memory"),
    }
    Ok(u32::try_from(length)?)
}

fn output_write(mut caller: Caller<'_, Task>, src: u32, length: u32) -> wasmtime::Result<()> {
    let Some(Extern::Memory(memory)) = caller.get_export("memory") else {
        wasmtime::bail!("no memory");
    };
    let (memory, task) = memory.data_and_store_mut(&mut caller);
    match memory
        .get(src as usize..)
        .and_then(|memory| memory.get(..length as usize))
    {
        Some(bytes) => task.output.extend_from_slice(bytes),
        None => wasmtime::bail!("outside memory"),
    }
    Ok(())
}

/// The settings of a worker's engine, as far as they cost or save time.
fn engine() -> Result<Engine> {
    let mut pool = PoolingAllocationConfig::default();
    pool.total_core_instances(1)
        .max_unused_warm_slots(1)
        .linear_memory_keep_resident(256 << 10)
        .table_keep_resident(16 << 10)
        .pagemap_scan(Enabled::Auto);
    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .epoch_interruption(true)
        .memory_may_move(false);
    Engine::new(&config)
}
