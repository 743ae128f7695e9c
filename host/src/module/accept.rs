//! Reads a module that nobody has to trust, before anything is compiled: refused by name, or described.
//!
//! Runs in the compiler process. It never looks at what the code does, and makes no machine code.

use std::borrow::Cow;

use wasmparser::{
    CompositeInnerType, ConstExpr, DataKind, DataSectionReader, ElementItems, ElementSectionReader,
    ExternalKind, FuncToValidate, FuncType, FuncValidatorAllocations, FunctionBody, Operator,
    OperatorsReader, Parser, Payload, TypeRef, TypeSectionReader, ValidPayload, Validator,
    ValidatorResources, WasmFeatures,
};

use super::bounds;
use super::data::DataSegments;
use super::engine::{MAX_INSTANCE_SIZE, MAX_MEMORIES, MAX_TABLE_ELEMENTS, MAX_TABLES};
use super::imports::{self, HostImport};
use super::info::ModuleInfo;
use super::instance_size::{Escaped, InstanceParts};
use super::proposals;
use super::refusal::Refusal;
use super::tasks::{self, Exports, INITIALIZE};

/// Bytes of a page of linear memory.
pub(super) const PAGE: u64 = 64 << 10;

/// What was accepted: the binary and its description.
#[derive(Debug)]
pub(crate) struct Accepted<'a> {
    /// The WebAssembly binary: the source itself, or what its text stands for.
    pub(crate) wasm: Cow<'a, [u8]>,
    /// Its description.
    pub(crate) info: ModuleInfo,
}

/// Reads `source`, text or binary, of at most `module_size` bytes in either form. Beside the ABI and WASI it may import what
/// is `declared`.
///
/// # Errors
/// What is wrong with it, by name.
pub(crate) fn accept<'a>(
    source: &'a [u8],
    module_size: u64,
    declared: &[HostImport],
) -> Result<Accepted<'a>, Refusal> {
    let wasm = read(source, module_size)?;
    if Parser::is_component(&wasm) {
        return Err(Refusal::Proposal {
            name: proposals::COMPONENT_MODEL.to_owned(),
            offset: 0,
            message: "this is a component, not a module".to_owned(),
        });
    }
    let (info, _) = scan(&wasm, declared)?;
    Ok(Accepted { wasm, info })
}

/// The binary that `source`, of at most `module_size` bytes in either form, is or stands for: a module or a component.
///
/// # Errors
/// It is too large, or no WebAssembly.
pub(crate) fn read(source: &[u8], module_size: u64) -> Result<Cow<'_, [u8]>, Refusal> {
    check_size(source, module_size)?;
    let wasm = binary(source)?;
    check_size(&wasm, module_size)?;
    Ok(wasm)
}

/// Reads a binary: its description, and the bytes that an instance of it takes beside its memories and tables.
pub(crate) fn scan(wasm: &[u8], declared: &[HostImport]) -> Result<(ModuleInfo, u64), Refusal> {
    let mut scan = Scan {
        declared,
        ..Scan::default()
    };
    scan.module(wasm)?;
    scan.finish(wasm.len())
}

/// Refuses a source over the limit.
fn check_size(bytes: &[u8], limit: u64) -> Result<(), Refusal> {
    let size = bytes.len() as u64;
    if size > limit {
        return Err(Refusal::TooLarge { limit, size });
    }
    Ok(())
}

/// The binary that `source` is or stands for.
fn binary(source: &[u8]) -> Result<Cow<'_, [u8]>, Refusal> {
    let not_wasm = |message: &str| Refusal::NotWasm {
        message: message.to_owned(),
    };
    match wat::Detect::from_bytes(source) {
        wat::Detect::WasmBinary => Ok(Cow::Borrowed(source)),
        wat::Detect::WasmText => {
            let text = std::str::from_utf8(source)
                .map_err(|_| not_wasm("it looks like text but is not UTF-8"))?;
            wat::parse_str(text)
                .map(Cow::Owned)
                .map_err(|error| text_error(&error.to_string()))
        }
        wat::Detect::Unknown if source.is_empty() => Err(not_wasm("it is empty")),
        wat::Detect::Unknown if source.starts_with(b"\x7fELF") => Err(not_wasm(
            "it is machine code (an ELF file); precompiled code is never accepted, only WebAssembly is",
        )),
        wat::Detect::Unknown => Err(not_wasm(
            "it neither starts with the bytes `\\0asm` nor is text that starts with a parenthesis",
        )),
    }
}

/// The parser of text tells the place only in its message: first line the error, then `--> <anon>:line:column`.
fn text_error(rendered: &str) -> Refusal {
    let mut place = rendered
        .split_once("<anon>:")
        .map_or("", |(_, rest)| rest)
        .split(|letter: char| !letter.is_ascii_digit())
        .map(|digits| digits.parse().unwrap_or(1));
    Refusal::Text {
        message: rendered.lines().next().unwrap_or_default().to_owned(),
        line: place.next().unwrap_or(1),
        column: place.next().unwrap_or(1),
    }
}

/// What is known of the module so far.
#[derive(Default)]
struct Scan<'a> {
    /// What may be imported beside the ABI and WASI.
    declared: &'a [HostImport],
    types: Vec<FuncType>,
    /// The type of every function, imported ones first.
    functions: Vec<u32>,
    imports: Vec<(String, String, String)>,
    imports_abi: bool,
    memories: Vec<(u64, Option<u64>)>,
    tables: Vec<(u64, Option<u64>)>,
    exports: Exports,
    task_section: Vec<u8>,
    data_end: u64,
    escaped: Escaped,
    parts: InstanceParts,
}

impl Scan<'_> {
    /// Reads the whole binary. Every section is checked against its bounds, then by the validator, and only then read.
    fn module(&mut self, wasm: &[u8]) -> Result<(), Refusal> {
        let invalid = |error: wasmparser::Error| invalid(proposals::ACCEPTED, wasm, &error);
        let mut validator = Validator::new_with_features(proposals::ACCEPTED);
        let mut allocations = FuncValidatorAllocations::default();
        for payload in Parser::new(0).parse_all(wasm) {
            let payload = payload.map_err(invalid)?;
            count(&payload)?;
            match validator.payload(&payload).map_err(invalid)? {
                ValidPayload::Func(function, body) => {
                    allocations = self::body(function, &body, allocations, &invalid)?;
                }
                ValidPayload::Ok | ValidPayload::Parser(_) | ValidPayload::End(_) => {
                    self.section(payload, &invalid)?;
                }
            }
        }
        Ok(())
    }

    /// Reads one section that the validator has found right.
    fn section(
        &mut self,
        payload: Payload<'_>,
        invalid: &dyn Fn(wasmparser::Error) -> Refusal,
    ) -> Result<(), Refusal> {
        match payload {
            Payload::TypeSection(section) => self.type_section(section).map_err(invalid)?,
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import.map_err(invalid)?;
                    self.import(import.module, import.name, import.ty)?;
                }
                self.parts.imported_functions = self.functions.len() as u64;
            }
            Payload::FunctionSection(section) => {
                for ty in section {
                    self.functions.push(ty.map_err(invalid)?);
                }
                bounds::check(
                    "functions",
                    self.functions.len() as u64,
                    bounds::MAX_FUNCTIONS,
                )?;
            }
            Payload::TableSection(section) => {
                for table in section {
                    let table = table.map_err(invalid)?;
                    let (minimum, maximum) = (table.ty.initial, table.ty.maximum);
                    bounds::check(
                        "elements in a table from the start",
                        minimum,
                        MAX_TABLE_ELEMENTS as u64,
                    )?;
                    self.tables.push((minimum, maximum));
                }
            }
            Payload::MemorySection(section) => {
                for memory in section {
                    let memory = memory.map_err(invalid)?;
                    let bytes = |pages: u64| pages.saturating_mul(PAGE);
                    self.memories
                        .push((bytes(memory.initial), memory.maximum.map(bytes)));
                }
            }
            Payload::GlobalSection(section) => {
                for global in section {
                    let global = global.map_err(invalid)?;
                    self.constant(&global.init_expr).map_err(invalid)?;
                    self.parts.globals += 1;
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export.map_err(invalid)?;
                    if matches!(export.kind, ExternalKind::Func | ExternalKind::FuncExact) {
                        self.escaped.insert(export.index);
                        if let Some(ty) = self.function(export.index) {
                            self.exports.push(export.name, ty.clone());
                        }
                    }
                }
            }
            Payload::StartSection { func, .. } => self.escaped.insert(func),
            Payload::ElementSection(section) => self.element_section(section, invalid)?,
            Payload::DataSection(section) => {
                let segments = self.data_section(section).map_err(invalid)?;
                segments.check()?;
            }
            Payload::CustomSection(section) if section.name() == wasmpool_abi::TASK_SECTION => {
                // Linkers join sections of one name; where one did not, records follow one another all the same.
                self.task_section.extend_from_slice(section.data());
            }
            // What is left carries nothing to describe, or is code, which was read already.
            _ => {}
        }
        Ok(())
    }

    fn type_section(&mut self, section: TypeSectionReader<'_>) -> wasmparser::Result<()> {
        for group in section {
            for ty in group?.into_types() {
                if let CompositeInnerType::Func(ty) = ty.composite_type.inner {
                    self.types.push(ty);
                }
            }
        }
        Ok(())
    }

    fn import(&mut self, module: &str, name: &str, ty: TypeRef) -> Result<(), Refusal> {
        let text = match ty {
            TypeRef::Func(index) | TypeRef::FuncExact(index) => {
                let Some(ty) = self.types.get(index as usize) else {
                    return Err(imports::unknown(module, name, "a function".to_owned()));
                };
                self.functions.push(index);
                imports::check(module, name, ty, self.declared)?
            }
            TypeRef::Table(_) => return Err(imports::unknown(module, name, "a table".to_owned())),
            TypeRef::Memory(_) => {
                return Err(imports::unknown(module, name, "a memory".to_owned()));
            }
            TypeRef::Global(_) => {
                return Err(imports::unknown(module, name, "a global".to_owned()));
            }
            TypeRef::Tag(_) => return Err(imports::unknown(module, name, "a tag".to_owned())),
        };
        self.imports_abi |= module == wasmpool_abi::IMPORT_MODULE;
        self.imports
            .push((module.to_owned(), name.to_owned(), text));
        Ok(())
    }

    fn element_section(
        &mut self,
        section: ElementSectionReader<'_>,
        invalid: &dyn Fn(wasmparser::Error) -> Refusal,
    ) -> Result<(), Refusal> {
        let mut elements = 0_u64;
        for segment in section {
            let segment = segment.map_err(invalid)?;
            self.parts.segments += 1;
            let count = match &segment.items {
                ElementItems::Functions(items) => items.count(),
                ElementItems::Expressions(_, items) => items.count(),
            };
            elements += u64::from(count);
            bounds::check(
                "elements in all element segments",
                elements,
                bounds::MAX_ELEMENTS,
            )?;
            match segment.items {
                ElementItems::Functions(items) => {
                    for function in items {
                        self.escaped.insert(function.map_err(invalid)?);
                    }
                }
                ElementItems::Expressions(_, items) => {
                    for expression in items {
                        let expression = expression.map_err(invalid)?;
                        self.constant(&expression).map_err(invalid)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn data_section(&mut self, section: DataSectionReader<'_>) -> wasmparser::Result<DataSegments> {
        let mut segments = DataSegments::default();
        for segment in section {
            let segment = segment?;
            self.parts.segments += 1;
            let DataKind::Active {
                memory_index,
                offset_expr,
            } = &segment.kind
            else {
                continue;
            };
            let len = segment.data.len() as u64;
            let offset = self.constant(offset_expr)?;
            if let Some(value) = offset.value {
                self.data_end = self.data_end.max(u64::from(value) + len);
            }
            let memory = *memory_index as usize;
            let minimum = self.memories.get(memory).map_or(0, |(minimum, _)| *minimum);
            let plain = offset.value.filter(|_| offset.plain);
            segments.add(memory, minimum, plain, len);
        }
        Ok(segments)
    }

    /// Reads a constant expression, and notes the functions that it refers to.
    ///
    /// No global occurs in one: none can be imported, and reading the module's own is part of the gc proposal.
    fn constant(&mut self, expression: &ConstExpr<'_>) -> wasmparser::Result<Constant> {
        let mut stack: Vec<Option<u32>> = Vec::new();
        let mut instructions = 0;
        let mut operators = expression.get_operators_reader();
        while !operators.eof() {
            let value = match operators.read()? {
                Operator::I32Const { value } => Some(value.cast_unsigned()),
                Operator::I32Add => binary_operation(&mut stack, u32::wrapping_add),
                Operator::I32Sub => binary_operation(&mut stack, u32::wrapping_sub),
                Operator::I32Mul => binary_operation(&mut stack, u32::wrapping_mul),
                Operator::RefFunc { function_index } => {
                    self.escaped.insert(function_index);
                    None
                }
                Operator::End => continue,
                _ => None,
            };
            instructions += 1;
            stack.push(value);
        }
        Ok(Constant {
            value: stack.pop().flatten(),
            plain: instructions == 1,
        })
    }

    /// The type of a function.
    fn function(&self, index: u32) -> Option<&FuncType> {
        let ty = self.functions.get(index as usize)?;
        self.types.get(*ty as usize)
    }

    /// The description, when the rest is within bounds too.
    fn finish(mut self, wasm_size: usize) -> Result<(ModuleInfo, u64), Refusal> {
        self.parts.memories = self.memories.len() as u64;
        self.parts.tables = self.tables.len() as u64;
        self.parts.escaped_functions = self.escaped.count();
        let instance_size = self.parts.bytes();
        bounds::check(
            "bytes for an instance's globals, function references and segments",
            instance_size,
            MAX_INSTANCE_SIZE as u64,
        )?;
        let initialize = self.exports.has_plain(INITIALIZE);
        let (kind, tasks) = tasks::find(&self.task_section, self.imports_abi, &self.exports)?;
        let info = ModuleInfo {
            kind,
            task_section: self.task_section,
            tasks,
            imports: self.imports,
            functions: Vec::new(),
            memories: self.memories,
            tables: self.tables,
            data_end: self.data_end,
            initialize,
            wasm_size: wasm_size as u64,
        };
        bounds::check_info(&info)?;
        Ok((info, instance_size))
    }
}

/// What a constant expression comes to.
struct Constant {
    /// Its value, when it is an i32.
    value: Option<u32>,
    /// It is one instruction and needs no computing.
    plain: bool,
}

/// Takes two operands and gives the result, when both are known.
fn binary_operation(stack: &mut Vec<Option<u32>>, operation: fn(u32, u32) -> u32) -> Option<u32> {
    let (right, left) = (stack.pop().flatten(), stack.pop().flatten());
    Some(operation(left?, right?))
}

/// Refuses a section that declares too many of something, before the validator spends time or memory on it.
pub(super) fn count(payload: &Payload<'_>) -> Result<(), Refusal> {
    let (what, found, limit) = match payload {
        Payload::TypeSection(section) => ("function types", section.count(), bounds::MAX_TYPES),
        Payload::ImportSection(section) => ("imports", section.count(), bounds::MAX_IMPORTS),
        Payload::FunctionSection(section) => ("functions", section.count(), bounds::MAX_FUNCTIONS),
        Payload::TableSection(section) => ("tables", section.count(), u64::from(MAX_TABLES)),
        Payload::MemorySection(section) => ("memories", section.count(), u64::from(MAX_MEMORIES)),
        Payload::GlobalSection(section) => ("globals", section.count(), bounds::MAX_GLOBALS),
        Payload::ExportSection(section) => ("exports", section.count(), bounds::MAX_EXPORTS),
        Payload::ElementSection(section) => (
            "element segments",
            section.count(),
            bounds::MAX_ELEMENT_SEGMENTS,
        ),
        Payload::DataSection(section) => {
            ("data segments", section.count(), bounds::MAX_DATA_SEGMENTS)
        }
        Payload::DataCountSection { count, .. } => {
            ("data segments", *count, bounds::MAX_DATA_SEGMENTS)
        }
        _ => return Ok(()),
    };
    bounds::check(what, u64::from(found), limit)
}

/// Validates one function's body and checks its bounds on the way.
pub(super) fn body(
    function: FuncToValidate<ValidatorResources>,
    body: &FunctionBody<'_>,
    allocations: FuncValidatorAllocations,
    invalid: &dyn Fn(wasmparser::Error) -> Refusal,
) -> Result<FuncValidatorAllocations, Refusal> {
    let index = function.index;
    let of = |what: &str| format!("{what} in function {index}");
    bounds::check(
        &of("bytes of code"),
        body.as_bytes().len() as u64,
        bounds::MAX_BODY,
    )?;
    let mut validator = function.into_validator(allocations);
    let mut reader = body.get_binary_reader();
    validator.read_locals(&mut reader).map_err(invalid)?;
    reader.set_features(proposals::ACCEPTED);
    bounds::check(
        &of("locals"),
        u64::from(validator.len_locals()),
        bounds::MAX_LOCALS,
    )?;
    let mut operators = OperatorsReader::new(reader);
    let mut targets = 0_u64;
    while !operators.eof() {
        let (operator, offset) = operators.read_with_offset().map_err(invalid)?;
        if let Operator::BrTable { targets: table } = &operator {
            let here = u64::from(table.len());
            bounds::check(&of("targets of one `br_table`"), here, bounds::MAX_BR_TABLE)?;
            targets += here;
        }
        validator.op(offset, &operator).map_err(invalid)?;
        if matches!(
            operator,
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. }
        ) {
            bounds::check(
                &of("blocks within blocks"),
                u64::from(validator.control_stack_height()),
                bounds::MAX_NESTING,
            )?;
        }
    }
    operators.finish().map_err(invalid)?;
    bounds::check(
        &of("targets of all `br_table`s"),
        targets,
        bounds::MAX_BR_TABLE_SUM,
    )?;
    Ok(validator.into_allocations())
}

/// The refusal for an error of the validator: a proposal that is off, or plainly invalid.
pub(super) fn invalid(accepted: WasmFeatures, wasm: &[u8], error: &wasmparser::Error) -> Refusal {
    let offset = error.offset() as u64;
    let message = error.message().to_owned();
    match proposals::culprit(accepted, wasm, error) {
        Some(name) => Refusal::Proposal {
            name: name.to_owned(),
            offset,
            message,
        },
        None => Refusal::Invalid { message, offset },
    }
}

#[cfg(test)]
#[path = "accept_tests.rs"]
mod tests;
