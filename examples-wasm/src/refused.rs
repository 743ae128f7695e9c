//! The mistakes of the guide that must not compile. Documentation tests, because that is where `compile_fail` is.

/// ```
/// fn a_number_as_an_argument(task: wasmpool::Task<u64, u64>, pool: wasmpool::Pool) {
///     let _ = task.call(7);
///     pool.close().join();
/// }
/// ```
/// ```compile_fail
/// fn a_pool_as_an_argument(task: wasmpool::Task<u64, u64>, pool: wasmpool::Pool) {
///     let _ = task.call(pool);
/// }
/// ```
/// ```compile_fail
/// fn a_closure_as_an_argument(task: wasmpool::Task<u64, u64>) {
///     let _ = task.call(|| 7);
/// }
/// ```
/// ```compile_fail
/// fn join_before_close(pool: wasmpool::Pool) {
///     pool.join();
/// }
/// ```
struct Refused;
