// Kernels of the sweeps, forward and reverse, with everything around them if a state is one tile.

// Applies the operation at `at`.
template <typename T>
FN void apply_operation(
    GROUP T *psi, uint size, Bytecode<T> b, uint at, Phases<T> phases, Team t)
{
    const uint opcode = b.code[at];
    if (opcode == OP_PASS) {
        const Pass op = load_pass(b.code, at);
        const uint rotations = at + PASS_WORDS;
        if (op.rotations == 0u) {
            pass<T, 0u>(psi, size, op, b.code, rotations, phases, t);
        } else if (op.rotations == 1u) {
            pass<T, 1u>(psi, size, op, b.code, rotations, phases, t);
        } else if (op.rotations == 2u) {
            pass<T, 2u>(psi, size, op, b.code, rotations, phases, t);
        } else {
            pass<T, MAX_ANGLES>(psi, size, op, b.code, rotations, phases, t);
        }
    } else if (opcode == OP_DIAGONALS) {
        const Diagonals op = load_diagonals(b.code, at);
        diagonals<T>(psi, size, op.factors, b.code, at + DIAGONALS_WORDS, phases, t);
    } else if (opcode == OP_MIX) {
        mixed<T>(psi, size, load_mix(b.code, at), b.code, phases, t);
    } else if (opcode == OP_EXCHANGE) {
        exchange<T>(psi, size, load_exchange(b.code, at), b.code, t);
    } else {
        const Dense op = load_dense(b.code, at);
        dense<T>(psi, size, op, b.code, at + DENSE_WORDS, b.constants + op.entries, t);
    }
}

template <typename T>
FN void forward_sweep(
    GLOBAL const uint *code, GLOBAL const Angle *numbers, GLOBAL const Complex<T> *shared,
    GLOBAL const Complex<T> *cos_sins, GLOBAL const Complex<T> *tables, GLOBAL const Complex<T> *constants,
    GLOBAL Complex<T> *states, GLOBAL T *flags, GLOBAL T *outputs, GROUP T *memory, CONSTANT SweepArgs &a, ThreadPos p)
{
    const Team t = team_of(a, p);
    const uint size = 1u << a.bits;
    GROUP T *psi = memory + t.which * FORWARD_PLANES * size;
    GROUP T *scratch = memory + a.per_block * FORWARD_PLANES * size;
    const uint scratch_size = warps_of(p.threads);
    const Bytecode<T> b = {code, numbers, constants};
    const Phases<T> phases = {shared, cos_sins + static_cast<wide>(t.sample) * a.own, tables};
    if (a.from_zero != 0u) {
        for (uint e = t.rank; e < size; e += t.threads) {
            put<T>(psi, size, e, complex<T>(t.tile == 0u && e == 0u ? 1 : 0, 0));
        }
    } else {
        load_tile<T>(psi, states, code, a, t);
    }
    BARRIER();
    for (uint k = a.first; k < a.last; ++k) {
        apply_operation<T>(psi, size, b, code[a.index + k], phases, t);
        BARRIER();
    }
    if ((a.store & STORE_PSI) != 0u) {
        store_tile<T>(psi, states, code, a, t);
    }
    if (a.fused != 0u) {
        const T flag = flag_of<T>(psi, phases, scratch + scratch_size, a, t, p);
        if (t.present && t.rank == 0u) {
            flags[t.sample] = flag;
        }
        GROUP T *sums = scratch + 2u * scratch_size + t.which * a.term_count;
        GROUP T *plane = scratch + 2u * scratch_size + a.per_block * a.term_count + t.which * size;
        read_outputs<T>(psi, b, flag, outputs, sums, plane, scratch, scratch_size, a, t, p);
    }
}

// Undoes the operation at `at` and stores its partial gradients.
template <typename T>
FN void undo_operation(
    GROUP T *psi, uint size, Bytecode<T> b, uint at, Phases<T> phases, GLOBAL T *row, GROUP T *scratch, CONSTANT SweepArgs &a,
    Team t, ThreadPos p)
{
    GROUP T *lambda = psi + 2u * size;
    GROUP T *overlap = psi + 4u * size;
    const uint opcode = b.code[at];
    uint count = 0u, partials[MAX_ANGLES] = {NONE, NONE, NONE};
    T sums[MAX_ANGLES] = {0, 0, 0};
    if (opcode == OP_PASS) {
        const Pass op = load_pass(b.code, at);
        const uint rotations = at + PASS_WORDS;
        const bool terms = (op.term_kinds & a.wanted) != 0u;
        if (op.rotations == 0u) {
            undo_pass<T, 0u>(psi, lambda, overlap, size, op, b.code, rotations, phases, terms, t, sums);
        } else if (op.rotations == 1u) {
            undo_pass<T, 1u>(psi, lambda, overlap, size, op, b.code, rotations, phases, terms, t, sums);
        } else if (op.rotations == 2u) {
            undo_pass<T, 2u>(psi, lambda, overlap, size, op, b.code, rotations, phases, terms, t, sums);
        } else {
            undo_pass<T, MAX_ANGLES>(psi, lambda, overlap, size, op, b.code, rotations, phases, terms, t, sums);
        }
        if (terms) {
            walsh<T>(overlap, size, t);
            // Loaded again, as the partial gradients below: over the rotations they would take registers from the amplitudes.
            const Pass again = load_pass(b.code, at);
            for (uint term = t.rank; t.present && term < again.term_count; term += t.threads) {
                row[again.first_partial + term] = overlap[b.code[again.term_masks + term]];
            }
        }
        count = op.rotations;
        UNROLL for (uint k = 0u; k < MAX_ANGLES; ++k) {
            partials[k] = k < count ? load_rotation(b.code, rotations + k * ROTATION_WORDS).partial : NONE;
        }
    } else if (opcode == OP_DIAGONALS) {
        count = load_diagonals(b.code, at).factors;
        const uint factors = at + DIAGONALS_WORDS;
        undo_diagonals<T>(psi, lambda, size, count, b.code, factors, phases, t, sums);
        UNROLL for (uint k = 0u; k < MAX_ANGLES; ++k) {
            partials[k] = k < count ? load_factor(b.code, factors + k * FACTOR_WORDS).partial : NONE;
        }
    } else if (opcode == OP_MIX) {
        const Mix op = load_mix(b.code, at);
        undo_mixed<T>(psi, lambda, size, op, b.code, phases, t, sums);
        partials[0] = op.partial;
        count = 1u;
    } else if (opcode == OP_EXCHANGE) {
        const Exchange op = load_exchange(b.code, at);
        exchange<T>(psi, size, op, b.code, t);
        exchange<T>(lambda, size, op, b.code, t);
    } else {
        const Dense op = load_dense(b.code, at);
        dense<T>(psi, size, op, b.code, at + DENSE_WORDS, b.constants + op.adjoint, t);
        dense<T>(lambda, size, op, b.code, at + DENSE_WORDS, b.constants + op.adjoint, t);
    }
    store_partials<T>(sums, partials, count, row, scratch, t, p);
}

template <typename T>
FN void reverse_sweep(
    GLOBAL const uint *code, GLOBAL const Angle *numbers, GLOBAL const Complex<T> *shared,
    GLOBAL const Complex<T> *cos_sins, GLOBAL const Complex<T> *tables, GLOBAL const Complex<T> *constants,
    GLOBAL Complex<T> *states, GLOBAL Complex<T> *lambdas, GLOBAL T *partials, GLOBAL const T *cotangent,
    GLOBAL const T *flags, GLOBAL Sum *slots, GLOBAL const T *inputs, GLOBAL const T *weights, GLOBAL T *gradient,
    GROUP T *memory, CONSTANT SweepArgs &a, ThreadPos p)
{
    const Team t = team_of(a, p);
    const uint size = 1u << a.bits;
    GROUP T *psi = memory + t.which * REVERSE_PLANES * size;
    GROUP T *lambda = psi + 2u * size;
    // Operations alternate between two halves of the scratch, so that each needs only one barrier.
    GROUP T *scratch = memory + a.per_block * REVERSE_PLANES * size;
    const uint scratch_size = MAX_ANGLES * warps_of(p.threads);
    const Bytecode<T> b = {code, numbers, constants};
    const Phases<T> phases = {shared, cos_sins + static_cast<wide>(t.sample) * a.own, tables};
    GLOBAL T *row = partials + static_cast<wide>(t.index) * a.partials;
    const T flag = a.fused != 0u ? flags[t.sample] : static_cast<T>(0);
    load_tile<T>(psi, states, code, a, t);
    if (a.fused != 0u) {
        BARRIER();
        seed_lambda<T>(psi, lambda, psi + 4u * size, b, cotangent, flag, a, t);
    } else {
        load_tile<T>(lambda, lambdas, code, a, t);
    }
    BARRIER();
    for (uint k = a.last; k > a.first; --k) {
        GROUP T *op_scratch = scratch + ((k & 1u) != 0u ? scratch_size : 0u);
        undo_operation<T>(psi, size, b, code[a.index + k - 1u], phases, row, op_scratch, a, t, p);
    }
    if ((a.store & STORE_PSI) != 0u) {
        store_tile<T>(psi, states, code, a, t);
    }
    if ((a.store & STORE_LAMBDA) != 0u) {
        store_tile<T>(lambda, lambdas, code, a, t);
    }
    if (a.fused != 0u) {
        chain_team<T>(b, row, slots, inputs, weights, gradient, flag, a, t);
    }
}
