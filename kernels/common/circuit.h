// The sweeps' kernels: forward and reverse, with all that comes around them where a state is one tile.

// Applies operation `at`.
template <typename T>
FN void apply_operation(
    GROUP T *psi, uint size, GLOBAL const uint *code, uint at, GLOBAL const Complex<T> *shared,
    GLOBAL const Complex<T> *own, GLOBAL const Complex<T> *tables, GLOBAL const Complex<T> *constants, Team t)
{
    const uint kind = code[at] & 255u, count = code[at] >> 8u;
    if (kind == OP_PASS) {
        if (count == 0u) {
            pass<T, 0u>(psi, size, code, at, shared, own, tables, t);
        } else if (count == 1u) {
            pass<T, 1u>(psi, size, code, at, shared, own, tables, t);
        } else if (count == 2u) {
            pass<T, 2u>(psi, size, code, at, shared, own, tables, t);
        } else {
            pass<T, 3u>(psi, size, code, at, shared, own, tables, t);
        }
    } else if (kind == OP_DIAGONAL) {
        diagonal<T>(psi, size, code, at, shared, own, t);
    } else if (kind == OP_MIX) {
        mixed<T>(psi, size, code, at, shared, own, t);
    } else if (kind == OP_EXCHANGE) {
        exchange<T>(psi, size, code, at, t);
    } else {
        dense<T>(psi, size, code, at, 1u, constants, t);
    }
}

template <typename T>
FN void forward_sweep(
    GROUP T *memory, GLOBAL const uint *code, GLOBAL const Angle *numbers, GLOBAL const Complex<T> *shared,
    GLOBAL const Complex<T> *cos_sins, GLOBAL const Complex<T> *tables, GLOBAL const Complex<T> *constants,
    GLOBAL Complex<T> *states, GLOBAL T *flags, GLOBAL T *outputs, CONSTANT SweepArgs &a, ThreadPos p)
{
    const Team t = team_of(a, p);
    const uint size = 1u << a.bits;
    GROUP T *psi = memory + t.which * 2u * size;
    GROUP T *scratch = memory + a.per_group * 2u * size;
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
        GROUP T *plane = scratch + 2u * scratch_size + a.per_group * a.term_count + t.which * size;
        read_outputs<T>(psi, code, numbers, constants, flag, outputs, sums, plane, scratch, scratch_size, a, t, p);
    }
}

// Undoes operation `at` and fills its partials.
template <typename T>
FN void undo_operation(
    GROUP T *psi, uint size, GLOBAL const uint *code, uint at, GLOBAL const Complex<T> *shared,
    GLOBAL const Complex<T> *own, GLOBAL const Complex<T> *tables, GLOBAL const Complex<T> *constants, GLOBAL T *row,
    GROUP T *scratch, CONSTANT SweepArgs &a, Team t, ThreadPos p)
{
    GROUP T *lambda = psi + 2u * size;
    GROUP T *overlap = psi + 4u * size;
    const uint kind = code[at] & 255u;
    uint count = code[at] >> 8u, position = 0u, stride = 1u;
    T sums[3] = {0, 0, 0};
    if (kind == OP_PASS) {
        const bool terms = (code[at + 3u] & a.wanted) != 0u;
        if (count == 0u) {
            undo_pass<T, 0u>(psi, lambda, overlap, size, code, at, shared, own, tables, terms, t, sums);
        } else if (count == 1u) {
            undo_pass<T, 1u>(psi, lambda, overlap, size, code, at, shared, own, tables, terms, t, sums);
        } else if (count == 2u) {
            undo_pass<T, 2u>(psi, lambda, overlap, size, code, at, shared, own, tables, terms, t, sums);
        } else {
            undo_pass<T, 3u>(psi, lambda, overlap, size, code, at, shared, own, tables, terms, t, sums);
        }
        if (terms) {
            walsh<T>(overlap, size, t);
            for (uint term = t.rank; t.present && term < (code[at + 3u] & ~KINDS); term += t.threads) {
                row[code[at + 5u] + term] = overlap[code[code[at + 4u] + term]];
            }
        }
        position = at + PASS_WORDS + 1u;
        stride = ROTATION_WORDS;
    } else if (kind == OP_DIAGONAL) {
        undo_diagonal<T>(psi, lambda, size, code, at, shared, own, t, sums);
        position = at + 2u;
        stride = DIAGONAL_WORDS;
    } else if (kind == OP_MIX) {
        undo_mixed<T>(psi, lambda, size, code, at, shared, own, t, sums);
        position = at + 2u;
        count = 1u;
    } else if (kind == OP_EXCHANGE) {
        exchange<T>(psi, size, code, at, t);
        exchange<T>(lambda, size, code, at, t);
        count = 0u;
    } else {
        dense<T>(psi, size, code, at, 2u, constants, t);
        dense<T>(lambda, size, code, at, 2u, constants, t);
        count = 0u;
    }
    store_partials<T>(sums, count, code, position, stride, row, scratch, t, p);
}

template <typename T>
FN void reverse_sweep(
    GROUP T *memory, GLOBAL const uint *code, GLOBAL const Angle *numbers, GLOBAL const Complex<T> *shared,
    GLOBAL const Complex<T> *cos_sins, GLOBAL const Complex<T> *tables, GLOBAL const Complex<T> *constants,
    GLOBAL Complex<T> *states, GLOBAL Complex<T> *lambdas, GLOBAL T *partials, GLOBAL const T *cotangent,
    GLOBAL const T *flags, GLOBAL Sum *slots, GLOBAL const T *inputs, GLOBAL const T *weights, GLOBAL T *gradient,
    CONSTANT SweepArgs &a, ThreadPos p)
{
    const Team t = team_of(a, p);
    const uint size = 1u << a.bits;
    GROUP T *psi = memory + t.which * 5u * size;
    GROUP T *lambda = psi + 2u * size;
    // Operations take turns between two halves of the scratch, so that one barrier an operation is enough.
    GROUP T *scratch = memory + a.per_group * 5u * size;
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
