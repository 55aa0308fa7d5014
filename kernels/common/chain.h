// From variables to cosines and sines, and from the gradients of angles back to those of variables.

// Value of a variable.
template <typename T>
FN Angle variable(uint name, GLOBAL const T *features, GLOBAL const T *weights) {
    return static_cast<Angle>((name & INPUTS) != 0u ? features[name & ~INPUTS] : weights[name]);
}

// φ of slot `index` of those at `slots`.
template <typename T>
FN Angle slot_angle(
    GLOBAL const uint *code, uint slots, uint index, GLOBAL const Angle *numbers, GLOBAL const T *features,
    GLOBAL const T *weights)
{
    const Slot slot = load_slot(code, slots + index * SLOT_WORDS);
    Angle angle = numbers[slot.offset];
    for (uint at = slot.terms.first; at < slot.terms.end; at += SLOT_TERM_WORDS) {
        const SlotTerm term = load_slot_term(code, at);
        Angle product = numbers[term.coefficient] * variable<T>(term.first, features, weights);
        if (term.second != NONE) {
            product *= variable<T>(term.second, features, weights);
        }
        angle += product;
    }
    return angle;
}

template <typename T> FN Complex<T> cos_sin_of_angle(Angle angle) {
    Angle cosine, sine;
    cos_sin(angle, cosine, sine);
    return complex<T>(static_cast<T>(cosine), static_cast<T>(sine));
}

// Cosines and sines of all slots and constants, and tables of phases: entry `e` of a table is exp(i Σ ±angle), where the sign of a term
// is the parity of `e & mask`.
template <typename T>
FN void prepare(
    GLOBAL const uint *code, GLOBAL const Angle *numbers, GLOBAL const Complex<T> *constants, GLOBAL const T *inputs,
    GLOBAL const T *weights, GLOBAL Complex<T> *shared, GLOBAL Complex<T> *cos_sins, GLOBAL Complex<T> *tables,
    CONSTANT PrepareArgs &a, ThreadPos p)
{
    wide item = static_cast<wide>(p.block) * p.threads + p.rank;
    if (item < a.shared) {
        const uint slot = static_cast<uint>(item);
        shared[item] = cos_sin_of_angle<T>(slot_angle<T>(code, a.slots, slot, numbers, inputs, weights));
        return;
    }
    item -= a.shared;
    if (item < a.fixed) {
        shared[a.shared + item] = constants[a.constants + item];
        return;
    }
    item -= a.fixed;
    if (item < static_cast<wide>(a.batch) * a.own) {
        const uint slot = a.shared + static_cast<uint>(item % a.own);
        GLOBAL const T *features = inputs + item / a.own * a.inputs;
        cos_sins[item] = cos_sin_of_angle<T>(slot_angle<T>(code, a.slots, slot, numbers, features, weights));
        return;
    }
    item -= static_cast<wide>(a.batch) * a.own;
    const uint table = static_cast<uint>(item >> a.bits), e = static_cast<uint>(item) & ((1u << a.bits) - 1u);
    if (table >= a.tables) {
        return;
    }
    Angle sum = 0;
    const List terms = load_list(code, a.lists + table * LIST_WORDS);
    for (uint at = terms.first; at < terms.end; at += TABLE_TERM_WORDS) {
        const TableTerm term = load_table_term(code, at);
        Angle angle = numbers[term.offset];
        for (uint part_at = term.parts.first; part_at < term.parts.end; part_at += WEIGHTED_WORDS) {
            const Weighted part = load_weighted(code, part_at);
            angle += numbers[part.weight] * slot_angle<T>(code, a.slots, part.index, numbers, inputs, weights);
        }
        sum += odd(e & term.mask) ? -angle : angle;
    }
    tables[item] = cos_sin_of_angle<T>(sum);
}

// Flag of each sample: 0, or NaN if one of its angles is NaN or infinite (so that its cosine is NaN) or if it has no state to start from
// (so that all its amplitudes are NaN). A warp takes a sample.
template <typename T>
FN void fill_flags(
    GLOBAL const Complex<T> *shared, GLOBAL const Complex<T> *cos_sins, GLOBAL const Complex<T> *states, GLOBAL T *flags,
    CONSTANT FlagArgs &a, ThreadPos p)
{
    const uint item = p.block * (p.threads / WARP) + (p.rank / WARP), lane = p.rank % WARP;
    const uint sample = item < a.batch ? item : a.batch - 1u;
    GLOBAL const Complex<T> *own = cos_sins + static_cast<wide>(sample) * a.own;
    T sum = a.embedded != 0u ? states[static_cast<wide>(sample) << a.qubits].x : static_cast<T>(0);
    for (uint k = lane; k < a.shared; k += WARP) {
        sum += shared[k].x;
    }
    for (uint k = lane; k < a.own; k += WARP) {
        sum += own[k].x;
    }
    sum = lane_sum<T>(sum, WARP);
    if (item < a.batch && lane == 0u) {
        flags[item] = sum - sum;
    }
}

// Flag of a team's sample, as `fill_flags` computes it.
template <typename T>
FN T flag_of(
    GROUP const T *psi, Phases<T> phases, GROUP T *scratch, CONSTANT SweepArgs &a, Team t, ThreadPos p)
{
    T sum = psi[0];
    for (uint k = t.rank; k < a.shared; k += t.threads) {
        sum += phases.shared[k].x;
    }
    for (uint k = t.rank; k < a.own; k += t.threads) {
        sum += phases.own[k].x;
    }
    sum = team_sum<T>(sum, scratch, t, p);
    return sum - sum;
}

// Gradients in slots are stored as [slots, batch], so that sums over samples read neighbours.

// Gradient in each slot of each sample, from the partial gradients of its tiles.
template <typename T>
FN void sum_slots(
    GLOBAL const uint *code, GLOBAL const Angle *numbers, GLOBAL const T *partials, GLOBAL Sum *slots, GROUP Sum *scratch,
    CONSTANT SlotArgs &a, ThreadPos p)
{
    const wide item = a.per_item == 1u ? static_cast<wide>(p.block) * p.threads + p.rank : p.block;
    const uint sample = static_cast<uint>(item / a.slots), slot = static_cast<uint>(item % a.slots);
    if (sample >= a.batch) {
        return;
    }
    const uint start = a.per_item == 1u ? 0u : p.rank;
    Sum total = 0;
    const List list = load_list(code, a.lists + slot * LIST_WORDS);
    for (uint at = list.first; at < list.end; at += WEIGHTED_WORDS) {
        const Weighted entry = load_weighted(code, at);
        Sum sum = 0;
        for (uint tile = start; tile < 1u << a.tile_bits; tile += a.per_item) {
            const wide row = (static_cast<wide>(sample) << a.tile_bits) + tile;
            sum += partials[row * a.partials + entry.index];
        }
        total += numbers[entry.weight] * sum;
    }
    if (a.per_item != 1u) {
        total = block_sum<Sum>(total, scratch, p);
    }
    if (start == 0u) {
        slots[static_cast<wide>(slot) * a.batch + sample] = total;
    }
}

template <typename T>
FN Sum derivative_value(Derivative derivative, GLOBAL const Angle *numbers, GLOBAL const T *features, GLOBAL const T *weights) {
    const Sum number = numbers[derivative.coefficient];
    return derivative.other == NONE ? number : number * variable<T>(derivative.other, features, weights);
}

// Gradient in a feature from the gradients in the slots of its sample, which are `batch` entries apart. The list of the feature's
// derivatives stands at `at`.
template <typename T>
FN T feature_gradient(
    GLOBAL const uint *code, uint at, GLOBAL const Angle *numbers, GLOBAL const Sum *slots, uint batch,
    GLOBAL const T *features, GLOBAL const T *weights)
{
    const List list = load_list(code, at);
    Sum total = 0;
    for (uint k = list.first; k < list.end; k += DERIVATIVE_WORDS) {
        const Derivative derivative = load_derivative(code, k);
        total += slots[static_cast<wide>(derivative.slot) * batch] * derivative_value<T>(derivative, numbers, features, weights);
    }
    return static_cast<T>(total);
}

// Gradients in the slots and, if wanted, in the features of a sample that is one tile, from its partial gradients.
template <typename T>
FN void chain_team(
    Bytecode<T> b, GLOBAL const T *row, GLOBAL Sum *slots, GLOBAL const T *inputs,
    GLOBAL const T *weights, GLOBAL T *gradient, T flag, CONSTANT SweepArgs &a, Team t)
{
    GLOBAL Sum *own = slots + t.sample;
    BARRIER_GLOBAL();
    for (uint slot = t.rank; t.present && slot < a.slots; slot += t.threads) {
        Sum total = 0;
        const List list = load_list(b.code, a.slot_lists + slot * LIST_WORDS);
        for (uint at = list.first; at < list.end; at += WEIGHTED_WORDS) {
            const Weighted entry = load_weighted(b.code, at);
            total += b.numbers[entry.weight] * static_cast<Sum>(row[entry.index]);
        }
        own[static_cast<wide>(slot) * a.batch] = total;
    }
    BARRIER_GLOBAL();
    const bool wanted = t.present && (a.wanted & INPUTS) != 0u;
    GLOBAL const T *features = inputs + static_cast<wide>(t.sample) * a.inputs;
    for (uint feature = t.rank; wanted && feature < a.inputs; feature += t.threads) {
        const uint list = a.input_lists + feature * LIST_WORDS;
        gradient[static_cast<wide>(t.sample) * a.inputs + feature] =
            feature_gradient<T>(b.code, list, b.numbers, own, a.batch, features, weights) + flag;
    }
}

// Gradients in the features of each sample.
template <typename T>
FN void collect_inputs(
    GLOBAL const uint *code, GLOBAL const Angle *numbers, GLOBAL const Sum *slots, GLOBAL const T *flags,
    GLOBAL const T *inputs, GLOBAL const T *weights, GLOBAL T *gradient, CONSTANT ChainArgs &a, ThreadPos p)
{
    const wide item = static_cast<wide>(p.block) * p.threads + p.rank;
    const uint sample = static_cast<uint>(item / a.variables), feature = static_cast<uint>(item % a.variables);
    if (sample >= a.batch) {
        return;
    }
    GLOBAL const T *features = inputs + static_cast<wide>(sample) * a.inputs;
    gradient[item] =
        feature_gradient<T>(code, a.lists + feature * LIST_WORDS, numbers, slots + sample, a.batch, features, weights) + flags[sample];
}

// Gradients in the weights, summed over the samples in an order that depends on their number alone. A block takes a weight and a part of
// the batch. With several parts the sums go to `sums`.
template <typename T>
FN void collect_weights(
    GLOBAL const uint *code, GLOBAL const Angle *numbers, GLOBAL const Sum *slots, GLOBAL const T *inputs,
    GLOBAL const T *weights, GLOBAL const T *flags, GLOBAL Sum *sums, GLOBAL T *gradient, GROUP Sum *scratch,
    CONSTANT ChainArgs &a, ThreadPos p)
{
    const uint weight = p.block / a.parts, part = p.block % a.parts;
    const uint last = a.batch - part * a.span < a.span ? a.batch : (part + 1u) * a.span;
    Sum total = 0;
    for (uint sample = part * a.span + p.rank; sample < last; sample += p.threads) {
        total += flags[sample];
    }
    const List list = load_list(code, a.lists + weight * LIST_WORDS);
    for (uint k = list.first; k < list.end; k += DERIVATIVE_WORDS) {
        const Derivative derivative = load_derivative(code, k);
        GLOBAL const Sum *column = slots + static_cast<wide>(derivative.slot) * a.batch;
        for (uint sample = part * a.span + p.rank; sample < last; sample += p.threads) {
            GLOBAL const T *features = inputs + static_cast<wide>(sample) * a.inputs;
            total += column[sample] * derivative_value<T>(derivative, numbers, features, weights);
        }
    }
    total = block_sum<Sum>(total, scratch, p);
    if (p.rank == 0u) {
        if (a.parts == 1u) {
            gradient[weight] = static_cast<T>(total);
        } else {
            sums[p.block] = total;
        }
    }
}

// Sums over the parts of a batch.
template <typename T>
FN void total_weights(GLOBAL const Sum *sums, GLOBAL T *gradient, CONSTANT ChainArgs &a, ThreadPos p) {
    const uint weight = p.block * p.threads + p.rank;
    if (weight < a.variables) {
        Sum total = 0;
        for (uint part = 0u; part < a.parts; ++part) {
            total += sums[static_cast<wide>(weight) * a.parts + part];
        }
        gradient[weight] = static_cast<T>(total);
    }
}

// Norm of a sample's features, computed by a block without overflow on the way: NaN if they have no state, 0 if their state is |0..0>.
template <typename T>
FN Angle norm_of(GLOBAL const T *features, uint count, bool zero_state, GROUP Angle *scratch, ThreadPos p) {
    Angle largest = 0;
    for (uint k = p.rank; k < count; k += p.threads) {
        const Angle feature = static_cast<Angle>(features[k]);
        largest = larger<Angle>(largest, feature < 0 ? -feature : feature);
    }
    largest = block_largest<Angle>(largest, scratch, p);
    const bool is_zero = zero_state && largest == 0;
    Angle sum = 0;
    for (uint k = p.rank; k < count; k += p.threads) {
        const Angle feature = static_cast<Angle>(features[k]), ratio = is_zero ? feature : feature / largest;
        sum += ratio * ratio;
    }
    // The sum has its own scratch, since threads may still read the scratch of the largest.
    sum = of_first<Angle>(block_sum<Angle>(sum, scratch + MAX_WARPS, p), scratch, p);
    return is_zero ? sum : largest * root(sum);
}

// Features as amplitudes. A block takes a sample.
template <typename T>
FN void embed_features(
    GLOBAL const T *inputs, GLOBAL Complex<T> *states, GROUP Angle *scratch, CONSTANT EmbedArgs &a, ThreadPos p)
{
    GLOBAL const T *features = inputs + static_cast<wide>(p.block) * a.inputs + a.first;
    GLOBAL Complex<T> *state = states + (static_cast<wide>(p.block) << a.qubits);
    const Angle norm = norm_of<T>(features, a.count, a.zero_state != 0u, scratch, p);
    for (uint e = p.rank; e < 1u << a.qubits; e += p.threads) {
        Angle real = norm - norm, imaginary = 0;
        if (norm == 0) {
            real = e == 0u ? 1 : 0;
        } else if (a.pairs == 0u && e < a.count) {
            real = static_cast<Angle>(features[e]) / norm;
        } else if (a.pairs != 0u && e < a.count / 2u) {
            real = static_cast<Angle>(features[2u * e]) / norm;
            imaginary = static_cast<Angle>(features[2u * e + 1u]) / norm;
        }
        state[e] = complex<T>(static_cast<T>(real), static_cast<T>(imaginary));
    }
}

// Slope of the loss in feature k of the normalised features: 2 Re λ, or 2 Im λ for an imaginary part.
template <typename T>
FN Angle slope_of(GLOBAL const Complex<T> *lambda, uint k, bool pairs) {
    const Complex<T> entry = lambda[pairs ? k / 2u : k];
    return static_cast<Angle>(pairs && k % 2u == 1u ? entry.y : entry.x) * 2;
}

// Adds the gradient in the embedded features: (g - y (y . g)) / |x| with y = x / |x| and the slopes g. Features that are all zero have
// none.
template <typename T>
FN void unembed_features(
    GLOBAL const T *inputs, GLOBAL const Complex<T> *lambdas, GLOBAL T *gradient, GROUP Sum *scratch,
    CONSTANT EmbedArgs &a, ThreadPos p)
{
    GLOBAL const T *features = inputs + static_cast<wide>(p.block) * a.inputs + a.first;
    GLOBAL T *row = gradient + static_cast<wide>(p.block) * a.inputs + a.first;
    GLOBAL const Complex<T> *lambda = lambdas + (static_cast<wide>(p.block) << a.qubits);
    const Angle norm = norm_of<T>(features, a.count, a.zero_state != 0u, scratch, p);
    if (norm == 0) {
        return;
    }
    Sum along = 0;
    for (uint k = p.rank; k < a.count; k += p.threads) {
        along += static_cast<Angle>(features[k]) / norm * slope_of<T>(lambda, k, a.pairs != 0u);
    }
    along = of_first<Sum>(block_sum<Sum>(along, scratch + MAX_WARPS, p), scratch, p);
    for (uint k = p.rank; k < a.count; k += p.threads) {
        const Angle slope = slope_of<T>(lambda, k, a.pairs != 0u) - static_cast<Angle>(features[k]) / norm * along;
        row[k] += static_cast<T>(slope / norm);
    }
}
