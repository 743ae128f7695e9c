//! Reads a component that nobody has to trust, compiles it, and describes its functions. Runs in the compiler process.

use wasmparser::{FuncValidatorAllocations, Parser, Payload, ValidPayload, Validator};
use wasmpool_abi::section::SectionError;
use wasmtime::{Engine, component::Component};

use super::accept::{self, PAGE};
use super::bounds;
use super::compile::{Compiled, Form};
use super::engine::{MAX_COMPONENT_MEMORIES, MAX_COMPONENT_TABLES, MAX_TABLE_ELEMENTS};
use super::info::{ModuleInfo, ModuleKind, TaskExport, TaskShape};
use super::proposals;
use super::refusal::Refusal;
use super::wit;
use crate::worker::component::offer;

/// Accepts and compiles a component.
///
/// # Errors
/// What is wrong with it, by name.
pub(super) fn compile(wasm: &[u8], engine: &Engine, form: Form<'_>) -> Result<Compiled, Refusal> {
    match form {
        Form::Plain => {}
        Form::Instrumented | Form::Restored { .. } => {
            return Err(Refusal::Snapshot {
                message: "it is a component, of which no snapshot is taken; its initializer can run in each fresh instance"
                    .to_owned(),
            });
        }
    }
    let (component, info) = describe(wasm, engine)?;
    Ok(Compiled {
        code: component.serialize().map_err(refuse)?,
        info,
        wasm: None,
    })
}

fn refuse(error: wasmtime::Error) -> Refusal {
    Refusal::Compile {
        message: format!("{error:#}"),
    }
}

/// Accepts a component and describes its functions.
///
/// # Errors
/// What is wrong with it, by name.
pub(crate) fn describe(wasm: &[u8], engine: &Engine) -> Result<(Component, ModuleInfo), Refusal> {
    let parts = Parts::read(wasm)?;
    let component = Component::new(engine, wasm).map_err(refuse)?;
    let imports = offer::check(engine, &component)?;
    bounds::check("imports", imports.len() as u64, bounds::MAX_IMPORTS)?;
    let declared = wit::tasks(engine, &component)?;
    let tasks = declared.iter().map(|task| TaskExport {
        name: task.name.clone(),
        export: task.export.clone(),
        shape: TaskShape::Lifted,
    });
    let tasks = tasks.collect();
    let described = |error: SectionError| Refusal::Compile {
        message: format!("its functions cannot be described: {error}"),
    };
    let task_section = wasmpool_abi::section::write(&declared).map_err(described)?;
    let functions =
        wasmpool_abi::section::write(&wit::functions(engine, &component)?).map_err(described)?;
    let info = ModuleInfo {
        kind: ModuleKind::Component,
        task_section,
        tasks,
        imports,
        functions,
        memories: parts.memories,
        tables: parts.tables,
        data_end: 0,
        initialize: false,
        wasm_size: wasm.len() as u64,
    };
    bounds::check_info(&info)?;
    Ok((component, info))
}

/// What the modules in a component have together.
#[derive(Default)]
struct Parts {
    memories: Vec<(u64, Option<u64>)>,
    tables: Vec<(u64, Option<u64>)>,
}

impl Parts {
    /// Reads the whole binary, with all that is nested in it: as in a module, every section is checked against its bounds and by
    /// the validator.
    fn read(wasm: &[u8]) -> Result<Self, Refusal> {
        let accepted = proposals::ACCEPTED_IN_COMPONENTS;
        let invalid = |error: wasmparser::Error| accept::invalid(accepted, wasm, &error);
        let mut validator = Validator::new_with_features(accepted);
        let mut allocations = FuncValidatorAllocations::default();
        let mut parts = Self::default();
        for payload in Parser::new(0).parse_all(wasm) {
            let payload = payload.map_err(invalid)?;
            accept::count(&payload)?;
            match validator.payload(&payload).map_err(invalid)? {
                ValidPayload::Func(function, body) => {
                    allocations = accept::body(function, &body, allocations, &invalid)?;
                }
                ValidPayload::Ok | ValidPayload::Parser(_) | ValidPayload::End(_) => {
                    parts.section(payload, &invalid)?;
                }
            }
        }
        Ok(parts)
    }

    fn section(
        &mut self,
        payload: Payload<'_>,
        invalid: &dyn Fn(wasmparser::Error) -> Refusal,
    ) -> Result<(), Refusal> {
        match payload {
            Payload::MemorySection(section) => {
                for memory in section {
                    let memory = memory.map_err(invalid)?;
                    let bytes = |pages: u64| pages.saturating_mul(PAGE);
                    self.memories
                        .push((bytes(memory.initial), memory.maximum.map(bytes)));
                }
                let found = self.memories.len() as u64;
                bounds::check("memories", found, MAX_COMPONENT_MEMORIES.into())
            }
            Payload::TableSection(section) => {
                for table in section {
                    let ty = table.map_err(invalid)?.ty;
                    bounds::check(
                        "elements in a table from the start",
                        ty.initial,
                        MAX_TABLE_ELEMENTS as u64,
                    )?;
                    self.tables.push((ty.initial, ty.maximum));
                }
                let found = self.tables.len() as u64;
                bounds::check("tables", found, MAX_COMPONENT_TABLES.into())
            }
            // The rest has nothing to describe here: types and functions are read from the compiled component.
            _ => Ok(()),
        }
    }
}
