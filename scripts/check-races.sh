#!/usr/bin/env bash
# Runs the CPU engine under ThreadSanitizer: unit tests of the engine, and the cases of the suite that share out work among
# threads. Needs nothing but Rust for Linux on x86-64 or aarch64, whose releases bring the sanitizer's library. The standard
# library itself is not built for it, so its own synchronization is not seen; scripts/tsan-suppressions.txt says where.
set -euo pipefail
cd "$(dirname "$0")/.."

host=$(rustc -vV | sed -n 's/^host: //p')
export RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer"
# More threads than cores, so that they meet.
export RAYON_NUM_THREADS=4
export TSAN_OPTIONS="suppressions=$PWD/scripts/tsan-suppressions.txt allocator_may_return_null=1"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/races"
cargo test --locked --target "$host" --lib -- engine::
cargo test --locked --target "$host" --test suite -- threads:: determinism:: growth::
