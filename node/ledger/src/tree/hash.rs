//! The hashes of the tree, over blocks that are laid out whole.
//!
//! Of a changed key's time most is spent here. Tag, data and padding of a node are two blocks of a known layout, so
//! they are written where SHA-256 reads them, instead of going piece by piece through a hasher's buffer.

use crate::state::{StateKey, StateValue};
use alloc::vec::Vec;
use borsh::BorshSerialize;
use concordat_types::{Hash, Tag};
use sha2::block_api::compress256;

const STATE_VALUE: Tag = Tag("concordat/state-value/v1");

pub(super) fn leaf_hash(key: &Hash, value: &Hash) -> Hash {
    const BLOCKS: [Block; 2] = two_blocks(Tag::STATE_LEAF, 64);
    const DATA: usize = 1 + Tag::STATE_LEAF.0.len();
    let mut blocks = BLOCKS;
    let message = blocks.as_flattened_mut();
    message[DATA..DATA + 32].copy_from_slice(&key.0);
    message[DATA + 32..DATA + 64].copy_from_slice(&value.0);
    sha256(&blocks)
}

pub(super) fn node_hash(bit: u8, left: &Hash, right: &Hash) -> Hash {
    const BLOCKS: [Block; 2] = two_blocks(Tag::STATE_NODE, 65);
    const DATA: usize = 1 + Tag::STATE_NODE.0.len();
    let mut blocks = BLOCKS;
    let message = blocks.as_flattened_mut();
    message[DATA] = bit;
    message[DATA + 1..DATA + 33].copy_from_slice(&left.0);
    message[DATA + 33..DATA + 65].copy_from_slice(&right.0);
    sha256(&blocks)
}

/// Two subtrees whose keys part at a bit, or the only one of them. An empty one has the hash zero.
pub(super) fn join(bit: u8, left: &Hash, right: &Hash) -> Hash {
    match (*left == Hash::ZERO, *right == Hash::ZERO) {
        (true, _) => *right,
        (_, true) => *left,
        (false, false) => node_hash(bit, left, right),
    }
}

/// Key hashes and value hashes, in a buffer that is used again.
#[derive(Clone, Debug, Default)]
pub(super) struct Hasher {
    buffer: Vec<u8>,
}

impl Hasher {
    pub(super) fn key(&mut self, key: &StateKey) -> Hash {
        self.hash(Tag::STATE_KEY, |buffer| key.serialize(buffer).expect("writing to a vector cannot fail"))
    }

    pub(super) fn value(&mut self, value: &StateValue) -> Hash {
        self.hash(STATE_VALUE, |buffer| value.serialize(buffer).expect("writing to a vector cannot fail"))
    }

    /// Of a key's canonical bytes.
    pub(super) fn key_bytes(&mut self, key: &[u8]) -> Hash {
        self.hash(Tag::STATE_KEY, |buffer| buffer.extend_from_slice(key))
    }

    /// Of a value's canonical bytes.
    pub(super) fn value_bytes(&mut self, value: &[u8]) -> Hash {
        self.hash(STATE_VALUE, |buffer| buffer.extend_from_slice(value))
    }

    fn hash(&mut self, tag: Tag, write: impl FnOnce(&mut Vec<u8>)) -> Hash {
        let buffer = &mut self.buffer;
        buffer.clear();
        buffer.push(u8::try_from(tag.0.len()).expect("tags are short literals"));
        buffer.extend_from_slice(tag.0.as_bytes());
        write(buffer);
        // FIPS 180-4, 5.1.1: a one bit, zeros up to eight bytes before the end of a block, the length in bits.
        let bits = buffer.len() as u64 * 8;
        buffer.push(0x80);
        buffer.resize((buffer.len() + 8).next_multiple_of(64) - 8, 0);
        buffer.extend_from_slice(&bits.to_be_bytes());
        sha256(buffer.as_chunks().0)
    }
}

type Block = [u8; 64];

/// Tag and padding of a message of two blocks, its data zeros.
const fn two_blocks(tag: Tag, data_bytes: usize) -> [Block; 2] {
    let tag = tag.0.as_bytes();
    let bytes = 1 + tag.len() + data_bytes;
    assert!(64 <= bytes && bytes <= 119 && tag.len() < 64, "two blocks, and the tag in the first");
    let mut blocks = [[0; 64]; 2];
    blocks[0][0] = tag.len() as u8;
    let mut place = 0;
    while place < tag.len() {
        blocks[0][1 + place] = tag[place];
        place += 1;
    }
    blocks[1][bytes - 64] = 0x80;
    let bits = bytes as u16 * 8;
    [blocks[1][62], blocks[1][63]] = bits.to_be_bytes();
    blocks
}

/// Of blocks that end with their padding.
fn sha256(blocks: &[Block]) -> Hash {
    let mut state = INITIAL;
    compress256(&mut state, blocks);
    let mut digest = [0; 32];
    for (bytes, word) in digest.as_chunks_mut().0.iter_mut().zip(state) {
        *bytes = word.to_be_bytes();
    }
    Hash(digest)
}

/// FIPS 180-4, 5.3.3.
const INITIAL: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_laid_out_here_hash_as_the_tags_do() {
        let (a, b) = (Hash([0xa5; 32]), Hash([0x3c; 32]));
        assert_eq!(leaf_hash(&a, &b), Tag::STATE_LEAF.hash(&[&a.0, &b.0]));
        for bit in [0, 1, 7, 8, 255] {
            assert_eq!(node_hash(bit, &a, &b), Tag::STATE_NODE.hash(&[&[bit], &a.0, &b.0]));
        }
        // Lengths on both sides of each edge of a block and of its padding.
        let (bytes, mut hasher) = ([0x5a; 300], Hasher::default());
        for length in 0..bytes.len() {
            let data = &bytes[..length];
            assert_eq!(hasher.key_bytes(data), Tag::STATE_KEY.hash(&[data]), "{length} bytes");
            assert_eq!(hasher.value_bytes(data), STATE_VALUE.hash(&[data]), "{length} bytes");
        }
        let (key, value) = (StateKey::IdBucket(7), StateValue::IdBucket(a));
        assert_eq!(hasher.key(&key), Tag::STATE_KEY.hash(&[&key.to_bytes()]));
        assert_eq!(hasher.value(&value), STATE_VALUE.hash(&[&concordat_types::encode(&value)]));
    }

    #[test]
    fn nothing_joins_to_the_other_side() {
        let (a, b) = (Hash([1; 32]), Hash([2; 32]));
        assert_eq!(join(3, &a, &b), node_hash(3, &a, &b));
        assert_eq!((join(3, &a, &Hash::ZERO), join(3, &Hash::ZERO, &b)), (a, b));
        assert_eq!(join(3, &Hash::ZERO, &Hash::ZERO), Hash::ZERO);
    }
}
