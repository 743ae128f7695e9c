//! Writes a record while a guest is compiled: the bytes of a static have to be a constant.

use alloc::{vec, vec::Vec};

use super::{MAX_NAME, tag};
use crate::{ABI_VERSION, Codec, Schema};

/// A task as the macro knows it.
#[derive(Clone, Copy, Debug)]
pub struct RecordShape {
    /// The name that callers use.
    pub name: &'static str,
    /// The name of the export.
    pub export: &'static str,
    /// How input and output are encoded.
    pub codec: Codec,
    /// The types of its arguments.
    pub args: &'static [&'static Schema],
    /// The type of its result.
    pub output: &'static Schema,
    /// The type of its error value.
    pub error: Option<&'static Schema>,
}

/// The length of the record, its length field included.
pub const fn record_len(shape: &RecordShape) -> usize {
    let mut counter = Writer {
        bytes: &mut [],
        len: 0,
    };
    counter.record(shape, 0);
    counter.len
}

/// The record; `N` is what [`record_len`] says.
pub const fn write_record<const N: usize>(shape: &RecordShape) -> [u8; N] {
    let mut bytes = [0; N];
    let mut writer = Writer {
        bytes: &mut bytes,
        len: 0,
    };
    writer.record(shape, N - size_of::<u32>());
    assert!(writer.len == N, "N is the length of the record");
    bytes
}

/// One type, as a record has it.
pub fn type_bytes(schema: &Schema) -> Vec<u8> {
    let mut counter = Writer {
        bytes: &mut [],
        len: 0,
    };
    counter.schema(schema);
    let mut bytes = vec![0; counter.len];
    let mut writer = Writer {
        bytes: &mut bytes,
        len: 0,
    };
    writer.schema(schema);
    bytes
}

/// Bytes written so far; past the end of the buffer it only counts.
struct Writer<'b> {
    bytes: &'b mut [u8],
    len: usize,
}

impl Writer<'_> {
    const fn u8(&mut self, byte: u8) {
        if self.len < self.bytes.len() {
            self.bytes[self.len] = byte;
        }
        self.len += 1;
    }

    const fn bytes(&mut self, bytes: &[u8]) {
        let mut index = 0;
        while index < bytes.len() {
            self.u8(bytes[index]);
            index += 1;
        }
    }

    const fn u32(&mut self, number: usize) {
        assert!(
            number <= u32::MAX as usize,
            "a number in a task's types is too large"
        );
        #[expect(
            clippy::cast_possible_truncation,
            reason = "asserted above; `try_from` is not const"
        )]
        self.bytes(&(number as u32).to_le_bytes());
    }

    const fn u16(&mut self, number: usize) {
        assert!(
            number <= u16::MAX as usize,
            "a type has more than 65535 fields or variants"
        );
        #[expect(
            clippy::cast_possible_truncation,
            reason = "asserted above; `try_from` is not const"
        )]
        self.bytes(&(number as u16).to_le_bytes());
    }

    const fn str(&mut self, text: &str) {
        assert!(text.len() <= MAX_NAME, "a name is longer than 255 bytes");
        #[expect(
            clippy::cast_possible_truncation,
            reason = "asserted above; `try_from` is not const"
        )]
        self.u8(text.len() as u8);
        self.bytes(text.as_bytes());
    }

    const fn record(&mut self, shape: &RecordShape, body: usize) {
        self.u32(body);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the version is a small constant"
        )]
        self.u8(ABI_VERSION as u8);
        self.u8(shape.codec as u8);
        self.str(shape.name);
        self.str(shape.export);
        assert!(
            shape.args.len() <= u8::MAX as usize,
            "a task has more than 255 arguments"
        );
        #[expect(
            clippy::cast_possible_truncation,
            reason = "asserted above; `try_from` is not const"
        )]
        self.u8(shape.args.len() as u8);
        let mut index = 0;
        while index < shape.args.len() {
            self.schema(shape.args[index]);
            index += 1;
        }
        self.schema(shape.output);
        match shape.error {
            None => self.u8(0),
            Some(error) => {
                self.u8(1);
                self.schema(error);
            }
        }
    }

    const fn schema(&mut self, schema: &Schema) {
        self.u8(match schema {
            Schema::Unit => tag::UNIT,
            Schema::Bool => tag::BOOL,
            Schema::U8 => tag::U8,
            Schema::U16 => tag::U16,
            Schema::U32 => tag::U32,
            Schema::U64 => tag::U64,
            Schema::U128 => tag::U128,
            Schema::I8 => tag::I8,
            Schema::I16 => tag::I16,
            Schema::I32 => tag::I32,
            Schema::I64 => tag::I64,
            Schema::I128 => tag::I128,
            Schema::F32 => tag::F32,
            Schema::F64 => tag::F64,
            Schema::Char => tag::CHAR,
            Schema::Str => tag::STR,
            Schema::Option(_) => tag::OPTION,
            Schema::Seq(_) => tag::SEQ,
            Schema::Array(..) => tag::ARRAY,
            Schema::Map(..) => tag::MAP,
            Schema::Tuple(_) => tag::TUPLE,
            Schema::Struct(..) => tag::STRUCT,
            Schema::Enum(..) => tag::ENUM,
            Schema::Handle(..) => tag::HANDLE,
            Schema::Rec(_) => tag::REC,
        });
        match schema {
            Schema::Option(inner) | Schema::Seq(inner) => self.schema(inner),
            Schema::Array(inner, len) => {
                self.u32(*len);
                self.schema(inner);
            }
            Schema::Map(key, value) => {
                self.schema(key);
                self.schema(value);
            }
            Schema::Tuple(items) => {
                self.u16(items.len());
                let mut index = 0;
                while index < items.len() {
                    self.schema(items[index]);
                    index += 1;
                }
            }
            Schema::Struct(name, items) | Schema::Enum(name, items) => {
                self.str(name);
                self.u16(items.len());
                let mut index = 0;
                while index < items.len() {
                    self.str(items[index].0);
                    self.schema(items[index].1);
                    index += 1;
                }
            }
            Schema::Handle(kind, inner) => {
                self.u8(*kind);
                self.schema(inner);
            }
            Schema::Rec(name) => self.str(name),
            _ => (),
        }
    }
}
