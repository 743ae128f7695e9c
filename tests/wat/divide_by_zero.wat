;; What a compiled language without checks does.
(module
  (import "wasmpool" "input_len" (func (result i32)))
  (memory (export "memory") 1)
  (func (export "work") (result i32) (i32.div_u (i32.const 1) (i32.const 0))))
