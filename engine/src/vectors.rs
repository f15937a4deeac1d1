//! Loops that are worth compiling more than once: for every x86-64 processor, and for those with wider vectors; and what the
//! compiler does not turn into vectors by itself.

/// The widest vectors of the processor that loops are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Vectors {
    /// Those that every processor has.
    Common,
    /// 32 bytes.
    Avx2,
    /// 64 bytes, and masks: an answer for each row is a bit in a register.
    Avx512,
}

/// What the processor has; a call, or every cell would compile the test.
#[inline(never)]
pub(crate) fn vectors() -> Vectors {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx512bw")
        && std::arch::is_x86_feature_detected!("avx512dq")
        && std::arch::is_x86_feature_detected!("avx512vl")
    {
        return Vectors::Avx512;
    } else if std::arch::is_x86_feature_detected!("avx2") {
        return Vectors::Avx2;
    }
    Vectors::Common
}

/// Calls a closure with `#[inline(always)]`, compiled for the vector width that the processor has.
#[inline(always)]
pub(crate) fn wide_vectors<R>(run: impl FnOnce() -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the processor has the features.
    unsafe {
        match vectors() {
            Vectors::Avx512 => return with_avx512(run),
            Vectors::Avx2 => return with_avx2(run),
            Vectors::Common => {}
        }
    }
    run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn with_avx512<R>(run: impl FnOnce() -> R) -> R {
    run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn with_avx2<R>(run: impl FnOnce() -> R) -> R {
    run()
}

/// The bytes as text. Those that are all ASCII, as most are, are checked many at a time; the standard library takes two words.
#[inline(never)]
pub(crate) fn into_text(bytes: Vec<u8>) -> Result<String, std::string::FromUtf8Error> {
    let is_ascii = wide_vectors(
        #[inline(always)]
        || bytes.chunks(1 << 12).all(|part| part.iter().fold(0, |all, byte| all | byte).is_ascii()),
    );
    match is_ascii {
        // SAFETY: ASCII is UTF-8.
        true => Ok(unsafe { String::from_utf8_unchecked(bytes) }),
        false => String::from_utf8(bytes),
    }
}

/// A bit for each place in the block that has this byte.
#[inline]
pub(crate) fn places_of(byte: u8, block: &[u8; 64]) -> u64 {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_mm_cmpeq_epi8, _mm_loadu_si128, _mm_movemask_epi8, _mm_set1_epi8};
        let (quarters, _) = block.as_chunks::<16>();
        quarters.iter().rev().fold(0, |places, quarter| {
            // SAFETY: a quarter has sixteen bytes, and every x86-64 processor has SSE2.
            let equal = unsafe {
                let bytes = _mm_loadu_si128(quarter.as_ptr().cast());
                _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(byte as i8)))
            };
            places << 16 | u64::from(equal as u16)
        })
    }
    #[cfg(not(target_arch = "x86_64"))]
    block.iter().rev().fold(0, |places, other| places << 1 | u64::from(*other == byte))
}

#[cfg(test)]
mod tests {
    use super::into_text;

    #[test]
    fn bytes_are_text_as_for_the_standard_library() {
        let mut bytes = b"plain ".repeat(2000);
        assert!(into_text(bytes.clone()).is_ok_and(|text| text.as_bytes() == bytes));
        for (at, other) in [(0, 0x80), (4095, 0xff), (4096, 0xc3), (11_999, 0xc3)] {
            let before = std::mem::replace(&mut bytes[at], other);
            assert_eq!(into_text(bytes.clone()), String::from_utf8(bytes.clone()), "byte {at}");
            bytes[at] = before;
        }
        assert_eq!(into_text("Größe".into()).as_deref(), Ok("Größe"));
        assert_eq!(into_text(Vec::new()).as_deref(), Ok(""));
    }
}
