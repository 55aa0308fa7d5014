//! Arguments of the kernels: structures of unsigned words, the same as in `kernels/common/args.h`.

/// Declares structures of words that know their words' names.
macro_rules! arguments {
    ($($(#[$doc:meta])* $name:ident { $($field:ident),* $(,)? })*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy, Default)]
            pub(crate) struct $name {
                $(pub(crate) $field: u32,)*
            }

            impl $name {
                pub(crate) fn words(self) -> Vec<u32> {
                    vec![$(self.$field),*]
                }
            }
        )*

        /// Names of all structures and of their words.
        #[cfg(test)]
        const DECLARED: &[(&str, &[&str])] = &[$((stringify!($name), &[$(stringify!($field)),*])),*];
    };
}

arguments! {
    PrepareArgs { shared, fixed, own, batch, inputs, slots, constants, tables, bits, lists }
    FlagArgs { batch, shared, own, qubits, embedded }
    SweepArgs {
        qubits, bits, batch, per_group, tile_basis, offsets, lane_bits, index, first, last, from_zero, store, wanted, own, partials,
        fused, shared, terms, term_count, direct, series, series_count, outputs, lists, output_constants, slots, slot_lists, inputs,
        input_lists,
    }
    ReadArgs {
        qubits, batch, chunk_bits, terms, term_count, direct, span, series, series_count, outputs, cotangent, shift, keep,
    }
    OutputArgs { batch, outputs, chunks, terms, first, constants, term_count, column, width, per_item }
    BasisArgs { qubits, batch, count, rows, columns, origin, per_item }
    EmbedArgs { qubits, batch, inputs, first, count, zero_state }
    SlotArgs { batch, slots, tile_bits, partials, lists, per_item }
    ChainArgs { batch, inputs, variables, lists, parts, span }
}

#[cfg(test)]
mod tests {
    use super::DECLARED;

    /// The header declares the same words in the same order.
    #[test]
    fn header_agrees() {
        let header = include_str!("../../../../kernels/common/args.h");
        let mut structures = header.split("struct ").skip(1);
        for (name, fields) in DECLARED {
            let (found, body) = structures.next().and_then(|text| text.split_once(" {")).expect("a structure");
            assert_eq!(found, *name);
            let body = body.split_once("};").expect("its end").0;
            let words: Vec<&str> =
                body.lines().filter_map(|line| line.trim().strip_prefix("uint ")?.split(';').next()).collect();
            assert_eq!(&words, fields, "{name}");
        }
        assert!(structures.next().is_none());
    }
}
