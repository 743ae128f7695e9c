# What CI runs.
ci:
    .ci/check

# One step of it: fmt, lint, test, counts, doc or deny.
check STEP:
    .ci/check {{STEP}}

# Formats everything.
fmt:
    cargo fmt --all

# Builds and runs every test.
test *ARGS:
    cargo test --workspace {{ARGS}}

# Tests guests in all languages, with the tools for C, C++, AssemblyScript and Go, which are installed where they are missing.
languages *ARGS:
    .ci/languages cargo test -p wasmpool-tests --test languages --test language_outcomes --test newcomer {{ARGS}}

# Every test that goes on for as long as it is told, one program after the other: kills, arrays beside a busy allocator, growth.
stress SECONDS='30':
    #!/usr/bin/env bash
    set -euo pipefail
    for program in locks_killed messages_killed arrays_alone no_growth recycles each_step host_killed_anywhere soak; do
        WASMPOOL_STRESS_SECONDS={{SECONDS}} cargo test -p wasmpool-tests --test "$program" -- --nocapture
    done

# Lifts what stops each hostile case, shows what then happens, and writes the table of all of them in SECURITY.md.
lifted:
    WASMPOOL_WRITE_CORPUS=1 cargo test -p wasmpool-tests --test lifted -- --nocapture

# Everything at once for so many minutes, while a process is killed every 10 ms: prints what it did and what came of it.
soak MINUTES='10':
    cargo run -p wasmpool-tests --bin soak -- {{MINUTES}}

# Builds the interpreters of scripts (javascript, python), starts each once, and puts them where the program looks for them.
interpreters *NAMES='javascript python':
    guest-sdk/interpreters/install {{NAMES}}

# Hashes the project's own files with the MD5 guest in a pool.
demo *ARGS:
    cargo demo {{ARGS}}

# Measures all that is promised of speed and memory, beside floors and neighbours: a table, and figures and plots in target/bench.
bench *ARGS:
    cargo run --release -p wasmpool-tests --bin bench -- {{ARGS}}

# Shows the figures of the last whole run in README.md and docs/speed.md.
bench-readme FROM='target/bench/figures.json':
    cargo run --release -p wasmpool-tests --bin bench -- --from {{FROM}} --readme

# Installs the bench's neighbours that are no part of Python, below target/bench/neighbours.
neighbours:
    tests/bench/neighbours

# Counts the instructions of calls and tasks, and holds them against their bounds; `just counts --write` makes these the bounds.
counts *ARGS:
    cargo run --release -p wasmpool-tests --bin counts -- {{ARGS}}

# Runs the library's unit tests under the address sanitizer, in a target directory of its own.
sanitize *ARGS:
    RUSTC_WORKSPACE_WRAPPER="$PWD/.ci/address-sanitizer" ASAN_OPTIONS=detect_leaks=0 cargo test -p wasmpool --lib --target-dir target/sanitize {{ARGS}}

# Fuzzes one boundary for so many seconds, from the inputs in host/fuzz/seeds on. It needs clang for libFuzzer, and no nightly: `ls host/fuzz/seeds` has the names.
fuzz TARGET SECONDS='600':
    #!/usr/bin/env bash
    set -euo pipefail
    wrapper="$PWD/.ci/fuzzer" top="$PWD"
    cd host/fuzz
    mkdir -p corpus/{{TARGET}} artifacts/{{TARGET}}
    RUSTC_WRAPPER="$wrapper" cargo build --bin {{TARGET}} --target-dir "$top/target/fuzz"
    ASAN_OPTIONS=detect_leaks=0 "$top/target/fuzz/debug/{{TARGET}}" -max_total_time={{SECONDS}} -max_len=4096 -timeout=30 \
        -rss_limit_mb=2048 -use_value_profile=1 -print_final_stats=1 -artifact_prefix=artifacts/{{TARGET}}/ \
        corpus/{{TARGET}} seeds/{{TARGET}}

# The same by cargo-fuzz, which instruments every crate below too, and builds all of them for it once.
fuzz-all TARGET SECONDS='600':
    RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Cunsafe-allow-abi-mismatch=sanitizer cargo fuzz run --fuzz-dir host/fuzz {{TARGET}} \
        host/fuzz/corpus/{{TARGET}} host/fuzz/seeds/{{TARGET}} -- -max_total_time={{SECONDS}} -rss_limit_mb=2048 -timeout=30

# Writes the inputs that are made of real values anew, after a change of an encoding. Those that were found stay.
seeds:
    WASMPOOL_WRITE_SEEDS=1 cargo test -p wasmpool --lib fuzz::tests::inputs_are_as_they_are_made

# Licences, sources, doubled crates and advisories of everything that is compiled. The advisories are fetched.
deny *ARGS:
    cargo deny check {{ARGS}}
