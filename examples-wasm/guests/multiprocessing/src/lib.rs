//! The tasks of the examples that stand beside Python's `multiprocessing`: each does what the function of the same name
//! in `examples-wasm/python` does.

pub mod arrays;
pub mod locks;
pub mod manager;
pub mod pipes;
pub mod pool;
pub mod queues;
pub mod state;
pub mod stops;
