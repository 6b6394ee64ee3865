//! Ed25519 by the rules of ZIP 215: one and many signatures at a time are judged alike, on every machine.

use crate::blinding::Blinding;
use concordat_types::{Ed25519PublicKey, Ed25519Signature, TransactionHash};
use ed25519_zebra::{Signature, VerificationKey, VerificationKeyBytes, batch};

/// Does the signature over the message belong to the key?
pub fn verify_signature(key: &Ed25519PublicKey, message: &[u8], signature: &Ed25519Signature) -> bool {
    let Ok(key) = VerificationKey::try_from(key.0) else { return false };
    key.verify(&Signature::from_bytes(&signature.0), message).is_ok()
}

/// Is it a point of the curve, and not one of the few points of small order? ZIP 215 lets such a point be a key, but
/// one for which anybody can sign: the signature R = identity, s = 0 fits all of them and no other key.
pub fn is_usable_key(key: &Ed25519PublicKey) -> bool {
    let mut signature = [0; 64];
    signature[0] = 1;
    VerificationKey::try_from(key.0).is_ok() && !verify_signature(key, b"", &Ed25519Signature(signature))
}

/// One signature over a transaction's hash.
#[derive(Clone, Copy)]
pub(crate) struct Job {
    pub key: Ed25519PublicKey,
    pub hash: TransactionHash,
    pub signature: Ed25519Signature,
}

impl Job {
    pub(crate) fn verify(&self) -> bool {
        verify_signature(&self.key, &self.hash.0.0, &self.signature)
    }
}

/// Are all of them good? On false at least one is bad.
pub(crate) fn verify_all(jobs: &[Job]) -> bool {
    match jobs {
        [] => return true,
        [job] => return job.verify(),
        _ => {}
    }
    let parts = jobs.iter().flat_map(|job| [&job.key.0[..], &job.hash.0.0[..], &job.signature.0[..]]);
    let blinding = Blinding::new("concordat/ed25519-batch/v1", parts);
    let mut verifier = batch::Verifier::new();
    for job in jobs {
        let key = VerificationKeyBytes::from(job.key.0);
        verifier.queue((key, Signature::from_bytes(&job.signature.0), &job.hash.0.0));
    }
    verifier.verify(blinding).is_ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
