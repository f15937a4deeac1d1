//! The sample of keys that the ranges of a sort are chosen from: a reservoir for each partition.

use super::SortVt;
use crate::batch::Batch;
use crate::random::Random;

/// Keys kept for each partition.
const SAMPLE: usize = 1024;

/// The same in every run.
const SEED: u64 = 0x5eed_0f50_7274_6564;

/// Keys of so many rows of one partition, each set of rows as likely as any other. The row that is taken next is drawn,
/// not each row a number (Li's algorithm L), so rows that are passed over cost nothing.
pub(crate) struct Sample {
    pub(crate) keys: Batch,
    random: Random,
    /// Rows so far.
    seen: u64,
    /// Number of the next row to be taken.
    next: u64,
    /// The largest of as many random numbers as keys are kept, if each row had drawn one and the smallest were kept.
    largest: f64,
}

impl Sample {
    pub(crate) fn new(vt: &'static SortVt, partition: usize) -> Sample {
        let (keys, random) = (Batch::new(vt.key), Random::new(SEED, partition as u64));
        Sample { keys, random, seen: 0, next: 0, largest: 1.0 }
    }

    pub(crate) fn add(&mut self, vt: &'static SortVt, closure: *const u8, rows: &Batch) {
        let end = self.seen + rows.rows() as u64;
        while self.next < end {
            let row = rows.row((self.next - self.seen) as usize);
            // SAFETY: closure and row are those the table was made for.
            unsafe { (vt.extract)(closure, row, 1, &mut self.keys) }
            if self.keys.rows() > SAMPLE {
                self.keys.swap_remove(self.random.below(SAMPLE as u64) as usize);
            }
            self.next += if self.keys.rows() < SAMPLE { 1 } else { self.skip() };
        }
        self.seen = end;
    }

    /// How far it is to the next row that is taken once the reservoir is full.
    fn skip(&mut self) -> u64 {
        // Never 0, which has no logarithm.
        let mut random = || 1.0 - self.random.next_f64();
        self.largest *= (random().ln() / SAMPLE as f64).exp();
        // A step beyond every partition is as good as any longer one.
        let passed = (random().ln() / (-self.largest).ln_1p()).min((1u64 << 60) as f64);
        passed as u64 + 1
    }

    /// How many rows of all partitions each key stands for, times the size of a full reservoir.
    pub(crate) fn weight(&self) -> u64 {
        self.seen.max(SAMPLE as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Elem;

    unsafe fn extract(_: *const u8, rows: *const u8, n: usize, keys: &mut Batch) {
        for i in 0..n {
            // SAFETY: rows and keys are numbers, and row `i` exists.
            unsafe { keys.push((rows as *const u64).add(i).read()) }
        }
    }

    const NUMBERS: &SortVt =
        &SortVt { key: Elem::<u64>::VT, codec: None, extract, compare: |_, _| std::cmp::Ordering::Equal };

    /// The sample of `0..n`, which comes in batches of this many rows.
    fn sample(n: u64, batch: usize, partition: usize) -> Vec<u64> {
        let mut sample = Sample::new(NUMBERS, partition);
        for rows in (0..n).collect::<Vec<u64>>().chunks(batch) {
            sample.add(NUMBERS, std::ptr::null(), &Batch::from_vec(rows.to_vec()));
        }
        assert_eq!(sample.weight(), n.max(SAMPLE as u64));
        // SAFETY: the keys are numbers.
        unsafe { sample.keys.into_vec() }
    }

    #[test]
    fn a_reservoir_is_full_and_has_each_row_once() {
        for n in [0, 1, 1023, 1024, 1025, 3000, 100_000] {
            let mut rows = sample(n, 100, 0);
            rows.sort_unstable();
            rows.dedup();
            assert_eq!(rows.len() as u64, n.min(1024), "of {n}");
            assert_eq!(sample(n, 100, 0), sample(n, 7777, 0), "whatever the batches");
        }
        assert_ne!(sample(3000, 100, 0), sample(3000, 100, 1), "partitions have nothing to do with each other");
    }

    #[test]
    fn every_part_of_a_partition_is_sampled_alike() {
        let mut counts = [0u32; 10];
        for partition in 0..100 {
            sample(20_000, 1000, partition).iter().for_each(|row| counts[*row as usize / 2000] += 1);
        }
        // 10240 expected each, give or take 96.
        assert!(counts.iter().all(|n| (9850..10630).contains(n)), "{counts:?}");
    }
}
