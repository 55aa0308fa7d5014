// Expectation values of observables, and observables applied to a state.
//
// An observable is a sum of terms, all in stored indices, so that parities have no tile bits. A multiple of the identity is no
// term: it is added to the output; in λ it would cover the digits of the other terms.
//
// Words that flip the same bits `x`, with the same factor 1 or i but for signs, are a series: their sum maps entry `index` to a Walsh
// series in `index` times ψ[index ^ x], and their expectation values are the Walsh transform of conj(ψ[index]) ψ[index ^ x]. A fast
// transform does all of them at once, on a chunk of a state in shared memory: the low bits of an index are within the chunk, the high
// bits decide signs.

// Threads that share an entry of a series.
#define ENTRY_LANES 8u

// Parities at `at` as the bits of a number.
FN uint parities(GLOBAL const uint *code, uint at, uint count, uint index) {
    uint bits = 0u;
    for (uint k = 0u; k < count; ++k) {
        bits |= (is_odd(load_parity(code, at + k * PARITY_WORDS), index, 0u) ? 1u : 0u) << k;
    }
    return bits;
}

// XOR of the flip masks at `at` that are set in `bits`.
FN uint flips_of(GLOBAL const uint *code, uint at, uint count, uint bits) {
    uint flips = 0u;
    for (uint k = 0u; k < count; ++k) {
        flips ^= ((bits >> k) & 1u) != 0u ? code[at + k] : 0u;
    }
    return flips;
}

// Amplitude of a state in global or in shared memory.
template <typename T> FN Complex<T> amplitude(GLOBAL const Complex<T> *state, uint, uint index) { return state[index]; }

template <typename T> FN Complex<T> amplitude(GROUP const T *state, uint size, uint index) {
    return complex<T>(state[index], state[size + index]);
}

// Entry `index` of a term applied to a state of `size` amplitudes, without the coefficient. The operand stands at `at`.
template <typename T, typename P>
FN Complex<T> applied(
    P state, uint size, uint index, Term term, Bytecode<T> b, uint at)
{
    if (term.kind == TERM_WORD) {
        const WordTerm word = load_word_term(b.code, at);
        const uint from = index ^ word.flip_mask;
        const Complex<T> a = amplitude<T>(state, size, from);
        switch ((word.quarter_turns + 2u * POPCOUNT(from & word.sign_mask)) & 3u) {
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
    if (term.kind == TERM_DIAGONAL) {
        const DiagonalTerm diagonal = load_diagonal_term(b.code, at);
        const T value = static_cast<T>(b.numbers[diagonal.values + parities(b.code, diagonal.bits, diagonal.count, index)]);
        const Complex<T> a = amplitude<T>(state, size, index);
        return complex<T>(value * a.x, value * a.y);
    }
    if (term.kind == TERM_PROJECTOR) {
        const Conditions conditions = load_projector_term(b.code, at).conditions;
        return all_odd(b.code, conditions, index, 0u) ? amplitude<T>(state, size, index) : complex<T>(0, 0);
    }
    const MatrixTerm dense = load_matrix_term(b.code, at);
    const uint row = qubit_bits(b.code, dense.qubits, dense.count, index, 0u);
    const uint base = index ^ qubit_flips(b.code, dense.qubits, dense.count, row);
    Complex<T> sum = complex<T>(0, 0);
    for (uint j = 0u; j < 1u << dense.count; ++j) {
        const Complex<T> entry = b.constants[dense.entries + (row << dense.count) + j];
        const Complex<T> product =
            times<T>(entry, amplitude<T>(state, size, base ^ qubit_flips(b.code, dense.qubits, dense.count, j)));
        sum = complex<T>(sum.x + product.x, sum.y + product.y);
    }
    return sum;
}

// Position of term `index` of those at `terms`.
FN uint term_at(uint terms, uint index) { return terms + index * TERM_STRIDE; }

// Word `index` of the terms at `terms`.
FN WordTerm word_at(GLOBAL const uint *code, uint terms, uint index) {
    return load_word_term(code, term_at(terms, index) + TERM_WORDS);
}

// Whether a word of a series comes with a minus where the bits of an index within its chunk are 0; `high` are the others.
FN bool is_negative(WordTerm word, uint high) {
    return odd((word.quarter_turns >> 1u) & 1u) != odd((word.flip_mask ^ high) & word.sign_mask);
}

// Walsh transform of the real part of conj(ψ[index]) ψ[index ^ x], or of i times that. Its entry at the sign mask of a word is the
// chunk's part of the word's expectation value, up to the sign that `is_negative` gives.
template <typename T, typename P>
FN void transform_products(P state, uint stride, GROUP T *plane, uint size, uint high, Series series, Team t) {
    const bool imaginary = series.imaginary != 0u;
    for (uint e = t.rank; e < size; e += t.threads) {
        const Complex<T> here = amplitude<T>(state, stride, high | e);
        const Complex<T> there = amplitude<T>(state, stride, (high | e) ^ series.flip_mask);
        plane[e] = imaginary ? -cross<T>(here, there) : inner<T>(here, there);
    }
    walsh<T>(plane, size, t);
}

// Values of a series with the terms' coefficients and, if they are weighted, factors of `cotangent`. No thread may still need another
// thread's entries of `plane`.
template <typename T>
FN void transform_factors(
    GROUP T *plane, uint size, uint high, Series series, Bytecode<T> b, uint terms, GLOBAL const T *cotangent, bool is_weighted, Team t)
{
    for (uint e = t.rank; e < size; e += t.threads) {
        plane[e] = 0;
    }
    BARRIER();
    // Several threads share an entry, which may have many terms. All of them take part in each sum.
    const uint lanes = t.threads < ENTRY_LANES ? t.threads : ENTRY_LANES;
    const uint first = t.rank / lanes, lane = t.rank % lanes;
    const uint entries = (series.entries.end - series.entries.first) / SERIES_ENTRY_WORDS;
    for (uint start = 0u; start < entries; start += t.threads / lanes) {
        const bool present = start + first < entries;
        const uint number = present ? start + first : 0u;
        const SeriesEntry entry = load_series_entry(b.code, series.entries.first + number * SERIES_ENTRY_WORDS);
        T sum = 0;
        for (uint k = entry.first_term + lane; k < entry.end_term; k += lanes) {
            const Term term = load_term(b.code, term_at(terms, k));
            T factor = static_cast<T>(b.numbers[term.coefficient]);
            if (is_weighted) {
                factor *= cotangent[term.output];
            }
            sum += is_negative(word_at(b.code, terms, k), high) ? -factor : factor;
        }
        sum = lane_sum<T>(sum, lanes);
        if (present && lane == 0u) {
            plane[entry.mask] = sum;
        }
    }
    walsh<T>(plane, size, t);
}

// `sum` plus a series' value times its amplitude, or plus i times that.
template <typename T> FN Complex<T> with_series(Complex<T> sum, T value, Complex<T> there, bool imaginary) {
    return imaginary ? complex<T>(sum.x - value * there.y, sum.y + value * there.x)
                     : complex<T>(sum.x + value * there.x, sum.y + value * there.y);
}

// All threads of a block as one team, for one chunk.
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

// <ψ|term|ψ> over a chunk of a state. A block takes a series, or a few terms that are in none.
template <typename T>
FN void expect_terms(
    GLOBAL const uint *code, GLOBAL const Angle *numbers, GLOBAL const Complex<T> *constants,
    GLOBAL const Complex<T> *states, GLOBAL T *sums, GROUP T *memory, CONSTANT ReadArgs &a, ThreadPos p)
{
    const Bytecode<T> b = {code, numbers, constants};
    const uint direct_blocks = (a.direct + a.span - 1u) / a.span;
    const uint row = p.block / (direct_blocks + a.series_count), part = p.block % (direct_blocks + a.series_count);
    const uint chunk_count = a.qubits - a.chunk_bits, size = 1u << a.chunk_bits;
    const uint sample = row >> chunk_count, high = (row & ((1u << chunk_count) - 1u)) << a.chunk_bits;
    GLOBAL const Complex<T> *state = states + (static_cast<wide>(sample) << a.qubits);
    GLOBAL T *out = sums + static_cast<wide>(row) * a.term_count;
    if (part >= direct_blocks) {
        const Series series = load_series(code, a.series + (part - direct_blocks) * SERIES_WORDS);
        transform_products<T>(state, 0u, memory, size, high, series, whole_block(p));
        for (uint term = series.first_term + p.rank; term < series.end_term; term += p.threads) {
            const WordTerm word = word_at(code, a.terms, term);
            const T value = memory[word.sign_mask & (size - 1u)];
            out[term] = is_negative(word, high) ? -value : value;
        }
        return;
    }
    const uint last = (part + 1u) * a.span < a.direct ? (part + 1u) * a.span : a.direct;
    for (uint term = part * a.span; term < last; ++term) {
        const uint at = term_at(a.terms, term);
        const Term head = load_term(code, at);
        T sum = 0;
        for (uint e = p.rank; e < size; e += p.threads) {
            const uint index = high | e;
            sum += inner<T>(state[index], applied<T>(state, 0u, index, head, b, at + TERM_WORDS));
        }
        sum = block_sum<T>(sum, memory + (term & 1u) * MAX_WARPS, p);
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
    const List list = load_list(code, a.lists + output * LIST_WORDS);
    for (uint k = list.first; k < list.end; ++k) {
        const uint term = code[k];
        Sum sum = 0;
        for (uint chunk = start; chunk < a.chunks; chunk += a.per_item) {
            sum += sums[(static_cast<wide>(sample) * a.chunks + chunk) * a.term_count + term];
        }
        total += numbers[load_term(code, term_at(a.terms, term)).coefficient] * sum;
    }
    if (a.per_item != 1u) {
        total = block_sum<Sum>(total, scratch, p);
    }
    if (start == 0u) {
        total += numbers[a.constants + output];
        outputs[static_cast<wide>(sample) * a.width + a.column + output] = static_cast<T>(total) + flags[sample];
    }
}

// `sum` plus entry `index` of the terms that are in no series, weighted by factors of `cotangent` if asked for.
template <typename T, typename P>
FN Complex<T> with_terms(
    Complex<T> sum, P state, uint stride, uint index, Bytecode<T> b, uint terms, uint count, GLOBAL const T *cotangent, bool is_weighted)
{
    for (uint k = 0u; k < count; ++k) {
        const uint at = term_at(terms, k);
        const Term term = load_term(b.code, at);
        T factor = static_cast<T>(b.numbers[term.coefficient]);
        if (is_weighted) {
            factor *= cotangent[term.output];
        }
        const Complex<T> value = applied<T>(state, stride, index, term, b, at + TERM_WORDS);
        sum = complex<T>(sum.x + factor * value.x, sum.y + factor * value.y);
    }
    return sum;
}

// to = (to +) (sum of factor * term - mean) from, with factors of the cotangent if asked for. A block takes a chunk.
template <typename T>
FN void apply_terms(
    GLOBAL const uint *code, GLOBAL const Angle *numbers, GLOBAL const Complex<T> *constants,
    GLOBAL const Complex<T> *from, GLOBAL Complex<T> *to, GLOBAL const T *cotangent, GLOBAL const T *means,
    GLOBAL const T *flags, GROUP T *plane, CONSTANT ReadArgs &a, ThreadPos p)
{
    const Bytecode<T> b = {code, numbers, constants};
    const uint chunk_count = a.qubits - a.chunk_bits, size = 1u << a.chunk_bits;
    const uint sample = p.block >> chunk_count, high = (p.block & ((1u << chunk_count) - 1u)) << a.chunk_bits;
    const bool is_weighted = a.cotangent != 0u;
    GLOBAL const Complex<T> *state = from + (static_cast<wide>(sample) << a.qubits);
    GLOBAL Complex<T> *out = to + (static_cast<wide>(sample) << a.qubits);
    const wide first = static_cast<wide>(sample) * a.outputs + a.column;
    GLOBAL const T *row = cotangent + first;
    T shift = 0;
    if (a.centered != 0u) {
        shift = -means[first];
        if (is_weighted) {
            shift *= row[0];
        }
    }
    Complex<T> sums[CHUNK_AMPLITUDES];
    UNROLL for (uint j = 0u; j < CHUNK_AMPLITUDES; ++j) {
        const uint e = p.rank + j * p.threads, index = high | e;
        if (e < size) {
            const Complex<T> sum = a.keep != 0u ? out[index] : complex<T>(flags[sample], 0);
            sums[j] = with_terms<T>(sum, state, 0u, index, b, a.terms, a.direct, row, is_weighted);
            if (a.centered != 0u) {
                sums[j] = with_series<T>(sums[j], shift, state[index], false);
            }
        }
    }
    for (uint k = 0u; k < a.series_count; ++k) {
        const Series series = load_series(code, a.series + k * SERIES_WORDS);
        transform_factors<T>(plane, size, high, series, b, a.terms, row, is_weighted, whole_block(p));
        UNROLL for (uint j = 0u; j < CHUNK_AMPLITUDES; ++j) {
            const uint e = p.rank + j * p.threads;
            if (e < size) {
                const Complex<T> there = state[(high | e) ^ series.flip_mask];
                sums[j] = with_series<T>(sums[j], plane[e], there, series.imaginary != 0u);
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

// Outputs of a sample whose state is in shared memory. `sums` has an entry for each term, `plane` one for each amplitude.
template <typename T>
FN void read_outputs(
    GROUP const T *psi, Bytecode<T> b, T flag,
    GLOBAL T *outputs, GROUP T *sums, GROUP T *plane, GROUP T *scratch, uint scratch_size, CONSTANT SweepArgs &a, Team t, ThreadPos p)
{
    const uint size = 1u << a.bits;
    for (uint k = 0u; k < a.series_count; ++k) {
        const Series series = load_series(b.code, a.series + k * SERIES_WORDS);
        transform_products<T>(psi, size, plane, size, 0u, series, t);
        for (uint term = series.first_term + t.rank; term < series.end_term; term += t.threads) {
            const WordTerm word = word_at(b.code, a.terms, term);
            const T value = plane[word.sign_mask];
            sums[term] = is_negative(word, 0u) ? -value : value;
        }
        BARRIER();
    }
    for (uint term = 0u; term < a.direct; ++term) {
        const uint at = term_at(a.terms, term);
        const Term head = load_term(b.code, at);
        T sum = 0;
        for (uint e = t.rank; e < size; e += t.threads) {
            const Complex<T> there = applied<T>(psi, size, e, head, b, at + TERM_WORDS);
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
        const List list = load_list(b.code, a.lists + output * LIST_WORDS);
        for (uint k = list.first; k < list.end; ++k) {
            const uint term = b.code[k];
            const Term head = load_term(b.code, term_at(a.terms, term));
            total += b.numbers[head.coefficient] * static_cast<Sum>(sums[term]);
        }
        total += b.numbers[a.output_constants + output];
        outputs[static_cast<wide>(t.sample) * a.outputs + output] = static_cast<T>(total) + flag;
    }
}

// λ of a state in shared memory. `plane` has an entry for each amplitude.
template <typename T>
FN void seed_lambda(
    GROUP const T *psi, GROUP T *lambda, GROUP T *plane, Bytecode<T> b, GLOBAL const T *cotangent, T flag, CONSTANT SweepArgs &a, Team t)
{
    const uint size = 1u << a.bits;
    GLOBAL const T *row = cotangent + static_cast<wide>(t.sample) * a.outputs;
    for (uint e = t.rank; e < size; e += t.threads) {
        const Complex<T> sum = with_terms<T>(
            complex<T>(flag, 0), psi, size, e, b, a.terms, a.direct, row, true);
        put<T>(lambda, size, e, sum);
    }
    for (uint k = 0u; k < a.series_count; ++k) {
        const Series series = load_series(b.code, a.series + k * SERIES_WORDS);
        transform_factors<T>(plane, size, 0u, series, b, a.terms, row, true, t);
        for (uint e = t.rank; e < size; e += t.threads) {
            const Complex<T> there = get<T>(psi, size, e ^ series.flip_mask);
            put<T>(lambda, size, e, with_series<T>(get<T>(lambda, size, e), plane[e], there, series.imaginary != 0u));
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
    const uint base = a.origin ^ flips_of(code, a.columns, a.count, output);
    Sum total = 0;
    for (uint k = start; k < 1u << rest; k += a.per_item) {
        const Complex<T> value = state[base ^ flips_of(code, a.columns + a.count, rest, k)];
        total += inner<T>(value, value);
    }
    if (a.per_item != 1u) {
        total = block_sum<Sum>(total, scratch, p);
    }
    if (start == 0u) {
        outputs[static_cast<wide>(sample) * a.width + a.column + output] = static_cast<T>(total) + flags[sample];
    }
}

// λ so far, or the flag of the sample, which spoils λ.
template <typename T>
FN Complex<T> lambda_before(GLOBAL const Complex<T> *lambdas, wide at, T flag, CONSTANT BasisArgs &a) {
    return a.keep != 0u ? lambdas[at] : complex<T>(flag, flag);
}

template <typename T>
FN void seed_probabilities(
    GLOBAL const uint *code, GLOBAL const Complex<T> *states, GLOBAL const T *cotangent, GLOBAL const T *flags,
    GLOBAL Complex<T> *lambdas, CONSTANT BasisArgs &a, ThreadPos p)
{
    const wide item = static_cast<wide>(p.block) * p.threads + p.rank;
    const uint sample = static_cast<uint>(item >> a.qubits), index = static_cast<uint>(item) & ((1u << a.qubits) - 1u);
    if (sample < a.batch) {
        const uint output = parities(code, a.rows, a.count, index);
        const T factor = cotangent[static_cast<wide>(sample) * a.width + a.column + output];
        const Complex<T> before = lambda_before<T>(lambdas, item, flags[sample], a);
        lambdas[item] = complex<T>(before.x + factor * states[item].x, before.y + factor * states[item].y);
    }
}

// Amplitudes in the order of logical indices. A row of outputs may start at any number, so it is no array of complex numbers, which need
// an even start.
template <typename T>
FN void collect_amplitudes(
    GLOBAL const uint *code, GLOBAL const Complex<T> *states, GLOBAL const T *flags, GLOBAL T *outputs,
    CONSTANT BasisArgs &a, ThreadPos p)
{
    const wide item = static_cast<wide>(p.block) * p.threads + p.rank;
    const uint sample = static_cast<uint>(item >> a.qubits), index = static_cast<uint>(item) & ((1u << a.qubits) - 1u);
    if (sample < a.batch) {
        const uint from = a.origin ^ flips_of(code, a.columns, a.count, index);
        const Complex<T> value = states[(static_cast<wide>(sample) << a.qubits) + from];
        GLOBAL T *pair = outputs + static_cast<wide>(sample) * a.width + a.column + 2u * index;
        pair[0] = value.x + flags[sample];
        pair[1] = value.y + flags[sample];
    }
}

// λ of amplitudes. A cotangent may start at any number, as outputs may.
template <typename T>
FN void seed_amplitudes(
    GLOBAL const uint *code, GLOBAL const T *cotangent, GLOBAL const T *flags, GLOBAL Complex<T> *lambdas,
    CONSTANT BasisArgs &a, ThreadPos p)
{
    const wide item = static_cast<wide>(p.block) * p.threads + p.rank;
    const uint sample = static_cast<uint>(item >> a.qubits), index = static_cast<uint>(item) & ((1u << a.qubits) - 1u);
    if (sample < a.batch) {
        const uint to = a.origin ^ flips_of(code, a.columns, a.count, index);
        const T scale = static_cast<T>(0.5f);
        GLOBAL const T *pair = cotangent + static_cast<wide>(sample) * a.width + a.column + 2u * index;
        const wide at = (static_cast<wide>(sample) << a.qubits) + to;
        const Complex<T> before = lambda_before<T>(lambdas, at, flags[sample], a);
        lambdas[at] = complex<T>(before.x + scale * pair[0], before.y + scale * pair[1]);
    }
}
