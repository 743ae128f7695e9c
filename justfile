# What CI runs.
ci:
    .ci/check

# One step of it: fmt, lint, test or doc.
check STEP:
    .ci/check {{STEP}}

# Formats everything.
fmt:
    cargo fmt --all

# Builds and runs every test.
test *ARGS:
    cargo test --workspace {{ARGS}}

# Hashes the project's own files with the MD5 guest in a pool.
demo *ARGS:
    cargo demo {{ARGS}}

# Measures calls, maps and starts beside their floors and beside multiprocessing.
bench *ARGS:
    cargo run --release -p wasmpool-tests --bin bench -- {{ARGS}}
