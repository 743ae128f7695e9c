;; Two functions that call each other without end, with no shadow stack to run out of first.
(module
  (import "wasmpool" "input_len" (func (result i32)))
  (memory (export "memory") 1)
  (func $a (param i32) (result i32) (i32.add (call $b (local.get 0)) (i32.const 1)))
  (func $b (param i32) (result i32) (i32.add (call $a (local.get 0)) (i32.const 1)))
  (func (export "work") (result i32) (call $a (i32.const 0))))
