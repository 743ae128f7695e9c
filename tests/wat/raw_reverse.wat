;; The raw ABI with no SDK: the input backwards, in one block.
(module
  (import "wasmpool" "input_len" (func $len (result i32)))
  (import "wasmpool" "input_read" (func $read (param i32 i32 i32) (result i32)))
  (import "wasmpool" "output_write" (func $write (param i32 i32)))
  (memory (export "memory") 4)
  (func (export "reverse") (result i32)
    (local $i i32) (local $n i32)
    (local.set $n (call $read (i32.const 0) (i32.const 0) (call $len)))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $i) (local.get $n)))
        (i32.store8
          (i32.add (i32.const 131072) (i32.sub (i32.sub (local.get $n) (local.get $i)) (i32.const 1)))
          (i32.load8_u (local.get $i)))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $next)))
    (call $write (i32.const 131072) (local.get $n))
    (i32.const 0)))
