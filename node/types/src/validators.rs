//! The validators of a height and their voting power.

use crate::{BlsPublicKey, Hash, MemberId, Tag, encode, encode::invalid};
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize, io};
use core::fmt;

/// Voting power; a plain number of 100 a validator unless governance says otherwise.
pub type Power = u64;

/// A validator's place in its set, from 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, BorshSerialize, BorshDeserialize)]
pub struct ValidatorIndex(pub u16);

#[derive(Clone, PartialEq, Eq, Hash, Debug, BorshSerialize, BorshDeserialize)]
pub struct Validator {
    pub member: MemberId,
    pub key: BlsPublicKey,
    pub power: Power,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, BorshSerialize)]
pub struct ValidatorSet {
    // Invariant: sorted by member, no member and no key twice, no power 0, at least one, at most VALIDATORS_MAX.
    validators: Vec<Validator>,
}

/// Why a list of validators is not a set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ValidatorSetError {
    Empty,
    TooMany(usize),
    NotSorted,
    SameKeyTwice,
    ZeroPower,
}

impl fmt::Display for ValidatorSetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ValidatorSetError::Empty => write!(f, "a validator set needs at least one validator"),
            ValidatorSetError::TooMany(got) => write!(f, "{got} validators, at most {}", ValidatorSet::VALIDATORS_MAX),
            ValidatorSetError::NotSorted => write!(f, "validators are not in strictly ascending order of members"),
            ValidatorSetError::SameKeyTwice => write!(f, "two validators have the same consensus key"),
            ValidatorSetError::ZeroPower => write!(f, "a validator has no voting power"),
        }
    }
}

impl core::error::Error for ValidatorSetError {}

impl ValidatorSet {
    /// All-to-all votes are measured up to this many.
    pub const VALIDATORS_MAX: usize = 256;

    pub fn new(validators: Vec<Validator>) -> Result<ValidatorSet, ValidatorSetError> {
        if validators.is_empty() {
            return Err(ValidatorSetError::Empty);
        }
        if validators.len() > Self::VALIDATORS_MAX {
            return Err(ValidatorSetError::TooMany(validators.len()));
        }
        if !validators.is_sorted_by(|a, b| a.member < b.member) {
            return Err(ValidatorSetError::NotSorted);
        }
        if validators.iter().any(|validator| validator.power == 0) {
            return Err(ValidatorSetError::ZeroPower);
        }
        let mut keys: Vec<_> = validators.iter().map(|validator| validator.key).collect();
        keys.sort_unstable();
        if !keys.is_sorted_by(|a, b| a < b) {
            return Err(ValidatorSetError::SameKeyTwice);
        }
        Ok(ValidatorSet { validators })
    }

    pub fn len(&self) -> usize {
        self.validators.len()
    }

    /// Never: a set has at least one validator.
    pub fn is_empty(&self) -> bool {
        false
    }

    pub fn get(&self, index: ValidatorIndex) -> Option<&Validator> {
        self.validators.get(usize::from(index.0))
    }

    pub fn iter(&self) -> impl Iterator<Item = (ValidatorIndex, &Validator)> {
        self.validators.iter().enumerate().map(|(i, validator)| (ValidatorIndex(i as u16), validator))
    }

    pub fn index_of(&self, member: &MemberId) -> Option<ValidatorIndex> {
        let index = self.validators.binary_search_by(|validator| validator.member.cmp(member)).ok()?;
        Some(ValidatorIndex(index as u16))
    }

    pub fn index_of_key(&self, key: &BlsPublicKey) -> Option<ValidatorIndex> {
        self.iter().find(|(_, validator)| validator.key == *key).map(|(index, _)| index)
    }

    pub fn power(&self, index: ValidatorIndex) -> u128 {
        self.get(index).map_or(0, |validator| u128::from(validator.power))
    }

    /// In u128: 256 powers of 2^64 do not overflow.
    pub fn total_power(&self) -> u128 {
        self.validators.iter().map(|validator| u128::from(validator.power)).sum()
    }

    /// More than two thirds: any two quorums share an honest validator.
    pub fn is_quorum(&self, power: u128) -> bool {
        3 * power > 2 * self.total_power()
    }

    /// More than one third: at least one of them is honest.
    pub fn is_one_honest(&self, power: u128) -> bool {
        3 * power > self.total_power()
    }

    pub fn hash(&self) -> Hash {
        Tag::VALIDATORS.hash(&[&encode(self)])
    }
}

impl BorshDeserialize for ValidatorSet {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        let validators = Vec::deserialize_reader(reader)?;
        ValidatorSet::new(validators).map_err(|_| invalid("not a validator set"))
    }
}

/// Which validators of a set: bit i is validator i, least significant bit of a byte first, padding bits zero.
#[derive(Clone, PartialEq, Eq, Hash, Debug, BorshSerialize)]
pub struct Bitmap {
    // Invariant: bits.len() == len.div_ceil(8); bits from len on are zero; len <= VALIDATORS_MAX.
    len: u16,
    bits: Vec<u8>,
}

impl Bitmap {
    pub fn new(len: usize) -> Bitmap {
        assert!(len <= ValidatorSet::VALIDATORS_MAX);
        Bitmap { len: len as u16, bits: alloc::vec![0; len.div_ceil(8)] }
    }

    pub fn len(&self) -> usize {
        usize::from(self.len)
    }

    pub fn is_empty(&self) -> bool {
        self.bits.iter().all(|byte| *byte == 0)
    }

    /// Panics where the index is outside the set that the bitmap was made for.
    pub fn insert(&mut self, index: ValidatorIndex) {
        assert!(index.0 < self.len);
        self.bits[usize::from(index.0 / 8)] |= 1 << (index.0 % 8);
    }

    pub fn contains(&self, index: ValidatorIndex) -> bool {
        index.0 < self.len && self.bits[usize::from(index.0 / 8)] & 1 << (index.0 % 8) != 0
    }

    pub fn iter(&self) -> impl Iterator<Item = ValidatorIndex> + '_ {
        (0..self.len).map(ValidatorIndex).filter(|index| self.contains(*index))
    }

    pub fn count(&self) -> usize {
        self.iter().count()
    }

    pub fn power(&self, set: &ValidatorSet) -> u128 {
        self.iter().map(|index| set.power(index)).sum()
    }
}

impl BorshDeserialize for Bitmap {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        let len = u16::deserialize_reader(reader)?;
        let bits: Vec<u8> = Vec::deserialize_reader(reader)?;
        let bytes = usize::from(len).div_ceil(8);
        let padded = |byte: &u8| len % 8 == 0 || byte >> (len % 8) == 0;
        if usize::from(len) > ValidatorSet::VALIDATORS_MAX || bits.len() != bytes || !bits.last().is_none_or(padded) {
            return Err(invalid("not a bitmap of at most 256 validators with zero padding"));
        }
        Ok(Bitmap { len, bits })
    }
}
