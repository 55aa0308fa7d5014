// What a state expects of observables, and observables applied to a state.
//
// An observable is a sum of terms. A term stands in the bytecode as: kind + 256 count, output, number of its coefficient, and
//   word:      bits it flips, bits whose parity gives its sign, power of i
//   diagonal:  number of its first value, parities whose bits are the index of a value
//   projector: conditions
//   matrix:    its first entry among the constants, a flip mask and a parity for each qubit
// all in stored indices, so that parities have no tile bits. A multiple of the identity is no term: it is added to the output, and
// would cover the digits of the other terms in λ.
//
// Words that flip the same bits `x`, with the same factor 1 or i but for signs, are a series: what they add up to is a Walsh
// series of an index times the amplitude at a distance of x, and all their expectation values are the series of
// conj(ψ at index) (ψ at index ^ x). A fast transform does all of them at once, on a chunk of a state in shared memory: `low`
// bits of an index are within the chunk, the others settle signs. A series stands in the bytecode as: 1 if i, x, its first and
// last term, its first and last entry; an entry as: low bits of a mask, first and last of the terms that have them.

#define TERM_WORD 0u
#define TERM_DIAGONAL 1u
#define TERM_PROJECTOR 2u
#define TERM_MATRIX 3u
#define TERM_WORDS 6u
#define SERIES_WORDS 6u
#define ENTRY_WORDS 3u
#define ENTRY_LANES 8u

// Amplitudes of a chunk that a thread has at the most (planner/reading.rs).
#define CHUNK_AMPLITUDES 8u

FN uint parities(GLOBAL const uint *code, uint at, uint count, uint stride, uint index) {
    uint bits = 0u;
    for (uint k = 0u; k < count; ++k) {
        bits |= (parity(code, at + k * stride, index, 0u) ? 1u : 0u) << k;
    }
    return bits;
}

FN uint gathered(GLOBAL const uint *code, uint at, uint count, uint stride, uint bits) {
    uint index = 0u;
    for (uint k = 0u; k < count; ++k) {
        index ^= ((bits >> k) & 1u) != 0u ? code[at + k * stride] : 0u;
    }
    return index;
}

// An amplitude of a state in either kind of memory.
template <typename T> FN Complex<T> amplitude(GLOBAL const Complex<T> *state, uint, uint index) { return state[index]; }

template <typename T> FN Complex<T> amplitude(GROUP const T *state, uint size, uint index) {
    return complex<T>(state[index], state[size + index]);
}

// Entry `index` of the term applied to a state of `size` amplitudes, without the coefficient.
template <typename T, typename P>
FN Complex<T> applied(
    P state, uint size, uint index, GLOBAL const uint *code, uint at, GLOBAL const Angle *numbers,
    GLOBAL const Complex<T> *constants)
{
    const uint kind = code[at] & 255u, count = code[at] >> 8u;
    if (kind == TERM_WORD) {
        const uint from = index ^ code[at + 3u];
        const Complex<T> a = amplitude<T>(state, size, from);
        switch ((code[at + 5u] + 2u * POPCOUNT(from & code[at + 4u])) & 3u) {
        case 0u:
            return a;
        case 1u:
            return complex<T>(-a.y, a.x);
        case 2u:
            return complex<T>(-a.x, -a.y);
        default:
            return complex<T>(a.y, -a.x);
        }
    }
    if (kind == TERM_DIAGONAL) {
        const T value = static_cast<T>(numbers[code[at + 3u] + parities(code, code[at + 4u], count, PARITY_WORDS, index)]);
        const Complex<T> a = amplitude<T>(state, size, index);
        return complex<T>(value * a.x, value * a.y);
    }
    if (kind == TERM_PROJECTOR) {
        return all_odd(code, code[at + 3u], count, index, 0u) ? amplitude<T>(state, size, index) : complex<T>(0, 0);
    }
    const uint qubits = code[at + 4u], stride = 1u + PARITY_WORDS;
    const uint row = parities(code, qubits + 1u, count, stride, index);
    const uint base = index ^ gathered(code, qubits, count, stride, row);
    Complex<T> sum = complex<T>(0, 0);
    for (uint j = 0u; j < 1u << count; ++j) {
        const Complex<T> entry = constants[code[at + 3u] + (row << count) + j];
        const Complex<T> product =
            times<T>(entry, amplitude<T>(state, size, base ^ gathered(code, qubits, count, stride, j)));
        sum = complex<T>(sum.x + product.x, sum.y + product.y);
    }
    return sum;
}

// Whether a word of a series comes with a minus where the bits of an index within its chunk are 0; `high` are the others.
FN bool negative(GLOBAL const uint *code, uint at, uint x, uint high) {
    return odd((code[at + 5u] >> 1u) & 1u) != odd((x ^ high) & code[at + 4u]);
}

// The transform of conj(ψ at index) (ψ at index ^ x), or of i times that, real parts alone: its entry at the mask of a word
// is what the chunk expects of it, but for the sign.
template <typename T, typename P>
FN void transform_products(P state, uint stride, GROUP T *plane, uint size, uint high, GLOBAL const uint *code, uint at, Team t) {
    const bool imaginary = code[at] != 0u;
    const uint x = code[at + 1u];
    for (uint e = t.rank; e < size; e += t.threads) {
        const Complex<T> here = amplitude<T>(state, stride, high | e), there = amplitude<T>(state, stride, (high | e) ^ x);
        plane[e] = imaginary ? -cross<T>(here, there) : inner<T>(here, there);
    }
    walsh<T>(plane, size, t);
}

// The values of a series, with the terms' coefficients and factors of `cotangent`, if there is one. No thread may still need
// another's entries of `plane`.
template <typename T>
FN void transform_factors(
    GROUP T *plane, uint size, uint high, GLOBAL const uint *code, uint at, GLOBAL const Angle *numbers, uint terms,
    GLOBAL const T *cotangent, bool is_weighted, Team t)
{
    for (uint e = t.rank; e < size; e += t.threads) {
        plane[e] = 0;
    }
    BARRIER();
    // Several threads an entry: of large states it may have many terms. All of them come to each sum.
    const uint lanes = t.threads < ENTRY_LANES ? t.threads : ENTRY_LANES;
    const uint first = t.rank / lanes, lane = t.rank % lanes, entries = (code[at + 5u] - code[at + 4u]) / ENTRY_WORDS;
    for (uint start = 0u; start < entries; start += t.threads / lanes) {
        const bool present = start + first < entries;
        const uint entry = code[at + 4u] + (present ? start + first : 0u) * ENTRY_WORDS;
        T sum = 0;
        for (uint term = code[entry + 1u] + lane; term < code[entry + 2u]; term += lanes) {
            const uint word = terms + term * TERM_WORDS;
            T factor = static_cast<T>(numbers[code[word + 2u]]);
            if (is_weighted) {
                factor *= cotangent[code[word + 1u]];
            }
            sum += negative(code, word, code[at + 1u], high) ? -factor : factor;
        }
        sum = lane_sum<T>(sum, lanes);
        if (present && lane == 0u) {
            plane[code[entry]] = sum;
        }
    }
    walsh<T>(plane, size, t);
}

// `sum` and a series' value times the amplitude it belongs to, or i times that.
template <typename T> FN Complex<T> with_series(Complex<T> sum, T value, Complex<T> there, bool imaginary) {
    return imaginary ? complex<T>(sum.x - value * there.y, sum.y + value * there.x)
                     : complex<T>(sum.x + value * there.x, sum.y + value * there.y);
}

// All threads of a block, for one chunk.
FN Team whole_block(ThreadPos p) {
    Team t;
    t.index = p.block;
    t.sample = 0u;
    t.tile = 0u;
    t.rank = p.rank;
    t.threads = p.threads;
    t.which = 0u;
    t.present = true;
    return t;
}

// <ψ|term|ψ> over a chunk of a state: a block for a series, or for a few terms that are none.
template <typename T>
FN void expect_terms(
    GLOBAL const uint *code, GLOBAL const Angle *numbers, GLOBAL const Complex<T> *constants,
    GLOBAL const Complex<T> *states, GLOBAL T *sums, GROUP T *memory, CONSTANT ReadArgs &a, ThreadPos p)
{
    const uint direct_blocks = (a.direct + a.span - 1u) / a.span;
    const uint row = p.block / (direct_blocks + a.series_count), part = p.block % (direct_blocks + a.series_count);
    const uint chunk_count = a.qubits - a.chunk_bits, size = 1u << a.chunk_bits;
    const uint sample = row >> chunk_count, high = (row & ((1u << chunk_count) - 1u)) << a.chunk_bits;
    GLOBAL const Complex<T> *state = states + (static_cast<wide>(sample) << a.qubits);
    GLOBAL T *out = sums + static_cast<wide>(row) * a.term_count;
    if (part >= direct_blocks) {
        const uint at = a.series + (part - direct_blocks) * SERIES_WORDS;
        transform_products<T>(state, 0u, memory, size, high, code, at, whole_block(p));
        for (uint term = code[at + 2u] + p.rank; term < code[at + 3u]; term += p.threads) {
            const uint word = a.terms + term * TERM_WORDS;
            const T value = memory[code[word + 4u] & (size - 1u)];
            out[term] = negative(code, word, code[at + 1u], high) ? -value : value;
        }
        return;
    }
    const uint last = (part + 1u) * a.span < a.direct ? (part + 1u) * a.span : a.direct;
    for (uint term = part * a.span; term < last; ++term) {
        T sum = 0;
        for (uint e = p.rank; e < size; e += p.threads) {
            const uint index = high | e;
            sum += inner<T>(state[index], applied<T>(state, 0u, index, code, a.terms + term * TERM_WORDS, numbers, constants));
        }
        sum = block_sum<T>(sum, memory + ((term & 1u) << 5u), p);
        if (p.rank == 0u) {
            out[term] = sum;
        }
    }
}

// Outputs from sums over chunks. `flags` is 0, or NaN for samples whose outputs are.
template <typename T>
FN void collect_outputs(
    GLOBAL const uint *code, GLOBAL const Angle *numbers, GLOBAL const T *sums, GLOBAL const T *flags, GLOBAL T *outputs,
    GROUP Sum *scratch, CONSTANT OutputArgs &a, ThreadPos p)
{
    const wide item = a.per_item == 1u ? static_cast<wide>(p.block) * p.threads + p.rank : p.block;
    const uint sample = static_cast<uint>(item / a.outputs), output = static_cast<uint>(item % a.outputs);
    if (sample >= a.batch) {
        return;
    }
    const uint start = a.per_item == 1u ? 0u : p.rank;
    Sum total = 0;
    for (uint k = code[a.first + 2u * output]; k < code[a.first + 2u * output + 1u]; ++k) {
        const uint term = code[k];
        Sum sum = 0;
        for (uint chunk = start; chunk < a.chunks; chunk += a.per_item) {
            sum += sums[(static_cast<wide>(sample) * a.chunks + chunk) * a.term_count + term];
        }
        total += numbers[code[a.terms + term * TERM_WORDS + 2u]] * sum;
    }
    if (a.per_item != 1u) {
        total = block_sum<Sum>(total, scratch, p);
    }
    if (start == 0u) {
        total += numbers[a.constants + output];
        outputs[static_cast<wide>(sample) * a.width + a.column + output] = static_cast<T>(total) + flags[sample];
    }
}

// What the terms that are no series make of entry `index`, with factors of `cotangent`, if there is one.
template <typename T, typename P>
FN Complex<T> with_terms(
    Complex<T> sum, P state, uint stride, uint index, GLOBAL const uint *code, GLOBAL const Angle *numbers,
    GLOBAL const Complex<T> *constants, uint terms, uint count, GLOBAL const T *cotangent, bool is_weighted)
{
    for (uint term = 0u; term < count; ++term) {
        const uint at = terms + term * TERM_WORDS;
        T factor = static_cast<T>(numbers[code[at + 2u]]);
        if (is_weighted) {
            factor *= cotangent[code[at + 1u]];
        }
        const Complex<T> value = applied<T>(state, stride, index, code, at, numbers, constants);
        sum = complex<T>(sum.x + factor * value.x, sum.y + factor * value.y);
    }
    return sum;
}

// to = (what is there +) (sum of factor * term - mean) from, with factors of the cotangent if asked for: a block for each chunk.
template <typename T>
FN void apply_terms(
    GLOBAL const uint *code, GLOBAL const Angle *numbers, GLOBAL const Complex<T> *constants,
    GLOBAL const Complex<T> *from, GLOBAL Complex<T> *to, GLOBAL const T *cotangent, GLOBAL const T *means,
    GLOBAL const T *flags, GROUP T *plane, CONSTANT ReadArgs &a, ThreadPos p)
{
    const uint chunk_count = a.qubits - a.chunk_bits, size = 1u << a.chunk_bits;
    const uint sample = p.block >> chunk_count, high = (p.block & ((1u << chunk_count) - 1u)) << a.chunk_bits;
    const bool is_weighted = a.cotangent != 0u;
    GLOBAL const Complex<T> *state = from + (static_cast<wide>(sample) << a.qubits);
    GLOBAL Complex<T> *out = to + (static_cast<wide>(sample) << a.qubits);
    GLOBAL const T *row = cotangent + static_cast<wide>(sample) * a.outputs;
    T shift = 0;
    if (a.shift != NONE) {
        shift = -means[static_cast<wide>(sample) * a.outputs + a.shift];
        if (is_weighted) {
            shift *= row[a.shift];
        }
    }
    Complex<T> sums[CHUNK_AMPLITUDES];
    UNROLL for (uint j = 0u; j < CHUNK_AMPLITUDES; ++j) {
        const uint e = p.rank + j * p.threads, index = high | e;
        if (e < size) {
            const Complex<T> sum = a.keep != 0u ? out[index] : complex<T>(flags[sample], 0);
            sums[j] = with_terms<T>(sum, state, 0u, index, code, numbers, constants, a.terms, a.direct, row, is_weighted);
            if (a.shift != NONE) {
                sums[j] = with_series<T>(sums[j], shift, state[index], false);
            }
        }
    }
    for (uint k = 0u; k < a.series_count; ++k) {
        const uint at = a.series + k * SERIES_WORDS;
        transform_factors<T>(plane, size, high, code, at, numbers, a.terms, row, is_weighted, whole_block(p));
        UNROLL for (uint j = 0u; j < CHUNK_AMPLITUDES; ++j) {
            const uint e = p.rank + j * p.threads;
            if (e < size) {
                const Complex<T> there = state[(high | e) ^ code[at + 1u]];
                sums[j] = with_series<T>(sums[j], plane[e], there, code[at] != 0u);
            }
        }
    }
    UNROLL for (uint j = 0u; j < CHUNK_AMPLITUDES; ++j) {
        const uint e = p.rank + j * p.threads;
        if (e < size) {
            out[high | e] = sums[j];
        }
    }
}

// For a state in shared memory: the outputs of its sample. `sums` has an entry a term, `plane` one an amplitude.
template <typename T>
FN void read_outputs(
    GROUP const T *psi, GLOBAL const uint *code, GLOBAL const Angle *numbers, GLOBAL const Complex<T> *constants, T flag,
    GLOBAL T *outputs, GROUP T *sums, GROUP T *plane, GROUP T *scratch, uint scratch_size, CONSTANT SweepArgs &a, Team t, ThreadPos p)
{
    const uint size = 1u << a.bits;
    for (uint k = 0u; k < a.series_count; ++k) {
        const uint at = a.series + k * SERIES_WORDS;
        transform_products<T>(psi, size, plane, size, 0u, code, at, t);
        for (uint term = code[at + 2u] + t.rank; term < code[at + 3u]; term += t.threads) {
            const uint word = a.terms + term * TERM_WORDS;
            const T value = plane[code[word + 4u]];
            sums[term] = negative(code, word, code[at + 1u], 0u) ? -value : value;
        }
        BARRIER();
    }
    for (uint term = 0u; term < a.direct; ++term) {
        T sum = 0;
        for (uint e = t.rank; e < size; e += t.threads) {
            const Complex<T> there =
                applied<T>(psi, size, e, code, a.terms + term * TERM_WORDS, numbers, constants);
            sum += inner<T>(amplitude<T>(psi, size, e), there);
        }
        sum = team_sum<T>(sum, scratch + ((term & 1u) != 0u ? scratch_size : 0u), t, p);
        if (t.rank == 0u) {
            sums[term] = sum;
        }
    }
    BARRIER();
    for (uint output = t.rank; t.present && output < a.outputs; output += t.threads) {
        Sum total = 0;
        for (uint k = code[a.lists + 2u * output]; k < code[a.lists + 2u * output + 1u]; ++k) {
            total += numbers[code[a.terms + code[k] * TERM_WORDS + 2u]] * static_cast<Sum>(sums[code[k]]);
        }
        total += numbers[a.output_constants + output];
        outputs[static_cast<wide>(t.sample) * a.outputs + output] = static_cast<T>(total) + flag;
    }
}

// For a state in shared memory: λ. `plane` has an entry an amplitude.
template <typename T>
FN void seed_lambda(
    GROUP const T *psi, GROUP T *lambda, GROUP T *plane, GLOBAL const uint *code, GLOBAL const Angle *numbers,
    GLOBAL const Complex<T> *constants, GLOBAL const T *cotangent, T flag, CONSTANT SweepArgs &a, Team t)
{
    const uint size = 1u << a.bits;
    GLOBAL const T *row = cotangent + static_cast<wide>(t.sample) * a.outputs;
    for (uint e = t.rank; e < size; e += t.threads) {
        const Complex<T> sum = with_terms<T>(
            complex<T>(flag, 0), psi, size, e, code, numbers, constants, a.terms, a.direct, row, true);
        put<T>(lambda, size, e, sum);
    }
    for (uint k = 0u; k < a.series_count; ++k) {
        const uint at = a.series + k * SERIES_WORDS;
        transform_factors<T>(plane, size, 0u, code, at, numbers, a.terms, row, true, t);
        for (uint e = t.rank; e < size; e += t.threads) {
            const Complex<T> there = get<T>(psi, size, e ^ code[at + 1u]);
            put<T>(lambda, size, e, with_series<T>(get<T>(lambda, size, e), plane[e], there, code[at] != 0u));
        }
    }
}

// Probabilities of the basis states of the measured qubits.
template <typename T>
FN void collect_probabilities(
    GLOBAL const uint *code, GLOBAL const Complex<T> *states, GLOBAL const T *flags, GLOBAL T *outputs, GROUP Sum *scratch,
    CONSTANT BasisArgs &a, ThreadPos p)
{
    const wide item = a.per_item == 1u ? static_cast<wide>(p.block) * p.threads + p.rank : p.block;
    const uint sample = static_cast<uint>(item >> a.count), output = static_cast<uint>(item) & ((1u << a.count) - 1u);
    if (sample >= a.batch) {
        return;
    }
    const uint rest = a.qubits - a.count, start = a.per_item == 1u ? 0u : p.rank;
    GLOBAL const Complex<T> *state = states + (static_cast<wide>(sample) << a.qubits);
    const uint base = a.origin ^ gathered(code, a.columns, a.count, 1u, output);
    Sum total = 0;
    for (uint k = start; k < 1u << rest; k += a.per_item) {
        const Complex<T> value = state[base ^ gathered(code, a.columns + a.count, rest, 1u, k)];
        total += inner<T>(value, value);
    }
    if (a.per_item != 1u) {
        total = block_sum<Sum>(total, scratch, p);
    }
    if (start == 0u) {
        outputs[item] = static_cast<T>(total) + flags[sample];
    }
}

template <typename T>
FN void seed_probabilities(
    GLOBAL const uint *code, GLOBAL const Complex<T> *states, GLOBAL const T *cotangent, GLOBAL const T *flags,
    GLOBAL Complex<T> *lambdas, CONSTANT BasisArgs &a, ThreadPos p)
{
    const wide item = static_cast<wide>(p.block) * p.threads + p.rank;
    const uint sample = static_cast<uint>(item >> a.qubits), index = static_cast<uint>(item) & ((1u << a.qubits) - 1u);
    if (sample < a.batch) {
        const uint output = parities(code, a.rows, a.count, PARITY_WORDS, index);
        const T factor = cotangent[(static_cast<wide>(sample) << a.count) + output] + flags[sample];
        lambdas[item] = complex<T>(factor * states[item].x, factor * states[item].y);
    }
}

// Amplitudes in the order of logical indices.
template <typename T>
FN void collect_amplitudes(
    GLOBAL const uint *code, GLOBAL const Complex<T> *states, GLOBAL const T *flags, GLOBAL Complex<T> *outputs,
    CONSTANT BasisArgs &a, ThreadPos p)
{
    const wide item = static_cast<wide>(p.block) * p.threads + p.rank;
    const uint sample = static_cast<uint>(item >> a.qubits), index = static_cast<uint>(item) & ((1u << a.qubits) - 1u);
    if (sample < a.batch) {
        const uint from = a.origin ^ gathered(code, a.columns, a.count, 1u, index);
        const Complex<T> value = states[(static_cast<wide>(sample) << a.qubits) + from];
        outputs[item] = complex<T>(value.x + flags[sample], value.y + flags[sample]);
    }
}

// A tensor may start at any of its numbers, so the cotangent is no array of complex ones, which stand at even places.
template <typename T>
FN void seed_amplitudes(
    GLOBAL const uint *code, GLOBAL const T *cotangent, GLOBAL const T *flags, GLOBAL Complex<T> *lambdas,
    CONSTANT BasisArgs &a, ThreadPos p)
{
    const wide item = static_cast<wide>(p.block) * p.threads + p.rank;
    const uint sample = static_cast<uint>(item >> a.qubits), index = static_cast<uint>(item) & ((1u << a.qubits) - 1u);
    if (sample < a.batch) {
        const uint to = a.origin ^ gathered(code, a.columns, a.count, 1u, index);
        const T scale = static_cast<T>(0.5f);
        const T re = scale * cotangent[2u * item], im = scale * cotangent[2u * item + 1u];
        lambdas[(static_cast<wide>(sample) << a.qubits) + to] = complex<T>(re + flags[sample], im + flags[sample]);
    }
}
