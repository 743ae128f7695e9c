;; Grows a table until it is refused, then fails for want of it.
(module
  (import "wasmpool" "input_len" (func (result i32)))
  (memory (export "memory") 1)
  (table $t 1 funcref)
  (func (export "work") (result i32)
    (loop $again
      (br_if $again (i32.ne (table.grow $t (ref.null func) (i32.const 4096)) (i32.const -1))))
    (unreachable)))
