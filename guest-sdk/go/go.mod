module wasmpool

go 1.24
