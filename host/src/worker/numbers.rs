//! Parameters and results of an export of plain numbers, to and from postcard.

use wasmtime::{Val, ValType};

use crate::module::info::Number;

impl Number {
    /// The same type in wasmtime's words.
    pub(crate) fn val_type(self) -> ValType {
        match self {
            Number::I32 => ValType::I32,
            Number::I64 => ValType::I64,
            Number::F32 => ValType::F32,
            Number::F64 => ValType::F64,
        }
    }

    fn decode(self, bytes: &[u8]) -> postcard::Result<(Val, &[u8])> {
        Ok(match self {
            Number::I32 => {
                let (value, rest) = postcard::take_from_bytes::<i32>(bytes)?;
                (Val::I32(value), rest)
            }
            Number::I64 => {
                let (value, rest) = postcard::take_from_bytes::<i64>(bytes)?;
                (Val::I64(value), rest)
            }
            Number::F32 => {
                let (value, rest) = postcard::take_from_bytes::<f32>(bytes)?;
                (Val::F32(value.to_bits()), rest)
            }
            Number::F64 => {
                let (value, rest) = postcard::take_from_bytes::<f64>(bytes)?;
                (Val::F64(value.to_bits()), rest)
            }
        })
    }
}

/// Why an input did not become parameters.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NumberError {
    /// A parameter could not be read.
    #[error("parameter {index} of {count} did not decode: {source}")]
    Parameter {
        /// Which, from one.
        index: usize,
        /// How many there are.
        count: usize,
        /// postcard's word.
        source: postcard::Error,
    },
    /// Bytes are left over.
    #[error("{extra} bytes follow the last of {count} parameters")]
    Trailing {
        /// How many bytes.
        extra: usize,
        /// How many parameters there are.
        count: usize,
    },
}

/// Reads the parameters into `values`, which is emptied first.
pub(crate) fn decode(
    types: &[Number],
    mut bytes: &[u8],
    values: &mut Vec<Val>,
) -> Result<(), NumberError> {
    values.clear();
    for (index, number) in types.iter().enumerate() {
        let (value, rest) = number
            .decode(bytes)
            .map_err(|source| NumberError::Parameter {
                index: index + 1,
                count: types.len(),
                source,
            })?;
        values.push(value);
        bytes = rest;
    }
    if !bytes.is_empty() {
        return Err(NumberError::Trailing {
            extra: bytes.len(),
            count: types.len(),
        });
    }
    Ok(())
}

/// Writes the results to the end of `out`: nothing, one value, or the members of a tuple.
pub(crate) fn encode(values: &[Val], mut out: Vec<u8>) -> postcard::Result<Vec<u8>> {
    for value in values {
        out = match *value {
            Val::I32(value) => postcard::to_extend(&value, out)?,
            Val::I64(value) => postcard::to_extend(&value, out)?,
            Val::F32(bits) => postcard::to_extend(&f32::from_bits(bits), out)?,
            Val::F64(bits) => postcard::to_extend(&f64::from_bits(bits), out)?,
            // The types were checked when the module was linked.
            _ => return Err(postcard::Error::WontImplement),
        };
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Number; 4] = [Number::I32, Number::I64, Number::F32, Number::F64];

    #[test]
    fn numbers_come_back_as_postcard_writes_them() {
        let tuple = (-7_i32, i64::MIN, -0.5_f32, f64::NAN);
        let bytes = postcard::to_allocvec(&tuple).unwrap();
        let mut values = Vec::new();
        decode(&ALL, &bytes, &mut values).unwrap();
        assert_eq!(encode(&values, Vec::new()).unwrap(), bytes);
        assert_eq!(values[0].i32(), Some(-7));
        assert_eq!(values[1].i64(), Some(i64::MIN));
        assert_eq!(values[2].f32(), Some(-0.5));
        assert!(values[3].f64().unwrap().is_nan());
    }

    #[test]
    fn every_truncation_and_every_extra_byte_is_an_error() {
        let bytes = postcard::to_allocvec(&(300_i32, -300_i64, 1.0_f32, 2.0_f64)).unwrap();
        let mut values = Vec::new();
        for end in 0..bytes.len() {
            assert!(decode(&ALL, &bytes[..end], &mut values).is_err(), "{end}");
        }
        let longer = [&bytes[..], &[0]].concat();
        assert_eq!(
            decode(&ALL, &longer, &mut values),
            Err(NumberError::Trailing { extra: 1, count: 4 })
        );
    }
}
