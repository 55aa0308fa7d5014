// A sweep: a tile of a state is brought into shared memory, goes through a run of operations, and is put back. A state that
// fits shared memory is one tile, and one sweep is the whole circuit. The reverse sweep undoes the operations on ψ and λ and
// takes the gradient of each angle on the way.
//
// Amplitude `e` of a tile is memory[e] + i memory[size + e]. Several tiles share a block where tiles are small.
// Words of an operation are counted from its kind; a parity takes three (maths.h).

// Rotations, up to three, of amplitudes at hand; in front of them a table of phases.
#define OP_PASS 0u // kind + 256 rotations, bases, table, terms and their kinds, masks of terms, first partial, rotations
#define PASS_WORDS 6u
#define ROTATION_WORDS 4u // source, partial, flip mask, tile bits of its parity
// Diagonal factors exp(±i φ), up to three.
#define OP_DIAGONAL 1u // kind + 256 factors, factors
#define DIAGONAL_WORDS 7u // source, partial, sign, conditions, where they stand
// A rotation about a word that flips bits, under conditions.
#define OP_MIX 2u // kind + 256 if real, source, partial, flip mask, its highest bit, sign, conditions, where they stand
// Exchanges each amplitude that meets the conditions with the one at a flip mask.
#define OP_EXCHANGE 3u // kind, flip mask, conditions, where they stand
// A dense matrix, under conditions.
#define OP_MATRIX 4u // kind + 256 qubits, matrix, its adjoint, bases, conditions, where they stand, then a flip mask and a parity a qubit
#define MATRIX_WORDS 6u
#define MAX_MATRIX 64u

// A source is the index of a cosine and sine, with a bit each for: reads inputs, and so is a sample's own; reads weights.
#define OWN 0x80000000u
#define KINDS 0xc0000000u

// What a thread works on.
FN Team team_of(CONSTANT SweepArgs &a, ThreadPos p) {
    Team t;
    const uint tile_bits = a.qubits - a.bits;
    const uint teams = a.batch << tile_bits;
    t.threads = p.threads / a.per_group;
    t.which = p.rank / t.threads;
    t.rank = p.rank % t.threads;
    t.index = p.block * a.per_group + t.which;
    t.present = t.index < teams;
    // A team that is not there repeats the last one, and writes nothing.
    t.index = t.present ? t.index : teams - 1u;
    t.sample = t.index >> tile_bits;
    t.tile = t.index & ((1u << tile_bits) - 1u);
    return t;
}

template <typename T> FN Complex<T> get(GROUP const T *state, uint size, uint e) {
    return complex<T>(state[e], state[size + e]);
}

template <typename T> FN void put(GROUP T *state, uint size, uint e, Complex<T> value) {
    state[e] = value.x;
    state[size + e] = value.y;
}

// Where amplitude `e` of a tile is stored.
FN uint tile_start(GLOBAL const uint *code, CONSTANT SweepArgs &a, uint tile) {
    uint start = 0u;
    for (uint bit = 0u; bit < a.qubits - a.bits; ++bit) {
        start ^= ((tile >> bit) & 1u) != 0u ? code[a.tile_basis + bit] : 0u;
    }
    return start;
}

FN uint stored(GLOBAL const uint *code, CONSTANT SweepArgs &a, uint start, uint e) {
    return start ^ code[a.offsets + (e >> a.lane_bits)] ^ (e & ((1u << a.lane_bits) - 1u));
}

// Amplitudes a thread asks memory for before it waits for one.
#define LOADS 8u

template <typename T>
FN void load_tile(GROUP T *to, GLOBAL const Complex<T> *states, GLOBAL const uint *code, CONSTANT SweepArgs &a, Team t) {
    const uint size = 1u << a.bits;
    const uint start = tile_start(code, a, t.tile);
    GLOBAL const Complex<T> *state = states + (static_cast<wide>(t.sample) << a.qubits);
    for (uint first = t.rank; first < size; first += LOADS * t.threads) {
        Complex<T> loaded[LOADS];
        UNROLL for (uint k = 0u; k < LOADS; ++k) {
            const uint e = first + k * t.threads;
            loaded[k] = e < size ? state[stored(code, a, start, e)] : complex<T>(0, 0);
        }
        UNROLL for (uint k = 0u; k < LOADS; ++k) {
            const uint e = first + k * t.threads;
            if (e < size) {
                put<T>(to, size, e, loaded[k]);
            }
        }
    }
}

template <typename T>
FN void store_tile(GROUP const T *from, GLOBAL Complex<T> *states, GLOBAL const uint *code, CONSTANT SweepArgs &a, Team t) {
    const uint size = 1u << a.bits;
    const uint start = tile_start(code, a, t.tile);
    GLOBAL Complex<T> *state = states + (static_cast<wide>(t.sample) << a.qubits);
    for (uint e = t.rank; t.present && e < size; e += t.threads) {
        state[stored(code, a, start, e)] = get<T>(from, size, e);
    }
}

// Cosine and sine of a source.
template <typename T>
FN Complex<T> cos_sin_of(uint source, GLOBAL const Complex<T> *shared, GLOBAL const Complex<T> *own) {
    return (source & OWN) != 0u ? own[source & ~KINDS] : shared[source & ~KINDS];
}

// What the amplitudes of a set differ by, for the rotations of a pass; returns what to add to all of a tile's bases.
template <uint K> FN uint distances(LOCAL uint *distance, GLOBAL const uint *code, uint at, uint tile) {
    uint shift = 0u;
    distance[0] = 0u;
    UNROLL for (uint k = 0u; k < K; ++k) {
        const uint flip_mask = code[at + PASS_WORDS + k * ROTATION_WORDS + 2u];
        UNROLL for (uint j = 0u; j < (1u << k); ++j) {
            distance[j | (1u << k)] = distance[j] ^ flip_mask;
        }
        shift ^= odd(tile & code[at + PASS_WORDS + k * ROTATION_WORDS + 3u]) ? flip_mask : 0u;
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
    GROUP T *psi, uint size, GLOBAL const uint *code, uint at, GLOBAL const Complex<T> *shared,
    GLOBAL const Complex<T> *own, GLOBAL const Complex<T> *tables, Team t)
{
    uint distance[1u << K];
    const uint shift = distances<K>(distance, code, at, t.tile);
    Complex<T> cs[K + 1u];
    UNROLL for (uint k = 0u; k < K; ++k) {
        cs[k] = cos_sin_of<T>(code[at + PASS_WORDS + k * ROTATION_WORDS], shared, own);
    }
    const uint bases = code[at + 1u], table = code[at + 2u];
    GLOBAL const Complex<T> *phases = tables + (table == NONE ? 0u : static_cast<wide>(table) * size);
    for (uint set = t.rank; set < size >> K; set += t.threads) {
        const uint base = code[bases + set] ^ shift;
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
                    rotate<T>(a[j], a[j | (1u << k)], cs[k].x, cs[k].y);
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
    GROUP T *psi, GROUP T *lambda, GROUP T *overlap, uint size, GLOBAL const uint *code, uint at,
    GLOBAL const Complex<T> *shared, GLOBAL const Complex<T> *own, GLOBAL const Complex<T> *tables, bool terms, Team t,
    LOCAL T *sums)
{
    uint distance[1u << K];
    const uint shift = distances<K>(distance, code, at, t.tile);
    Complex<T> cs[K + 1u];
    UNROLL for (uint k = 0u; k < K; ++k) {
        cs[k] = cos_sin_of<T>(code[at + PASS_WORDS + k * ROTATION_WORDS], shared, own);
    }
    const uint bases = code[at + 1u], table = code[at + 2u];
    GLOBAL const Complex<T> *phases = tables + (table == NONE ? 0u : static_cast<wide>(table) * size);
    for (uint set = t.rank; set < size >> K; set += t.threads) {
        const uint base = code[bases + set] ^ shift;
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
                    rotate<T>(a[j], a[b], cs[k].x, -cs[k].y);
                    rotate<T>(l[j], l[b], cs[k].x, -cs[k].y);
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
// takes its entries in an order of its own, j ^ swizzle: of the 32 threads of a warp no two then meet in a bank (f32), whatever j.
// Where the swizzle exchanges the entries of a pair, the difference and its places are exchanged as well.
template <typename T, uint K> FN void walsh_bits(GROUP T *overlap, uint size, uint low, Team t) {
    BARRIER();
    for (uint set = t.rank; set < size >> K; set += t.threads) {
        const uint first = ((set & ~(low - 1u)) << K) | (set & (low - 1u));
        const uint swizzle = low == 1u ? (set >> 2u) & ((1u << K) - 1u) : low == 8u && K > 1u ? (set >> 3u) & 3u : 0u;
        T values[1u << K];
        UNROLL for (uint j = 0u; j < (1u << K); ++j) {
            values[j] = overlap[first + (j ^ swizzle) * low];
        }
        UNROLL for (uint k = 0u; k < K; ++k) {
            const bool swapped = ((swizzle >> k) & 1u) != 0u;
            UNROLL for (uint j = 0u; j < (1u << K); ++j) {
                if (((j >> k) & 1u) == 0u) {
                    const T a = values[j], b = values[j | (1u << k)];
                    const T sum = a + b, difference = swapped ? b - a : a - b;
                    values[j] = swapped ? difference : sum;
                    values[j | (1u << k)] = swapped ? sum : difference;
                }
            }
        }
        UNROLL for (uint j = 0u; j < (1u << K); ++j) {
            overlap[first + (j ^ swizzle) * low] = values[j];
        }
    }
}

template <typename T> FN void walsh(GROUP T *overlap, uint size, Team t) {
    uint low = 1u;
    for (; low << 3u <= size; low <<= 3u) {
        walsh_bits<T, 3u>(overlap, size, low, t);
    }
    if (low << 2u == size) {
        walsh_bits<T, 2u>(overlap, size, low, t);
    } else if (low << 1u == size) {
        walsh_bits<T, 1u>(overlap, size, low, t);
    }
    BARRIER();
}

// The sign of φ in the exponent of a diagonal factor: 1, -1, or 0 where it does not act.
FN int exponent(GLOBAL const uint *code, uint at, uint e, uint tile) {
    if (!all_odd(code, code[at + 6u], code[at + 5u], e, tile)) {
        return 0;
    }
    return parity(code, at + 2u, e, tile) ? 1 : -1;
}

template <typename T>
FN void diagonal(
    GROUP T *psi, uint size, GLOBAL const uint *code, uint at, GLOBAL const Complex<T> *shared,
    GLOBAL const Complex<T> *own, Team t)
{
    const uint count = code[at] >> 8u;
    for (uint e = t.rank; e < size; e += t.threads) {
        Complex<T> a = get<T>(psi, size, e);
        for (uint k = 0u; k < count; ++k) {
            const uint factor = at + 1u + k * DIAGONAL_WORDS;
            const int sign = exponent(code, factor, e, t.tile);
            if (sign != 0) {
                const Complex<T> cs = cos_sin_of<T>(code[factor], shared, own);
                a = times<T>(complex<T>(cs.x, sign > 0 ? cs.y : -cs.y), a);
            }
        }
        put<T>(psi, size, e, a);
    }
}

template <typename T>
FN void undo_diagonal(
    GROUP T *psi, GROUP T *lambda, uint size, GLOBAL const uint *code, uint at, GLOBAL const Complex<T> *shared,
    GLOBAL const Complex<T> *own, Team t, LOCAL T *sums)
{
    const uint count = code[at] >> 8u;
    for (uint e = t.rank; e < size; e += t.threads) {
        Complex<T> a = get<T>(psi, size, e), l = get<T>(lambda, size, e);
        const T here = cross<T>(l, a);
        UNROLL for (uint k = 0u; k < 3u; ++k) {
            const uint factor = at + 1u + k * DIAGONAL_WORDS;
            const int sign = k < count ? exponent(code, factor, e, t.tile) : 0;
            if (sign != 0) {
                sums[k] -= sign > 0 ? here : -here;
                const Complex<T> cs = cos_sin_of<T>(code[factor], shared, own);
                const Complex<T> by = complex<T>(cs.x, sign > 0 ? cs.y : -cs.y);
                a = conjugate_times<T>(by, a);
                l = conjugate_times<T>(by, l);
            }
        }
        put<T>(psi, size, e, a);
        put<T>(lambda, size, e, l);
    }
}

// The first amplitude of pair `pair`: a zero goes in at the highest bit of the flip mask.
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
    GROUP T *psi, uint size, GLOBAL const uint *code, uint at, GLOBAL const Complex<T> *shared,
    GLOBAL const Complex<T> *own, Team t)
{
    const bool real = code[at] >> 8u != 0u;
    const Complex<T> cs = cos_sin_of<T>(code[at + 1u], shared, own);
    for (uint pair = t.rank; pair < size >> 1u; pair += t.threads) {
        const uint first = first_of_pair(pair, code[at + 4u]), second = first ^ code[at + 3u];
        if (all_odd(code, code[at + 9u], code[at + 8u], first, t.tile)) {
            Complex<T> a = get<T>(psi, size, first), b = get<T>(psi, size, second);
            mix<T>(a, b, real, cs.x, parity(code, at + 5u, first, t.tile) ? -cs.y : cs.y);
            put<T>(psi, size, first, a);
            put<T>(psi, size, second, b);
        }
    }
}

template <typename T>
FN void undo_mixed(
    GROUP T *psi, GROUP T *lambda, uint size, GLOBAL const uint *code, uint at, GLOBAL const Complex<T> *shared,
    GLOBAL const Complex<T> *own, Team t, LOCAL T *sums)
{
    const bool real = code[at] >> 8u != 0u;
    const Complex<T> cs = cos_sin_of<T>(code[at + 1u], shared, own);
    for (uint pair = t.rank; pair < size >> 1u; pair += t.threads) {
        const uint first = first_of_pair(pair, code[at + 4u]), second = first ^ code[at + 3u];
        if (all_odd(code, code[at + 9u], code[at + 8u], first, t.tile)) {
            Complex<T> a = get<T>(psi, size, first), b = get<T>(psi, size, second);
            Complex<T> l = get<T>(lambda, size, first), m = get<T>(lambda, size, second);
            const bool negative = parity(code, at + 5u, first, t.tile);
            const T here = real ? inner<T>(m, a) - inner<T>(l, b) : cross<T>(l, b) + cross<T>(m, a);
            sums[0] += negative ? -here : here;
            mix<T>(a, b, real, cs.x, negative ? cs.y : -cs.y);
            mix<T>(l, m, real, cs.x, negative ? cs.y : -cs.y);
            put<T>(psi, size, first, a);
            put<T>(psi, size, second, b);
            put<T>(lambda, size, first, l);
            put<T>(lambda, size, second, m);
        }
    }
}

template <typename T> FN void exchange(GROUP T *psi, uint size, GLOBAL const uint *code, uint at, Team t) {
    for (uint e = t.rank; e < size; e += t.threads) {
        if (all_odd(code, code[at + 3u], code[at + 2u], e, t.tile)) {
            const uint partner = e ^ code[at + 1u];
            const Complex<T> a = get<T>(psi, size, e);
            put<T>(psi, size, e, get<T>(psi, size, partner));
            put<T>(psi, size, partner, a);
        }
    }
}

// The amplitudes of a matrix's qubits: XOR of the displacements whose qubit is set in `bits`.
FN uint flips_of(GLOBAL const uint *code, uint at, uint qubits, uint bits) {
    uint distance = 0u;
    for (uint k = 0u; k < qubits; ++k) {
        distance ^= ((bits >> k) & 1u) != 0u ? code[at + MATRIX_WORDS + k * (1u + PARITY_WORDS)] : 0u;
    }
    return distance;
}

// Applies the matrix that word `which` of the operation names.
template <typename T>
FN void dense(GROUP T *psi, uint size, GLOBAL const uint *code, uint at, uint which, GLOBAL const Complex<T> *constants, Team t) {
    const uint qubits = code[at] >> 8u, entries = 1u << qubits;
    GLOBAL const Complex<T> *rows = constants + code[at + which];
    for (uint set = t.rank; set < size >> qubits; set += t.threads) {
        uint base = code[code[at + 3u] + set];
        uint bits = 0u;
        for (uint k = 0u; k < qubits; ++k) {
            const uint qubit = at + MATRIX_WORDS + k * (1u + PARITY_WORDS) + 1u;
            bits |= (parity(code, qubit, base, t.tile) ? 1u : 0u) << k;
        }
        base ^= flips_of(code, at, qubits, bits);
        if (!all_odd(code, code[at + 5u], code[at + 4u], base, t.tile)) {
            continue;
        }
        Complex<T> in[MAX_MATRIX];
        for (uint j = 0u; j < entries; ++j) {
            in[j] = get<T>(psi, size, base ^ flips_of(code, at, qubits, j));
        }
        for (uint row = 0u; row < entries; ++row) {
            Complex<T> sum = complex<T>(0, 0);
            for (uint j = 0u; j < entries; ++j) {
                const Complex<T> product = times<T>(rows[row * entries + j], in[j]);
                sum = complex<T>(sum.x + product.x, sum.y + product.y);
            }
            put<T>(psi, size, base ^ flips_of(code, at, qubits, row), sum);
        }
    }
}

template <typename T> FN void store_partial(GLOBAL T *row, uint partial, T value, Team t) {
    if (t.present && partial != NONE) {
        row[partial] = value;
    }
}

// Adds up the threads' `sums` of an operation, times two, into its partials. `position` is where the first partial's number stands
// in the bytecode, those of the others `stride` words on. Ends with all threads past a barrier.
template <typename T>
FN void store_partials(
    LOCAL T *sums, uint count, GLOBAL const uint *code, uint position, uint stride, GLOBAL T *row, GROUP T *scratch, Team t, ThreadPos p)
{
    const uint lanes = t.threads < 32u ? t.threads : 32u;
    const uint warps = p.threads < 32u ? 1u : p.threads >> 5u;
    UNROLL for (uint k = 0u; k < 3u; ++k) {
        const T sum = lane_sum<T>(sums[k], lanes);
        if (t.threads <= 32u) {
            if (k < count && t.rank == 0u) {
                store_partial<T>(row, code[position + k * stride], sum + sum, t);
            }
        } else if ((p.rank & 31u) == 0u) {
            scratch[k * warps + (p.rank >> 5u)] = sum;
        }
    }
    BARRIER();
    if (t.threads > 32u && t.rank < count) {
        T sum = 0;
        for (uint warp = 0u; warp < t.threads >> 5u; ++warp) {
            sum += scratch[t.rank * warps + t.which * (t.threads >> 5u) + warp];
        }
        store_partial<T>(row, code[position + t.rank * stride], sum + sum, t);
    }
}
