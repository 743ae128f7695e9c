//go:build wasip1

// The tasks of this guest. What they are called and which types they have stands in wasmpool.toml.
package main

import (
	"errors"

	"wasmpool"
)

func main() {}

// Greets somebody.
//
//go:wasmexport greet
func greet() int32 {
	return wasmpool.Run(func(name string) (string, error) {
		if name == "" {
			return "", errors.New("nobody is there to be greeted")
		}
		return "Hello, " + name + "!", nil
	})
}
