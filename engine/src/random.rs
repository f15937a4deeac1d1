//! Random numbers that are the same in every run: what a task draws depends on the seed and on its partition only.

/// A generator of 64-bit numbers (SplitMix64).
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The generator of one partition: its numbers have nothing to do with those of other partitions or seeds.
    pub fn new(seed: u64, partition: u64) -> Random {
        let mut seeds = Random(seed);
        let mixed = seeds.next_u64();
        Random(Random(mixed ^ partition).next_u64())
    }

    /// A number among all.
    #[inline]
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number of the interval from 0 up to, but not including, 1.
    #[inline]
    pub fn next_f64(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// A number below `n`, which is not 0.
    pub fn below(&mut self, n: u64) -> u64 {
        // The upper half of the product is a fair choice, but for what the lower half says to draw again (Lemire).
        let unfair = n.wrapping_neg() % n;
        loop {
            let product = u128::from(self.next_u64()) * u128::from(n);
            if product as u64 >= unfair {
                return (product >> 64) as u64;
            }
        }
    }

    /// How often something happens that happens `mean` times on average (Poisson).
    pub fn poisson(&mut self, mut mean: f64) -> u64 {
        // A sum of Poisson numbers is one of the sum of their means; `exp` of a large mean is 0.
        const MOST: f64 = 32.0;
        let mut times = 0;
        while mean > MOST {
            times += self.poisson_below(MOST);
            mean -= MOST;
        }
        times + self.poisson_below(mean)
    }

    /// The same for a small mean: counts how many waiting times fit into the unit of time.
    fn poisson_below(&mut self, mean: f64) -> u64 {
        let end = (-mean).exp();
        let mut times = 0;
        let mut at = self.next_f64();
        while at > end {
            times += 1;
            at *= self.next_f64();
        }
        times
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean(values: impl Iterator<Item = f64>) -> f64 {
        let values: Vec<f64> = values.collect();
        values.iter().sum::<f64>() / values.len() as f64
    }

    #[test]
    fn numbers_are_fixed_and_partitions_differ() {
        assert_eq!(Random(0).next_u64(), 0xe220_a839_7b1d_cdaf, "the first number of the published generator");
        let first = |seed, partition| Random::new(seed, partition).next_u64();
        assert_eq!(first(1, 2), first(1, 2));
        let all: std::collections::HashSet<u64> =
            (0..100).flat_map(|seed| (0..100).map(move |partition| first(seed, partition))).collect();
        assert_eq!(all.len(), 10_000);
    }

    #[test]
    fn numbers_are_even() {
        let mut random = Random::new(7, 0);
        let uniform = mean((0..100_000).map(|_| random.next_f64()));
        assert!((uniform - 0.5).abs() < 0.005, "{uniform}");
        let mut counts = [0; 7];
        (0..70_000).for_each(|_| counts[random.below(7) as usize] += 1);
        assert!(counts.iter().all(|n| (9_600..10_400).contains(n)), "{counts:?}");
        assert_eq!(random.below(1), 0);
    }

    #[test]
    fn poisson_numbers_have_their_mean_and_variance() {
        for wanted in [0.0, 0.1, 1.0, 5.5, 40.0, 100.0] {
            let mut random = Random::new(3, 1);
            let numbers: Vec<f64> = (0..50_000).map(|_| random.poisson(wanted) as f64).collect();
            let found = mean(numbers.iter().copied());
            let variance = mean(numbers.iter().map(|x| (x - found).powi(2)));
            let close = |x: f64| (x - wanted).abs() <= wanted.sqrt() * 0.05 + wanted * 0.03;
            assert!(close(found) && close(variance), "{wanted}: mean {found}, variance {variance}");
        }
    }
}
