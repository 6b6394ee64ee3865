//! BLS12-381 signatures by draft-irtf-cfrg-bls-signature, suite BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_: keys of 48
//! bytes in G1, signatures of 96 bytes in G2. The only module that names the libraries.
//!
//! Decoding, aggregation and the pairing check are `bls_signatures`'s. Its `verify_messages` is not used: it hashes under
//! the tag of another suite and refuses equal messages, which votes for one block are. Instead the keys of equal messages
//! are summed, and one hash is checked against one key (FastAggregateVerify). That is sound only for keys whose owners
//! have proved possession, which genesis and admission demand. Its secret keys are not used either.

use bls_signatures::Serialize as _;
use blstrs::{G1Projective, G2Affine, G2Projective, Scalar};
use concordat_types::{BlsPublicKey, BlsSignature};
use group::{Group, prime::PrimeCurveAffine};

/// Domain of votes and every other message.
pub const SIGNATURE_DST: &[u8] = b"BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_";
/// Domain of proofs of possession, whose message is the compressed key.
pub const POSSESSION_DST: &[u8] = b"BLS_POP_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_";

#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BlsError {
    #[error("the bytes are not a compressed point of the curve's subgroup of prime order")]
    NotAPoint,
    #[error("the point is the identity")]
    Identity,
    #[error("there is nothing to aggregate")]
    Empty,
}

/// A point of G1's subgroup of prime order, not the identity.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PublicKey {
    // Invariant: the compressed form of `point`, which is in the subgroup and not the identity.
    bytes: BlsPublicKey,
    point: bls_signatures::PublicKey,
}

impl PublicKey {
    pub fn parse(bytes: &BlsPublicKey) -> Result<PublicKey, BlsError> {
        let point = bls_signatures::PublicKey::from_bytes(&bytes.0).map_err(|_| BlsError::NotAPoint)?;
        if bool::from(G1Projective::from(point).is_identity()) {
            return Err(BlsError::Identity);
        }
        Ok(PublicKey { bytes: *bytes, point })
    }

    pub fn bytes(&self) -> BlsPublicKey {
        self.bytes
    }
}

/// A point of G2's subgroup of prime order, not the identity.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Signature {
    point: bls_signatures::Signature,
}

impl Signature {
    pub fn parse(bytes: &BlsSignature) -> Result<Signature, BlsError> {
        let point = bls_signatures::Signature::from_bytes(&bytes.0).map_err(|_| BlsError::NotAPoint)?;
        Signature::from_point(point)
    }

    pub fn bytes(&self) -> BlsSignature {
        BlsSignature(G2Affine::from(self.point).to_compressed())
    }

    fn from_point(point: bls_signatures::Signature) -> Result<Signature, BlsError> {
        match bool::from(G2Affine::from(point).is_identity()) {
            true => Err(BlsError::Identity),
            false => Ok(Signature { point }),
        }
    }
}

/// One signature by one key.
pub fn verify(key: &PublicKey, message: &[u8], signature: &Signature) -> bool {
    bls_signatures::verify(&signature.point, &[hash(message, SIGNATURE_DST)], &[key.point])
}

/// Does the owner of the key hold its secret?
pub fn verify_possession(key: &PublicKey, possession: &Signature) -> bool {
    bls_signatures::verify(&possession.point, &[hash(&key.bytes.0, POSSESSION_DST)], &[key.point])
}

/// One signature made of those of all keys over one message. The keys must have proofs of possession.
pub fn verify_aggregate(keys: &[&PublicKey], message: &[u8], signature: &Signature) -> bool {
    if keys.is_empty() {
        return false;
    }
    let sum: G1Projective = keys.iter().map(|key| G1Projective::from(key.point)).sum();
    // The pairing check refuses the identity, which keys chosen to cancel out would add up to.
    bls_signatures::verify(&signature.point, &[hash(message, SIGNATURE_DST)], &[sum.into()])
}

/// The sum of signatures over equal messages.
pub fn aggregate(signatures: &[BlsSignature]) -> Result<BlsSignature, BlsError> {
    let parsed = signatures.iter().map(Signature::parse).collect::<Result<Vec<_>, _>>()?;
    aggregate_parsed(&parsed).map(|signature| signature.bytes())
}

pub(crate) fn aggregate_parsed(signatures: &[Signature]) -> Result<Signature, BlsError> {
    let points: Vec<_> = signatures.iter().map(|signature| signature.point).collect();
    Signature::from_point(bls_signatures::aggregate(&points).map_err(|_| BlsError::Empty)?)
}

/// Signatures over one message, each with a factor that nobody could foresee when it was made.
pub(crate) struct BlindedGroup<'a> {
    pub message: &'a [u8],
    pub entries: Vec<(&'a PublicKey, &'a Signature, [u64; 2])>,
}

/// Is each of the signatures good? One equation for all of them: e(-g1, sum of f S) * product over messages of
/// e(sum of f P, H(m)) = 1. The messages must differ.
pub(crate) fn verify_blinded(groups: &[BlindedGroup<'_>]) -> bool {
    let (mut signatures, mut factors) = (Vec::new(), Vec::new());
    let (mut keys, mut hashes) = (Vec::new(), Vec::new());
    for group in groups {
        let scalars: Vec<Scalar> = group.entries.iter().map(|(_, _, factor)| scalar(*factor)).collect();
        let points: Vec<G1Projective> = group.entries.iter().map(|(key, _, _)| key.point.into()).collect();
        keys.push(bls_signatures::PublicKey::from(sum_of_products_g1(&points, &scalars)));
        hashes.push(hash(group.message, SIGNATURE_DST));
        signatures.extend(group.entries.iter().map(|(_, signature, _)| G2Projective::from(signature.point)));
        factors.extend(scalars);
    }
    let sum = sum_of_products_g2(&signatures, &factors);
    bls_signatures::verify(&sum.into(), &hashes, &keys)
}

fn hash(message: &[u8], dst: &[u8]) -> G2Projective {
    G2Projective::hash_to_curve(message, dst, &[])
}

fn scalar([low, high]: [u64; 2]) -> Scalar {
    Option::from(Scalar::from_u64s_le(&[low, high, 0, 0])).expect("128 bits are below the order of 255 bits")
}

fn sum_of_products_g1(points: &[G1Projective], scalars: &[Scalar]) -> G1Projective {
    let chunks = points.chunks(CHUNK_POINTS).zip(scalars.chunks(CHUNK_POINTS));
    chunks.map(|(points, scalars)| G1Projective::multi_exp(points, scalars)).sum()
}

fn sum_of_products_g2(points: &[G2Projective], scalars: &[Scalar]) -> G2Projective {
    let chunks = points.chunks(CHUNK_POINTS).zip(scalars.chunks(CHUNK_POINTS));
    chunks.map(|(points, scalars)| G2Projective::multi_exp(points, scalars)).sum()
}

/// From 32 points on blst starts threads of its own; the caller decides how many threads verify.
const CHUNK_POINTS: usize = 31;

#[cfg(test)]
mod tests;
