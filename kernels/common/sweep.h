// A sweep: a tile of a state is brought into group memory, goes through a run of operations, and is put back. A state that
// fits group memory is one tile, and one sweep is the whole circuit. The reverse sweep undoes the operations on ψ and λ and
// takes the gradient of each angle on the way.
//
// Amplitude `e` of a tile is memory[e] + i memory[size + e]. Several tiles share a group of threads where tiles are small.
// Words of an operation are counted from its kind; a parity takes three (maths.h).

// Rotations, up to three, of amplitudes at hand; in front of them a table of phases.
#define OP_PASS 0u // kind + 256 rotations, bases, table, terms and their kinds, masks of terms, first cell, rotations
#define PASS_WORDS 6u
#define ROTATION_WORDS 4u // source, cell, displacement, tile bits of its parity
// Diagonal factors exp(±i φ), up to three.
#define OP_DIAGONAL 1u // kind + 256 factors, factors
#define DIAGONAL_WORDS 7u // source, cell, sign, conditions, where they stand
// A rotation about a word that flips bits, under conditions.
#define OP_MIX 2u // kind + 256 if real, source, cell, displacement, its highest bit, sign, conditions, where they stand
// Exchanges each amplitude that meets the conditions with the one at a displacement.
#define OP_EXCHANGE 3u // kind, displacement, conditions, where they stand
// A dense matrix, under conditions.
#define OP_MATRIX 4u // kind + 256 qubits, matrix, its adjoint, bases, conditions, where they stand, then a displacement and a parity a qubit
#define MATRIX_WORDS 6u
#define MAX_MATRIX 64u

// A source is the index of a turn, with a bit each for: reads inputs, and so is a sample's own; reads weights.
#define OWN 0x80000000u
#define KINDS 0xc0000000u

// What a thread works on.
FN Unit unit_of(CONSTANT SweepArgs &a, Place p) {
    Unit u;
    const uint tile_bits = a.qubits - a.bits;
    const uint units = a.batch << tile_bits;
    u.threads = p.threads / a.per_group;
    u.which = p.rank / u.threads;
    u.rank = p.rank % u.threads;
    u.index = p.group * a.per_group + u.which;
    u.present = u.index < units;
    // A unit that is not there repeats the last one, and writes nothing.
    u.index = u.present ? u.index : units - 1u;
    u.sample = u.index >> tile_bits;
    u.tile = u.index & ((1u << tile_bits) - 1u);
    return u;
}

template <typename T> FN Complex<T> get(GROUP const T *state, uint size, uint e) {
    return complex<T>(state[e], state[size + e]);
}

template <typename T> FN void put(GROUP T *state, uint size, uint e, Complex<T> value) {
    state[e] = value.x;
    state[size + e] = value.y;
}

// Where amplitude `e` of a tile is stored.
FN uint tile_start(GLOBAL const uint *tape, CONSTANT SweepArgs &a, uint tile) {
    uint start = 0u;
    for (uint bit = 0u; bit < a.qubits - a.bits; ++bit) {
        start ^= ((tile >> bit) & 1u) != 0u ? tape[a.tile_basis + bit] : 0u;
    }
    return start;
}

FN uint stored(GLOBAL const uint *tape, CONSTANT SweepArgs &a, uint start, uint e) {
    return start ^ tape[a.offsets + (e >> a.lane_bits)] ^ (e & ((1u << a.lane_bits) - 1u));
}

// Amplitudes a thread asks memory for before it waits for one.
#define TAKEN 8u

template <typename T>
FN void take(GROUP T *to, GLOBAL const Complex<T> *states, GLOBAL const uint *tape, CONSTANT SweepArgs &a, Unit u) {
    const uint size = 1u << a.bits;
    const uint start = tile_start(tape, a, u.tile);
    GLOBAL const Complex<T> *state = states + (static_cast<wide>(u.sample) << a.qubits);
    for (uint first = u.rank; first < size; first += TAKEN * u.threads) {
        Complex<T> taken[TAKEN];
        UNROLL for (uint k = 0u; k < TAKEN; ++k) {
            const uint e = first + k * u.threads;
            taken[k] = e < size ? state[stored(tape, a, start, e)] : complex<T>(0, 0);
        }
        UNROLL for (uint k = 0u; k < TAKEN; ++k) {
            const uint e = first + k * u.threads;
            if (e < size) {
                put<T>(to, size, e, taken[k]);
            }
        }
    }
}

template <typename T>
FN void give(GROUP const T *from, GLOBAL Complex<T> *states, GLOBAL const uint *tape, CONSTANT SweepArgs &a, Unit u) {
    const uint size = 1u << a.bits;
    const uint start = tile_start(tape, a, u.tile);
    GLOBAL Complex<T> *state = states + (static_cast<wide>(u.sample) << a.qubits);
    for (uint e = u.rank; u.present && e < size; e += u.threads) {
        state[stored(tape, a, start, e)] = get<T>(from, size, e);
    }
}

// Cosine and sine of a source.
template <typename T>
FN Complex<T> turn_of(uint source, GLOBAL const Complex<T> *shared, GLOBAL const Complex<T> *own) {
    return (source & OWN) != 0u ? own[source & ~KINDS] : shared[source & ~KINDS];
}

// What the amplitudes of a group differ by, for the rotations of a pass; returns what to add to all of a tile's bases.
template <uint K> FN uint distances(LOCAL uint *distance, GLOBAL const uint *tape, uint at, uint tile) {
    uint shift = 0u;
    distance[0] = 0u;
    UNROLL for (uint k = 0u; k < K; ++k) {
        const uint displacement = tape[at + PASS_WORDS + k * ROTATION_WORDS + 2u];
        UNROLL for (uint j = 0u; j < (1u << k); ++j) {
            distance[j | (1u << k)] = distance[j] ^ displacement;
        }
        shift ^= odd(tile & tape[at + PASS_WORDS + k * ROTATION_WORDS + 3u]) ? displacement : 0u;
    }
    return shift;
}

// (a, b) <- (cos a - sin b, cos b + sin a)
template <typename T> FN void rotate(LOCAL Complex<T> &a, LOCAL Complex<T> &b, T cosine, T sine) {
    const Complex<T> c = complex<T>(cosine * a.x - sine * b.x, cosine * a.y - sine * b.y);
    b = complex<T>(cosine * b.x + sine * a.x, cosine * b.y + sine * a.y);
    a = c;
}

// (a, b) <- (cos a - i sin b, cos b - i sin a)
template <typename T> FN void rotate_even(LOCAL Complex<T> &a, LOCAL Complex<T> &b, T cosine, T sine) {
    const Complex<T> c = complex<T>(cosine * a.x + sine * b.y, cosine * a.y - sine * b.x);
    b = complex<T>(cosine * b.x + sine * a.y, cosine * b.y - sine * a.x);
    a = c;
}

template <typename T, uint K>
FN void pass(
    GROUP T *psi, uint size, GLOBAL const uint *tape, uint at, GLOBAL const Complex<T> *shared,
    GLOBAL const Complex<T> *own, GLOBAL const Complex<T> *tables, Unit u)
{
    uint distance[1u << K];
    const uint shift = distances<K>(distance, tape, at, u.tile);
    Complex<T> turn[K + 1u];
    UNROLL for (uint k = 0u; k < K; ++k) {
        turn[k] = turn_of<T>(tape[at + PASS_WORDS + k * ROTATION_WORDS], shared, own);
    }
    const uint bases = tape[at + 1u], table = tape[at + 2u];
    GLOBAL const Complex<T> *phases = tables + (table == NONE ? 0u : static_cast<wide>(table) * size);
    for (uint group = u.rank; group < size >> K; group += u.threads) {
        const uint base = tape[bases + group] ^ shift;
        Complex<T> a[1u << K];
        UNROLL for (uint j = 0u; j < (1u << K); ++j) {
            a[j] = get<T>(psi, size, base ^ distance[j]);
            if (table != NONE) {
                a[j] = times<T>(phases[base ^ distance[j]], a[j]);
            }
        }
        UNROLL for (uint k = 0u; k < K; ++k) {
            UNROLL for (uint j = 0u; j < (1u << K); ++j) {
                if (((j >> k) & 1u) == 0u) {
                    rotate<T>(a[j], a[j | (1u << k)], turn[k].x, turn[k].y);
                }
            }
        }
        UNROLL for (uint j = 0u; j < (1u << K); ++j) {
            put<T>(psi, size, base ^ distance[j], a[j]);
        }
    }
}

// Undoes a pass. `overlap` gets -2 Im(conj(λ) ψ) of each amplitude if `terms` are wanted.
template <typename T, uint K>
FN void undo_pass(
    GROUP T *psi, GROUP T *lambda, GROUP T *overlap, uint size, GLOBAL const uint *tape, uint at,
    GLOBAL const Complex<T> *shared, GLOBAL const Complex<T> *own, GLOBAL const Complex<T> *tables, bool terms, Unit u,
    LOCAL T *sums)
{
    uint distance[1u << K];
    const uint shift = distances<K>(distance, tape, at, u.tile);
    Complex<T> turn[K + 1u];
    UNROLL for (uint k = 0u; k < K; ++k) {
        turn[k] = turn_of<T>(tape[at + PASS_WORDS + k * ROTATION_WORDS], shared, own);
    }
    const uint bases = tape[at + 1u], table = tape[at + 2u];
    GLOBAL const Complex<T> *phases = tables + (table == NONE ? 0u : static_cast<wide>(table) * size);
    for (uint group = u.rank; group < size >> K; group += u.threads) {
        const uint base = tape[bases + group] ^ shift;
        Complex<T> a[1u << K], l[1u << K];
        UNROLL for (uint j = 0u; j < (1u << K); ++j) {
            a[j] = get<T>(psi, size, base ^ distance[j]);
            l[j] = get<T>(lambda, size, base ^ distance[j]);
        }
        UNROLL for (uint k = 0u; k < K; ++k) {
            UNROLL for (uint j = 0u; j < (1u << K); ++j) {
                if (((j >> k) & 1u) == 0u) {
                    const uint b = j | (1u << k);
                    sums[k] += inner<T>(l[b], a[j]) - inner<T>(l[j], a[b]);
                    rotate<T>(a[j], a[b], turn[k].x, -turn[k].y);
                    rotate<T>(l[j], l[b], turn[k].x, -turn[k].y);
                }
            }
        }
        UNROLL for (uint j = 0u; j < (1u << K); ++j) {
            const uint e = base ^ distance[j];
            if (terms) {
                overlap[e] = static_cast<T>(-2) * cross<T>(l[j], a[j]);
            }
            if (table != NONE) {
                a[j] = conjugate_times<T>(phases[e], a[j]);
                l[j] = conjugate_times<T>(phases[e], l[j]);
            }
            put<T>(psi, size, e, a[j]);
            put<T>(lambda, size, e, l[j]);
        }
    }
}

// The Walsh-Hadamard transform of the `overlap`s of a tile: entry `m` becomes the sum with signs (-1)^|e & m|.
// K bits from `low` on, in one go.
//
// Of the lowest bits, neighbouring threads have entries at a distance of 8, or 64, which stand in the same banks. So each thread
// takes its entries in an order of its own, j ^ turn: of the 32 threads of a warp no two then meet in a bank (f32), whatever j.
// Where the turn exchanges the entries of a pair, the difference and its places are exchanged as well.
template <typename T, uint K> FN void walsh_bits(GROUP T *overlap, uint size, uint low, Unit u) {
    BARRIER();
    for (uint group = u.rank; group < size >> K; group += u.threads) {
        const uint first = ((group & ~(low - 1u)) << K) | (group & (low - 1u));
        const uint turn = low == 1u ? (group >> 2u) & ((1u << K) - 1u) : low == 8u && K > 1u ? (group >> 3u) & 3u : 0u;
        T values[1u << K];
        UNROLL for (uint j = 0u; j < (1u << K); ++j) {
            values[j] = overlap[first + (j ^ turn) * low];
        }
        UNROLL for (uint k = 0u; k < K; ++k) {
            const bool turned = ((turn >> k) & 1u) != 0u;
            UNROLL for (uint j = 0u; j < (1u << K); ++j) {
                if (((j >> k) & 1u) == 0u) {
                    const T a = values[j], b = values[j | (1u << k)];
                    const T sum = a + b, difference = turned ? b - a : a - b;
                    values[j] = turned ? difference : sum;
                    values[j | (1u << k)] = turned ? sum : difference;
                }
            }
        }
        UNROLL for (uint j = 0u; j < (1u << K); ++j) {
            overlap[first + (j ^ turn) * low] = values[j];
        }
    }
}

template <typename T> FN void walsh(GROUP T *overlap, uint size, Unit u) {
    uint low = 1u;
    for (; low << 3u <= size; low <<= 3u) {
        walsh_bits<T, 3u>(overlap, size, low, u);
    }
    if (low << 2u == size) {
        walsh_bits<T, 2u>(overlap, size, low, u);
    } else if (low << 1u == size) {
        walsh_bits<T, 1u>(overlap, size, low, u);
    }
    BARRIER();
}

// The sign of φ in the exponent of a diagonal factor: 1, -1, or 0 where it does not act.
FN int exponent(GLOBAL const uint *tape, uint at, uint e, uint tile) {
    if (!all_odd(tape, tape[at + 6u], tape[at + 5u], e, tile)) {
        return 0;
    }
    return parity(tape, at + 2u, e, tile) ? 1 : -1;
}

template <typename T>
FN void diagonal(
    GROUP T *psi, uint size, GLOBAL const uint *tape, uint at, GLOBAL const Complex<T> *shared,
    GLOBAL const Complex<T> *own, Unit u)
{
    const uint count = tape[at] >> 8u;
    for (uint e = u.rank; e < size; e += u.threads) {
        Complex<T> a = get<T>(psi, size, e);
        for (uint k = 0u; k < count; ++k) {
            const uint factor = at + 1u + k * DIAGONAL_WORDS;
            const int sign = exponent(tape, factor, e, u.tile);
            if (sign != 0) {
                const Complex<T> turn = turn_of<T>(tape[factor], shared, own);
                a = times<T>(complex<T>(turn.x, sign > 0 ? turn.y : -turn.y), a);
            }
        }
        put<T>(psi, size, e, a);
    }
}

template <typename T>
FN void undo_diagonal(
    GROUP T *psi, GROUP T *lambda, uint size, GLOBAL const uint *tape, uint at, GLOBAL const Complex<T> *shared,
    GLOBAL const Complex<T> *own, Unit u, LOCAL T *sums)
{
    const uint count = tape[at] >> 8u;
    for (uint e = u.rank; e < size; e += u.threads) {
        Complex<T> a = get<T>(psi, size, e), l = get<T>(lambda, size, e);
        const T here = cross<T>(l, a);
        UNROLL for (uint k = 0u; k < 3u; ++k) {
            const uint factor = at + 1u + k * DIAGONAL_WORDS;
            const int sign = k < count ? exponent(tape, factor, e, u.tile) : 0;
            if (sign != 0) {
                sums[k] -= sign > 0 ? here : -here;
                const Complex<T> turn = turn_of<T>(tape[factor], shared, own);
                const Complex<T> by = complex<T>(turn.x, sign > 0 ? turn.y : -turn.y);
                a = conjugate_times<T>(by, a);
                l = conjugate_times<T>(by, l);
            }
        }
        put<T>(psi, size, e, a);
        put<T>(lambda, size, e, l);
    }
}

// The first amplitude of pair `pair`: a zero goes in at the highest bit of the displacement.
FN uint first_of_pair(uint pair, uint bit) { return ((pair & ~(bit - 1u)) << 1u) | (pair & (bit - 1u)); }

template <typename T> FN void mix(LOCAL Complex<T> &a, LOCAL Complex<T> &b, bool real, T cosine, T sine) {
    if (real) {
        rotate<T>(a, b, cosine, sine);
    } else {
        rotate_even<T>(a, b, cosine, sine);
    }
}

template <typename T>
FN void mixed(
    GROUP T *psi, uint size, GLOBAL const uint *tape, uint at, GLOBAL const Complex<T> *shared,
    GLOBAL const Complex<T> *own, Unit u)
{
    const bool real = tape[at] >> 8u != 0u;
    const Complex<T> turn = turn_of<T>(tape[at + 1u], shared, own);
    for (uint pair = u.rank; pair < size >> 1u; pair += u.threads) {
        const uint first = first_of_pair(pair, tape[at + 4u]), second = first ^ tape[at + 3u];
        if (all_odd(tape, tape[at + 9u], tape[at + 8u], first, u.tile)) {
            Complex<T> a = get<T>(psi, size, first), b = get<T>(psi, size, second);
            mix<T>(a, b, real, turn.x, parity(tape, at + 5u, first, u.tile) ? -turn.y : turn.y);
            put<T>(psi, size, first, a);
            put<T>(psi, size, second, b);
        }
    }
}

template <typename T>
FN void undo_mixed(
    GROUP T *psi, GROUP T *lambda, uint size, GLOBAL const uint *tape, uint at, GLOBAL const Complex<T> *shared,
    GLOBAL const Complex<T> *own, Unit u, LOCAL T *sums)
{
    const bool real = tape[at] >> 8u != 0u;
    const Complex<T> turn = turn_of<T>(tape[at + 1u], shared, own);
    for (uint pair = u.rank; pair < size >> 1u; pair += u.threads) {
        const uint first = first_of_pair(pair, tape[at + 4u]), second = first ^ tape[at + 3u];
        if (all_odd(tape, tape[at + 9u], tape[at + 8u], first, u.tile)) {
            Complex<T> a = get<T>(psi, size, first), b = get<T>(psi, size, second);
            Complex<T> l = get<T>(lambda, size, first), m = get<T>(lambda, size, second);
            const bool negative = parity(tape, at + 5u, first, u.tile);
            const T here = real ? inner<T>(m, a) - inner<T>(l, b) : cross<T>(l, b) + cross<T>(m, a);
            sums[0] += negative ? -here : here;
            mix<T>(a, b, real, turn.x, negative ? turn.y : -turn.y);
            mix<T>(l, m, real, turn.x, negative ? turn.y : -turn.y);
            put<T>(psi, size, first, a);
            put<T>(psi, size, second, b);
            put<T>(lambda, size, first, l);
            put<T>(lambda, size, second, m);
        }
    }
}

template <typename T> FN void exchange(GROUP T *psi, uint size, GLOBAL const uint *tape, uint at, Unit u) {
    for (uint e = u.rank; e < size; e += u.threads) {
        if (all_odd(tape, tape[at + 3u], tape[at + 2u], e, u.tile)) {
            const uint partner = e ^ tape[at + 1u];
            const Complex<T> a = get<T>(psi, size, e);
            put<T>(psi, size, e, get<T>(psi, size, partner));
            put<T>(psi, size, partner, a);
        }
    }
}

// The amplitudes of a matrix's qubits: XOR of the displacements whose qubit is set in `bits`.
FN uint displaced(GLOBAL const uint *tape, uint at, uint qubits, uint bits) {
    uint distance = 0u;
    for (uint k = 0u; k < qubits; ++k) {
        distance ^= ((bits >> k) & 1u) != 0u ? tape[at + MATRIX_WORDS + k * (1u + PARITY_WORDS)] : 0u;
    }
    return distance;
}

// Applies the matrix that word `which` of the operation names.
template <typename T>
FN void dense(GROUP T *psi, uint size, GLOBAL const uint *tape, uint at, uint which, GLOBAL const Complex<T> *constants, Unit u) {
    const uint qubits = tape[at] >> 8u, entries = 1u << qubits;
    GLOBAL const Complex<T> *rows = constants + tape[at + which];
    for (uint group = u.rank; group < size >> qubits; group += u.threads) {
        uint base = tape[tape[at + 3u] + group];
        uint bits = 0u;
        for (uint k = 0u; k < qubits; ++k) {
            const uint qubit = at + MATRIX_WORDS + k * (1u + PARITY_WORDS) + 1u;
            bits |= (parity(tape, qubit, base, u.tile) ? 1u : 0u) << k;
        }
        base ^= displaced(tape, at, qubits, bits);
        if (!all_odd(tape, tape[at + 5u], tape[at + 4u], base, u.tile)) {
            continue;
        }
        Complex<T> in[MAX_MATRIX];
        for (uint j = 0u; j < entries; ++j) {
            in[j] = get<T>(psi, size, base ^ displaced(tape, at, qubits, j));
        }
        for (uint row = 0u; row < entries; ++row) {
            Complex<T> sum = complex<T>(0, 0);
            for (uint j = 0u; j < entries; ++j) {
                const Complex<T> product = times<T>(rows[row * entries + j], in[j]);
                sum = complex<T>(sum.x + product.x, sum.y + product.y);
            }
            put<T>(psi, size, base ^ displaced(tape, at, qubits, row), sum);
        }
    }
}

template <typename T> FN void fill(GLOBAL T *row, uint cell, T value, Unit u) {
    if (u.present && cell != NONE) {
        row[cell] = value;
    }
}

// Adds up the threads' `sums` of an operation, times two, into its cells. `position` is where the first cell's number stands
// on the tape, those of the others `stride` words on. Ends with all threads past a barrier.
template <typename T>
FN void fill_cells(
    LOCAL T *sums, uint count, GLOBAL const uint *tape, uint position, uint stride, GLOBAL T *row, GROUP T *room, Unit u, Place p)
{
    const uint lanes = u.threads < 32u ? u.threads : 32u;
    const uint warps = p.threads < 32u ? 1u : p.threads >> 5u;
    UNROLL for (uint k = 0u; k < 3u; ++k) {
        const T sum = lane_sum<T>(sums[k], lanes);
        if (u.threads <= 32u) {
            if (k < count && u.rank == 0u) {
                fill<T>(row, tape[position + k * stride], sum + sum, u);
            }
        } else if ((p.rank & 31u) == 0u) {
            room[k * warps + (p.rank >> 5u)] = sum;
        }
    }
    BARRIER();
    if (u.threads > 32u && u.rank < count) {
        T sum = 0;
        for (uint warp = 0u; warp < u.threads >> 5u; ++warp) {
            sum += room[u.rank * warps + u.which * (u.threads >> 5u) + warp];
        }
        fill<T>(row, tape[position + u.rank * stride], sum + sum, u);
    }
}
