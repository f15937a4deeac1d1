//! The secret of an application: who knows it belongs to the application. It never crosses a wire; what does are message
//! authentication codes made with it.

use hmac::{Hmac, KeyInit, Mac as _};
use sha2::Sha256;
use std::fmt;
use std::io;

/// The bytes of the code that [`Secret::mac`] makes: HMAC-SHA256, cut.
pub(crate) const MAC_BYTES: usize = 16;

/// A message authentication code.
pub(crate) type Mac = [u8; MAC_BYTES];

/// 32 random bytes. They are never shown.
#[derive(Clone)]
pub(crate) struct Secret {
    bytes: [u8; 32],
    /// Has taken in the key, so that no code pays for that again.
    keyed: Hmac<Sha256>,
}

impl Secret {
    /// A new secret, from the system's random numbers.
    pub(crate) fn generate() -> io::Result<Secret> {
        Ok(Secret::from_bytes(random()?))
    }

    fn from_bytes(bytes: [u8; 32]) -> Secret {
        // HMAC itself pads a key with zeros to the length of a block.
        let mut block = [0; 64];
        block[..bytes.len()].copy_from_slice(&bytes);
        Secret { bytes, keyed: Hmac::new(&block.into()) }
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
        let whole = self.taken_in(parts).finalize().into_bytes();
        std::array::from_fn(|at| whole[at])
    }

    /// Whether a code is that of the parts, in a time that does not depend on where it differs.
    pub(crate) fn verifies(&self, parts: &[&[u8]], mac: &Mac) -> bool {
        self.taken_in(parts).verify_truncated_left(mac).is_ok()
    }

    fn taken_in(&self, parts: &[&[u8]]) -> Hmac<Sha256> {
        let mut state = self.keyed.clone();
        for part in parts {
            state.update(&(part.len() as u64).to_le_bytes());
            state.update(part);
        }
        state
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

    /// HMAC-SHA256 of the lengths and parts, computed by another program (Python's `hmac`).
    #[test]
    fn the_code_is_a_cut_hmac() {
        let secret = Secret::from_bytes([7; 32]);
        let expected = [0x95, 0xc8, 0xba, 0xb9, 0x76, 0x2c, 0x6c, 0xd2, 0x7b, 0x77, 0xc7, 0x3b, 0x56, 0xd0, 0xcb, 0x39];
        assert_eq!(secret.mac(&[b"one", b""]), expected);
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
