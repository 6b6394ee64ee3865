//! Coefficients for checking many signatures at once.
//!
//! A batch check sums the equations of many signatures. Without random factors, signatures that are each wrong can
//! cancel out in the sum. The factors here are a hash of all that is checked, as in the transform of Fiat and Shamir:
//! whoever made the signatures fixed them before the factors were known, and 127 bits are too many to try. So no
//! source of randomness is needed, and the simulator repeats a run exactly.

use core::convert::Infallible;
use rand_core::{TryCryptoRng, TryRng};
use sha2::{Digest, Sha256};

/// SHA-256(tag, all that is checked), then SHA-256(seed, counter) for each 32 bytes.
pub(crate) struct Blinding {
    seed: [u8; 32],
    counter: u64,
    block: [u8; 32],
    // Invariant: block[used..] was not handed out yet.
    used: usize,
}

impl Blinding {
    pub(crate) fn new<'a>(tag: &'static str, parts: impl Iterator<Item = &'a [u8]>) -> Blinding {
        let mut hasher = Sha256::new();
        hasher.update((tag.len() as u64).to_le_bytes());
        hasher.update(tag);
        for part in parts {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        Blinding { seed: hasher.finalize().into(), counter: 0, block: [0; 32], used: 32 }
    }

    /// Odd, so never zero: 127 free bits.
    pub(crate) fn next_factor(&mut self) -> [u64; 2] {
        let mut bytes = [0; 16];
        self.fill(&mut bytes);
        let (low, high) = (u128::from_le_bytes(bytes) as u64, (u128::from_le_bytes(bytes) >> 64) as u64);
        [low | 1, high]
    }

    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            if self.used == self.block.len() {
                self.block =
                    Sha256::new().chain_update(self.seed).chain_update(self.counter.to_le_bytes()).finalize().into();
                self.counter += 1;
                self.used = 0;
            }
            *byte = self.block[self.used];
            self.used += 1;
        }
    }
}

impl TryRng for Blinding {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.fill(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.fill(bytes);
        Ok(())
    }
}

/// For the batch check of ed25519-zebra, whose factors must be as hard to foresee as these are.
impl TryCryptoRng for Blinding {}
