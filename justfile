# Format, lints, docs and tests.
check:
    .ci/run check

# The rest of the gate: examples, other instruction sets, the package, the GPU code.
check-all:
    .ci/run check-all

# The README's test command.
test:
    cargo test --workspace

# The main job.
example *args:
    cargo run --release --example hybrid_classifier -- {{args}}

# The program `candlewick`: `just candlewick train examples/data/flowers.csv --label species`.
candlewick *args:
    cargo run --release --features cli --bin candlewick -- {{args}}

# Timed workloads a to e; `just bench f` for the large one.
bench case='/[abcde]$':
    cargo bench --bench step -- '{{case}}'

# Writes the table of docs/gates.md anew from the rows of src/gate/table.rs.
gates:
    cargo test --test suite pages::generated_tables || true

# Draws the circuits of tests/suite/drawings/golden and docs/images/drawing.svg anew.
drawings:
    cargo test --test suite drawings::golden || true

# Prints the headers of the GPU kernels anew from the table in kernels/src/.
kernels:
    cargo test --package candlewick-kernels kernels_have_the_headers || true
