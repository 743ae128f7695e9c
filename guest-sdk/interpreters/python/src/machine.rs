//! An interpreter that has read the prelude, which runs scripts.

use rustpython_vm::{
    Interpreter, PyObjectRef, PyResult, Settings, VirtualMachine, builtins::PyBaseExceptionRef,
    compiler::Mode,
};
use wasmpool_guest::script::{Passing, ScriptError, ScriptFrame};

/// The part that is written in Python.
const PRELUDE: &str = include_str!("prelude.py");
/// Its name in stacks, from which it is left out.
const PRELUDE_NAME: &str = "<wasmpool>";

/// How deep calls may go. The stack that tasks have when nothing else was set holds some four hundred of the dearest kind.
const DEPTH: usize = 300;

/// An interpreter and the function that runs scripts.
pub(crate) struct Machine {
    interpreter: Interpreter,
    run: PyObjectRef,
}

/// What the prelude returns of a failure: class, message, frames from the innermost one on, and the whole text.
type Failure = (String, String, Vec<(String, String, u32)>, String);

impl Machine {
    pub(crate) fn new() -> Result<Self, ScriptError> {
        let mut settings = Settings::default();
        settings.install_signal_handlers = false;
        settings.import_site = false;
        settings.ignore_environment = true;
        settings.user_site_directory = false;
        settings.write_bytecode = false;
        settings.safe_path = true;
        settings.allow_external_library = false;
        settings.isolated = true;
        let builder = Interpreter::builder(settings);
        let natives = rustpython_stdlib::stdlib_module_defs(&builder.ctx);
        let interpreter = builder
            .add_native_modules(&natives)
            .add_frozen_modules(rustpython_pylib::FROZEN_STDLIB)
            .build();
        let run = interpreter.enter(|vm| {
            vm.recursion_limit.set(DEPTH);
            prelude(vm).map_err(|error| plain(vm, error))
        })?;
        Ok(Self { interpreter, run })
    }

    /// Evaluates the script where that is not done yet, and calls its function.
    pub(crate) fn run(
        &mut self,
        name: &str,
        source: &str,
        function: &str,
        passing: Passing,
        input: &[u8],
    ) -> Result<String, ScriptError> {
        let input = String::from_utf8_lossy(input).into_owned();
        let passing = match passing {
            Passing::Declared => "declared",
            Passing::Nothing => "nothing",
            Passing::One => "one",
            Passing::Several => "several",
        };
        self.interpreter.enter(|vm| {
            let text = |text: &str| -> PyObjectRef { vm.ctx.new_str(text).into() };
            let arguments = vec![
                text(name),
                text(source),
                text(function),
                text(passing),
                text(&input),
            ];
            let ended = self
                .run
                .call(arguments, vm)
                .and_then(|returned| ending(vm, returned))
                .map_err(|error| plain(vm, error))?;
            ended.map_err(|(class, message, frames, text)| {
                let frame = |(function, file, line)| ScriptFrame {
                    function,
                    file,
                    line,
                };
                let stack = frames.into_iter().map(frame).collect();
                ScriptError::new(&class, &message, stack, &text)
            })
        })
    }
}

/// Runs the prelude, with what it needs of the host in its scope, and returns its function `run`.
fn prelude(vm: &VirtualMachine) -> PyResult {
    let scope = vm.new_scope_with_builtins();
    let globals = &scope.globals;
    globals.set_item("_file", vm.ctx.new_str(PRELUDE_NAME).into(), vm)?;
    let emit = vm.new_function("emit", |json: String, vm: &VirtualMachine| {
        wasmpool_guest::emit(&json).map_err(|error| vm.new_value_error(error.to_string()))
    });
    globals.set_item("_emit", emit.into(), vm)?;
    let progress = vm.new_function("progress", |done: u64, total: u64| {
        wasmpool_guest::progress(done, total);
    });
    globals.set_item("_progress", progress.into(), vm)?;
    let look = vm.new_function("look", crate::granted::look);
    globals.set_item("_look", look.into(), vm)?;
    let code = vm
        .compile(PRELUDE, Mode::Exec, PRELUDE_NAME.to_owned())
        .map_err(|error| vm.new_syntax_error(&error, Some(PRELUDE)))?;
    vm.run_code_obj(code, scope.clone())?;
    scope.globals.get_item("run", vm)
}

/// Reads what the prelude returned.
fn ending(vm: &VirtualMachine, returned: PyObjectRef) -> PyResult<Result<String, Failure>> {
    let items: Vec<PyObjectRef> = returned.try_into_value(vm)?;
    let text = |at: usize| -> PyResult<String> { items[at].clone().try_into_value(vm) };
    if items.len() == 1 {
        return text(0).map(Ok);
    }
    let frames: Vec<PyObjectRef> = items[2].clone().try_into_value(vm)?;
    let mut stack = Vec::with_capacity(frames.len());
    for frame in frames {
        let parts: Vec<PyObjectRef> = frame.try_into_value(vm)?;
        stack.push((
            parts[0].clone().try_into_value(vm)?,
            parts[1].clone().try_into_value(vm)?,
            parts[2].clone().try_into_value(vm)?,
        ));
    }
    Ok(Err((text(0)?, text(1)?, stack, text(3)?)))
}

/// An error of the interpreter's own.
fn plain(vm: &VirtualMachine, error: PyBaseExceptionRef) -> ScriptError {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = vm.write_exception(&mut text, &error);
    ScriptError::plain("SystemError", text.trim_end())
}
