module languages

go 1.24

require wasmpool v0.0.0

replace wasmpool => ../../../guest-sdk/go
