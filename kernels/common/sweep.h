// Sweeps: a tile of a state is loaded into shared memory, goes through a run of operations, and is stored again. A state that fits
// shared memory is one tile, and one sweep is the whole circuit. The reverse sweep undoes the operations on ψ and λ and takes the
// gradient of each angle on the way.
//
// Amplitude `e` of a tile is memory[e] + i memory[size + e]. A block works on several tiles if they are small.

// Team of a thread, and the tile that it works on.
FN Team team_of(CONSTANT SweepArgs &a, ThreadPos p) {
    Team t;
    const uint tile_bits = a.qubits - a.bits;
    const uint teams = a.batch << tile_bits;
    t.threads = p.threads / a.per_block;
    t.which = p.rank / t.threads;
    t.rank = p.rank % t.threads;
    t.index = p.block * a.per_block + t.which;
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

// Stored index of the first amplitude of a tile.
FN uint tile_start(GLOBAL const uint *code, CONSTANT SweepArgs &a, uint tile) {
    uint start = 0u;
    for (uint bit = 0u; bit < a.qubits - a.bits; ++bit) {
        start ^= ((tile >> bit) & 1u) != 0u ? code[a.tile_basis + bit] : 0u;
    }
    return start;
}

// Stored index of amplitude `e` of a tile.
FN uint stored(GLOBAL const uint *code, CONSTANT SweepArgs &a, uint start, uint e) {
    return start ^ code[a.offsets + (e >> a.lane_bits)] ^ (e & ((1u << a.lane_bits) - 1u));
}

// Loads that a thread issues before it waits for the first.
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

// Cosines and sines, shared and a sample's own, and tables of phases.
template <typename T> struct Phases {
    GLOBAL const Complex<T> *shared;
    GLOBAL const Complex<T> *own;
    GLOBAL const Complex<T> *tables;
};

// Cosine and sine of a source.
template <typename T>
FN Complex<T> cos_sin_of(uint source, Phases<T> phases) {
    return (source & INPUTS) != 0u ? phases.own[source & ~KINDS] : phases.shared[source & ~KINDS];
}

// Loads the rotations of a pass: their cosines and sines, and the XOR masks between the amplitudes of a set. Returns the XOR mask of all
// bases of a tile.
template <typename T, uint K>
FN uint load_rotations(
    LOCAL uint *distance, LOCAL Complex<T> *cs, GLOBAL const uint *code, uint at, Phases<T> phases, uint tile)
{
    uint shift = 0u;
    distance[0] = 0u;
    UNROLL for (uint k = 0u; k < K; ++k) {
        const Rotation rotation = load_rotation(code, at + k * ROTATION_WORDS);
        cs[k] = cos_sin_of<T>(rotation.source, phases);
        UNROLL for (uint j = 0u; j < (1u << k); ++j) {
            distance[j | (1u << k)] = distance[j] ^ rotation.flip_mask;
        }
        shift ^= odd(tile & rotation.tile_mask) ? rotation.flip_mask : 0u;
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

// Does a pass, whose rotations stand at `at`.
template <typename T, uint K>
FN void pass(
    GROUP T *psi, uint size, Pass op, GLOBAL const uint *code, uint at, Phases<T> phases, Team t)
{
    uint distance[1u << K];
    Complex<T> cs[K + 1u];
    const uint shift = load_rotations<T, K>(distance, cs, code, at, phases, t.tile);
    const bool has_table = op.table != NONE;
    GLOBAL const Complex<T> *table = phases.tables + (has_table ? static_cast<wide>(op.table) * size : 0u);
    for (uint set = t.rank; set < size >> K; set += t.threads) {
        const uint base = code[op.bases + set] ^ shift;
        Complex<T> a[1u << K];
        UNROLL for (uint j = 0u; j < (1u << K); ++j) {
            a[j] = get<T>(psi, size, base ^ distance[j]);
            if (has_table) {
                a[j] = times<T>(table[base ^ distance[j]], a[j]);
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
    GROUP T *psi, GROUP T *lambda, GROUP T *overlap, uint size, Pass op, GLOBAL const uint *code, uint at,
    Phases<T> phases, bool terms, Team t,
    LOCAL T *sums)
{
    uint distance[1u << K];
    Complex<T> cs[K + 1u];
    const uint shift = load_rotations<T, K>(distance, cs, code, at, phases, t.tile);
    const bool has_table = op.table != NONE;
    GLOBAL const Complex<T> *table = phases.tables + (has_table ? static_cast<wide>(op.table) * size : 0u);
    for (uint set = t.rank; set < size >> K; set += t.threads) {
        const uint base = code[op.bases + set] ^ shift;
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
            if (has_table) {
                a[j] = conjugate_times<T>(table[e], a[j]);
                l[j] = conjugate_times<T>(table[e], l[j]);
            }
            put<T>(psi, size, e, a[j]);
            put<T>(lambda, size, e, l[j]);
        }
    }
}

// Walsh-Hadamard transform of the `overlap`s of a tile over K bits from `low` on: entry `m` becomes the sum with signs (-1)^|e & m|.
//
// At the lowest bits, entries of neighbouring threads are 8 or 64 apart and stand in the same banks. So each thread visits its entries
// in an order of its own, j ^ swizzle: then no two threads of a warp meet in a bank (f32), whatever j. Where the swizzle exchanges the
// entries of a pair, the difference and the places of both results are exchanged as well.
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

// Sign of φ in the exponent of a diagonal factor: 1, -1, or 0 where it does not act.
FN int exponent(GLOBAL const uint *code, Factor factor, uint e, uint tile) {
    if (!all_odd(code, factor.conditions, e, tile)) {
        return 0;
    }
    return is_odd(factor.sign, e, tile) ? 1 : -1;
}

// Loads the factors of an operation with their cosines and sines. Places behind the last factor repeat the first.
template <typename T>
FN void load_factors(
    LOCAL Factor *factors, LOCAL Complex<T> *cs, GLOBAL const uint *code, uint at, uint count,
    Phases<T> phases)
{
    UNROLL for (uint k = 0u; k < MAX_ANGLES; ++k) {
        factors[k] = load_factor(code, at + (k < count ? k : 0u) * FACTOR_WORDS);
        cs[k] = cos_sin_of<T>(factors[k].source, phases);
    }
}

// Does diagonal factors, which stand at `at`.
template <typename T>
FN void diagonals(
    GROUP T *psi, uint size, uint count, GLOBAL const uint *code, uint at, Phases<T> phases, Team t)
{
    Factor factors[MAX_ANGLES];
    Complex<T> cs[MAX_ANGLES];
    load_factors<T>(factors, cs, code, at, count, phases);
    for (uint e = t.rank; e < size; e += t.threads) {
        Complex<T> a = get<T>(psi, size, e);
        UNROLL for (uint k = 0u; k < MAX_ANGLES; ++k) {
            const int sign = k < count ? exponent(code, factors[k], e, t.tile) : 0;
            if (sign != 0) {
                a = times<T>(complex<T>(cs[k].x, sign > 0 ? cs[k].y : -cs[k].y), a);
            }
        }
        put<T>(psi, size, e, a);
    }
}

template <typename T>
FN void undo_diagonals(
    GROUP T *psi, GROUP T *lambda, uint size, uint count, GLOBAL const uint *code, uint at, Phases<T> phases, Team t, LOCAL T *sums)
{
    Factor factors[MAX_ANGLES];
    Complex<T> cs[MAX_ANGLES];
    load_factors<T>(factors, cs, code, at, count, phases);
    for (uint e = t.rank; e < size; e += t.threads) {
        Complex<T> a = get<T>(psi, size, e), l = get<T>(lambda, size, e);
        const T here = cross<T>(l, a);
        UNROLL for (uint k = 0u; k < MAX_ANGLES; ++k) {
            const int sign = k < count ? exponent(code, factors[k], e, t.tile) : 0;
            if (sign != 0) {
                sums[k] -= sign > 0 ? here : -here;
                const Complex<T> by = complex<T>(cs[k].x, sign > 0 ? cs[k].y : -cs[k].y);
                a = conjugate_times<T>(by, a);
                l = conjugate_times<T>(by, l);
            }
        }
        put<T>(psi, size, e, a);
        put<T>(lambda, size, e, l);
    }
}

// First amplitude of pair `pair`: inserts a zero at the highest bit of the flip mask.
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
    GROUP T *psi, uint size, Mix op, GLOBAL const uint *code, Phases<T> phases, Team t)
{
    const bool real = op.real != 0u;
    const Complex<T> cs = cos_sin_of<T>(op.source, phases);
    for (uint pair = t.rank; pair < size >> 1u; pair += t.threads) {
        const uint first = first_of_pair(pair, op.top_bit), second = first ^ op.flip_mask;
        if (all_odd(code, op.conditions, first, t.tile)) {
            Complex<T> a = get<T>(psi, size, first), b = get<T>(psi, size, second);
            mix<T>(a, b, real, cs.x, is_odd(op.negative, first, t.tile) ? -cs.y : cs.y);
            put<T>(psi, size, first, a);
            put<T>(psi, size, second, b);
        }
    }
}

template <typename T>
FN void undo_mixed(
    GROUP T *psi, GROUP T *lambda, uint size, Mix op, GLOBAL const uint *code, Phases<T> phases, Team t, LOCAL T *sums)
{
    const bool real = op.real != 0u;
    const Complex<T> cs = cos_sin_of<T>(op.source, phases);
    for (uint pair = t.rank; pair < size >> 1u; pair += t.threads) {
        const uint first = first_of_pair(pair, op.top_bit), second = first ^ op.flip_mask;
        if (all_odd(code, op.conditions, first, t.tile)) {
            Complex<T> a = get<T>(psi, size, first), b = get<T>(psi, size, second);
            Complex<T> l = get<T>(lambda, size, first), m = get<T>(lambda, size, second);
            const bool negative = is_odd(op.negative, first, t.tile);
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

template <typename T> FN void exchange(GROUP T *psi, uint size, Exchange op, GLOBAL const uint *code, Team t) {
    for (uint e = t.rank; e < size; e += t.threads) {
        if (all_odd(code, op.conditions, e, t.tile)) {
            const uint partner = e ^ op.flip_mask;
            const Complex<T> a = get<T>(psi, size, e);
            put<T>(psi, size, e, get<T>(psi, size, partner));
            put<T>(psi, size, partner, a);
        }
    }
}

// Applies the matrix, or its adjoint, that starts at `rows`. Its qubits stand at `at`.
template <typename T>
FN void dense(
    GROUP T *psi, uint size, Dense op, GLOBAL const uint *code, uint at, GLOBAL const Complex<T> *rows, Team t)
{
    const uint entries = 1u << op.qubits;
    for (uint set = t.rank; set < size >> op.qubits; set += t.threads) {
        uint base = code[op.bases + set];
        base ^= qubit_flips(code, at, op.qubits, qubit_bits(code, at, op.qubits, base, t.tile));
        if (!all_odd(code, op.conditions, base, t.tile)) {
            continue;
        }
        Complex<T> in[1u << MAX_MATRIX_QUBITS];
        for (uint j = 0u; j < entries; ++j) {
            in[j] = get<T>(psi, size, base ^ qubit_flips(code, at, op.qubits, j));
        }
        for (uint row = 0u; row < entries; ++row) {
            Complex<T> sum = complex<T>(0, 0);
            for (uint j = 0u; j < entries; ++j) {
                const Complex<T> product = times<T>(rows[row * entries + j], in[j]);
                sum = complex<T>(sum.x + product.x, sum.y + product.y);
            }
            put<T>(psi, size, base ^ qubit_flips(code, at, op.qubits, row), sum);
        }
    }
}

template <typename T> FN void store_partial(GLOBAL T *row, uint partial, T value, Team t) {
    if (t.present && partial != NONE) {
        row[partial] = value;
    }
}

// Adds up the threads' `sums` of an operation, times two, and stores its `count` partial gradients. Contains a barrier.
template <typename T>
FN void store_partials(
    LOCAL T *sums, LOCAL const uint *partials, uint count, GLOBAL T *row, GROUP T *scratch, Team t, ThreadPos p)
{
    const uint lanes = t.threads < WARP ? t.threads : WARP;
    const uint warps = warps_of(p.threads);
    UNROLL for (uint k = 0u; k < MAX_ANGLES; ++k) {
        const T sum = lane_sum<T>(sums[k], lanes);
        if (t.threads <= WARP) {
            if (k < count && t.rank == 0u) {
                store_partial<T>(row, partials[k], sum + sum, t);
            }
        } else if ((p.rank % WARP) == 0u) {
            scratch[k * warps + (p.rank / WARP)] = sum;
        }
    }
    BARRIER();
    if (t.threads > WARP && t.rank < count) {
        T sum = 0;
        for (uint warp = 0u; warp < t.threads / WARP; ++warp) {
            sum += scratch[t.rank * warps + t.which * (t.threads / WARP) + warp];
        }
        // A choice, not an index: an array that is indexed at run time leaves the registers.
        const uint partial = t.rank == 0u ? partials[0] : t.rank == 1u ? partials[1] : partials[2];
        store_partial<T>(row, partial, sum + sum, t);
    }
}
