//! Looks at a value's bytes before anything decodes them: hostile bytes cost no stack and no memory here.
//!
//! Decoding recurses as deep as a value does and allocates what it claims; 4 MiB of ones are a list four million deep to a recursive type.
//! The check accepts exactly what decodes, up to [`CheckLimits`], and keeps its own stack on the heap.

use alloc::{string::String, vec::Vec};
use core::{fmt, slice};

use crate::{
    Type,
    codec::{DecodeError, Source, decode_len, first_char, varint},
};

/// Levels of nesting that are accepted by default. Decoding takes up to about 1 KiB of stack a level, threads have 2 MiB or more;
/// serde_json stops at the same depth.
pub const DEFAULT_DEPTH: usize = 128;

/// Values that are accepted by default, every field and element counting as one, blocks of bytes and floats as one whole.
/// Only types without bytes of their own (`()`) reach this before the size limit of an output does.
pub const DEFAULT_ELEMENTS: u64 = 1 << 26;

/// How much a value may ask of whoever decodes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckLimits {
    /// Levels of nesting. Default: [`DEFAULT_DEPTH`].
    pub depth: usize,
    /// Fields and elements in all; a block of bytes or floats, or a string, is one. Default: [`DEFAULT_ELEMENTS`].
    pub elements: u64,
}

impl Default for CheckLimits {
    fn default() -> CheckLimits {
        CheckLimits {
            depth: DEFAULT_DEPTH,
            elements: DEFAULT_ELEMENTS,
        }
    }
}

/// Why bytes are not a value of the type, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckError {
    /// Bytes before the one at which it showed.
    pub offset: usize,
    /// What is wrong.
    pub reason: CheckReason,
}

/// What is wrong with bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CheckReason {
    /// They do not decode.
    Decode(DecodeError),
    /// An enum's variant that it does not have.
    Variant {
        /// The enum.
        name: String,
        /// The index that was found.
        index: u32,
    },
    /// They nest deeper than allowed.
    Depth {
        /// The levels that are allowed.
        limit: usize,
    },
    /// They hold more values than allowed.
    Elements {
        /// The number that is allowed.
        limit: u64,
    },
    /// A handle: those go from host to task and never back.
    Handle,
    /// The type itself refers to an enclosing type that there is none of.
    Unbound {
        /// The name that it refers to.
        name: String,
    },
}

impl fmt::Display for CheckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            CheckReason::Decode(error) => write!(f, "{error}")?,
            CheckReason::Variant { name, index } => {
                write!(f, "enum {name} has no variant number {index}")?;
            }
            CheckReason::Depth { limit } => {
                write!(f, "the value nests deeper than {limit} levels")?
            }
            CheckReason::Elements { limit } => {
                write!(f, "the value has more than {limit} fields and elements")?;
            }
            CheckReason::Handle => f.write_str("a handle cannot be received")?,
            CheckReason::Unbound { name } => {
                write!(f, "the type refers to {name}, which does not enclose it")?
            }
        }
        write!(f, " (at byte {})", self.offset)
    }
}

impl core::error::Error for CheckError {}

impl From<DecodeError> for CheckReason {
    fn from(error: DecodeError) -> CheckReason {
        CheckReason::Decode(error)
    }
}

impl Type {
    /// Whether `bytes` are exactly one value of this type, within the limits.
    ///
    /// Walks without recursion, in time linear in the number of values; a block of bytes or floats is one step.
    ///
    /// # Errors
    /// What is wrong, and at which byte.
    pub fn check(&self, bytes: &[u8], limits: &CheckLimits) -> Result<(), CheckError> {
        let mut walk = Walk {
            bytes,
            elements: 0,
            limits,
            stack: Vec::new(),
        };
        let result = walk.run(self);
        let offset = bytes.len() - walk.bytes.len();
        result.map_err(|reason| CheckError { offset, reason })
    }
}

/// A walk along a type and bytes at once.
struct Walk<'t, 'b> {
    bytes: &'b [u8],
    elements: u64,
    limits: &'b CheckLimits,
    stack: Vec<Frame<'t>>,
}

/// A value that has been entered and not left.
struct Frame<'t> {
    /// What is still to come in it.
    parts: Parts<'t>,
    /// The struct or enum that this frame is a value of, to which `Rec` goes back.
    named: Option<(&'t str, &'t Type)>,
    /// The frame of the innermost named type around this one *in the type*, which after a jump back is not the next one in the stack.
    scope: Option<usize>,
}

/// The parts of a value that are still to come.
enum Parts<'t> {
    /// Of a payload or an option.
    One(Option<&'t Type>),
    /// Of a sequence or array.
    Same(&'t Type, u64),
    /// Of a map: the key is next when the flag is set.
    Pairs(&'t Type, &'t Type, u64, bool),
    /// Of a tuple.
    Items(slice::Iter<'t, Type>),
    /// Of a struct.
    Fields(slice::Iter<'t, (String, Type)>),
}

impl<'t> Iterator for Parts<'t> {
    type Item = &'t Type;

    fn next(&mut self) -> Option<&'t Type> {
        match self {
            Parts::One(part) => part.take(),
            Parts::Items(items) => items.next(),
            Parts::Fields(fields) => fields.next().map(|(_, ty)| ty),
            Parts::Same(ty, left) => {
                *left = left.checked_sub(1)?;
                Some(ty)
            }
            Parts::Pairs(key, value, left, key_next) => {
                if *key_next {
                    *left = left.checked_sub(1)?;
                }
                *key_next = !*key_next;
                Some(if *key_next { value } else { key })
            }
        }
    }
}

impl<'t> Walk<'t, '_> {
    fn run(&mut self, root: &'t Type) -> Result<(), CheckReason> {
        self.enter(root, None)?;
        while let Some(top) = self.stack.last_mut() {
            let Some(part) = top.parts.next() else {
                self.stack.pop();
                continue;
            };
            let scope = if top.named.is_some() {
                Some(self.stack.len() - 1)
            } else {
                top.scope
            };
            self.enter(part, scope)?;
        }
        match self.bytes.len() {
            0 => Ok(()),
            left => Err(DecodeError::Trailing { left }.into()),
        }
    }

    /// Takes a value that has no parts, or pushes a frame for one that has.
    fn enter(&mut self, mut ty: &'t Type, mut scope: Option<usize>) -> Result<(), CheckReason> {
        self.elements += 1;
        if self.elements > self.limits.elements {
            return Err(CheckReason::Elements {
                limit: self.limits.elements,
            });
        }
        if let Type::Rec(name) = ty {
            (ty, scope) = self.binder(name, scope)?;
        }
        let parts = match ty {
            Type::Unit => return Ok(()),
            Type::Bool => return self.below_two(DecodeError::Bool).map(drop),
            Type::U8 | Type::I8 => return self.block(1, 1),
            Type::F32 => return self.block(1, 4),
            Type::F64 => return self.block(1, 8),
            Type::U16 | Type::I16 => return Ok(varint::decode_u16(&mut self.bytes).map(drop)?),
            Type::U32 | Type::I32 => return Ok(varint::decode_u32(&mut self.bytes).map(drop)?),
            Type::U64 | Type::I64 => return Ok(varint::decode_u64(&mut self.bytes).map(drop)?),
            Type::U128 | Type::I128 => return Ok(varint::decode_u128(&mut self.bytes).map(drop)?),
            Type::Char => return self.char(),
            Type::Str => return self.str(),
            Type::Handle(..) => return Err(CheckReason::Handle),
            // `binder` never returns one: what binds is a struct or an enum.
            Type::Rec(name) => return Err(CheckReason::Unbound { name: name.clone() }),
            Type::Option(inner) => {
                Parts::One(self.below_two(DecodeError::Option)?.then_some(&**inner))
            }
            Type::Seq(inner) => {
                let len = varint::decode_u64(&mut self.bytes)?;
                return self.same(inner, len, scope);
            }
            Type::Array(inner, len) => return self.same(inner, *len, scope),
            Type::Map(key, value) => {
                let len = varint::decode_u64(&mut self.bytes)?;
                self.expect(len)?;
                Parts::Pairs(key, value, len, true)
            }
            Type::Tuple(items) => Parts::Items(items.iter()),
            Type::Struct(name, fields) => {
                return self.push(Parts::Fields(fields.iter()), Some((name, ty)), scope);
            }
            Type::Enum(name, variants) => {
                let index = varint::decode_u32(&mut self.bytes)?;
                let variant = usize::try_from(index)
                    .ok()
                    .and_then(|index| variants.get(index));
                let Some((_, payload)) = variant else {
                    return Err(CheckReason::Variant {
                        name: name.clone(),
                        index,
                    });
                };
                return self.push(Parts::One(Some(payload)), Some((name, ty)), scope);
            }
        };
        self.push(parts, None, scope)
    }

    /// The innermost named type around `scope` that has the name, and what lies around that one.
    fn binder(
        &self,
        name: &str,
        mut scope: Option<usize>,
    ) -> Result<(&'t Type, Option<usize>), CheckReason> {
        while let Some(frame) = scope.and_then(|index| self.stack.get(index)) {
            if let Some((_, ty)) = frame.named.filter(|(own, _)| *own == name) {
                return Ok((ty, frame.scope));
            }
            scope = frame.scope;
        }
        Err(CheckReason::Unbound { name: name.into() })
    }

    fn push(
        &mut self,
        parts: Parts<'t>,
        named: Option<(&'t str, &'t Type)>,
        scope: Option<usize>,
    ) -> Result<(), CheckReason> {
        if self.stack.len() >= self.limits.depth {
            return Err(CheckReason::Depth {
                limit: self.limits.depth,
            });
        }
        self.stack.push(Frame {
            parts,
            named,
            scope,
        });
        Ok(())
    }

    /// A number of values of one type: one step where every byte of them is valid.
    fn same(&mut self, inner: &'t Type, len: u64, scope: Option<usize>) -> Result<(), CheckReason> {
        match inner {
            Type::U8 | Type::I8 => self.block(len, 1),
            Type::F32 => self.block(len, 4),
            Type::F64 => self.block(len, 8),
            _ => {
                self.expect(len)?;
                self.push(Parts::Same(inner, len), None, scope)
            }
        }
    }

    /// So many elements follow at least: too many are known before they are walked, when they have no bytes that could run out.
    fn expect(&self, len: u64) -> Result<(), CheckReason> {
        let left = self.limits.elements.saturating_sub(self.elements);
        if len > left {
            return Err(CheckReason::Elements {
                limit: self.limits.elements,
            });
        }
        Ok(())
    }

    fn block(&mut self, len: u64, size: u64) -> Result<(), CheckReason> {
        let bytes = len
            .checked_mul(size)
            .and_then(|bytes| usize::try_from(bytes).ok());
        Ok(self.bytes.skip(bytes.ok_or(DecodeError::End)?)?)
    }

    fn below_two(&mut self, otherwise: DecodeError) -> Result<bool, CheckReason> {
        match self.bytes.first() {
            None => Err(DecodeError::End.into()),
            Some(&flag @ 0..=1) => {
                self.bytes = &self.bytes[1..];
                Ok(flag == 1)
            }
            Some(_) => Err(otherwise.into()),
        }
    }

    fn str(&mut self) -> Result<(), CheckReason> {
        let len = decode_len(&mut self.bytes)?;
        let text = self.bytes.get(..len).ok_or(DecodeError::End)?;
        core::str::from_utf8(text).map_err(|_| DecodeError::Utf8)?;
        Ok(self.bytes.skip(len)?)
    }

    fn char(&mut self) -> Result<(), CheckReason> {
        let len = decode_len(&mut self.bytes)?;
        if len > 4 {
            return Err(DecodeError::Char.into());
        }
        first_char(self.bytes.get(..len).ok_or(DecodeError::End)?).ok_or(DecodeError::Char)?;
        Ok(self.bytes.skip(len)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{borrow::ToOwned, boxed::Box, vec};

    fn check(ty: &Type, bytes: &[u8]) -> Result<(), CheckReason> {
        ty.check(bytes, &CheckLimits::default())
            .map_err(|error| error.reason)
    }

    fn record(name: &str, fields: Vec<(&str, Type)>) -> Type {
        let fields = fields
            .into_iter()
            .map(|(field, ty)| (field.to_owned(), ty))
            .collect();
        Type::Struct(name.to_owned(), fields)
    }

    fn rec(name: &str) -> Type {
        Type::Rec(name.to_owned())
    }

    #[test]
    fn four_mib_of_ones_into_a_recursive_type_end_at_the_depth_limit() {
        let bomb = vec![1; 4 << 20];
        let list = record("List", vec![("next", Type::Option(Box::new(rec("List"))))]);
        assert_eq!(
            check(&list, &bomb),
            Err(CheckReason::Depth {
                limit: DEFAULT_DEPTH
            })
        );
        let tree = record("Tree", vec![("children", Type::Seq(Box::new(rec("Tree"))))]);
        assert_eq!(
            check(&tree, &bomb),
            Err(CheckReason::Depth {
                limit: DEFAULT_DEPTH
            })
        );
        let unlimited = CheckLimits {
            depth: usize::MAX,
            elements: u64::MAX,
        };
        let error = list.check(&bomb, &unlimited).unwrap_err();
        assert_eq!(
            error,
            CheckError {
                offset: 4 << 20,
                reason: DecodeError::End.into()
            }
        );
    }

    #[test]
    fn a_type_that_contains_itself_without_a_byte_ends_at_the_depth_limit() {
        let hollow = record("Hollow", vec![("a", rec("Hollow")), ("b", rec("Hollow"))]);
        assert_eq!(
            check(&hollow, &[]),
            Err(CheckReason::Depth {
                limit: DEFAULT_DEPTH
            })
        );
    }

    #[test]
    fn elements_without_bytes_end_at_the_element_limit() {
        let units = Type::Seq(Box::new(Type::Unit));
        let many = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
        let limits = CheckLimits {
            elements: 1000,
            ..CheckLimits::default()
        };
        let error = units.check(&many, &limits).unwrap_err();
        assert_eq!(error.reason, CheckReason::Elements { limit: 1000 });
        // More of them than anybody could walk: the length alone says it.
        let limits = CheckLimits {
            elements: 1 << 62,
            ..limits
        };
        let pairs = Type::Map(Box::new(Type::Unit), Box::new(Type::Unit));
        for ty in [units, pairs] {
            let error = ty.check(&many, &limits).unwrap_err();
            assert_eq!(error.reason, CheckReason::Elements { limit: 1 << 62 });
        }
        let limits = CheckLimits {
            elements: 1000,
            ..limits
        };
        let nested = Type::Array(
            Box::new(Type::Array(Box::new(Type::Unit), u64::MAX)),
            u64::MAX,
        );
        let error = nested.check(&[], &limits).unwrap_err();
        assert_eq!(error.reason, CheckReason::Elements { limit: 1000 });
    }

    #[test]
    fn blocks_are_one_element_whatever_their_length() {
        let limits = CheckLimits {
            depth: 1,
            elements: 1,
        };
        let mut bytes = vec![0x80, 0x80, 4];
        bytes.resize(3 + (1 << 16), 0xff);
        assert_eq!(Type::of::<Vec<u8>>().check(&bytes, &limits), Ok(()));
        assert_eq!(Type::of::<[f64; 2]>().check(&[0xff; 16], &limits), Ok(()));
        assert_eq!(
            check(&Type::of::<Vec<f64>>(), &[0xff; 10]),
            Err(DecodeError::Integer.into())
        );
        let huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
        assert_eq!(
            check(&Type::of::<Vec<f64>>(), &huge),
            Err(DecodeError::End.into())
        );
    }

    #[test]
    fn a_jump_back_leaves_the_names_in_between() {
        // The outer `N` holds an `A`, which holds an inner `N`, which goes back to `A`; in that `A`, `N` is the outer one again.
        let inner = record("N", vec![("a", Type::Option(Box::new(rec("A"))))]);
        let a = record(
            "A",
            vec![("in", inner), ("out", Type::Option(Box::new(rec("N"))))],
        );
        let outer = record("N", vec![("a", a), ("tag", Type::Bool)]);
        // outer.a.in.a = Some(A { in: { a: None }, out: Some(N { a: { in: { a: None }, out: None }, tag: true }) }), outer.a.out = None, tag
        let bytes = [1, 0, 1, 0, 0, 1, 0, 0];
        assert_eq!(check(&outer, &bytes), Ok(()));
        assert_eq!(check(&outer, &bytes[..7]), Err(DecodeError::End.into()));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let pair = Type::of::<(bool, Option<u8>)>();
        let error = |bytes: &[u8]| pair.check(bytes, &CheckLimits::default()).unwrap_err();
        assert_eq!(
            error(&[2, 0]),
            CheckError {
                offset: 0,
                reason: DecodeError::Bool.into()
            }
        );
        assert_eq!(
            error(&[1, 9]),
            CheckError {
                offset: 1,
                reason: DecodeError::Option.into()
            }
        );
        assert_eq!(
            error(&[1, 0, 7]).reason,
            DecodeError::Trailing { left: 1 }.into()
        );
        assert_eq!(
            alloc::format!("{}", error(&[1, 1])),
            "the bytes end before the value does (at byte 2)"
        );
    }

    #[test]
    fn handles_and_unbound_names_are_refused() {
        assert_eq!(
            check(&Type::Handle(1, Box::new(Type::U8)), &[0]),
            Err(CheckReason::Handle)
        );
        assert_eq!(
            check(&rec("X"), &[0]),
            Err(CheckReason::Unbound {
                name: "X".to_owned()
            })
        );
    }

    #[test]
    fn variants_are_counted() {
        let ty = Type::of::<Result<u8, ()>>();
        assert_eq!(check(&ty, &[0, 7]), Ok(()));
        assert_eq!(check(&ty, &[1]), Ok(()));
        let wrong = CheckReason::Variant {
            name: "Result".to_owned(),
            index: 2,
        };
        assert_eq!(check(&ty, &[2]), Err(wrong));
    }
}
