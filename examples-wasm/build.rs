//! Builds the guests of the examples. Nothing compiled is checked in.

fn main() {
    wasmpool_build::guests(&[
        "guests/md5",
        "guests/mandelbrot",
        "guests/wordcount",
        "guests/primes",
        "guests/command",
        "guests/multiprocessing",
    ]);
}
