#!/usr/bin/env bash
# Type-checks and lints the feature `metal` for aarch64-apple-darwin on Debian Linux: no Mac, no Apple SDK. Checking needs no
# linker, only a standard library for the target, which cargo builds from its sources. Debian has those sources as a package
# of the same release as its compiler.
#
#     scripts/check-apple.sh            five minutes of processor time the first time, seconds afterwards
#
# Installs Debian packages if they are missing, as root or through sudo. Whatever is missing then is an error.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(rustc-web cargo-web rust-web-src rust-web-clippy clang-19)
installed() { dpkg-query -W -f '${Status}\n' "$1" 2>/dev/null | grep -q '^install ok installed$'; }
missing=()
for package in "${packages[@]}"; do installed "$package" || missing+=("$package"); done
if [ ${#missing[@]} -gt 0 ]; then
    root=()
    [ "$(id -u)" -eq 0 ] || root=(sudo)
    "${root[@]}" apt-get update
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"
fi

scripts/lint-metal.sh

# Debian's tools alone: those of rustup have neither the target nor the sources.
CARGO_TARGET_DIR=$(realpath -m "${CARGO_TARGET_DIR:-target}/apple")
unset RUSTFLAGS RUSTC RUSTC_WRAPPER RUSTUP_TOOLCHAIN
export CARGO_TARGET_DIR PATH=/usr/bin:/bin CARGO=/usr/bin/cargo RUSTC_BOOTSTRAP=1
for tool in rustc cargo cargo-clippy clippy-driver; do
    [ -x "/usr/bin/$tool" ] || { echo "missing tool: /usr/bin/$tool" >&2; exit 1; }
done
wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
has=$(rustc --version | cut -d' ' -f2)
[ "$(printf '%s\n' "$wanted" "$has" | sort -V | head -1)" = "$wanted" ] || {
    echo "Debian's rustc is $has, the crate needs $wanted" >&2
    exit 1
}

# A dependency of the benchmarks compiles a little C, which needs no headers but the compiler's own.
export CC_aarch64_apple_darwin=clang-19 CFLAGS_aarch64_apple_darwin=-ffreestanding

/usr/bin/cargo-clippy clippy --locked -Zbuild-std --target aarch64-apple-darwin --features metal --all-targets -- -D warnings
