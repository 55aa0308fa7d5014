# Everything the gate checks.
check:
    .ci/run

# The README's test command.
test:
    cargo test

# The main job.
example *args:
    cargo run --release --example hybrid_classifier -- {{args}}

# Timed workloads a to e; `just bench f` for the large one.
bench case='/[abcde]$':
    cargo bench --bench step -- '{{case}}'

# Rewrites the gate table in the README from the rows of the table.
readme:
    cargo test --test suite readme || true

# Prints the headers of the GPU kernels from the table in src/engine/gpu/abi/.
kernels:
    cargo test --lib --features emulator kernels_have_the_headers || true
