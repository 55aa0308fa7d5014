// Arguments of the kernels: unsigned words alone, in the order of `engine/gpu/args.rs`, which a test compares with this file.

struct PrepareArgs {
    uint shared;    // slots all samples share
    uint fixed;     // constant turns that stand after them
    uint own;       // slots of a sample's own
    uint batch;
    uint inputs;    // features of a sample
    uint slots;     // tape: for each slot its constant's number, first and last term; shared ones first
    uint constants; // complex constants: the first of the fixed turns
    uint tables;    // how many
    uint bits;      // of an index into one
    uint lists;     // tape: for each table its first and last term
};

struct FlagArgs {
    uint batch;
    uint shared; // turns that all samples share
    uint own;    // turns of a sample
    uint qubits;
    uint embedded; // 1: states are there, of embedded features
};

struct SweepArgs {
    uint qubits;
    uint bits;       // of a tile
    uint batch;
    uint per_group;  // tiles a group of threads works on
    uint tile_basis; // tape: first indices of the tiles that are powers of two
    uint offsets;    // tape: what to add (XOR) to a tile's first index, for each setting of the local bits above the lanes
    uint lane_bits;  // local bits that are the same bits of a stored index
    uint index;      // tape: where each operation stands
    uint first;      // the operations from `first` to `last`
    uint last;
    uint ground;     // 1: starts from |0..0> instead of reading a state
    uint store;      // 1: writes ψ at the end, 2: λ
    uint wanted;     // which gradients, in the bits of a source
    uint own;        // slots of a sample's own
    uint cells;      // entries of a row of cells
    // For a state that is one tile, what comes after the forward and around the reverse sweep.
    uint fused;      // 1: all of it
    uint turns;      // turns that all samples share
    uint terms;      // tape: records of the observables' terms
    uint term_count;
    uint direct;     // of the terms: the first, which are no series
    uint series;     // tape: records of series
    uint series_count;
    uint outputs;
    uint lists;      // tape: for each output the first and last of its terms
    uint output_constants; // the number that is added to the first output, before those of the others
    uint slots;
    uint slot_lists; // tape: for each slot the first and last of its cells
    uint inputs;     // features of a sample
    uint input_lists; // tape: for each feature the first and last of its slots
};

struct ReadArgs {
    uint qubits;
    uint batch;
    uint chunk_bits; // of an index within a chunk of a state
    uint terms;      // tape: records of terms
    uint term_count; // entries of a row of sums
    uint direct;     // of the terms: the first, which are no series
    uint span;       // of those: what a group takes
    uint series;     // tape: records of series
    uint series_count;
    uint outputs;    // entries of a row of outputs, of the cotangent and of the means
    uint cotangent;  // 1: factors of the cotangent
    uint shift;      // output whose mean is taken off, or NONE
    uint keep;       // 1: adds to what is there
};

struct OutputArgs {
    uint batch;
    uint outputs;    // outputs of this sum
    uint chunks;
    uint terms;      // tape: records of terms
    uint first;      // tape: for each output the first and last of its terms
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
    uint rows;     // tape: the parity of each measured qubit
    uint columns;  // tape: what flips with each qubit, the measured ones first
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
    uint cells;    // entries of a row of cells
    uint lists;    // tape: for each slot the first and last of its cells
    uint per_item; // threads a slot
};

struct ChainArgs {
    uint batch;
    uint inputs;    // features of a sample
    uint variables; // features, or weights
    uint lists;     // tape: for each variable the first and last of its slots
    uint parts;     // of the batch, each summed by a group of threads
    uint span;      // samples of a part
};
