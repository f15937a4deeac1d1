//! Loops that are worth compiling twice: for every x86-64 processor, and for those with AVX2.

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
