#!/usr/bin/env bash
# Lints the feature `mpi`, and runs its tests on up to four processes of Open MPI: tests/cluster.rs starts them. Also checks that
# nothing of MPI is built without the feature, and the licences and Rust versions of what is built with it.
#
#     scripts/check-mpi.sh
#
# Installs Debian packages if they are missing, as root or through sudo. Whatever is missing then is an error.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/debian-rust.sh

# libclang reads MPI's headers while the crate `mpi` is built, and has none of its own: it takes those of GCC.
install_packages gcc libopenmpi-dev openmpi-bin libclang1-19
for tool in gcc mpicc mpirun; do
    command -v "$tool" >/dev/null || { echo "missing tool: $tool" >&2; exit 1; }
done
BINDGEN_EXTRA_CLANG_ARGS="-I$(gcc -print-file-name=include)"
export BINDGEN_EXTRA_CLANG_ARGS

if cargo tree --locked --workspace --edges normal,build,dev | grep -E '(^|[^a-z-])(mpi|mpi-sys|bindgen) v'; then
    echo "without the feature \`mpi\`, nothing of MPI is built" >&2
    exit 1
fi
metadata=$(mktemp)
trap 'rm -f "$metadata"' EXIT
cargo metadata --locked --format-version 1 --features mpi >"$metadata"
python3 scripts/dependencies.py "$metadata"

# bindgen turns on a feature of syn, so that nothing is as other checks have built it. Compiling is what takes the time: hence
# without optimisation and debug information.
export CARGO_PROFILE_DEV_DEBUG=false
cargo clippy --locked --features mpi,train --lib --test cluster -- -D warnings
RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --package candlewick --features mpi,train,plot
cargo test --locked --profile dev --features mpi,train --test cluster
# The example, on two processes.
cargo build --locked --profile dev --features mpi,train --example cluster
OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1 \
    mpirun -n 2 target/debug/examples/cluster --qubits 8 --steps 3
