//! The secret of an application: who knows it belongs to the application. It never crosses a wire; what does are message
//! authentication codes made with it.

use std::fmt;
use std::io;

/// The bytes of the code that [`Secret::mac`] makes: BLAKE3's keyed hash, cut.
pub(crate) const MAC_BYTES: usize = 16;

/// A message authentication code.
pub(crate) type Mac = [u8; MAC_BYTES];

/// 32 random bytes. They are never shown.
#[derive(Clone)]
pub(crate) struct Secret {
    bytes: [u8; 32],
}

impl Secret {
    /// A new secret, from the system's random numbers.
    pub(crate) fn generate() -> io::Result<Secret> {
        Ok(Secret::from_bytes(random()?))
    }

    fn from_bytes(bytes: [u8; 32]) -> Secret {
        Secret { bytes }
    }

    /// For handing it to a child, through a pipe: neither arguments nor environment are private.
    pub(crate) fn to_hex(&self) -> String {
        hex(&self.bytes)
    }

    /// What [`Secret::to_hex`] has written; none for anything else.
    pub(crate) fn from_hex(hex: &str) -> Option<Secret> {
        if hex.len() != 64 || !hex.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        let mut bytes = [0; 32];
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).ok()?;
        }
        Some(Secret::from_bytes(bytes))
    }

    /// The code of some parts. Each goes in with its length, so that no other parts make the same text. The first one says what
    /// the code is for, so that a code for one purpose is none for another.
    pub(crate) fn mac(&self, parts: &[&[u8]]) -> Mac {
        let mut state = blake3::Hasher::new_keyed(&self.bytes);
        for part in parts {
            state.update(&(part.len() as u64).to_le_bytes());
            state.update(part);
        }
        let whole = *state.finalize().as_bytes();
        std::array::from_fn(|at| whole[at])
    }

    /// Whether a code is that of the parts, in a time that does not depend on where it differs.
    pub(crate) fn verifies(&self, parts: &[&[u8]], mac: &Mac) -> bool {
        let differs = self.mac(parts).iter().zip(mac).fold(0, |differs, (ours, theirs)| differs | (ours ^ theirs));
        // Not even the optimiser sees that one difference is enough.
        std::hint::black_box(differs) == 0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// 128 random bits in hex, for a path that nobody can guess.
pub(crate) fn unguessable() -> io::Result<String> {
    Ok(hex(&random::<16>()?))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Random bytes of the system.
pub(super) fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_survives_being_written_down_and_is_not_shown() {
        let secret = Secret::generate().unwrap();
        let hex = secret.to_hex();
        let again = Secret::from_hex(&hex).unwrap();
        assert_eq!(again.mac(&[b"for", b"this"]), secret.mac(&[b"for", b"this"]));
        assert_ne!(Secret::generate().unwrap().to_hex(), hex);
        assert_eq!(format!("{secret:?}"), "Secret(..)");
        for wrong in ["", &hex[1..], &format!("{hex}0"), &hex.replace(&hex[..1], "g"), &format!("+{}", &hex[1..])] {
            assert!(Secret::from_hex(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn no_two_paths_are_alike() {
        let [one, other] = [unguessable().unwrap(), unguessable().unwrap()];
        assert!(one != other && one.len() == 32 && one.bytes().all(|digit| digit.is_ascii_hexdigit()), "{one}");
    }

    #[test]
    fn the_code_is_a_cut_keyed_hash() {
        let secret = Secret::from_bytes([7; 32]);
        let parts = [3u64.to_le_bytes().as_slice(), b"one", 0u64.to_le_bytes().as_slice()].concat();
        assert_eq!(secret.mac(&[b"one", b""]), blake3::keyed_hash(&[7; 32], &parts).as_bytes()[..MAC_BYTES]);
    }

    #[test]
    fn each_part_counts_and_so_does_where_it_ends() {
        let secret = Secret::generate().unwrap();
        let mac = secret.mac(&[b"ab", b"c"]);
        assert!(secret.verifies(&[b"ab", b"c"], &mac));
        for other in [&[b"a" as &[u8], b"bc"][..], &[b"abc"], &[b"ab", b"c", b""], &[b"ab", b"d"], &[]] {
            assert!(!secret.verifies(other, &mac), "{other:?}");
        }
        assert!(!Secret::generate().unwrap().verifies(&[b"ab", b"c"], &mac));
        for bit in 0..8 * MAC_BYTES {
            let mut wrong = mac;
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert!(!secret.verifies(&[b"ab", b"c"], &wrong), "bit {bit}");
        }
    }
}
