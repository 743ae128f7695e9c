//go:build wasip1

// The example's tasks in Go.
package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
	"unsafe"

	"wasmpool"
)

func main() {}

// How often each word occurs: a run of letters and digits of ASCII, in lower case.
//
//go:wasmexport count
func count() int32 {
	return wasmpool.Run(func(text string) map[string]uint64 {
		counts := map[string]uint64{}
		for _, word := range strings.FieldsFunc(text, func(c rune) bool {
			return (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9')
		}) {
			counts[strings.ToLower(word)]++
		}
		return counts
	})
}

//go:wasmexport square
func square() int32 {
	return wasmpool.Run(func(lock *wasmpool.Lock, array *wasmpool.Array[int64]) error {
		if err := lock.Acquire(); err != nil {
			return err
		}
		defer lock.Release()
		numbers := array.Slice()
		for i, n := range numbers {
			numbers[i] = n * n
		}
		return nil
	})
}

//go:wasmexport increment
func increment() int32 {
	return wasmpool.Run(func(lock *wasmpool.Lock, array *wasmpool.Array[int64], times uint32) error {
		numbers := array.Slice()
		for range times {
			if err := lock.Acquire(); err != nil {
				return err
			}
			for i := range numbers {
				numbers[i]++
			}
			lock.Release()
		}
		return nil
	})
}

// Adds one to all numbers and to its own count, until that is times. Whoever finds that the last holder of the lock died in the middle of
// this sets the numbers right: each is the sum of all counts. The result is how often that was.
//
//go:wasmexport tally
func tally() int32 {
	return wasmpool.Run(func(lock *wasmpool.Lock, array, each *wasmpool.Array[int64], own, times uint32) (repairs uint32, err error) {
		numbers, counts := array.Slice(), each.Slice()
		for counts[own] < int64(times) {
			if err := lock.Acquire(); err != nil {
				return 0, err
			}
			if lock.WasAbandoned() {
				sum := int64(0)
				for _, count := range counts {
					sum += count
				}
				for i, number := range numbers {
					if number < sum-1 || number > sum+1 {
						return 0, errors.New("an increment was lost")
					}
					numbers[i] = sum
				}
				repairs++
			}
			for i := range numbers[:len(numbers)/2] {
				numbers[i]++
			}
			counts[own]++
			for i := len(numbers) / 2; i < len(numbers); i++ {
				numbers[i]++
			}
			lock.Release()
		}
		return repairs, nil
	})
}

//go:wasmexport produce
func produce() int32 {
	return wasmpool.Run(func(numbers *wasmpool.Queue[uint64], count uint64) error {
		for n := range count {
			if err := numbers.Put(n + 1); err != nil {
				return err
			}
		}
		numbers.Close()
		return nil
	})
}

//go:wasmexport consume
func consume() int32 {
	return wasmpool.Run(func(numbers *wasmpool.Queue[uint64]) (sum uint64, err error) {
		for number, err := range numbers.All() {
			if err != nil {
				return 0, err
			}
			sum += number
		}
		return sum, nil
	})
}

// One task for each other part.

//go:wasmexport report
func report() int32 {
	return wasmpool.Run(func(text string) string {
		wasmpool.Log(wasmpool.LevelWarn, text)
		wasmpool.Progress(1, 2)
		wasmpool.Emit(text)
		return text
	})
}

//go:wasmexport refuse
func refuse() int32 {
	return wasmpool.Run(func(text string) error { return errors.New(text) })
}

//go:wasmexport crash
func crash() int32 {
	return wasmpool.Run(func(text string) { panic(text) })
}

//go:noinline
func deeper(above int) int { return deeper(above+1) + above }

// The same with local data, which lie in memory and not where WebAssembly's own stack is.
//
//go:noinline
func wider(above *[4096]byte) byte {
	here := *above
	here[0]++
	return wider(&here) + here[0]
}

// Ends in the way that it is told.
//
//go:wasmexport end
func end() int32 {
	return wasmpool.Run(func(how string) (err error) {
		zero := len(how) - len("divide")
		switch how {
		case "divide":
			zero = 1 / zero
		case "pointer":
			wild := ^uintptr(15)
			zero = int(**(**int32)(unsafe.Pointer(&wild)))
		case "exit":
			os.Exit(3)
		case "memory":
			for all := [][]byte{}; ; {
				all = append(all, make([]byte, 1<<20))
			}
		case "stack":
			zero = deeper(0)
		case "data":
			zero = int(wider(&[4096]byte{}))
		}
		return fmt.Errorf("no such end: %d", zero)
	})
}

//go:wasmexport values
func values() int32 {
	return wasmpool.Run(func(value *wasmpool.Value[int64], raw *wasmpool.Value[uint32], array *wasmpool.Array[int16]) (int64, error) {
		if err := value.Acquire(); err != nil {
			return 0, err
		}
		number := value.Get() + 1
		value.Set(number)
		value.Release()
		before := wasmpool.Atomic(&raw.Array, wasmpool.RmwExchange, 0, 7)
		if err := array.Acquire(); err != nil {
			return 0, err
		}
		defer array.Release()
		lowest := wasmpool.Atomic(array, wasmpool.RmwMin, 1, -5)
		var first [2]int16
		array.Read(0, first[:])
		return number + int64(before) + int64(lowest) + int64(first[0]) + int64(first[1]), nil
	})
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

//go:wasmexport meet
func meet() int32 {
	return wasmpool.Run(func(
		rlock *wasmpool.RLock, semaphore *wasmpool.Semaphore, event *wasmpool.Event, condition *wasmpool.Condition,
		barrier *wasmpool.Barrier,
	) (uint32, error) {
		if err := first(rlock.Acquire(), rlock.AcquireWithin(0), rlock.Release(), rlock.Release()); err != nil {
			return 0, err
		}
		if err := semaphore.Acquire(); err != nil {
			return 0, err
		}
		left := semaphore.Value()
		if err := first(semaphore.Release(), semaphore.AcquireWithin(0), semaphore.Keep()); err != nil {
			return 0, err
		}
		if _, err := barrier.Wait(); err != nil {
			return 0, err
		}
		if err := event.Wait(); err != nil {
			return 0, err
		}
		event.Clear()
		if event.IsSet() {
			return 0, errors.New("the event is set")
		}
		if err := condition.Acquire(); err != nil {
			return 0, err
		}
		if err := condition.WaitWithin(time.Millisecond); err != wasmpool.CodeTimeout {
			return 0, errors.New("nobody notifies")
		}
		condition.NotifyAll()
		condition.Release()
		event.Set()
		barrier.Reset()
		barrier.Abort()
		if _, err := barrier.Wait(); err != wasmpool.CodeBroken {
			return 0, errors.New("the barrier is not broken")
		}
		barrier.Drop()
		return uint32(left), nil
	})
}

//go:wasmexport echo
func echo() int32 {
	return wasmpool.Run(func(pipe *wasmpool.Connection[string, string]) (times uint32, err error) {
		if !pipe.Poll(wasmpool.Forever) {
			return 0, errors.New("nothing comes")
		}
		for text, err := range pipe.All() {
			if err = first(err, pipe.Send(text)); err != nil {
				return 0, err
			}
			times++
		}
		pipe.Close()
		return times, nil
	})
}

//go:wasmexport finish
func finish() int32 {
	return wasmpool.Run(func(jobs *wasmpool.JoinableQueue[uint64], words *wasmpool.Queue[string]) (sum uint64, err error) {
		for jobs.Len() > 0 {
			job, err := jobs.GetWithin(0)
			if err = first(err, jobs.TaskDone()); err != nil {
				return 0, err
			}
			sum += job
		}
		if err := jobs.Join(); err != nil {
			return 0, err
		}
		if _, err := jobs.GetWithin(0); jobs.IsFull() || err != wasmpool.CodeEmpty {
			return 0, errors.New("an empty queue is not")
		}
		return sum, words.Put("done")
	})
}

//go:wasmexport manage
func manage() int32 {
	return wasmpool.Run(func(dict *wasmpool.Dict[string, int64], list *wasmpool.List[int64], space *wasmpool.Namespace) (sum int64, err error) {
		add := func(number int64, failed error) {
			sum += number
			err = first(err, failed)
		}
		add(0, dict.Set("a", 1))
		add(dict.Add("a", 2))
		add(dict.GetOrInsert("b", 2))
		three, one := int64(3), int64(1)
		if swapped, _ := dict.CompareAndSwap("a", &three, &one); !swapped {
			return 0, errors.New("a was not 3")
		}
		if items, _ := dict.Items(); len(items) != 2 {
			return 0, errors.New("not two items")
		}
		add(dict.Pop("b"))
		if _, missing := dict.Get("b"); missing != wasmpool.CodeNotFound {
			return 0, errors.New("b is there")
		}
		add(0, first(list.Extend(3, 1), list.Push(2), list.Insert(0, 2)))
		add(list.Add(1, 1))
		index, failed := list.Find(1)
		add(int64(index), failed)
		add(list.Pop())
		length, failed := list.Len()
		add(int64(length), failed)
		add(0, wasmpool.NamespaceSet(space, "n", int64(2)))
		add(wasmpool.NamespaceAdd(space, "n", int64(3)))
		if names, _ := space.Names(); len(names) != 1 || names[0] != "n" {
			return 0, errors.New("not one name")
		}
		add(0, space.Remove("n"))
		return sum, err
	})
}

//go:wasmexport ask
func ask() int32 {
	return wasmpool.Run(func(n int64) (int64, error) { return wasmpool.HostCall[int64]("double", n) })
}

//go:wasmexport total
func total() int32 {
	return wasmpool.RunJSON(func(numbers []float64, unit string) string {
		sum := 0.0
		for _, number := range numbers {
			sum += number
		}
		return fmt.Sprintf("%v %s", sum, unit)
	})
}
