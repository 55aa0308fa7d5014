#!/usr/bin/env bash
# Runs the tests on 64-bit ARM Linux, so that the NEON kernels run: compiled for it here, and emulated by qemu, which is some
# 15 times slower than the machine.
#
#     scripts/check-arm.sh               tests of values, gradients, losses and models: a quarter of an hour
#     scripts/check-arm.sh all           the whole suite: hours
#     scripts/check-arm.sh FILTER...     tests whose names hold one of these texts
#
# Installs Debian packages if they are missing, as root or through sudo. Whatever is missing then is an error.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/debian-rust.sh

filters=("$@")
if [ $# -eq 0 ]; then filters=(values:: gradients:: losses:: model::); fi
if [ "${1:-}" = all ]; then filters=(); fi

install_packages rustc-web cargo-web rust-web-src gcc gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user
CARGO_TARGET_DIR=$(realpath -m "${CARGO_TARGET_DIR:-target}/arm")
export CARGO_TARGET_DIR
use_debian_rust gcc aarch64-linux-gnu-gcc qemu-aarch64
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="qemu-aarch64 -L /usr/aarch64-linux-gnu"
export CC_aarch64_unknown_linux_gnu=aarch64-linux-gnu-gcc
cargo test --locked -Zbuild-std --target aarch64-unknown-linux-gnu --test suite -- "${filters[@]}"
