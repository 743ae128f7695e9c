//! Functions of the embedding program that guests call by name.

use std::{
    collections::BTreeMap,
    fmt::{self, Display},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use wasmpool_abi::{Arg, CheckLimits, Code, Receive, Type, Typed, section::TaskDecl};

use super::module::ModuleInner;
use crate::{
    module::{
        imports::{self, HostImport},
        nearest,
        refusal::Refusal,
    },
    wire::message::{MAX_CALLEE_NAME, MAX_MESSAGE},
};

/// Bytes of all declared imports, encoded: they fit one message with what stands beside them.
const MAX_DECLARED: usize = MAX_MESSAGE / 2;

/// Who calls a function of the embedding program.
#[derive(Clone, Debug)]
pub struct CallContext {
    pub(crate) module: Arc<ModuleInner>,
    pub(crate) task: u32,
    pub(crate) index: u64,
    pub(crate) worker: u64,
    pub(crate) pid: i32,
}

impl CallContext {
    /// The name of the module, as [`Module::name`](crate::Module::name) has it.
    pub fn module(&self) -> &str {
        &self.module.name
    }

    /// The name of the task.
    pub fn task(&self) -> &str {
        self.module.task_name(self.task)
    }

    /// The number of the tenant: each load of a module is one, and the number is never another's, in no pool of this
    /// process. Equal to [`Module::tenant`](crate::Module::tenant).
    pub fn tenant(&self) -> u64 {
        self.module.tenant()
    }

    /// The index of the task's item in its call; 0 for a call of one task.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// The pool's number for the worker.
    pub fn worker(&self) -> u64 {
        self.worker
    }

    /// The process id of the worker, as the host sees it.
    pub fn pid(&self) -> i32 {
        self.pid
    }
}

/// What a call from a guest comes to: encoded, or a code and a text for people.
pub(crate) type Reply = Result<Vec<u8>, Failure>;

/// Why a call from a guest has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// What the guest's import returns.
    pub(crate) code: Code,
    /// What `message_read` has then.
    pub(crate) message: String,
}

impl From<Code> for Failure {
    fn from(code: Code) -> Self {
        Self {
            code,
            message: String::new(),
        }
    }
}

/// A function, without its types.
pub(crate) type Function = Arc<dyn Fn(&CallContext, &[u8]) -> Reply + Send + Sync>;

/// A function that is called by its name, with its types.
#[derive(Clone)]
pub(crate) struct Named {
    pub(crate) function: Function,
    /// The type of its arguments as one value.
    pub(crate) args: Type,
    pub(crate) output: Type,
}

impl Named {
    /// A function of these types.
    pub(crate) fn new<A: Typed, R: Typed>(function: Function) -> Self {
        Self {
            function,
            args: Type::of::<A>(),
            output: Type::of::<R>(),
        }
    }
}

impl fmt::Debug for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {}", self.args, self.output)
    }
}

/// All functions of one pool.
#[derive(Clone, Default)]
pub(crate) struct Functions {
    by_name: BTreeMap<String, Named>,
    imports: Vec<Function>,
    /// What the modules are told of them, in the same order.
    declared: Vec<HostImport>,
}

impl fmt::Debug for Functions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Functions")
            .field("by_name", &self.by_name.keys())
            .field("imports", &self.declared)
            .finish()
    }
}

/// A function cannot be offered under this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FunctionError {
    /// Another one has it.
    #[error("there are two host functions of the name `{name}`")]
    Duplicate {
        /// The name.
        name: String,
    },
    /// No guest could call it.
    #[error("a host function's name has 1 to {MAX_CALLEE_NAME} bytes, and `{name}` does not")]
    Name {
        /// The name.
        name: String,
    },
    /// The module's imports are those of wasmpool itself.
    #[error("imports from `{module}` are wasmpool's own")]
    Reserved {
        /// The module.
        module: String,
    },
    /// A compiler is told of all imports in one message.
    #[error("the names of all host imports together take more than {MAX_DECLARED} bytes")]
    TooMany,
}

impl Functions {
    /// Adds one.
    ///
    /// # Errors
    /// The name is taken, or none.
    pub(crate) fn add(&mut self, name: String, function: Named) -> Result<(), FunctionError> {
        if name.is_empty() || name.len() > MAX_CALLEE_NAME {
            return Err(FunctionError::Name { name });
        }
        if self.by_name.contains_key(&name) {
            return Err(FunctionError::Duplicate { name });
        }
        self.by_name.insert(name, function);
        Ok(())
    }

    /// Adds one that modules import.
    ///
    /// # Errors
    /// The names are taken or none, or there are too many.
    pub(crate) fn add_import(
        &mut self,
        import: HostImport,
        function: Function,
    ) -> Result<(), FunctionError> {
        let HostImport { module, name, .. } = &import;
        let both = || format!("{module}.{name}");
        if name.len().max(module.len()) > MAX_CALLEE_NAME {
            return Err(FunctionError::Name { name: both() });
        }
        if imports::is_own(module) {
            return Err(FunctionError::Reserved {
                module: module.clone(),
            });
        }
        if self.imported(module, name).is_some() {
            return Err(FunctionError::Duplicate { name: both() });
        }
        self.declared.push(import);
        self.imports.push(function);
        if postcard::to_allocvec(&self.declared).map_or(0, |bytes| bytes.len()) > MAX_DECLARED {
            return Err(FunctionError::TooMany);
        }
        Ok(())
    }

    /// What modules may import.
    pub(crate) fn declared(&self) -> &[HostImport] {
        &self.declared
    }

    /// The function that modules import by these names.
    pub(crate) fn imported(&self, module: &str, name: &str) -> Option<&Function> {
        let same = |it: &HostImport| it.module == module && it.name == name;
        self.imports.get(self.declared.iter().position(same)?)
    }

    /// The function of this name.
    pub(crate) fn named(&self, name: &str) -> Option<&Function> {
        self.by_name.get(name).map(|named| &named.function)
    }

    /// Refuses what a component imports of the program and the program does not have.
    ///
    /// # Errors
    /// The first import without a function of its name and types.
    pub(crate) fn check(&self, imported: &[TaskDecl]) -> Result<(), Refusal> {
        let signature = |args: &Type, output: &Type| format!("{args} -> {output}");
        for import in imported {
            let args = Type::of_args(&import.args);
            let named = self.by_name.get(&import.name);
            if named.is_some_and(|it| it.args.matches(&args) && it.output.matches(&import.output)) {
                continue;
            }
            let known = self.by_name.keys().map(String::as_str);
            return Err(Refusal::UnknownImport {
                module: import.export.clone(),
                name: import.name.clone(),
                found: signature(&args, &import.output),
                expected: named.map(|it| signature(&it.args, &it.output)),
                nearest: nearest::likely(&import.name, known)
                    .into_iter()
                    .map(str::to_owned)
                    .collect(),
            });
        }
        Ok(())
    }
}

/// Wraps a function of types: arguments are looked at along their type before anything decodes them.
pub(crate) fn typed<A, R, E>(
    function: impl Fn(&CallContext, A) -> Result<R, E> + Send + Sync + 'static,
) -> Function
where
    A: Receive,
    R: Typed + Arg<R>,
    E: Display,
{
    let ty = Type::of::<A>();
    let wrong = |message: String| Failure {
        code: Code::WrongType,
        message,
    };
    Arc::new(move |context, bytes| {
        ty.check(bytes, &CheckLimits::default())
            .map_err(|error| wrong(format!("the function takes {ty}: {error}")))?;
        let args: A = wasmpool_abi::from_slice(bytes)
            .map_err(|error| wrong(format!("the function takes {ty}: {error}")))?;
        let value = function(context, args).map_err(|error| Failure {
            code: Code::Error,
            message: error.to_string(),
        })?;
        wasmpool_abi::to_vec(&value).map_err(|error| Failure {
            code: Code::Failed,
            message: format!("the function's result cannot be encoded: {error}"),
        })
    })
}

/// Calls a function; a panic in it is an error of this call.
pub(crate) fn run(function: &Function, context: &CallContext, args: &[u8]) -> Reply {
    // What the function leaves half done is its own: nothing of the pool is behind it.
    let called = catch_unwind(AssertUnwindSafe(|| function(context, args)));
    called.unwrap_or_else(|panic| {
        let said = panic
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        Err(Failure {
            code: Code::Error,
            message: match said {
                Some(said) => format!("the function panicked: {said}"),
                None => "the function panicked".to_owned(),
            },
        })
    })
}
