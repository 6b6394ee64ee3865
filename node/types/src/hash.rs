//! SHA-256 under a domain tag: two kinds of thing never share a digest.

use alloc::string::String;
use borsh::{BorshDeserialize, BorshSerialize};
use core::fmt;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use sha2::{Digest, Sha256};

/// A SHA-256 digest (FIPS 180-4).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, BorshSerialize, BorshDeserialize)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    pub const ZERO: Hash = Hash([0; 32]);

    pub fn from_hex(text: &str) -> Option<Hash> {
        from_hex(text).map(Hash)
    }
}

/// What a digest or a signature is about. The bytes go in front of the data, length first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tag(pub &'static str);

impl Tag {
    pub const ACCOUNT_ID: Tag = Tag("concordat/account-id/v1");
    pub const BATCH: Tag = Tag("concordat/batch/v1");
    pub const BLOCK_ID: Tag = Tag("concordat/block-id/v1");
    pub const BLINDING: Tag = Tag("concordat/blinding/v1");
    pub const CAUGHT_UP: Tag = Tag("concordat/caught-up/v1");
    pub const CERTIFICATE: Tag = Tag("concordat/certificate/v1");
    pub const DUE: Tag = Tag("concordat/due/v1");
    pub const EVIDENCE: Tag = Tag("concordat/evidence/v1");
    pub const GENESIS: Tag = Tag("concordat/genesis/v1");
    pub const ID_WINDOW: Tag = Tag("concordat/id-window/v1");
    pub const JOIN_REQUEST: Tag = Tag("concordat/join-request/v1");
    pub const KEY: Tag = Tag("concordat/key/v1");
    pub const PARAMETERS: Tag = Tag("concordat/parameters/v1");
    pub const PROPOSAL: Tag = Tag("concordat/proposal/v1");
    pub const RECORD: Tag = Tag("concordat/record/v1");
    pub const STATE_KEY: Tag = Tag("concordat/state-key/v1");
    pub const STATE_LEAF: Tag = Tag("concordat/state-leaf/v1");
    pub const STATE_NODE: Tag = Tag("concordat/state-node/v1");
    pub const TRANSACTION: Tag = Tag("concordat/transaction/v1");
    pub const TRANSFER: Tag = Tag("concordat/transfer/v1");
    pub const VALIDATORS: Tag = Tag("concordat/validators/v1");
    pub const VOTE: Tag = Tag("concordat/vote/v1");

    /// SHA-256(length of tag as one byte, tag, parts in order).
    pub fn hash(self, parts: &[&[u8]]) -> Hash {
        let mut hasher = self.hasher();
        for part in parts {
            hasher.update(part);
        }
        Hash(hasher.finalize().into())
    }

    pub fn hasher(self) -> Sha256 {
        let mut hasher = Sha256::new();
        hasher.update([u8::try_from(self.0.len()).expect("tags are short literals")]);
        hasher.update(self.0.as_bytes());
        hasher
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Eight hex digits are enough to tell digests apart in a log.
impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..4].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <String as Deserialize>::deserialize(deserializer)?;
        Hash::from_hex(&text).ok_or_else(|| D::Error::custom("expected 64 lower-case hex digits"))
    }
}

/// Lower-case hex of exactly N bytes, else None.
pub fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Some(bytes)
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}
