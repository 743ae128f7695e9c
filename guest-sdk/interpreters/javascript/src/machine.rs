//! A runtime with one script in it.

use rquickjs::{
    CatchResultExt as _, Context, Ctx, Error, Function, Module, Object, Persistent, Runtime, Value,
    context::EvalOptions, function::Args, promise::MaybePromise,
};
use wasmpool_guest::script::{Passing, ScriptError};

use crate::{console, error, host, random};

/// Bytes of the stack in memory that a script may use; one that goes deeper gets a `RangeError`. Calls of every kind
/// (functions, callbacks of built-in ones, getters, generators) meet this limit before they use up the other stack, which
/// is the pool's and has 1 MiB where nothing else was said. The parsers of code and of JSON do not: their end is a trap.
const STACK: usize = 256 << 10;

/// A runtime, and the script that it has evaluated.
pub(crate) struct Machine {
    // Before the runtime: what lives in it is dropped first.
    loaded: Option<Loaded>,
    context: Context,
    /// Whether no script has been in the context.
    fresh: bool,
    runtime: Runtime,
}

/// A script that was evaluated.
struct Loaded {
    name: String,
    source: String,
    /// Its exports; none of a classic script, whose functions are global.
    exports: Option<Persistent<Object<'static>>>,
}

impl Machine {
    pub(crate) fn new() -> Result<Self, ScriptError> {
        let runtime = Runtime::new().map_err(|error| plain(&error))?;
        runtime.set_max_stack_size(STACK);
        let context = context(&runtime)?;
        Ok(Self {
            loaded: None,
            context,
            fresh: true,
            runtime,
        })
    }

    /// Evaluates the script where that is not done yet, and calls its function.
    pub(crate) fn run(
        &mut self,
        name: &str,
        source: &str,
        function: &str,
        passing: Passing,
        input: Vec<u8>,
    ) -> Result<String, ScriptError> {
        random::forget();
        let known = |loaded: &Loaded| loaded.name == name && loaded.source == source;
        if !self.loaded.as_ref().is_some_and(known) {
            self.loaded = None;
            if !self.fresh {
                self.context = context(&self.runtime)?;
            }
            self.fresh = false;
            let exports = self.context.with(|ctx| {
                let evaluated = evaluate(&ctx, name, source);
                let exports = evaluated.map_err(|error| error::of(&ctx, error))?;
                Ok::<_, ScriptError>(exports.map(|exports| Persistent::save(&ctx, exports)))
            })?;
            self.loaded = Some(Loaded {
                name: name.to_owned(),
                source: source.to_owned(),
                exports,
            });
        }
        let exports = self.loaded.as_ref().and_then(|it| it.exports.clone());
        self.context.with(|ctx| {
            let exports = exports.map(|exports| exports.restore(&ctx)).transpose();
            let exports = exports.map_err(|error| error::of(&ctx, error))?;
            let found = find(&ctx, exports.as_ref(), function)?;
            call(&ctx, &found, passing, input).map_err(|error| error::of(&ctx, error))
        })
    }
}

/// A context with everything that scripts find in it.
fn context(runtime: &Runtime) -> Result<Context, ScriptError> {
    let context = Context::full(runtime).map_err(|error| plain(&error))?;
    context.with(|ctx| {
        let installed = console::install(&ctx)
            .and_then(|()| random::install(&ctx))
            .and_then(|()| host::install(&ctx));
        installed.catch(&ctx).map_err(|error| plain(&error))
    })?;
    Ok(context)
}

fn plain(error: &dyn std::fmt::Display) -> ScriptError {
    ScriptError::plain("InternalError", &error.to_string())
}

/// Evaluates a script. A module's exports are returned; what a classic script defines is global.
fn evaluate<'js>(ctx: &Ctx<'js>, name: &str, source: &str) -> Result<Option<Object<'js>>, Error> {
    if is_module(name, source) {
        let (module, promise) = Module::declare(ctx.clone(), name, source)?.eval()?;
        promise.finish::<Value>()?;
        return module.namespace().map(Some);
    }
    let mut options = EvalOptions::default();
    options.strict = false;
    options.filename = Some(name.to_owned());
    ctx.eval_with_options::<Value, _>(source, options)?;
    Ok(None)
}

/// Whether a script is a module: by its name, or because a line of it begins as only those of modules do.
fn is_module(name: &str, source: &str) -> bool {
    let begins = |line: &str, word: &str| {
        let rest = line.trim_start().strip_prefix(word);
        rest.is_some_and(|rest| rest.starts_with([' ', '\t', '{', '*', '"', '\'']))
    };
    name.ends_with(".mjs")
        || source
            .lines()
            .any(|line| begins(line, "export") || begins(line, "import"))
}

/// The function of that name.
fn find<'js>(
    ctx: &Ctx<'js>,
    exports: Option<&Object<'js>>,
    name: &str,
) -> Result<Function<'js>, ScriptError> {
    let found: Result<Value, Error> = match exports {
        Some(exports) => exports.get(name),
        // What `let` and `const` declare is no property of the global object.
        None if is_identifier(name) => ctx.eval(format!(
            "typeof {name} === 'undefined' ? undefined : {name}"
        )),
        None => Ok(Value::new_undefined(ctx.clone())),
    };
    let found = found.map_err(|error| error::of(ctx, error))?;
    if let Some(function) = found.as_function() {
        return Ok(function.clone());
    }
    if !found.is_undefined() {
        let message = format!("`{name}` is not a function");
        return Err(ScriptError::plain("TypeError", &message));
    }
    let message = match exports {
        Some(exports) => {
            let names: Vec<String> = exports.keys().flatten().collect();
            match names.as_slice() {
                [] => format!("the script exports no `{name}`, and nothing else"),
                names => format!(
                    "the script exports no `{name}`; it exports {}",
                    names.join(", ")
                ),
            }
        }
        None => format!("the script has no function `{name}`"),
    };
    Err(ScriptError::plain("ReferenceError", &message))
}

fn is_identifier(name: &str) -> bool {
    let letter = |c: char| c.is_alphabetic() || c == '_' || c == '$';
    name.starts_with(letter) && name.chars().all(|c| letter(c) || c.is_numeric())
}

/// Calls a function with arguments from JSON, waits for a promise, and returns the result as JSON.
fn call<'js>(
    ctx: &Ctx<'js>,
    function: &Function<'js>,
    passing: Passing,
    input: Vec<u8>,
) -> Result<String, Error> {
    let mut arguments = Args::new_unsized(ctx.clone());
    if passing != Passing::Nothing && !input.is_empty() {
        let value = ctx.json_parse(input)?;
        let spread = match passing {
            Passing::Several => true,
            Passing::Declared => parameters(function) != 1,
            Passing::One | Passing::Nothing => false,
        };
        match value.as_array().filter(|_| spread) {
            Some(values) => {
                for value in values.iter::<Value>() {
                    arguments.push_arg(value?)?;
                }
            }
            None => arguments.push_arg(value)?,
        }
    }
    let returned: Value = function.call_arg(arguments)?;
    let value: Value = MaybePromise::from_value(returned).finish()?;
    // What the script has set going and not waited for.
    while ctx.execute_pending_job() {}
    if value.is_undefined() {
        return Ok("null".to_owned());
    }
    match ctx.json_stringify(value)? {
        Some(json) => json.to_string(),
        None => Err(rquickjs::Exception::throw_type(
            ctx,
            "the result has no form in JSON",
        )),
    }
}

/// How many parameters a function declares before one that has a default or takes the rest.
fn parameters(function: &Function<'_>) -> usize {
    function.get("length").unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_told_from_classic_scripts() {
        for source in [
            "export function f() {}",
            "\n  import { x } from 'x'",
            "export{f}",
            "export * from 'x'",
        ] {
            assert!(is_module("a.js", source), "{source}");
        }
        for source in [
            "function f() {}",
            "exported = 1",
            "importance()",
            "// export f",
        ] {
            assert!(!is_module("a.js", source), "{source}");
            assert!(is_module("a.mjs", source), "{source}");
        }
    }

    #[test]
    fn names_are_no_code() {
        for name in ["f", "_f2", "$", "größe"] {
            assert!(is_identifier(name), "{name}");
        }
        for name in ["", "2f", "f()", "a.b", "f;g", "f g"] {
            assert!(!is_identifier(name), "{name}");
        }
    }
}
