//! Opaque shared handles. Their clone and drop are calls into the engine: the glue of an `Arc` would be compiled again
//! into every cell that touches one.

/// Declares a non-generic handle over `Arc<$inner>` with out-of-line `Clone` and `Drop`.
macro_rules! handle {
    ($(#[$doc:meta])* $vis:vis struct $name:ident($inner:ty);) => {
        $(#[$doc])*
        #[repr(transparent)]
        $vis struct $name(std::mem::ManuallyDrop<std::sync::Arc<$inner>>);

        #[allow(dead_code)]
        impl $name {
            pub(crate) fn wrap(inner: std::sync::Arc<$inner>) -> $name {
                $name(std::mem::ManuallyDrop::new(inner))
            }

            pub(crate) fn arc(&self) -> &std::sync::Arc<$inner> {
                &self.0
            }
        }

        impl Clone for $name {
            #[inline(never)]
            fn clone(&self) -> $name {
                $name::wrap(std::sync::Arc::clone(&self.0))
            }
        }

        impl Drop for $name {
            #[inline(never)]
            fn drop(&mut self) {
                // SAFETY: the arc is dropped here only, and nobody can use the handle afterwards.
                unsafe { std::mem::ManuallyDrop::drop(&mut self.0) }
            }
        }
    };
}

pub(crate) use handle;
