// Package wasmpool is for tasks of wasmpool that are written in Go.
//
// A task is an exported function that hands an ordinary one to Run:
//
//	package main
//
//	import "wasmpool"
//
//	//go:wasmexport square
//	func square() int32 {
//		return wasmpool.Run(func(lock *wasmpool.Lock, numbers *wasmpool.Array[int64]) error {
//			if err := lock.Acquire(); err != nil {
//				return err
//			}
//			defer lock.Release()
//			for i, n := range numbers.Slice() {
//				numbers.Slice()[i] = n * n
//			}
//			return nil
//		})
//	}
//
//	func main() {}
//
// It is built and declared with
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o square.wasm
//	wasmpool pack square.wasm tasks.json
//
// Values cross in postcard: integers (int and uint have 64 bits), floats, booleans, strings, slices, arrays, maps, structs (their exported
// fields in order), and pointers, which are options. Objects of the host come as arguments, as pointers to the types of this package.
// An error that a task returns, or a panic, is how it fails.
package wasmpool
