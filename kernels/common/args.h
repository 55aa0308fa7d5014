// Arguments of the kernels: unsigned words alone, in the order of `engine/gpu/args.rs`, which a test compares with this file.

struct PrepareArgs {
    uint shared;    // slots all samples share
    uint fixed;     // constant cosines and sines that stand after them
    uint own;       // slots of a sample's own
    uint batch;
    uint inputs;    // features of a sample
    uint slots;     // code: for each slot its constant's number, first and last term; shared ones first
    uint constants; // complex constants: the first of the fixed cosines and sines
    uint tables;    // how many
    uint bits;      // of an index into one
    uint lists;     // code: for each table its first and last term
};

struct FlagArgs {
    uint batch;
    uint shared; // cosines and sines that all samples share
    uint own;    // cosines and sines of a sample
    uint qubits;
    uint embedded; // 1: states are there, of embedded features
};

struct SweepArgs {
    uint qubits;
    uint bits;       // of a tile
    uint batch;
    uint per_group;  // tiles a block works on
    uint tile_basis; // code: first indices of the tiles that are powers of two
    uint offsets;    // code: what to add (XOR) to a tile's first index, for each setting of the local bits above the lanes
    uint lane_bits;  // local bits that are the same bits of a stored index
    uint index;      // code: where each operation stands
    uint first;      // the operations from `first` to `last`
    uint last;
    uint from_zero;     // 1: starts from |0..0> instead of reading a state
    uint store;      // 1: writes ψ at the end, 2: λ
    uint wanted;     // which gradients, in the bits of a source
    uint own;        // slots of a sample's own
    uint partials;      // entries of a row of partials
    // For a state that is one tile, what comes after the forward and around the reverse sweep.
    uint fused;      // 1: all of it
    uint shared;        // cosines and sines that all samples share
    uint terms;      // code: records of the observables' terms
    uint term_count;
    uint direct;     // of the terms: the first, which are no series
    uint series;     // code: records of series
    uint series_count;
    uint outputs;
    uint lists;      // code: for each output the first and last of its terms
    uint output_constants; // the number that is added to the first output, before those of the others
    uint slots;
    uint slot_lists; // code: for each slot the first and last of its partials
    uint inputs;     // features of a sample
    uint input_lists; // code: for each feature the first and last of its slots
};

struct ReadArgs {
    uint qubits;
    uint batch;
    uint chunk_bits; // of an index within a chunk of a state
    uint terms;      // code: records of terms
    uint term_count; // entries of a row of sums
    uint direct;     // of the terms: the first, which are no series
    uint span;       // of those: what a block takes
    uint series;     // code: records of series
    uint series_count;
    uint outputs;    // entries of a row of outputs, of the cotangent and of the means
    uint cotangent;  // 1: factors of the cotangent
    uint shift;      // output whose mean is subtracted, or NONE
    uint keep;       // 1: adds to what is there
};

struct OutputArgs {
    uint batch;
    uint outputs;    // outputs of this sum
    uint chunks;
    uint terms;      // code: records of terms
    uint first;      // code: for each output the first and last of its terms
    uint constants;  // the number that is added to the first output, before those of the others
    uint term_count; // entries of a row of sums
    uint column;     // where the first of them stands in a row of outputs
    uint width;      // entries of a row of outputs
    uint per_item;   // threads an output
};

struct BasisArgs {
    uint qubits;
    uint batch;
    uint count;    // measured qubits
    uint rows;     // code: the parity of each measured qubit
    uint columns;  // code: what flips with each qubit, the measured ones first
    uint origin;   // where logical index 0 stands
    uint per_item; // threads an output
};

struct EmbedArgs {
    uint qubits;
    uint batch;
    uint inputs;
    uint first;
    uint count;
    uint zero_state; // 1: features that are all zero are |0..0>
};

struct SlotArgs {
    uint batch;
    uint slots;
    uint tile_bits;
    uint partials;    // entries of a row of partials
    uint lists;    // code: for each slot the first and last of its partials
    uint per_item; // threads a slot
};

struct ChainArgs {
    uint batch;
    uint inputs;    // features of a sample
    uint variables; // features, or weights
    uint lists;     // code: for each variable the first and last of its slots
    uint parts;     // of the batch, each summed by a block
    uint span;      // samples of a part
};
