//! What may be the key of a map: something that is a number, or a pair of such.

use crate::ids::{ExecutorId, JobId, RddId, ShuffleId, StageId, TaskId};
use std::cmp::Reverse;

/// What is a number. It must have the same order as its number.
pub(crate) trait Number: Copy {
    /// The number; others have other ones.
    fn number(self) -> u64;
}

/// What may be the key of a map. It must have the same order as its number.
pub(crate) trait MapKey: Copy {
    /// The number; others have other ones.
    fn number(self) -> u128;
}

impl<N: Number> MapKey for N {
    fn number(self) -> u128 {
        u128::from(Number::number(self))
    }
}

impl<A: Number, B: Number> MapKey for (A, B) {
    fn number(self) -> u128 {
        u128::from(self.0.number()) << 64 | u128::from(self.1.number())
    }
}

macro_rules! numbers {
    ($($ty:ty: $value:ident => $number:expr;)*) => {
        $(impl Number for $ty {
            fn number(self) -> u64 {
                let $value = self;
                $number
            }
        })*
    };
}

numbers! {
    u32: value => u64::from(value);
    u64: value => value;
    usize: value => value as u64;
    Reverse<usize>: value => !(value.0 as u64);
    ExecutorId: id => id.0;
    JobId: id => id.0;
    RddId: id => id.0;
    ShuffleId: id => id.0;
    StageId: id => id.0;
    TaskId: id => id.0;
}
