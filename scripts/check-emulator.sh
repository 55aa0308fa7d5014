#!/usr/bin/env bash
# Runs the list of cases on emulated GPUs: both dialects, every order of threads; goes through the stages of scripts/on-gpu.sh; then runs
# the cases under the detector of data races and under AddressSanitizer. Needs a C++ compiler with its sanitizer's library.
set -euo pipefail
cd "$(dirname "$0")/.."

asan=$(c++ -print-file-name=libasan.so)
test -f "$asan" || { echo "missing tool: AddressSanitizer's library" >&2; exit 1; }

cargo test --locked -p candlewick-emulator
target=${CARGO_TARGET_DIR:-target}
scripts/on-gpu.sh --dry "$target/debug/examples/on_gpu" "$target/on-gpu-dry"
# Gradient methods evaluate circuits more often; they have no kernels of their own.
cargo test --locked -p candlewick-emulator --features race --test suite -- --skip methods::
host=$(rustc -vV | sed -n 's/^host: //p' | tr 'a-z-' 'A-Z_')
# Leaks are not looked for: the library cannot see the main program's allocations before it was loaded.
export "CARGO_TARGET_${host}_RUNNER=env LD_PRELOAD=$asan ASAN_OPTIONS=detect_leaks=0"
cargo test --locked -p candlewick-emulator --features address --test suite -- --skip methods::
