//! Reads a section. Its bytes come from a stranger: every count is a claim, every name goes to a terminal later.

use alloc::{borrow::ToOwned, boxed::Box, collections::BTreeSet, string::String, vec::Vec};

use super::{MAX_SECTION, MAX_TASKS, MAX_TYPE_DEPTH, MAX_TYPES, SectionError, TaskDecl, tag};
use crate::{ABI_VERSION, Codec, Type};

/// What the section declares, in its order.
///
/// # Errors
/// When it is not a sequence of whole records, or passes one of the limits of this module.
pub fn read(section: &[u8]) -> Result<Vec<TaskDecl>, SectionError> {
    if section.len() > MAX_SECTION {
        return Err(SectionError::TooLarge {
            found: section.len(),
            limit: MAX_SECTION,
        });
    }
    let mut reader = Reader {
        bytes: section,
        types: 0,
    };
    let mut tasks = Vec::new();
    let mut names = BTreeSet::new();
    while !reader.bytes.is_empty() {
        if tasks.len() == MAX_TASKS {
            return Err(SectionError::TooManyTasks { limit: MAX_TASKS });
        }
        let len = reader.u32()?;
        let len = usize::try_from(len).map_err(|_| SectionError::Truncated)?;
        let after = reader.bytes.get(len..).ok_or(SectionError::Truncated)?;
        reader.bytes = &reader.bytes[..len];
        let task = reader.record()?;
        if !reader.bytes.is_empty() {
            return Err(SectionError::Trailing {
                left: reader.bytes.len(),
            });
        }
        reader.bytes = after;
        if !names.insert(task.name.clone()) {
            return Err(SectionError::Duplicate { name: task.name });
        }
        tasks.push(task);
    }
    Ok(tasks)
}

/// One type, which fills `bytes`.
///
/// # Errors
/// When it is none, or passes one of the limits of this module.
pub fn read_type(bytes: &[u8]) -> Result<Type, SectionError> {
    if bytes.len() > MAX_SECTION {
        return Err(SectionError::TooLarge {
            found: bytes.len(),
            limit: MAX_SECTION,
        });
    }
    let mut reader = Reader { bytes, types: 0 };
    let ty = reader.ty(&mut Vec::new(), 0)?;
    match reader.bytes.len() {
        0 => Ok(ty),
        left => Err(SectionError::Trailing { left }),
    }
}

struct Reader<'b> {
    bytes: &'b [u8],
    types: usize,
}

impl<'b> Reader<'b> {
    fn take(&mut self, len: usize) -> Result<&'b [u8], SectionError> {
        let (head, rest) = self
            .bytes
            .split_at_checked(len)
            .ok_or(SectionError::Truncated)?;
        self.bytes = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], SectionError> {
        let (head, rest) = self
            .bytes
            .split_first_chunk()
            .ok_or(SectionError::Truncated)?;
        self.bytes = rest;
        Ok(*head)
    }

    fn u8(&mut self) -> Result<u8, SectionError> {
        self.array().map(u8::from_le_bytes)
    }

    fn u16(&mut self) -> Result<u16, SectionError> {
        self.array().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Result<u32, SectionError> {
        self.array().map(u32::from_le_bytes)
    }

    /// A name that is safe to print, and may be empty.
    fn text(&mut self) -> Result<&'b str, SectionError> {
        let len = self.u8()?;
        let text =
            core::str::from_utf8(self.take(usize::from(len))?).map_err(|_| SectionError::Name)?;
        if text.chars().any(char::is_control) {
            return Err(SectionError::Name);
        }
        Ok(text)
    }

    fn name(&mut self) -> Result<&'b str, SectionError> {
        self.text().and_then(|text| {
            if text.is_empty() {
                Err(SectionError::Name)
            } else {
                Ok(text)
            }
        })
    }

    fn record(&mut self) -> Result<TaskDecl, SectionError> {
        let version = self.u8()?;
        if u32::from(version) != ABI_VERSION {
            return Err(SectionError::Version {
                found: version,
                supported: ABI_VERSION,
            });
        }
        let number = self.u8()?;
        let codec = Codec::from_u8(number).ok_or(SectionError::Codec { number })?;
        let name = self.name()?.to_owned();
        let export = self.name()?.to_owned();
        let args = (0..self.u8()?)
            .map(|_| self.ty(&mut Vec::new(), 0))
            .collect::<Result<_, _>>()?;
        let output = self.ty(&mut Vec::new(), 0)?;
        let error = match self.u8()? {
            0 => None,
            1 => Some(self.ty(&mut Vec::new(), 0)?),
            tag => return Err(SectionError::Tag { tag }),
        };
        Ok(TaskDecl {
            name,
            export,
            codec,
            args,
            output,
            error,
        })
    }

    /// A type; `scopes` are the names of the types around it.
    fn ty(&mut self, scopes: &mut Vec<&'b str>, depth: usize) -> Result<Type, SectionError> {
        self.types += 1;
        if self.types > MAX_TYPES {
            return Err(SectionError::TooManyTypes { limit: MAX_TYPES });
        }
        if depth == MAX_TYPE_DEPTH {
            return Err(SectionError::TooDeep {
                limit: MAX_TYPE_DEPTH,
            });
        }
        Ok(match self.u8()? {
            tag::UNIT => Type::Unit,
            tag::BOOL => Type::Bool,
            tag::U8 => Type::U8,
            tag::U16 => Type::U16,
            tag::U32 => Type::U32,
            tag::U64 => Type::U64,
            tag::U128 => Type::U128,
            tag::I8 => Type::I8,
            tag::I16 => Type::I16,
            tag::I32 => Type::I32,
            tag::I64 => Type::I64,
            tag::I128 => Type::I128,
            tag::F32 => Type::F32,
            tag::F64 => Type::F64,
            tag::CHAR => Type::Char,
            tag::STR => Type::Str,
            tag::OPTION => Type::Option(self.boxed(scopes, depth)?),
            tag::SEQ => Type::Seq(self.boxed(scopes, depth)?),
            tag::ARRAY => {
                let len = u64::from(self.u32()?);
                Type::Array(self.boxed(scopes, depth)?, len)
            }
            tag::MAP => {
                let key = self.boxed(scopes, depth)?;
                Type::Map(key, self.boxed(scopes, depth)?)
            }
            tag::TUPLE => {
                let count = self.u16()?;
                Type::Tuple(
                    (0..count)
                        .map(|_| self.ty(scopes, depth + 1))
                        .collect::<Result<_, _>>()?,
                )
            }
            tag::STRUCT => {
                let name = self.text()?;
                Type::Struct(name.to_owned(), self.items(name, scopes, depth)?)
            }
            tag::ENUM => {
                let name = self.text()?;
                Type::Enum(name.to_owned(), self.items(name, scopes, depth)?)
            }
            tag::HANDLE => {
                let kind = self.u8()?;
                Type::Handle(kind, self.boxed(scopes, depth)?)
            }
            tag::REC => {
                let name = self.name()?;
                if !scopes.contains(&name) {
                    return Err(SectionError::Unbound {
                        name: name.to_owned(),
                    });
                }
                Type::Rec(name.to_owned())
            }
            tag => return Err(SectionError::Tag { tag }),
        })
    }

    fn boxed(
        &mut self,
        scopes: &mut Vec<&'b str>,
        depth: usize,
    ) -> Result<Box<Type>, SectionError> {
        self.ty(scopes, depth + 1).map(Box::new)
    }

    fn items(
        &mut self,
        name: &'b str,
        scopes: &mut Vec<&'b str>,
        depth: usize,
    ) -> Result<Vec<(String, Type)>, SectionError> {
        scopes.push(name);
        let mut items = Vec::new();
        for _ in 0..self.u16()? {
            let item = self.name()?.to_owned();
            items.push((item, self.ty(scopes, depth + 1)?));
        }
        scopes.pop();
        Ok(items)
    }
}
