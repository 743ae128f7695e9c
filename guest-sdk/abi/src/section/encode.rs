//! Writes a section from declarations that are known at run time only: what `wasmpool pack` adds to a module.

use alloc::vec::Vec;

use super::{MAX_NAME, MAX_TYPES, SectionError, TaskDecl, tag};
use crate::{ABI_VERSION, Type};

/// Arguments that a task may have, by the format: their number is one byte.
const MAX_ARGS: usize = 255;

/// The section that declares these tasks. What [`read`](super::read) would refuse is refused here already.
///
/// # Errors
/// A name is too long, or there is too much of something.
pub fn write(tasks: &[TaskDecl]) -> Result<Vec<u8>, SectionError> {
    let mut section = Vec::new();
    for task in tasks {
        let mut record = Vec::new();
        // The version is a small constant, and so is the number of a codec.
        record.extend_from_slice(&ABI_VERSION.to_le_bytes()[..1]);
        record.push(task.codec as u8);
        text(&mut record, &task.name)?;
        text(&mut record, &task.export)?;
        record.push(
            u8::try_from(task.args.len())
                .map_err(|_| SectionError::TooManyArguments { limit: MAX_ARGS })?,
        );
        for arg in &task.args {
            ty(&mut record, arg)?;
        }
        ty(&mut record, &task.output)?;
        record.push(u8::from(task.error.is_some()));
        if let Some(error) = &task.error {
            ty(&mut record, error)?;
        }
        let len = u32::try_from(record.len())
            .map_err(|_| SectionError::TooManyTypes { limit: MAX_TYPES })?;
        section.extend_from_slice(&len.to_le_bytes());
        section.append(&mut record);
    }
    super::read(&section)?;
    Ok(section)
}

fn text(out: &mut Vec<u8>, text: &str) -> Result<(), SectionError> {
    out.push(u8::try_from(text.len()).map_err(|_| SectionError::LongName { limit: MAX_NAME })?);
    out.extend_from_slice(text.as_bytes());
    Ok(())
}

fn count(out: &mut Vec<u8>, count: usize) -> Result<(), SectionError> {
    let count =
        u16::try_from(count).map_err(|_| SectionError::TooManyTypes { limit: MAX_TYPES })?;
    out.extend_from_slice(&count.to_le_bytes());
    Ok(())
}

fn ty(out: &mut Vec<u8>, of: &Type) -> Result<(), SectionError> {
    out.push(match of {
        Type::Unit => tag::UNIT,
        Type::Bool => tag::BOOL,
        Type::U8 => tag::U8,
        Type::U16 => tag::U16,
        Type::U32 => tag::U32,
        Type::U64 => tag::U64,
        Type::U128 => tag::U128,
        Type::I8 => tag::I8,
        Type::I16 => tag::I16,
        Type::I32 => tag::I32,
        Type::I64 => tag::I64,
        Type::I128 => tag::I128,
        Type::F32 => tag::F32,
        Type::F64 => tag::F64,
        Type::Char => tag::CHAR,
        Type::Str => tag::STR,
        Type::Option(_) => tag::OPTION,
        Type::Seq(_) => tag::SEQ,
        Type::Array(..) => tag::ARRAY,
        Type::Map(..) => tag::MAP,
        Type::Tuple(_) => tag::TUPLE,
        Type::Struct(..) => tag::STRUCT,
        Type::Enum(..) => tag::ENUM,
        Type::Handle(..) => tag::HANDLE,
        Type::Rec(_) => tag::REC,
    });
    match of {
        Type::Option(inner) | Type::Seq(inner) => ty(out, inner)?,
        Type::Array(inner, len) => {
            let len =
                u32::try_from(*len).map_err(|_| SectionError::TooManyTypes { limit: MAX_TYPES })?;
            out.extend_from_slice(&len.to_le_bytes());
            ty(out, inner)?;
        }
        Type::Map(key, value) => {
            ty(out, key)?;
            ty(out, value)?;
        }
        Type::Tuple(items) => {
            count(out, items.len())?;
            for item in items {
                ty(out, item)?;
            }
        }
        Type::Struct(name, items) | Type::Enum(name, items) => {
            text(out, name)?;
            count(out, items.len())?;
            for (name, item) in items {
                text(out, name)?;
                ty(out, item)?;
            }
        }
        Type::Handle(kind, inner) => {
            out.push(*kind);
            ty(out, inner)?;
        }
        Type::Rec(name) => text(out, name)?,
        _ => (),
    }
    Ok(())
}
