//! The task's result as a sink: blocks go straight to the host, small pieces are collected.

use wasmpool_abi::Sink;

use crate::sys;

/// Bytes from which on a piece goes to the host as it is: there a call costs less than a copy.
const DIRECT: usize = 1024;

/// Bytes that are collected before they go to the host.
const COLLECTED: usize = 4096;

/// Appends to the task's result. What is collected goes to the host when it is dropped.
#[derive(Debug)]
pub(crate) struct Output {
    collected: Vec<u8>,
}

impl Output {
    pub(crate) fn new() -> Output {
        Output {
            collected: Vec::new(),
        }
    }

    fn flush(&mut self) {
        if !self.collected.is_empty() {
            sys::output_write(&self.collected);
            self.collected.clear();
        }
    }
}

impl Sink for Output {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        if self.collected.len() + bytes.len() > COLLECTED || bytes.len() >= DIRECT {
            self.flush();
        }
        if bytes.len() >= DIRECT {
            sys::output_write(bytes);
        } else {
            self.collected.extend_from_slice(bytes);
        }
    }

    #[cfg(target_endian = "little")]
    fn write_f32s(&mut self, numbers: &[f32]) {
        self.write(sys::block_bytes(numbers));
    }

    #[cfg(target_endian = "little")]
    fn write_f64s(&mut self, numbers: &[f64]) {
        self.write(sys::block_bytes(numbers));
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        self.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn pieces_of_all_sizes_arrive_in_order() {
        let value = (
            vec![1u8; 10],
            vec![2.5f64; DIRECT],
            "x".repeat(DIRECT - 1),
            (0..5000u32).collect::<Vec<_>>(),
            vec![0.25f32; 3],
        );
        let ((), record) = testing::record(b"", || {
            wasmpool_abi::encode_into(&value, &mut Output::new()).unwrap();
        });
        assert_eq!(record.output, wasmpool_abi::to_vec(&value).unwrap());
    }
}
