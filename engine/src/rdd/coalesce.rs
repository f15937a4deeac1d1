//! `coalesce` and `slice`: fewer partitions, or some of them, without a shuffle.

use super::Rdd;
use crate::node::RddHandle;
use std::ops::Range;

impl<T: 'static> Rdd<T> {
    /// Puts neighbouring partitions together, so that there are at most `n`; rows keep their order and nothing is shuffled.
    /// [`Rdd::repartition`] makes more partitions. (DPark's `mergeSplit`.)
    ///
    /// ```
    /// let rdd = dpark::DparkContext::local(5).range(0, 10).coalesce(2);
    /// assert_eq!(rdd.map_partitions(|rows| [rows.collect::<Vec<_>>()]).collect()?, [vec![0, 1, 2, 3], vec![4, 5, 6, 7, 8, 9]]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[doc(alias = "merge_split")]
    #[track_caller]
    pub fn coalesce(&self, n: usize) -> Rdd<T> {
        Rdd::from_handle(self.handle.coalesce("coalesce", n))
    }

    /// [`Rdd::coalesce`] by DPark's name.
    ///
    /// ```
    /// assert_eq!(dpark::DparkContext::local(5).range(0, 10).merge_split(2).num_partitions(), 2);
    /// ```
    #[track_caller]
    pub fn merge_split(&self, n: usize) -> Rdd<T> {
        Rdd::from_handle(self.handle.coalesce("merge_split", n))
    }

    /// Some of the partitions. (DPark's `rdd[i:j]`.)
    ///
    /// ```
    /// let rdd = dpark::DparkContext::local(5).range(0, 10);
    /// assert_eq!(rdd.slice(1..3).collect()?, [2, 3, 4, 5]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn slice(&self, partitions: Range<usize>) -> Rdd<T> {
        Rdd::from_handle(self.handle.slice(partitions))
    }
}

impl RddHandle {
    #[inline(never)]
    #[track_caller]
    fn coalesce(&self, operator: &'static str, n: usize) -> RddHandle {
        let (elem, partitions) = (self.arc().elem, self.arc().partitions);
        if n == 0 {
            return self.failed(operator, elem, "an RDD with rows needs at least one partition");
        }
        let n = n.min(partitions);
        self.runs(operator, (0..n).map(|i| partitions * i / n..partitions * (i + 1) / n).collect())
    }

    #[inline(never)]
    #[track_caller]
    fn slice(&self, range: Range<usize>) -> RddHandle {
        let partitions = self.arc().partitions;
        if range.start > range.end || range.end > partitions {
            let problem = format!("{range:?} is not within the {partitions} partitions of RDD {}", self.arc().id);
            return self.failed("slice", self.arc().elem, &problem);
        }
        self.runs("slice", range.map(|i| i..i + 1).collect())
    }
}
