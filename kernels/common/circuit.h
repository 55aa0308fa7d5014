// The sweeps' kernels: forward and reverse, with all that comes around them where a state is one tile.

// Applies operation `at`.
template <typename T>
FN void apply_operation(
    GROUP T *psi, uint size, GLOBAL const uint *tape, uint at, GLOBAL const Complex<T> *shared,
    GLOBAL const Complex<T> *own, GLOBAL const Complex<T> *tables, GLOBAL const Complex<T> *constants, Unit u)
{
    const uint kind = tape[at] & 255u, count = tape[at] >> 8u;
    if (kind == OP_PASS) {
        if (count == 0u) {
            pass<T, 0u>(psi, size, tape, at, shared, own, tables, u);
        } else if (count == 1u) {
            pass<T, 1u>(psi, size, tape, at, shared, own, tables, u);
        } else if (count == 2u) {
            pass<T, 2u>(psi, size, tape, at, shared, own, tables, u);
        } else {
            pass<T, 3u>(psi, size, tape, at, shared, own, tables, u);
        }
    } else if (kind == OP_DIAGONAL) {
        diagonal<T>(psi, size, tape, at, shared, own, u);
    } else if (kind == OP_MIX) {
        mixed<T>(psi, size, tape, at, shared, own, u);
    } else if (kind == OP_EXCHANGE) {
        exchange<T>(psi, size, tape, at, u);
    } else {
        dense<T>(psi, size, tape, at, 1u, constants, u);
    }
}

template <typename T>
FN void forward_sweep(
    GROUP T *memory, GLOBAL const uint *tape, GLOBAL const Angle *numbers, GLOBAL const Complex<T> *shared,
    GLOBAL const Complex<T> *turns, GLOBAL const Complex<T> *tables, GLOBAL const Complex<T> *constants,
    GLOBAL Complex<T> *states, GLOBAL T *flags, GLOBAL T *outputs, CONSTANT SweepArgs &a, Place p)
{
    const Unit u = unit_of(a, p);
    const uint size = 1u << a.bits;
    GROUP T *psi = memory + u.which * 2u * size;
    GROUP T *rooms = memory + a.per_group * 2u * size;
    const uint room_size = p.threads < 32u ? 1u : p.threads >> 5u;
    GLOBAL const Complex<T> *own = turns + static_cast<wide>(u.sample) * a.own;
    if (a.ground != 0u) {
        for (uint e = u.rank; e < size; e += u.threads) {
            put<T>(psi, size, e, complex<T>(u.tile == 0u && e == 0u ? 1 : 0, 0));
        }
    } else {
        take<T>(psi, states, tape, a, u);
    }
    BARRIER();
    for (uint k = a.first; k < a.last; ++k) {
        apply_operation<T>(psi, size, tape, tape[a.index + k], shared, own, tables, constants, u);
        BARRIER();
    }
    if ((a.store & 1u) != 0u) {
        give<T>(psi, states, tape, a, u);
    }
    if (a.fused != 0u) {
        const T flag = flag_of<T>(psi, shared, own, rooms + room_size, a, u, p);
        if (u.present && u.rank == 0u) {
            flags[u.sample] = flag;
        }
        GROUP T *sums = rooms + 2u * room_size + u.which * a.term_count;
        GROUP T *plane = rooms + 2u * room_size + a.per_group * a.term_count + u.which * size;
        read_outputs<T>(psi, tape, numbers, constants, flag, outputs, sums, plane, rooms, room_size, a, u, p);
    }
}

// Undoes operation `at` and fills its cells.
template <typename T>
FN void undo_operation(
    GROUP T *psi, uint size, GLOBAL const uint *tape, uint at, GLOBAL const Complex<T> *shared,
    GLOBAL const Complex<T> *own, GLOBAL const Complex<T> *tables, GLOBAL const Complex<T> *constants, GLOBAL T *row,
    GROUP T *room, CONSTANT SweepArgs &a, Unit u, Place p)
{
    GROUP T *lambda = psi + 2u * size;
    GROUP T *overlap = psi + 4u * size;
    const uint kind = tape[at] & 255u;
    uint count = tape[at] >> 8u, position = 0u, stride = 1u;
    T sums[3] = {0, 0, 0};
    if (kind == OP_PASS) {
        const bool terms = (tape[at + 3u] & a.wanted) != 0u;
        if (count == 0u) {
            undo_pass<T, 0u>(psi, lambda, overlap, size, tape, at, shared, own, tables, terms, u, sums);
        } else if (count == 1u) {
            undo_pass<T, 1u>(psi, lambda, overlap, size, tape, at, shared, own, tables, terms, u, sums);
        } else if (count == 2u) {
            undo_pass<T, 2u>(psi, lambda, overlap, size, tape, at, shared, own, tables, terms, u, sums);
        } else {
            undo_pass<T, 3u>(psi, lambda, overlap, size, tape, at, shared, own, tables, terms, u, sums);
        }
        if (terms) {
            walsh<T>(overlap, size, u);
            for (uint term = u.rank; u.present && term < (tape[at + 3u] & ~KINDS); term += u.threads) {
                row[tape[at + 5u] + term] = overlap[tape[tape[at + 4u] + term]];
            }
        }
        position = at + PASS_WORDS + 1u;
        stride = ROTATION_WORDS;
    } else if (kind == OP_DIAGONAL) {
        undo_diagonal<T>(psi, lambda, size, tape, at, shared, own, u, sums);
        position = at + 2u;
        stride = DIAGONAL_WORDS;
    } else if (kind == OP_MIX) {
        undo_mixed<T>(psi, lambda, size, tape, at, shared, own, u, sums);
        position = at + 2u;
        count = 1u;
    } else if (kind == OP_EXCHANGE) {
        exchange<T>(psi, size, tape, at, u);
        exchange<T>(lambda, size, tape, at, u);
        count = 0u;
    } else {
        dense<T>(psi, size, tape, at, 2u, constants, u);
        dense<T>(lambda, size, tape, at, 2u, constants, u);
        count = 0u;
    }
    fill_cells<T>(sums, count, tape, position, stride, row, room, u, p);
}

template <typename T>
FN void reverse_sweep(
    GROUP T *memory, GLOBAL const uint *tape, GLOBAL const Angle *numbers, GLOBAL const Complex<T> *shared,
    GLOBAL const Complex<T> *turns, GLOBAL const Complex<T> *tables, GLOBAL const Complex<T> *constants,
    GLOBAL Complex<T> *states, GLOBAL Complex<T> *lambdas, GLOBAL T *cells, GLOBAL const T *cotangent,
    GLOBAL const T *flags, GLOBAL Sum *slots, GLOBAL const T *inputs, GLOBAL const T *weights, GLOBAL T *gradient,
    CONSTANT SweepArgs &a, Place p)
{
    const Unit u = unit_of(a, p);
    const uint size = 1u << a.bits;
    GROUP T *psi = memory + u.which * 5u * size;
    GROUP T *lambda = psi + 2u * size;
    // Two rooms in turn, so that one barrier an operation is enough.
    GROUP T *rooms = memory + a.per_group * 5u * size;
    const uint room_size = 3u * (p.threads < 32u ? 1u : p.threads >> 5u);
    GLOBAL const Complex<T> *own = turns + static_cast<wide>(u.sample) * a.own;
    GLOBAL T *row = cells + static_cast<wide>(u.index) * a.cells;
    const T flag = a.fused != 0u ? flags[u.sample] : static_cast<T>(0);
    take<T>(psi, states, tape, a, u);
    if (a.fused != 0u) {
        BARRIER();
        seed_lambda<T>(psi, lambda, psi + 4u * size, tape, numbers, constants, cotangent, flag, a, u);
    } else {
        take<T>(lambda, lambdas, tape, a, u);
    }
    BARRIER();
    for (uint k = a.last; k > a.first; --k) {
        GROUP T *room = rooms + ((k & 1u) != 0u ? room_size : 0u);
        undo_operation<T>(psi, size, tape, tape[a.index + k - 1u], shared, own, tables, constants, row, room, a, u, p);
    }
    if ((a.store & 1u) != 0u) {
        give<T>(psi, states, tape, a, u);
    }
    if ((a.store & 2u) != 0u) {
        give<T>(lambda, lambdas, tape, a, u);
    }
    if (a.fused != 0u) {
        chain_unit<T>(tape, numbers, row, slots, inputs, weights, gradient, flag, a, u);
    }
}
