#!/usr/bin/env bash
# Goes through the stages of scripts/on-gpu.sh on an emulated GPU; then runs the list of cases, which `cargo test --workspace` has run
# on emulated GPUs, under the detector of data races and under AddressSanitizer. Needs a C++ compiler with its sanitizer's library.
set -euo pipefail
cd "$(dirname "$0")/.."

asan=$(c++ -print-file-name=libasan.so)
test -f "$asan" || { echo "missing tool: AddressSanitizer's library" >&2; exit 1; }

target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
cases() {
    local suite
    suite=$(scripts/built.sh emulator suite "${@:2}")
    # Gradient methods evaluate circuits more often; they have no kernels of their own.
    (cd emulator && env $1 "$suite" --skip methods::)
}
scripts/on-gpu.sh --dry "$(scripts/built.sh emulator on_gpu)" "$target/on-gpu-dry"
cases '' --features candlewick-emulator/race
# Leaks are not looked for: the library cannot see the main program's allocations before it was loaded.
cases "LD_PRELOAD=$asan ASAN_OPTIONS=detect_leaks=0" --features candlewick-emulator/address
