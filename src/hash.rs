//! The hash of names, of fingerprints and of seeds.

/// 64-bit FNV-1a hash of the bytes so far. It never changes, unlike the standard library's hash: numbers that are stored
/// beside weights, and seeds, hang on it.
pub(crate) struct Fnv(u64);

impl Fnv {
    pub(crate) fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3));
    }

    pub(crate) fn value(&self) -> u64 {
        self.0
    }
}

/// Computes the hash of a list of bytes.
pub(crate) fn fnv1a(bytes: &[u8]) -> u64 {
    let mut hash = Fnv::new();
    hash.bytes(bytes);
    hash.value()
}
