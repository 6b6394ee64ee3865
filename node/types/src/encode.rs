//! The one canonical encoding: borsh (little-endian, length-prefixed, no padding), decoded strictly.
//!
//! A value has exactly one encoding. A decoder that would accept two (trailing bytes, unsorted sets, unused bits)
//! would let two hashes name one thing, so `decode` encodes again and compares.

use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};
use core::fmt;

/// Why foreign bytes are not the canonical encoding of a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DecodeError {
    /// Longer than the bound that the caller set, in bytes.
    TooLong { got: usize, max: usize },
    /// Cut short, an unknown tag, a value outside its range, or bytes after the end.
    Malformed,
    /// Decodes, but is not how the value is encoded.
    NotCanonical,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DecodeError::TooLong { got, max } => write!(f, "{got} bytes, at most {max} are allowed"),
            DecodeError::Malformed => write!(f, "the bytes are not a value of the expected form"),
            DecodeError::NotCanonical => write!(f, "the bytes are not the canonical encoding of their value"),
        }
    }
}

impl core::error::Error for DecodeError {}

pub fn encode<T: BorshSerialize>(value: &T) -> Vec<u8> {
    borsh::to_vec(value).expect("writing to a vector cannot fail, and lengths fit u32 by the bounds on input")
}

/// Decodes at most `bytes_max` foreign bytes. Allocation is bounded by the input's own length.
pub fn decode<T: BorshSerialize + BorshDeserialize>(bytes: &[u8], bytes_max: usize) -> Result<T, DecodeError> {
    if bytes.len() > bytes_max {
        return Err(DecodeError::TooLong { got: bytes.len(), max: bytes_max });
    }
    let value: T = borsh::from_slice(bytes).map_err(|_| DecodeError::Malformed)?;
    if encode(&value) != bytes {
        return Err(DecodeError::NotCanonical);
    }
    Ok(value)
}

/// For custom decoders: a value that the type does not admit.
pub(crate) fn invalid(what: &'static str) -> borsh::io::Error {
    borsh::io::Error::new(borsh::io::ErrorKind::InvalidData, what)
}
