;; Fails without a word.
(module
  (import "wasmpool" "input_len" (func (result i32)))
  (memory (export "memory") 1)
  (func (export "work") (result i32) (i32.const 7)))
