//! Loops that are worth compiling twice: for every x86-64 processor, and for those with AVX2; and what the compiler does not turn
//! into vectors by itself.

/// Calls a closure with `#[inline(always)]`, compiled for the vector width that the processor has.
#[inline(always)]
pub(crate) fn wide_vectors<R>(run: impl FnOnce() -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    if has_avx2() {
        // SAFETY: the processor has the feature.
        return unsafe { with_avx2(run) };
    }
    run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn with_avx2<R>(run: impl FnOnce() -> R) -> R {
    run()
}

/// Whether the processor has AVX2; a call, or every cell would compile the test.
#[inline(never)]
pub(crate) fn has_avx2() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("avx2");
    #[cfg(not(target_arch = "x86_64"))]
    false
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
