//! Chance that a number can repeat.

use std::env;

/// Seeds that are always run: those that once found a fault, and one to begin with.
const REGRESSIONS: [u64; 2] = [1, 0x5DEE_CE66];

/// A small generator (splitmix64), so that a seed tells the whole story.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        println!("LEAD_SYNC_TEST_SEED={seed}");
        Self(seed)
    }

    /// The permanent seeds, then one of chance; or the one that `LEAD_SYNC_TEST_SEED` asks for.
    pub(crate) fn seeds() -> Vec<u64> {
        match env::var("LEAD_SYNC_TEST_SEED") {
            Ok(seed) => vec![seed.parse().unwrap()],
            Err(_) => REGRESSIONS.into_iter().chain([u64::from(std::process::id()) ^ 0x9E37_79B9]).collect(),
        }
    }

    /// The work of a test shared out among its seeds, `most` to each: a generator, and how much is to be done with it. If the seeds are not
    /// enough for all of it, their followers come after them.
    pub(crate) fn shares(work: u64, most: u64) -> impl Iterator<Item = (Self, u64)> {
        let seeds = Self::seeds();
        let (each, followers) = (work.div_ceil(seeds.len() as u64).clamp(1, most), seeds[0] + 1..);
        let mut left = work;
        seeds.into_iter().chain(followers).map_while(move |seed| {
            let share = left.min(each);
            left -= share;
            (share > 0).then(|| (Self::new(seed), share))
        })
    }

    /// One of the items.
    pub(crate) fn one_of<T: Copy>(&mut self, items: &[T]) -> T {
        items[usize::try_from(self.below(items.len() as u64)).unwrap()]
    }

    /// A number under `limit`.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % limit
    }

    /// `count` of the items, in a new order; all of them if there are no more.
    pub(crate) fn sample<T>(&mut self, mut items: Vec<T>, count: usize) -> Vec<T> {
        let mut chosen = Vec::new();
        while chosen.len() < count && !items.is_empty() {
            let at = self.below(items.len() as u64);
            chosen.push(items.swap_remove(usize::try_from(at).unwrap()));
        }
        chosen
    }
}

/// A count that the environment may change.
pub(crate) fn count(variable: &str, default: u64) -> u64 {
    env::var(variable).map_or(default, |count| count.parse().unwrap())
}
