;; A component with no language's engine in it: the mean of numbers, and the floor of those that have one.
(component
  (core module $m
    (memory (export "memory") 1)
    (global $next (mut i32) (i32.const 1024))
    ;; One short list is all that it is given.
    (func (export "realloc") (param $old i32) (param $old-len i32) (param $align i32) (param $len i32) (result i32)
      (local $at i32)
      (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
      (global.set $next (i32.add (local.get $at) (local.get $len)))
      (if (i32.gt_u (global.get $next) (i32.const 65536)) (then unreachable))
      (local.get $at))
    ;; What was given is gone when the next call begins.
    (func (export "done") (param i32) (global.set $next (i32.const 1024)))
    ;; A result, which is the value here.
    (func (export "mean") (param $at i32) (param $len i32) (result i32)
      (local $sum f64) (local $left i32)
      (local.set $left (local.get $len))
      (block $end
        (loop $more
          (br_if $end (i32.eqz (local.get $left)))
          (local.set $sum (f64.add (local.get $sum) (f64.load (local.get $at))))
          (local.set $at (i32.add (local.get $at) (i32.const 8)))
          (local.set $left (i32.sub (local.get $left) (i32.const 1)))
          (br $more)))
      (i32.store8 (i32.const 0) (i32.const 0))
      (f64.store (i32.const 8) (f64.div (local.get $sum) (f64.convert_i32_u (local.get $len))))
      (i32.const 0)))
  (core instance $i (instantiate $m))
  (alias core export $i "memory" (core memory $memory))
  (alias core export $i "realloc" (core func $realloc))
  (func (export "mean") (param "numbers" (list float64)) (result (result float64 (error string)))
    (canon lift (core func $i "mean") (memory $memory) (realloc $realloc) (post-return (core func $i "done")))))
