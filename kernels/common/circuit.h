// The sweeps' kernels: forward and reverse, with all that comes around them where a state is one tile.

// Applies the operation at `at`.
template <typename T>
FN void apply_operation(
    GROUP T *psi, uint size, GLOBAL const uint *code, uint at, GLOBAL const Complex<T> *shared,
    GLOBAL const Complex<T> *own, GLOBAL const Complex<T> *tables, GLOBAL const Complex<T> *constants, Team t)
{
    const uint opcode = code[at];
    if (opcode == OP_PASS) {
        const Pass op = load_pass(code, at);
        const uint rotations = at + PASS_WORDS;
        if (op.rotations == 0u) {
            pass<T, 0u>(psi, size, op, code, rotations, shared, own, tables, t);
        } else if (op.rotations == 1u) {
            pass<T, 1u>(psi, size, op, code, rotations, shared, own, tables, t);
        } else if (op.rotations == 2u) {
            pass<T, 2u>(psi, size, op, code, rotations, shared, own, tables, t);
        } else {
            pass<T, MAX_ANGLES>(psi, size, op, code, rotations, shared, own, tables, t);
        }
    } else if (opcode == OP_DIAGONALS) {
        const Diagonals op = load_diagonals(code, at);
        diagonals<T>(psi, size, op.factors, code, at + DIAGONALS_WORDS, shared, own, t);
    } else if (opcode == OP_MIX) {
        mixed<T>(psi, size, load_mix(code, at), code, shared, own, t);
    } else if (opcode == OP_EXCHANGE) {
        exchange<T>(psi, size, load_exchange(code, at), code, t);
    } else {
        const Dense op = load_dense(code, at);
        dense<T>(psi, size, op, code, at + DENSE_WORDS, constants + op.entries, t);
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
    GROUP T *psi = memory + t.which * 2u * size;
    GROUP T *scratch = memory + a.per_block * 2u * size;
    const uint scratch_size = p.threads < 32u ? 1u : p.threads >> 5u;
    GLOBAL const Complex<T> *own = cos_sins + static_cast<wide>(t.sample) * a.own;
    if (a.from_zero != 0u) {
        for (uint e = t.rank; e < size; e += t.threads) {
            put<T>(psi, size, e, complex<T>(t.tile == 0u && e == 0u ? 1 : 0, 0));
        }
    } else {
        load_tile<T>(psi, states, code, a, t);
    }
    BARRIER();
    for (uint k = a.first; k < a.last; ++k) {
        apply_operation<T>(psi, size, code, code[a.index + k], shared, own, tables, constants, t);
        BARRIER();
    }
    if ((a.store & 1u) != 0u) {
        store_tile<T>(psi, states, code, a, t);
    }
    if (a.fused != 0u) {
        const T flag = flag_of<T>(psi, shared, own, scratch + scratch_size, a, t, p);
        if (t.present && t.rank == 0u) {
            flags[t.sample] = flag;
        }
        GROUP T *sums = scratch + 2u * scratch_size + t.which * a.term_count;
        GROUP T *plane = scratch + 2u * scratch_size + a.per_block * a.term_count + t.which * size;
        read_outputs<T>(psi, code, numbers, constants, flag, outputs, sums, plane, scratch, scratch_size, a, t, p);
    }
}

// Undoes the operation at `at` and stores its partial gradients.
template <typename T>
FN void undo_operation(
    GROUP T *psi, uint size, GLOBAL const uint *code, uint at, GLOBAL const Complex<T> *shared,
    GLOBAL const Complex<T> *own, GLOBAL const Complex<T> *tables, GLOBAL const Complex<T> *constants, GLOBAL T *row,
    GROUP T *scratch, CONSTANT SweepArgs &a, Team t, ThreadPos p)
{
    GROUP T *lambda = psi + 2u * size;
    GROUP T *overlap = psi + 4u * size;
    const uint opcode = code[at];
    uint count = 0u, partials[MAX_ANGLES] = {NONE, NONE, NONE};
    T sums[MAX_ANGLES] = {0, 0, 0};
    if (opcode == OP_PASS) {
        const Pass op = load_pass(code, at);
        const uint rotations = at + PASS_WORDS;
        const bool terms = (op.term_kinds & a.wanted) != 0u;
        if (op.rotations == 0u) {
            undo_pass<T, 0u>(psi, lambda, overlap, size, op, code, rotations, shared, own, tables, terms, t, sums);
        } else if (op.rotations == 1u) {
            undo_pass<T, 1u>(psi, lambda, overlap, size, op, code, rotations, shared, own, tables, terms, t, sums);
        } else if (op.rotations == 2u) {
            undo_pass<T, 2u>(psi, lambda, overlap, size, op, code, rotations, shared, own, tables, terms, t, sums);
        } else {
            undo_pass<T, MAX_ANGLES>(psi, lambda, overlap, size, op, code, rotations, shared, own, tables, terms, t, sums);
        }
        if (terms) {
            walsh<T>(overlap, size, t);
            for (uint term = t.rank; t.present && term < op.term_count; term += t.threads) {
                row[op.first_partial + term] = overlap[code[op.term_masks + term]];
            }
        }
        count = op.rotations;
        // Loaded no earlier than here: they would take registers from the amplitudes.
        UNROLL for (uint k = 0u; k < MAX_ANGLES; ++k) {
            partials[k] = k < count ? load_rotation(code, rotations + k * ROTATION_WORDS).partial : NONE;
        }
    } else if (opcode == OP_DIAGONALS) {
        count = load_diagonals(code, at).factors;
        const uint factors = at + DIAGONALS_WORDS;
        undo_diagonals<T>(psi, lambda, size, count, code, factors, shared, own, t, sums);
        UNROLL for (uint k = 0u; k < MAX_ANGLES; ++k) {
            partials[k] = k < count ? load_factor(code, factors + k * FACTOR_WORDS).partial : NONE;
        }
    } else if (opcode == OP_MIX) {
        const Mix op = load_mix(code, at);
        undo_mixed<T>(psi, lambda, size, op, code, shared, own, t, sums);
        partials[0] = op.partial;
        count = 1u;
    } else if (opcode == OP_EXCHANGE) {
        const Exchange op = load_exchange(code, at);
        exchange<T>(psi, size, op, code, t);
        exchange<T>(lambda, size, op, code, t);
    } else {
        const Dense op = load_dense(code, at);
        dense<T>(psi, size, op, code, at + DENSE_WORDS, constants + op.adjoint, t);
        dense<T>(lambda, size, op, code, at + DENSE_WORDS, constants + op.adjoint, t);
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
    GROUP T *psi = memory + t.which * 5u * size;
    GROUP T *lambda = psi + 2u * size;
    // Operations take turns between two halves of the scratch, so that one barrier an operation is enough.
    GROUP T *scratch = memory + a.per_block * 5u * size;
    const uint scratch_size = 3u * (p.threads < 32u ? 1u : p.threads >> 5u);
    GLOBAL const Complex<T> *own = cos_sins + static_cast<wide>(t.sample) * a.own;
    GLOBAL T *row = partials + static_cast<wide>(t.index) * a.partials;
    const T flag = a.fused != 0u ? flags[t.sample] : static_cast<T>(0);
    load_tile<T>(psi, states, code, a, t);
    if (a.fused != 0u) {
        BARRIER();
        seed_lambda<T>(psi, lambda, psi + 4u * size, code, numbers, constants, cotangent, flag, a, t);
    } else {
        load_tile<T>(lambda, lambdas, code, a, t);
    }
    BARRIER();
    for (uint k = a.last; k > a.first; --k) {
        GROUP T *op_scratch = scratch + ((k & 1u) != 0u ? scratch_size : 0u);
        undo_operation<T>(psi, size, code, code[a.index + k - 1u], shared, own, tables, constants, row, op_scratch, a, t, p);
    }
    if ((a.store & 1u) != 0u) {
        store_tile<T>(psi, states, code, a, t);
    }
    if ((a.store & 2u) != 0u) {
        store_tile<T>(lambda, lambdas, code, a, t);
    }
    if (a.fused != 0u) {
        chain_team<T>(code, numbers, row, slots, inputs, weights, gradient, flag, a, t);
    }
}
