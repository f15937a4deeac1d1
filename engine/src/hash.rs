//! The hasher of keys: fixed seed, explicit widths, the same in every process that runs the same engine and rustc.
//!
//! The partition of a key comes from the upper half of the hash, its place in a table from the lower half, so that the
//! keys of one partition do not crowd into one part of the table. Partitions are worked off in pieces whose tables fit into
//! the processor's cache; see `shuffle`.

use std::hash::{BuildHasher, Hash, Hasher};

/// Hashes keys for partitioning and for tables. Keys that hash addresses (pointers) are not supported: their hash differs
/// between processes.
#[derive(Clone, Copy, Debug)]
pub struct KeyHasher(u64);

const SEED: u64 = 0x243f_6a88_85a3_08d3;
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
const FINISH: u64 = 0xbf58_476d_1ce4_e5b9;

/// The hash of a key.
#[inline]
pub fn hash_key<K: Hash + ?Sized>(key: &K) -> u64 {
    let mut hasher = KeyHasher(SEED);
    key.hash(&mut hasher);
    hasher.finish()
}

/// Makes the hashers of a standard map whose keys hash as everywhere in the engine.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeyHashes;

impl BuildHasher for KeyHashes {
    type Hasher = KeyHasher;

    #[inline]
    fn build_hasher(&self) -> KeyHasher {
        KeyHasher(SEED)
    }
}

/// The partition of a hash among `partitions`.
#[inline]
pub fn partition_of(hash: u64, partitions: usize) -> usize {
    (((hash >> 32) * partitions as u64) >> 32) as usize
}

/// The piece of a partition that a hash belongs to, among `pieces` (a power of two, at most 64). It comes from the upper end
/// of the lower half: the places in a table come from the lower end.
#[inline]
pub fn piece_of(hash: u64, pieces: usize) -> usize {
    (hash as u32 >> 26) as usize & (pieces - 1)
}

/// The product of two words, folded to one: every input bit reaches every output bit.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ ((product >> 64) as u64)
}

fn first_word(bytes: &[u8]) -> u64 {
    bytes.first_chunk().map_or(0, |word| u64::from_le_bytes(*word))
}

fn last_word(bytes: &[u8]) -> u64 {
    bytes.last_chunk().map_or(0, |word| u64::from_le_bytes(*word))
}

fn first_half(bytes: &[u8]) -> u64 {
    bytes.first_chunk().map_or(0, |word| u32::from_le_bytes(*word).into())
}

fn last_half(bytes: &[u8]) -> u64 {
    bytes.last_chunk().map_or(0, |word| u32::from_le_bytes(*word).into())
}

impl Hasher for KeyHasher {
    #[inline]
    fn finish(&self) -> u64 {
        fold(self.0 ^ SEED, FINISH)
    }

    /// Up to sixteen bytes cost one multiplication: they are read as two words, which may overlap.
    #[inline(never)]
    fn write(&mut self, bytes: &[u8]) {
        let length = (bytes.len() as u64).wrapping_mul(FACTOR);
        let mut rest = bytes;
        while let Some((chunk, behind)) = rest.split_first_chunk::<16>()
            && !behind.is_empty()
        {
            self.0 = fold(self.0 ^ first_word(chunk), last_word(chunk) ^ FACTOR);
            rest = behind;
        }
        let (first, last) = match rest.len() {
            8.. => (first_word(rest), last_word(rest)),
            4..8 => (first_half(rest), last_half(rest)),
            1..4 => {
                let bytes = [rest[0], rest[rest.len() / 2], rest[rest.len() - 1], 0];
                (u64::from(u32::from_le_bytes(bytes)), 0)
            }
            0 => (0, 0),
        };
        self.0 = fold(self.0 ^ first ^ length, last ^ FACTOR);
    }

    #[inline]
    fn write_u8(&mut self, x: u8) {
        self.write_u64(u64::from(x));
    }

    #[inline]
    fn write_u16(&mut self, x: u16) {
        self.write_u64(u64::from(x));
    }

    #[inline]
    fn write_u32(&mut self, x: u32) {
        self.write_u64(u64::from(x));
    }

    #[inline]
    fn write_u64(&mut self, x: u64) {
        self.0 = fold(self.0 ^ x, FACTOR);
    }

    #[inline]
    fn write_u128(&mut self, x: u128) {
        self.write_u64(x as u64);
        self.write_u64((x >> 64) as u64);
    }

    #[inline]
    fn write_usize(&mut self, x: usize) {
        self.write_u64(x as u64);
    }

    #[inline]
    fn write_i8(&mut self, x: i8) {
        self.write_u64(x as u64);
    }

    #[inline]
    fn write_i16(&mut self, x: i16) {
        self.write_u64(x as u64);
    }

    #[inline]
    fn write_i32(&mut self, x: i32) {
        self.write_u64(x as u64);
    }

    #[inline]
    fn write_i64(&mut self, x: i64) {
        self.write_u64(x as u64);
    }

    #[inline]
    fn write_i128(&mut self, x: i128) {
        self.write_u128(x as u128);
    }

    #[inline]
    fn write_isize(&mut self, x: isize) {
        self.write_u64(x as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values are part of the contract: what one process partitions, another one reads.
    #[test]
    fn hashes_are_fixed_and_spread() {
        assert_eq!(hash_key("word"), hash_key(&String::from("word")));
        assert_ne!(hash_key(&1u64), hash_key(&2u64));
        let mut counts = [0u32; 16];
        for i in 0..16_000i64 {
            counts[partition_of(hash_key(&i), 16)] += 1;
        }
        assert!(counts.iter().all(|&n| (800..1200).contains(&n)), "{counts:?}");
        let texts: Vec<String> =
            (0..20_000).map(|i| format!("{:x}", i * i)).chain((0..40).map(|n| "a".repeat(n))).collect();
        let different: std::collections::HashSet<&String> = texts.iter().collect();
        let hashes: std::collections::HashSet<u64> = texts.iter().map(hash_key).collect();
        assert_eq!(hashes.len(), different.len());
        let low: std::collections::HashSet<u32> = (0..10_000i64).map(|i| hash_key(&i) as u32).collect();
        assert!(low.len() > 9_990);
    }
}
