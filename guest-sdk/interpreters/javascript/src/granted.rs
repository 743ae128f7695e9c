//! `wasmpool.args` and `wasmpool.env`: what the task was granted, asked for when a script looks.

use rquickjs::{Ctx, Error, Object, object::Accessor};

// SAFETY: it is libc's, takes nothing and changes nothing but its own table, from which nobody holds anything: there is one
// thread, and Rust's library copies what it reads there.
unsafe extern "C" {
    /// Forgets the environment, which may be from before a snapshot; it is asked for again when somebody wants it.
    safe fn __wasilibc_deinitialize_environ();
}

pub(crate) fn install(object: &Object<'_>) -> Result<(), Error> {
    object.prop("args", Accessor::new_get(args).enumerable())?;
    object.prop("env", Accessor::new_get(env).enumerable())
}

/// The arguments, without the name that stands before them.
fn args() -> Vec<String> {
    let args = std::env::args_os().skip(1);
    args.map(|arg| arg.to_string_lossy().into_owned()).collect()
}

/// The environment, a property for each variable.
fn env(ctx: Ctx<'_>) -> Result<Object<'_>, Error> {
    __wasilibc_deinitialize_environ();
    let object = Object::new(ctx)?;
    for (name, value) in std::env::vars_os() {
        object.set(&*name.to_string_lossy(), &*value.to_string_lossy())?;
    }
    Ok(object)
}
