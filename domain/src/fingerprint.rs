//! Fingerprints distinguish the records of different requests of a producer.

use twox_hash::XxHash3_64;

/// 64 bits over the keys, values and headers of records, in order.
///
/// It is stored, so the algorithm must not change: from 0, each key and each value sets the fingerprint *f* to
/// (*f* rotated left by 5, xor XXH3-64 of the bytes) times 0x9E3779B97F4A7C15, modulo 2⁶⁴. A key
/// that is that of the record before counts as 0 in place of its XXH3-64. The headers of a record, if it
/// has any, do the same with the complement of the XXH3-64 of their encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fingerprint(u64);

impl Fingerprint {
    /// Adds a key or a value.
    pub fn add(&mut self, bytes: &[u8]) {
        self.mix(XxHash3_64::oneshot(bytes));
    }

    /// Adds a key that is that of the record before.
    pub fn repeat_key(&mut self) {
        self.mix(0);
    }

    /// Adds the headers of a record, as encoded.
    pub fn add_headers(&mut self, bytes: &[u8]) {
        self.mix(!XxHash3_64::oneshot(bytes));
    }

    /// The fingerprint of what was added.
    pub fn get(self) -> u64 {
        self.0
    }

    fn mix(&mut self, hash: u64) {
        const GOLDEN_RATIO: u64 = 0x9e37_79b9_7f4a_7c15;
        self.0 = (self.0.rotate_left(5) ^ hash).wrapping_mul(GOLDEN_RATIO);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(fields: &[&str]) -> u64 {
        let mut fingerprint = Fingerprint::default();
        fields
            .iter()
            .for_each(|field| fingerprint.add(field.as_bytes()));
        fingerprint.get()
    }

    #[test]
    fn the_fingerprint_is_this_and_depends_on_every_boundary_and_order() {
        assert_eq!(of(&[]), 0);
        assert_eq!(of(&["k", "v"]), 0xc143de50567e0a48);
        let mut header = Fingerprint::default();
        header.add_headers(b"k");
        let all = [
            of(&["k", "v"]),
            of(&["kv", ""]),
            of(&["", "kv"]),
            of(&["k", "v", "k", "v"]),
            of(&["v", "k"]),
            of(&["k"]),
            header.get(),
        ];
        let distinct: std::collections::BTreeSet<u64> = all.into_iter().collect();
        assert_eq!(distinct.len(), all.len());
    }
}
