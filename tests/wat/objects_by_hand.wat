;; A typed task with objects among its arguments, by hand: the imports and the section are all that a language needs.
;; `square(lock: Lock, numbers: RawArray<i32>, sums: Queue<u8>)` squares the array in place under the lock, and puts the
;; sum into the queue.
(module
  (import "wasmpool" "input_read" (func $input_read (param i32 i32 i32) (result i32)))
  (import "wasmpool" "handle" (func $handle (param i32) (result i32)))
  (import "wasmpool" "lock_acquire" (func $lock_acquire (param i32 i64) (result i32)))
  (import "wasmpool" "lock_release" (func $lock_release (param i32) (result i32)))
  (import "wasmpool" "shm_len" (func $shm_len (param i32) (result i64)))
  (import "wasmpool" "shm_attach" (func $shm_attach (param i32 i64 i32 i32) (result i32)))
  (import "wasmpool" "shm_detach" (func $shm_detach (param i32) (result i32)))
  (import "wasmpool" "queue_put" (func $queue_put (param i32 i32 i32 i64) (result i32)))
  (memory (export "memory") 4)

  ;; Name, export, codec and types, as guest-sdk/abi/src/section.rs has them; the codec is postcard.
  (@custom "wasmpool.tasks"
    "\1c\00\00\00" "\01" "\00" "\06square" "\06square"
    "\03" "\27\06\00" "\27\01\09" "\27\0d\02"
    "\00" "\00")

  ;; What fails ends the task.
  (func $check (param $result i32)
    (if (i32.lt_s (local.get $result) (i32.const 0)) (then (unreachable))))

  ;; The object of the argument: its index is the one byte that it was encoded to.
  (func $object (param $argument i32) (result i32)
    (local $handle i32)
    (local.tee $handle (call $handle (i32.load8_u (local.get $argument))))
    (call $check (local.get $handle)))

  (func (export "square") (result i32)
    (local $lock i32) (local $numbers i32) (local $sums i32)
    (local $at i32) (local $len i32) (local $sum i32)
    (drop (call $input_read (i32.const 0) (i32.const 0) (i32.const 3)))
    (local.set $lock (call $object (i32.const 0)))
    (local.set $numbers (call $object (i32.const 1)))
    (local.set $sums (call $object (i32.const 2)))
    (local.set $len (i32.wrap_i64 (call $shm_len (local.get $numbers))))
    (call $check (local.get $len))

    (call $check (call $lock_acquire (local.get $lock) (i64.const -1)))
    (call $check
      (call $shm_attach (local.get $numbers) (i64.const 0) (i32.const 65536) (local.get $len)))
    (loop $next
      (i32.store offset=65536 (local.get $at)
        (i32.mul
          (i32.load offset=65536 (local.get $at))
          (i32.load offset=65536 (local.get $at))))
      (local.set $sum (i32.add (local.get $sum) (i32.load offset=65536 (local.get $at))))
      (local.set $at (i32.add (local.get $at) (i32.const 4)))
      (br_if $next (i32.lt_u (local.get $at) (local.get $len))))
    (call $check (call $shm_detach (i32.const 65536)))
    (call $check (call $lock_release (local.get $lock)))

    (i32.store8 (i32.const 8) (local.get $sum))
    (call $check
      (call $queue_put (local.get $sums) (i32.const 8) (i32.const 1) (i64.const -1)))
    (i32.const 0)))
