;; Raw tasks that use so much of something: their input is the amount, a number of four bytes.
(module
  (import "wasmpool" "input_len" (func $input_len (result i32)))
  (import "wasmpool" "input_read" (func $input_read (param i32 i32 i32) (result i32)))
  (import "wasmpool" "output_write" (func $output_write (param i32 i32)))
  (import "wasmpool" "emit" (func $emit (param i32 i32)))
  (import "wasmpool" "log" (func $log (param i32 i32 i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 4)
  (table $table 1 funcref)

  (func $amount (result i32)
    (drop (call $input_read (i32.const 0) (i32.const 0) (i32.const 4)))
    (i32.load (i32.const 0)))

  ;; Turns of a loop, for ever when it is all ones.
  (func (export "spin") (result i32)
    (local $left i32)
    (local.set $left (call $amount))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $left)))
        (if (i32.ne (local.get $left) (i32.const -1))
          (then (local.set $left (i32.sub (local.get $left) (i32.const 1)))))
        (br $next)))
    (i32.const 0))

  ;; Milliseconds of sleep.
  (func (export "sleep") (result i32)
    (local $ms i32)
    (local.set $ms (call $amount))
    (i64.store (i32.const 0) (i64.const 0))
    ;; The monotonic clock.
    (i32.store (i32.const 16) (i32.const 1))
    (i64.store (i32.const 24) (i64.mul (i64.extend_i32_u (local.get $ms)) (i64.const 1000000)))
    (i64.store (i32.const 32) (i64.const 0))
    (i32.store16 (i32.const 40) (i32.const 0))
    (call $poll (i32.const 0) (i32.const 100) (i32.const 1) (i32.const 200)))

  ;; Pages of memory beside the four of the start.
  (func (export "grow") (result i32)
    (if (i32.eq (memory.grow (call $amount)) (i32.const -1)) (then (unreachable)))
    (i32.const 0))

  ;; Elements of a table beside the first.
  (func (export "grow_table") (result i32)
    (if (i32.eq (table.grow $table (ref.null func) (call $amount)) (i32.const -1)) (then (unreachable)))
    (i32.const 0))

  ;; Calls within calls.
  (func $deeper (param $left i32) (result i32)
    (if (i32.eqz (local.get $left)) (then (return (i32.const 0))))
    (i32.add (call $deeper (i32.sub (local.get $left) (i32.const 1))) (i32.const 1)))
  (func (export "recurse") (result i32)
    (drop (call $deeper (call $amount)))
    (i32.const 0))

  ;; Bytes of result.
  (func (export "write") (result i32)
    (call $output_write (i32.const 0) (call $amount))
    (i32.const 0))

  ;; Bytes of partial results, in two.
  (func (export "emit") (result i32)
    (local $amount i32)
    (local.set $amount (call $amount))
    (call $emit (i32.const 0) (i32.const 1))
    (call $emit (i32.const 0) (i32.sub (local.get $amount) (i32.const 1)))
    (i32.const 0))

  ;; Log records without text.
  (func (export "log") (result i32)
    (local $left i32)
    (local.set $left (call $amount))
    (loop $next
      (call $log (i32.const 3) (i32.const 0) (i32.const 0))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $next (local.get $left)))
    (i32.const 0))

  ;; Empty lines on standard error.
  (func (export "print") (result i32)
    (local $left i32)
    (local.set $left (call $amount))
    (i32.store8 (i32.const 100) (i32.const 10))
    (i32.store (i32.const 8) (i32.const 100))
    (i32.store (i32.const 12) (i32.const 1))
    (loop $next
      (drop (call $fd_write (i32.const 2) (i32.const 8) (i32.const 1) (i32.const 16)))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $next (local.get $left)))
    (i32.const 0))

  ;; The length of its input, and nothing else.
  (func (export "take") (result i32)
    (drop (call $input_len))
    (i32.const 0)))
