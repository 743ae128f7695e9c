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

# Every test that goes on for as long as it is told, one program after the other: kills, arrays beside a busy allocator, growth.
stress SECONDS='30':
    #!/usr/bin/env bash
    set -euo pipefail
    for program in locks_killed messages_killed arrays_alone no_growth; do
        WASMPOOL_STRESS_SECONDS={{SECONDS}} cargo test -p wasmpool-tests --test "$program" -- --nocapture
    done

# Hashes the project's own files with the MD5 guest in a pool.
demo *ARGS:
    cargo demo {{ARGS}}

# Measures calls, maps and starts beside their floors and beside multiprocessing.
bench *ARGS:
    cargo run --release -p wasmpool-tests --bin bench -- {{ARGS}}

# Runs the library's unit tests under the address sanitizer, in a target directory of its own.
sanitize *ARGS:
    RUSTC_WORKSPACE_WRAPPER="$PWD/.ci/address-sanitizer" ASAN_OPTIONS=detect_leaks=0 cargo test -p wasmpool --lib --target-dir target/sanitize {{ARGS}}
