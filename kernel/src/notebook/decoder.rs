//! Text from chunks of bytes that may end within a character.

/// Keeps what is left of the chunk before.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    rest: Vec<u8>,
}

impl Decoder {
    /// The text that is complete; what is no UTF-8 is replaced.
    pub(super) fn decode(&mut self, chunk: &[u8]) -> String {
        self.rest.extend_from_slice(chunk);
        let complete = self.rest.len() - unfinished(&self.rest);
        let text = String::from_utf8_lossy(&self.rest[..complete]).into_owned();
        self.rest.drain(..complete);
        text
    }
}

/// How many bytes at the end are the beginning of a character.
fn unfinished(bytes: &[u8]) -> usize {
    for (back, byte) in bytes.iter().rev().take(3).enumerate() {
        let length = match byte {
            0x80..=0xbf => continue,
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            _ => 1,
        };
        return if length > back + 1 { back + 1 } else { 0 };
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_may_come_in_pieces() {
        let mut decoder = Decoder::default();
        let bytes = "aé€😀".as_bytes();
        let text: String = bytes.chunks(1).map(|byte| decoder.decode(byte)).collect();
        assert_eq!(text, "aé€😀");
    }

    #[test]
    fn what_is_no_text_is_replaced_and_holds_nothing_up() {
        let mut decoder = Decoder::default();
        assert_eq!(decoder.decode(b"a\xffb\xc3"), "a\u{fffd}b");
        assert_eq!(decoder.decode(b"\xa9\xff"), "é\u{fffd}");
    }
}
