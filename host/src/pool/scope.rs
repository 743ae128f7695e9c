//! Calls that may borrow: all of them have ended when the scope does.

use std::{
    marker::PhantomData,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use wasmpool_abi::{Arg, Receive};

use super::{
    call::Call,
    handle::Pool,
    outcome::Outcome,
    report::TaskReport,
    task::{Borrowing, Task},
};
use crate::dispatch::{hub::Hub, stream::Stream};

/// A place to start tasks with borrowed arguments: see [`Pool::scope`].
#[derive(Debug)]
pub struct Scope<'scope, 'env: 'scope> {
    /// Those that may still run.
    calls: Mutex<Vec<(Arc<Hub>, Arc<Stream>)>>,
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

impl Pool {
    /// Runs `f`, which can start tasks with borrowed arguments, as `std::thread::scope` does it for threads: parts of an array
    /// ([`RawArray::chunks_mut`](crate::RawArray::chunks_mut)) for several tasks at once, or an array to read only. It returns when every
    /// task that was started in it has ended.
    ///
    /// When `f` panics the tasks are cancelled first.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use wasmpool::{ChunkMut, RawArray};
    ///
    /// # let pool = wasmpool::Pool::new()?;
    /// let square = pool.load("arrays.wasm")?.task::<ChunkMut<'static, i32>, ()>("square")?;
    /// let mut array = RawArray::<i32>::zeroed(1 << 20)?;
    /// pool.scope(|scope| {
    ///     let calls: Vec<_> = array.chunks_mut(1 << 18).map(|part| scope.start(&square, part)).collect();
    ///     calls.into_iter().try_for_each(|call| call.get())
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// What is borrowed stays borrowed until the scope ends:
    ///
    /// ```compile_fail,E0502
    /// # use wasmpool::{ChunkMut, Pool, RawArray, Task};
    /// # fn show(pool: Pool, square: Task<ChunkMut<'static, i32>, ()>, mut array: RawArray<i32>) {
    /// pool.scope(|scope| {
    ///     for part in array.chunks_mut(1000) {
    ///         scope.start(&square, part);
    ///     }
    ///     array.get(0);
    /// });
    /// # }
    /// ```
    pub fn scope<'env, F, R>(&self, f: F) -> R
    where
        F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> R,
    {
        let scope = Scope {
            calls: Mutex::default(),
            scope: PhantomData,
            env: PhantomData,
        };
        let result = catch_unwind(AssertUnwindSafe(|| f(&scope)));
        let calls = std::mem::take(&mut *scope.lock());
        if result.is_err() {
            for (hub, stream) in &calls {
                hub.cancel(stream);
            }
        }
        for (_, stream) in &calls {
            stream.wait_ended();
        }
        result.unwrap_or_else(|panic| resume_unwind(panic))
    }
}

impl<'scope> Scope<'scope, '_> {
    /// Starts a task, whose argument may borrow from outside of the scope. The argument is encoded before this returns.
    pub fn start<In, Out: Receive, A: Arg<In> + 'scope>(
        &'scope self,
        task: &Task<In, Out>,
        arg: A,
    ) -> ScopedCall<'scope, Out> {
        let call = task.start_with(arg, Borrowing::Allowed);
        let mut calls = self.lock();
        if calls.len() == calls.capacity() {
            // Before the list grows, those go that it need not remember.
            calls.retain(|(_, stream)| !stream.has_ended());
        }
        calls.push((Arc::clone(task.hub()), Arc::clone(call.stream())));
        ScopedCall {
            call,
            scope: PhantomData,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(Arc<Hub>, Arc<Stream>)>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The handle of a task that was started in a scope. Dropping it lets the task run on; the scope waits for it.
#[derive(Debug)]
pub struct ScopedCall<'scope, Out> {
    call: Call<Out>,
    scope: PhantomData<&'scope ()>,
}

impl<Out: Receive> ScopedCall<'_, Out> {
    /// Waits for the outcome.
    ///
    /// # Errors
    /// The outcome, when it is not a value.
    pub fn get(self) -> Outcome<Out> {
        self.call.get()
    }

    /// Waits for the outcome, at most so long.
    ///
    /// # Errors
    /// The handle, when the task has not ended; it runs on.
    pub fn get_timeout(self, timeout: Duration) -> Result<Outcome<Out>, Self> {
        let scope = self.scope;
        self.call
            .get_timeout(timeout)
            .map_err(|call| Self { call, scope })
    }

    /// Whether the task has ended.
    pub fn ready(&self) -> bool {
        self.call.ready()
    }

    /// Waits until the task has ended, at most so long; returns whether it has.
    pub fn wait(&self, timeout: Option<Duration>) -> bool {
        self.call.wait(timeout)
    }

    /// What the task has used, as [`Call::report`] says it.
    pub fn report(&self) -> Option<TaskReport> {
        self.call.report()
    }

    /// Stops the task, as [`Call::cancel`] does.
    pub fn cancel(&self) -> bool {
        self.call.cancel()
    }
}
