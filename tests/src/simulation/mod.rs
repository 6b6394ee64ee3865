//! The production replica on a virtual network, disk and clock, in one thread, from one seed.
//!
//! Faults come first (loss, delay, duplication, partitions, crashes with torn files), then the network heals and must make
//! progress. What is checked, and when, stands in `checks`.

pub mod checks;
pub mod disk;
pub mod network;
pub mod signer;
pub mod world;

pub use checks::Violation;
pub use world::{Outcome, Settings, run};

/// SplitMix64: the whole run follows from one number.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 0..n; n > 0.
    pub fn below(&mut self, n: u64) -> u64 {
        self.number() % n
    }

    pub fn permille(&mut self, chance: u64) -> bool {
        self.below(1000) < chance
    }

    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.number().to_le_bytes()[..chunk.len()]);
        }
        bytes
    }
}
