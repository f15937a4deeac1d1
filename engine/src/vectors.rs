//! Loops of the engine's own that are worth compiling twice: for every x86-64 processor, and for those with AVX2.

/// Calls an `#[inline(always)]` function, compiled for the vector width that the processor has.
macro_rules! wide_vectors {
    ($function:ident($($argument:ident),*)) => {{
        #[cfg(target_arch = "x86_64")]
        {
            #[target_feature(enable = "avx2")]
            fn wide<R>(f: impl FnOnce() -> R) -> R {
                f()
            }
            if std::arch::is_x86_feature_detected!("avx2") {
                // SAFETY: the processor has the feature.
                unsafe { wide(#[inline(always)] || $function($($argument),*)) }
            } else {
                $function($($argument),*)
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        $function($($argument),*)
    }};
}

pub(crate) use wide_vectors;
