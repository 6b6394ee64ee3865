//! The consensus secret (BLS12-381), in blst's type alone, which wipes itself.

use blst::min_pk;
use concordat_crypto::bls::{POSSESSION_DST, SIGNATURE_DST};
use concordat_keys::{
    Passphrase, SealError, Strength, UnsealError,
    sealed::{self, Unsealed},
};
use concordat_types::{BlockId, BlsPublicKey, BlsSignature, CaughtUp, Height, NetworkId, Vote};
use core::fmt;
use std::path::Path;
use zeroize::Zeroizing;

/// A validator's key. Debug shows the public half alone.
pub struct ConsensusKey {
    secret: min_pk::SecretKey,
    public: BlsPublicKey,
}

#[derive(Debug, thiserror::Error)]
pub enum LoadKeyError {
    #[error(transparent)]
    Unseal(UnsealError),
    #[error("the file does not hold a consensus secret")]
    NotASecret,
    #[error("the file's public key is not that of its secret")]
    OtherPublicKey,
}

/// The kind of the sealed file.
const KIND: &str = "consensus";

impl ConsensusKey {
    /// From the operating system's randomness.
    pub fn generate() -> Result<ConsensusKey, getrandom::Error> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut())?;
        Ok(ConsensusKey::from_seed(&seed))
    }

    /// KeyGen of draft-irtf-cfrg-bls-signature. For trial networks and simulations, which make the same keys again.
    pub fn from_seed(seed: &[u8; 32]) -> ConsensusKey {
        ConsensusKey::new(min_pk::SecretKey::key_gen(seed, &[]).expect("32 bytes of key material are enough"))
    }

    fn new(secret: min_pk::SecretKey) -> ConsensusKey {
        let public = BlsPublicKey(secret.sk_to_pk().to_bytes());
        ConsensusKey { secret, public }
    }

    pub fn public_key(&self) -> BlsPublicKey {
        self.public
    }

    /// Proof that whoever shows the public key holds the secret, for genesis and admission.
    pub fn possession(&self) -> BlsSignature {
        BlsSignature(self.secret.sign(&self.public.0, POSSESSION_DST, &[]).to_bytes())
    }

    /// Without any look at the record of votes: only a `Signer` calls it, after it has looked. The signature of equal
    /// votes is equal.
    pub fn sign_unrecorded(&self, vote: &Vote, network: NetworkId, epoch: u32) -> BlsSignature {
        BlsSignature(self.secret.sign(&vote.sign_bytes(network, epoch), SIGNATURE_DST, &[]).to_bytes())
    }

    pub fn sign_caught_up(&self, network: &NetworkId, height: Height, block: &BlockId) -> BlsSignature {
        BlsSignature(self.secret.sign(&CaughtUp::message(network, height, block), SIGNATURE_DST, &[]).to_bytes())
    }

    /// Into a new encrypted file; an existing one is never overwritten.
    pub fn save(&self, path: &Path, passphrase: &Passphrase, strength: Strength) -> Result<(), SealError> {
        let bytes = Zeroizing::new(self.secret.to_bytes());
        sealed::seal(path, KIND, &self.public.0, &bytes[..], passphrase, strength)
    }

    pub fn load(path: &Path, passphrase: &Passphrase) -> Result<ConsensusKey, LoadKeyError> {
        let Unsealed { public_key, secret } = sealed::unseal(path, KIND, passphrase).map_err(LoadKeyError::Unseal)?;
        // blst refuses zero and numbers beyond the order.
        let secret = min_pk::SecretKey::from_bytes(&secret.0).map_err(|_| LoadKeyError::NotASecret)?;
        let key = ConsensusKey::new(secret);
        match key.public.0[..] == public_key[..] {
            true => Ok(key),
            false => Err(LoadKeyError::OtherPublicKey),
        }
    }
}

impl fmt::Debug for ConsensusKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConsensusKey of {:?}", self.public)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
