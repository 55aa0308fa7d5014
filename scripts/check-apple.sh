#!/usr/bin/env bash
# Type-checks and lints the feature `metal` for aarch64-apple-darwin on Debian Linux: no Mac, no Apple SDK. Checking needs no
# linker, only a standard library for the target, which cargo builds from its sources.
#
#     scripts/check-apple.sh            five minutes of processor time the first time, seconds afterwards
#
# Installs Debian packages if they are missing, as root or through sudo. Whatever is missing then is an error.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/debian-rust.sh

install_packages rustc-web cargo-web rust-web-src rust-web-clippy clang-19

scripts/lint-metal.sh

CARGO_TARGET_DIR=$(realpath -m "${CARGO_TARGET_DIR:-target}/apple")
export CARGO_TARGET_DIR
use_debian_rust cargo-clippy clippy-driver

# A dependency of the benchmarks compiles a little C, which needs no headers but the compiler's own.
export CC_aarch64_apple_darwin=clang-19 CFLAGS_aarch64_apple_darwin=-ffreestanding

/usr/bin/cargo-clippy clippy --locked -Zbuild-std --target aarch64-apple-darwin --features metal --all-targets -- -D warnings
