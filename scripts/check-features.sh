#!/usr/bin/env bash
# Lints and tests the features that few need, and that bring many crates: `mpi`, on up to four processes of Open MPI, which
# tests/cluster.rs starts; and `datasets`. Also checks that nothing of MPI is built without its feature, and the licences and Rust
# versions of what is built with it.
#
#     scripts/check-features.sh
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
features=mpi,datasets
examples="--example cluster --example hybrid_classifier --example mnist_hybrid --example vqe"
# shellcheck disable=SC2086
cargo clippy --locked --features $features --lib --test cluster --test images --bench cluster $examples -- -D warnings
RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --package candlewick --features $features,train,plot
cargo test --locked --profile dev --features $features --test cluster --test images
# shellcheck disable=SC2086
cargo build --locked --profile dev --features $features $examples
programs=${CARGO_TARGET_DIR:-target}/debug/examples
smoke=target/smoke/processes
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
mpirun -n 2 "$programs/cluster" --qubits 8 --steps 3
mpirun -n 2 "$programs/vqe" --quick --cluster --output "$smoke"
# The same bits on any number of processes.
for processes in 1 3; do
    mpirun -n $processes "$programs/hybrid_classifier" --dataset circles --epochs 2 --cluster --output "$smoke/$processes"
done
cmp "$smoke/1/hybrid.safetensors" "$smoke/3/hybrid.safetensors"
"$programs/mnist_hybrid" --quick --epochs 1 --output target/smoke/mnist_hybrid
