//! BLS12-381 signatures by draft-irtf-cfrg-bls-signature, suite BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_: keys of 48
//! bytes in G1, signatures of 96 bytes in G2. The only module that names the libraries.
//!
//! Decoding, aggregation and the pairing check are `bls_signatures`'s. Its `verify_messages` is not used: it hashes under
//! the tag of another suite and refuses equal messages, which votes for one block are. Instead the keys of equal messages
//! are summed, and one hash is checked against one key (FastAggregateVerify). That is sound only for keys whose owners
//! have proved possession, which genesis and admission demand. Its secret keys are not used either.

use bls_signatures::Serialize as _;
use blst::{blst_p1, blst_p2, p1_affines, p2_affines};
use blstrs::{G1Projective, G2Affine, G2Projective};
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
    let parse = |signature| Signature::parse(signature).map(|signature| signature.point);
    let points = signatures.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
    sum(&points).map(|signature| signature.bytes())
}

/// The same for signatures that were parsed before: the check of the subgroup, a third of the cost of decoding, is left
/// to whoever parses the sum.
pub(crate) fn aggregate_parsed_before(signatures: &[BlsSignature]) -> Result<BlsSignature, BlsError> {
    let decode = |signature: &BlsSignature| Option::from(G2Affine::from_compressed_unchecked(&signature.0));
    let points: Option<Vec<_>> = signatures.iter().map(|signature| decode(signature).map(G2Affine::into)).collect();
    sum(&points.ok_or(BlsError::NotAPoint)?).map(|signature| signature.bytes())
}

fn sum(points: &[bls_signatures::Signature]) -> Result<Signature, BlsError> {
    Signature::from_point(bls_signatures::aggregate(points).map_err(|_| BlsError::Empty)?)
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
        let group_factors: Vec<[u64; 2]> = group.entries.iter().map(|(_, _, factor)| *factor).collect();
        let points: Vec<G1Projective> = group.entries.iter().map(|(key, _, _)| key.point.into()).collect();
        keys.push(bls_signatures::PublicKey::from(sum_of_products_g1(&points, &group_factors)));
        hashes.push(hash(group.message, SIGNATURE_DST));
        signatures.extend(group.entries.iter().map(|(_, signature, _)| G2Projective::from(signature.point)));
        factors.extend(group_factors);
    }
    let sum = sum_of_products_g2(&signatures, &factors);
    bls_signatures::verify(&sum.into(), &hashes, &keys)
}

fn hash(message: &[u8], dst: &[u8]) -> G2Projective {
    G2Projective::hash_to_curve(message, dst, &[])
}

fn sum_of_products_g1(points: &[G1Projective], factors: &[[u64; 2]]) -> G1Projective {
    let points: Vec<blst_p1> = points.iter().map(|point| *point.as_ref()).collect();
    let mut sum = G1Projective::identity();
    *sum.as_mut() = p1_affines::from(&points).mult(&scalars(factors), FACTOR_BITS);
    sum
}

fn sum_of_products_g2(points: &[G2Projective], factors: &[[u64; 2]]) -> G2Projective {
    let points: Vec<blst_p2> = points.iter().map(|point| *point.as_ref()).collect();
    let mut sum = G2Projective::identity();
    *sum.as_mut() = p2_affines::from(&points).mult(&scalars(factors), FACTOR_BITS);
    sum
}

/// Little-endian, 16 bytes each.
fn scalars(factors: &[[u64; 2]]) -> Vec<u8> {
    factors.iter().flatten().flat_map(|half| half.to_le_bytes()).collect()
}

const FACTOR_BITS: usize = 128;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
