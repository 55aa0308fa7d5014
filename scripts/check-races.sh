#!/usr/bin/env bash
# Runs the tests of tests/races under ThreadSanitizer: the CPU engine, the optimizers and the sums of shots, on several threads. Any
# report fails the run; nothing is suppressed.
#
#     scripts/check-races.sh [FILTER...]
#
# The sanitizer sees a lock only in code that is compiled for it. The standard library is therefore built from its sources, which
# Debian has for its own compiler, and the sanitizer's library is that of the same release of LLVM. crossbeam's build script
# notices the sanitizer and replaces its fences, which the sanitizer does not follow.
#
# Installs Debian packages if they are missing, as root or through sudo. Whatever is missing then is an error.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/debian-rust.sh

install_packages rustc-web cargo-web rust-web-src gcc binutils
CARGO_TARGET_DIR=$(realpath -m "${CARGO_TARGET_DIR:-target}/races")
export CARGO_TARGET_DIR
use_debian_rust gcc addr2line
llvm=$(rustc -vV | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p')
install_packages "libclang-rt-$llvm-dev"
library=/usr/lib/llvm-$llvm/lib/clang/$llvm/lib/linux/libclang_rt.tsan-$(uname -m).a
[ -f "$library" ] || { echo "missing library: $library" >&2; exit 1; }

# The sanitizer follows accesses of up to 16 bytes: wider vectors would hide the amplitudes from it.
export RUSTFLAGS="--cfg candlewick_scalar -Zsanitizer=thread -Zexternal-clangrt -Zpre-link-args=-Wl,--whole-archive,$library,--no-whole-archive"
# Reports have lines.
export CARGO_PROFILE_QUICK_DEBUG=line-tables-only
# More threads than processors, so that they meet.
export RAYON_NUM_THREADS=4
export TSAN_OPTIONS="external_symbolizer_path=/usr/bin/addr2line"
host=$(rustc -vV | sed -n 's/^host: //p')
cargo test --locked -Zbuild-std --target "$host" --profile quick -p candlewick-races -- "$@"
