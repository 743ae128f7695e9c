;; Wants something that nobody offers.
(module
  (import "wasmpool" "open_the_door" (func (param i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "work") (result i32) (call 0 (i32.const 0))))
