;; Loops before any task can begin.
(module
  (import "wasmpool" "input_len" (func (result i32)))
  (func $spin (loop $again (br $again)))
  (start $spin)
  (memory (export "memory") 1)
  (func (export "work") (result i32) (i32.const 0)))
