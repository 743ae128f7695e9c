//! Values between postcard and wasmtime's own, along a component's types. Either side may be hostile: depth is bounded by the types,
//! which were accepted, and length by what the bytes have and by a number of values.

use wasmtime::component::{Type, Val};

use crate::module::wit::camel;

/// Why bytes did not become values.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ValueError {
    /// postcard's word.
    #[error("{0}")]
    Codec(postcard::Error),
    /// A variant that there is none of.
    #[error("there is no variant number {0}")]
    Variant(u32),
    /// Bytes are left over.
    #[error("{0} bytes follow the last value")]
    Trailing(usize),
    /// More values than there is room for.
    #[error("they consist of more than {0} values")]
    TooMany(usize),
    /// A value of a kind that does not cross: the types were looked at when the component was loaded.
    #[error("a {0} cannot cross")]
    Kind(&'static str),
}

impl From<postcard::Error> for ValueError {
    fn from(error: postcard::Error) -> Self {
        Self::Codec(error)
    }
}

/// Bytes that values take in this process, each.
pub(super) const VALUE: usize = size_of::<Val>();

/// Reads values of these types, at most `most` with all that they consist of.
pub(crate) fn decode(
    types: &[Type],
    bytes: &[u8],
    most: usize,
    object: &mut dyn FnMut(&Type, u32) -> Option<Val>,
) -> Result<Vec<Val>, ValueError> {
    let mut reader = Reader {
        object,
        rest: bytes,
        left: most,
        most,
    };
    let values = types.iter().map(|ty| reader.value(ty));
    let values = values.collect::<Result<_, _>>()?;
    match reader.rest.len() {
        0 => Ok(values),
        left => Err(ValueError::Trailing(left)),
    }
}

struct Reader<'a, 'o> {
    rest: &'a [u8],
    /// The handle of an object by its place among those that the task was given.
    object: &'o mut dyn FnMut(&Type, u32) -> Option<Val>,
    left: usize,
    most: usize,
}

impl<'a> Reader<'a, '_> {
    fn take<T: serde::Deserialize<'a>>(&mut self) -> Result<T, ValueError> {
        let (value, rest) = postcard::take_from_bytes(self.rest)?;
        self.rest = rest;
        Ok(value)
    }

    fn count(&mut self, values: usize) -> Result<(), ValueError> {
        self.left = self
            .left
            .checked_sub(values)
            .ok_or(ValueError::TooMany(self.most))?;
        Ok(())
    }

    fn boxed(&mut self, ty: Option<Type>) -> Result<Option<Box<Val>>, ValueError> {
        self.count(1)?;
        ty.map(|ty| self.value(&ty).map(Box::new)).transpose()
    }

    fn value(&mut self, ty: &Type) -> Result<Val, ValueError> {
        Ok(match ty {
            Type::Bool => Val::Bool(self.take()?),
            Type::S8 => Val::S8(self.take()?),
            Type::U8 => Val::U8(self.take()?),
            Type::S16 => Val::S16(self.take()?),
            Type::U16 => Val::U16(self.take()?),
            Type::S32 => Val::S32(self.take()?),
            Type::U32 => Val::U32(self.take()?),
            Type::S64 => Val::S64(self.take()?),
            Type::U64 => Val::U64(self.take()?),
            Type::Float32 => Val::Float32(self.take()?),
            Type::Float64 => Val::Float64(self.take()?),
            Type::Char => Val::Char(self.take()?),
            Type::String => Val::String(self.take::<&str>()?.to_owned()),
            Type::List(list) => {
                let len: usize = self.take()?;
                // Each takes a byte at least.
                if len > self.rest.len() {
                    return Err(postcard::Error::DeserializeUnexpectedEnd.into());
                }
                self.count(len)?;
                let ty = list.ty();
                if ty == Type::U8 {
                    let (bytes, rest) = self.rest.split_at(len);
                    self.rest = rest;
                    return Ok(Val::List(bytes.iter().copied().map(Val::U8).collect()));
                }
                let mut items = Vec::with_capacity(len);
                for _ in 0..len {
                    items.push(self.value(&ty)?);
                }
                Val::List(items)
            }
            Type::Record(record) => {
                let fields = record.fields();
                self.count(fields.len())?;
                let fields = fields.map(|it| Ok((it.name.to_owned(), self.value(&it.ty)?)));
                Val::Record(fields.collect::<Result<_, ValueError>>()?)
            }
            Type::Tuple(tuple) => {
                let types = tuple.types();
                self.count(types.len())?;
                let items = types.map(|ty| self.value(&ty));
                Val::Tuple(items.collect::<Result<_, _>>()?)
            }
            Type::Variant(variant) => {
                let number: u32 = self.take()?;
                let case = variant.cases().nth(number as usize);
                let case = case.ok_or(ValueError::Variant(number))?;
                let name = case.name.to_owned();
                Val::Variant(name, self.boxed(case.ty)?)
            }
            Type::Enum(cases) => {
                let number: u32 = self.take()?;
                let name = cases.names().nth(number as usize);
                Val::Enum(name.ok_or(ValueError::Variant(number))?.to_owned())
            }
            Type::Option(option) => {
                let there: bool = self.take()?;
                Val::Option(self.boxed(there.then(|| option.ty()))?)
            }
            Type::Result(result) => match self.take::<u32>()? {
                0 => Val::Result(Ok(self.boxed(result.ok())?)),
                1 => Val::Result(Err(self.boxed(result.err())?)),
                other => return Err(ValueError::Variant(other)),
            },
            Type::Flags(flags) => {
                self.count(flags.names().len())?;
                let mut set = Vec::new();
                for name in flags.names() {
                    if self.take()? {
                        set.push(name.to_owned());
                    }
                }
                Val::Flags(set)
            }
            Type::Own(_) | Type::Borrow(_) => {
                let index = self.take()?;
                (self.object)(ty, index).ok_or(ValueError::Kind("resource"))?
            }
            other => return Err(ValueError::Kind(kind(other))),
        })
    }
}

/// Appends the value, which is of this type.
pub(crate) fn encode(ty: &Type, value: &Val, mut out: Vec<u8>) -> Result<Vec<u8>, ValueError> {
    let put = |out, number: usize| postcard::to_extend(&number, out);
    Ok(match (ty, value) {
        (Type::Bool, Val::Bool(value)) => postcard::to_extend(value, out)?,
        (Type::S8, Val::S8(value)) => postcard::to_extend(value, out)?,
        (Type::U8, Val::U8(value)) => {
            out.push(*value);
            out
        }
        (Type::S16, Val::S16(value)) => postcard::to_extend(value, out)?,
        (Type::U16, Val::U16(value)) => postcard::to_extend(value, out)?,
        (Type::S32, Val::S32(value)) => postcard::to_extend(value, out)?,
        (Type::U32, Val::U32(value)) => postcard::to_extend(value, out)?,
        (Type::S64, Val::S64(value)) => postcard::to_extend(value, out)?,
        (Type::U64, Val::U64(value)) => postcard::to_extend(value, out)?,
        (Type::Float32, Val::Float32(value)) => postcard::to_extend(value, out)?,
        (Type::Float64, Val::Float64(value)) => postcard::to_extend(value, out)?,
        (Type::Char, Val::Char(value)) => postcard::to_extend(value, out)?,
        (Type::String, Val::String(value)) => {
            out = put(out, value.len())?;
            out.extend_from_slice(value.as_bytes());
            out
        }
        (Type::List(list), Val::List(items)) => {
            out = put(out, items.len())?;
            let ty = list.ty();
            for item in items {
                out = encode(&ty, item, out)?;
            }
            out
        }
        (Type::Record(record), Val::Record(fields)) => {
            for (field, (_, value)) in record.fields().zip(fields) {
                out = encode(&field.ty, value, out)?;
            }
            out
        }
        (Type::Tuple(tuple), Val::Tuple(items)) => {
            for (ty, item) in tuple.types().zip(items) {
                out = encode(&ty, item, out)?;
            }
            out
        }
        (Type::Variant(variant), Val::Variant(name, payload)) => {
            let mut cases = variant.cases().enumerate();
            let case = cases.find(|(_, case)| case.name == name);
            let (number, case) = case.ok_or(ValueError::Kind("variant"))?;
            optional(case.ty, payload.as_deref(), put(out, number)?)?
        }
        (Type::Enum(cases), Val::Enum(name)) => {
            let number = cases.names().position(|case| case == name);
            put(out, number.ok_or(ValueError::Kind("enum"))?)?
        }
        (Type::Option(option), Val::Option(value)) => {
            out.push(u8::from(value.is_some()));
            match value {
                Some(value) => encode(&option.ty(), value, out)?,
                None => out,
            }
        }
        (Type::Result(result), Val::Result(Ok(value))) => {
            optional(result.ok(), value.as_deref(), put(out, 0)?)?
        }
        (Type::Result(result), Val::Result(Err(value))) => {
            optional(result.err(), value.as_deref(), put(out, 1)?)?
        }
        (Type::Flags(flags), Val::Flags(set)) => {
            for name in flags.names() {
                out.push(u8::from(set.iter().any(|flag| flag == name)));
            }
            out
        }
        (other, _) => return Err(ValueError::Kind(kind(other))),
    })
}

/// Appends what a case carries, when it carries something.
pub(super) fn optional(
    ty: Option<Type>,
    value: Option<&Val>,
    out: Vec<u8>,
) -> Result<Vec<u8>, ValueError> {
    match (ty, value) {
        (Some(ty), Some(value)) => encode(&ty, value, out),
        _ => Ok(out),
    }
}

/// An error value for people, at most `most` bytes of it: a text as it is, a case by its name.
pub(super) fn shown(value: Option<&Val>, most: usize) -> String {
    let mut text = String::new();
    if let Some(value) = value {
        show(value, most, &mut text);
    }
    text
}

fn show(value: &Val, most: usize, text: &mut String) {
    if text.len() >= most {
        return;
    }
    match value {
        Val::String(value) => {
            let room = most - text.len();
            text.push_str(&value[..value.floor_char_boundary(room.min(value.len()))]);
        }
        Val::Enum(name) => text.push_str(&camel(name)),
        Val::Variant(name, payload) => {
            text.push_str(&camel(name));
            if let Some(payload) = payload {
                text.push_str(": ");
                show(payload, most, text);
            }
        }
        Val::Record(fields) => {
            for (index, (name, value)) in fields.iter().enumerate() {
                if index > 0 {
                    text.push_str(", ");
                }
                text.push_str(name);
                text.push_str(": ");
                show(value, most, text);
                if text.len() >= most {
                    break;
                }
            }
        }
        Val::Tuple(items) | Val::List(items) => {
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push_str(", ");
                }
                show(item, most, text);
                if text.len() >= most {
                    break;
                }
            }
        }
        Val::Option(Some(value)) => show(value, most, text),
        Val::Bool(value) => text.push_str(&value.to_string()),
        Val::S8(value) => text.push_str(&value.to_string()),
        Val::U8(value) => text.push_str(&value.to_string()),
        Val::S16(value) => text.push_str(&value.to_string()),
        Val::U16(value) => text.push_str(&value.to_string()),
        Val::S32(value) => text.push_str(&value.to_string()),
        Val::U32(value) => text.push_str(&value.to_string()),
        Val::S64(value) => text.push_str(&value.to_string()),
        Val::U64(value) => text.push_str(&value.to_string()),
        Val::Float32(value) => text.push_str(&value.to_string()),
        Val::Float64(value) => text.push_str(&value.to_string()),
        Val::Char(value) => text.push(*value),
        Val::Flags(set) => text.push_str(&set.join(", ")),
        // Nothing in them says why.
        _ => {}
    }
}

fn kind(ty: &Type) -> &'static str {
    match ty {
        Type::Own(_) | Type::Borrow(_) => "resource",
        Type::Future(_) => "future",
        Type::Stream(_) => "stream",
        _ => "value of this type",
    }
}
