;; One call that no epoch interrupts: only the end of the process ends it.
(module
  (import "wasmpool" "input_len" (func (result i32)))
  (memory (export "memory") 65536)
  (func (export "work") (result i32)
    (loop $again
      (memory.fill (i32.const 0) (i32.const 7) (i32.const -1))
      (br $again))
    (i32.const 0)))
