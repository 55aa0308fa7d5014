#!/usr/bin/env bash
# Builds the command line as one static file for any x86-64 Linux, looks at its size, and runs it.
#
#     scripts/check-static.sh
#
# The standard library is built from its sources, against musl. Installs Debian packages if they are missing, as root or through
# sudo. Whatever is missing then is an error.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/debian-rust.sh

install_packages rustc-web cargo-web rust-web-src gcc musl-tools lld file
CARGO_TARGET_DIR=$(realpath -m "${CARGO_TARGET_DIR:-target}/static")
export CARGO_TARGET_DIR
use_debian_rust gcc musl-gcc ld.lld
mkdir -p "$CARGO_TARGET_DIR/libraries"
# The standard library asks for the unwinder by LLVM's name; GCC has one with the same functions. It asks glibc for the tables of a
# function, which musl has no such list of: then there is no backtrace.
unwinder=$CARGO_TARGET_DIR/libraries/libunwind.a
rm -f "$unwinder" && cp "$(gcc -print-file-name=libgcc_eh.a)" "$unwinder"
echo 'int _dl_find_object(void *address, void *result) { return -1; }' | gcc -xc -c -o "$CARGO_TARGET_DIR/libraries/tables.o" -
ar r "$unwinder" "$CARGO_TARGET_DIR/libraries/tables.o"
# Functions that are the same code for several types become one. musl-gcc names an interpreter, which lld takes in.
fold="-Clink-arg=-fuse-ld=lld -Clink-arg=-Wl,--no-dynamic-linker -Clink-arg=-Wl,--icf=all"
export CARGO_TARGET_X86_64_UNKNOWN_LINUX_MUSL_LINKER=musl-gcc CC_x86_64_unknown_linux_musl=musl-gcc
export CARGO_TARGET_X86_64_UNKNOWN_LINUX_MUSL_RUSTFLAGS="-Clink-self-contained=no $fold -Crelocation-model=static -Ctarget-feature=+crt-static -Lnative=$CARGO_TARGET_DIR/libraries"
cargo build --locked -Zbuild-std=std,panic_abort --target x86_64-unknown-linux-musl --profile static --features cli --bin candlewick
binary=$CARGO_TARGET_DIR/x86_64-unknown-linux-musl/static/candlewick
file "$binary"
file "$binary" | grep -q 'statically linked' || { echo "the file needs libraries" >&2; exit 1; }
size=$(stat -c %s "$binary")
echo "$size bytes"
[ "$size" -lt 10000000 ] || { echo "10 MB are the limit" >&2; exit 1; }

# The same answers as any other build has: it trains, and predicts what it said of the test set.
folder=$CARGO_TARGET_DIR/run
mkdir -p "$folder"
"$binary" train examples/data/flowers.csv --label species --epochs 20 -o "$folder/model.safetensors"
"$binary" predict "$folder/model.safetensors" examples/data/flowers.csv | head -3
"$binary" info "$folder/model.safetensors"
