//! What all nodes must agree on before the first block.

use crate::{
    Asset, Hash, Member, MemberId, Tag, Timestamp, Validator, ValidatorSet, encode, validators::ValidatorSetError,
};
use alloc::{collections::BTreeSet, string::String, vec::Vec};
use borsh::{BorshDeserialize, BorshSerialize};
use core::fmt;
use serde::{Deserialize, Serialize};

/// SHA-256(tag, canonical genesis): the name of the network. Every signature carries it.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Debug,
    Default,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[serde(transparent)]
pub struct NetworkId(pub Hash);

impl fmt::Display for NetworkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// What must be equal everywhere and may be changed by vote. Times in milliseconds, sizes in bytes.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    pub timeout_propose_ms: u32,
    pub timeout_prevote_ms: u32,
    pub timeout_precommit_ms: u32,
    /// Added to each timeout for each round.
    pub timeout_step_ms: u32,
    pub timeout_max_ms: u32,
    /// An idle network makes an empty block this often.
    pub heartbeat_ms: u32,
    /// How far apart honest clocks may be.
    pub precision_ms: u32,
    /// How long a proposal may travel.
    pub delay_ms: u32,
    pub tx_bytes_max: u32,
    pub block_bytes_max: u32,
    pub block_transfers_max: u32,
    pub transfers_per_tx_max: u32,
    pub id_window_ms: u64,
    pub evidence_window_heights: u64,
    pub evidence_window_ms: u64,
}

impl Default for Parameters {
    fn default() -> Self {
        Parameters {
            timeout_propose_ms: 1000,
            timeout_prevote_ms: 500,
            timeout_precommit_ms: 500,
            timeout_step_ms: 250,
            timeout_max_ms: 10_000,
            heartbeat_ms: 10_000,
            precision_ms: 500,
            delay_ms: 2_000,
            tx_bytes_max: 1 << 20,
            block_bytes_max: 16 << 20,
            block_transfers_max: 32_768,
            transfers_per_tx_max: 8_190,
            id_window_ms: 48 * 3_600_000,
            evidence_window_heights: 10_000,
            evidence_window_ms: 48 * 3_600_000,
        }
    }
}

impl Parameters {
    pub fn hash(&self) -> Hash {
        Tag::PARAMETERS.hash(&[&encode(self)])
    }

    /// The first that is out of its range.
    pub fn out_of_range(&self) -> Option<&'static str> {
        let p = self;
        let in_range = [
            ("timeout_propose_ms", p.timeout_propose_ms > 0 && p.timeout_propose_ms <= p.timeout_max_ms),
            ("timeout_prevote_ms", p.timeout_prevote_ms > 0 && p.timeout_prevote_ms <= p.timeout_max_ms),
            ("timeout_precommit_ms", p.timeout_precommit_ms > 0 && p.timeout_precommit_ms <= p.timeout_max_ms),
            ("heartbeat_ms", p.heartbeat_ms > 0),
            ("tx_bytes_max", (1 << 10..=16 << 20).contains(&p.tx_bytes_max)),
            ("block_bytes_max", p.block_bytes_max >= p.tx_bytes_max.saturating_mul(2) && p.block_bytes_max <= 16 << 20),
            ("transfers_per_tx_max", (1..=65_535).contains(&p.transfers_per_tx_max)),
            ("block_transfers_max", (p.transfers_per_tx_max..=1 << 20).contains(&p.block_transfers_max)),
            ("id_window_ms", (60_000..=30 * 86_400_000).contains(&p.id_window_ms)),
        ];
        in_range.into_iter().find(|(_, ok)| !ok).map(|(name, _)| name)
    }
}

#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Genesis {
    /// 1.
    pub version: u16,
    /// For people; part of the hash.
    pub name: String,
    pub time: Timestamp,
    /// Only for trial networks: weak passphrases and clock offsets are allowed, LEI and BIC may be absent.
    pub trial: bool,
    pub parameters: Parameters,
    pub members: Vec<Member>,
    pub assets: Vec<Asset>,
}

/// Why a genesis is not one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum GenesisError {
    Version(u16),
    MembersNotSorted,
    TooManyMembers(usize),
    AssetsNotSorted,
    UnknownIssuer(MemberId),
    TooManyDecimals(Asset),
    /// A key stands twice, in one member or in two.
    KeyTwice(MemberId),
    BadKeyGroup(MemberId),
    TooLong(MemberId, &'static str),
    LegalId(MemberId, &'static str),
    Validators(ValidatorSetError),
    ParameterOutOfRange(&'static str),
}

impl fmt::Display for GenesisError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GenesisError::Version(got) => write!(f, "genesis version {got}, this program knows {}", Genesis::VERSION),
            GenesisError::MembersNotSorted => write!(f, "members are not in strictly ascending order of names"),
            GenesisError::TooManyMembers(got) => write!(f, "{got} members, at most {}", Genesis::MEMBERS_MAX),
            GenesisError::AssetsNotSorted => write!(f, "assets are not in strictly ascending order of codes"),
            GenesisError::UnknownIssuer(member) => write!(f, "an asset names the issuer {member}, who is no member"),
            GenesisError::TooManyDecimals(asset) => {
                write!(f, "asset {} has {} decimals, at most {}", asset.code, asset.decimals, Asset::DECIMALS_MAX)
            }
            GenesisError::KeyTwice(member) => write!(f, "a key of member {member} stands in the genesis twice"),
            GenesisError::BadKeyGroup(member) => {
                write!(f, "a key group of member {member} needs k of at least 1 and at most its keys")
            }
            GenesisError::TooLong(member, what) => write!(f, "{what} of member {member} is too long"),
            GenesisError::LegalId(member, what) => write!(f, "{what} of member {member} is not valid"),
            GenesisError::Validators(error) => write!(f, "{error}"),
            GenesisError::ParameterOutOfRange(name) => write!(f, "parameter {name} is out of range"),
        }
    }
}

impl core::error::Error for GenesisError {}

impl Genesis {
    pub const VERSION: u16 = 1;
    pub const BYTES_MAX: usize = 16 << 20;
    pub const MEMBERS_MAX: usize = 4096;

    pub fn network_id(&self) -> NetworkId {
        NetworkId(Tag::GENESIS.hash(&[&encode(self)]))
    }

    /// The set that decides heights 1 and 2.
    pub fn validators(&self) -> Result<ValidatorSet, ValidatorSetError> {
        let validators = self.members.iter().filter_map(|member| {
            let record = member.validator.as_ref().filter(|_| member.is_active())?;
            Some(Validator { member: member.id, key: record.key, power: record.power })
        });
        ValidatorSet::new(validators.collect())
    }

    /// Everything but the proofs of possession, which need `crypto`.
    pub fn check(&self) -> Result<(), GenesisError> {
        if self.version != Self::VERSION {
            return Err(GenesisError::Version(self.version));
        }
        if self.members.len() > Self::MEMBERS_MAX {
            return Err(GenesisError::TooManyMembers(self.members.len()));
        }
        if !self.members.is_sorted_by(|a, b| a.id < b.id) {
            return Err(GenesisError::MembersNotSorted);
        }
        if !self.assets.is_sorted_by(|a, b| a.code < b.code) {
            return Err(GenesisError::AssetsNotSorted);
        }
        for asset in &self.assets {
            if !self.members.iter().any(|member| member.id == asset.issuer) {
                return Err(GenesisError::UnknownIssuer(asset.issuer));
            }
            if asset.decimals > Asset::DECIMALS_MAX {
                return Err(GenesisError::TooManyDecimals(asset.clone()));
            }
        }
        self.check_members()?;
        self.check_parameters()?;
        self.validators().map(|_| ()).map_err(GenesisError::Validators)
    }

    fn check_members(&self) -> Result<(), GenesisError> {
        let mut keys = BTreeSet::new();
        for member in &self.members {
            check_member(member, self.trial)?;
            for key in member.key_names() {
                if !keys.insert(key) {
                    return Err(GenesisError::KeyTwice(member.id));
                }
            }
        }
        Ok(())
    }

    fn check_parameters(&self) -> Result<(), GenesisError> {
        match self.parameters.out_of_range() {
            Some(name) => Err(GenesisError::ParameterOutOfRange(name)),
            None => Ok(()),
        }
    }
}

/// The form of a member's record; `trial` lets LEI and BIC be absent.
pub fn check_member(member: &Member, trial: bool) -> Result<(), GenesisError> {
    let id = member.id;
    if member.legal_name.len() > Member::LEGAL_NAME_BYTES_MAX {
        return Err(GenesisError::TooLong(id, "the legal name"));
    }
    let address_too_long = |node: &crate::member::NodeRecord| {
        node.peer_address.len() > Member::ADDRESS_BYTES_MAX || node.client_address.len() > Member::ADDRESS_BYTES_MAX
    };
    if member.node.as_ref().is_some_and(address_too_long) {
        return Err(GenesisError::TooLong(id, "an address"));
    }
    let node = member.node.iter().flat_map(|node| [&node.peer_address, &node.client_address]);
    let mut texts = node.chain([&member.legal_name]);
    if !texts.all(|text| is_plain(text)) {
        return Err(GenesisError::LegalId(id, "the legal name or an address: it holds control characters, which"));
    }
    for (what, count) in [
        ("the list of admin keys", member.admin_keys.keys.len()),
        ("the list of recovery keys", member.recovery_keys.keys.len()),
        ("the list of operator keys", member.operator_keys.len()),
        ("the list of access keys", member.access_keys.len()),
    ] {
        if count > Member::KEYS_MAX {
            return Err(GenesisError::TooLong(id, what));
        }
    }
    for group in [&member.admin_keys, &member.recovery_keys] {
        if group.k == 0 || usize::from(group.k) > group.keys.len() {
            return Err(GenesisError::BadKeyGroup(id));
        }
    }
    let may_lack = |id: &str| trial && id.is_empty();
    if !may_lack(&member.lei) && !is_lei(&member.lei) {
        return Err(GenesisError::LegalId(id, "the LEI (ISO 17442)"));
    }
    if !may_lack(&member.bic) && !is_bic(&member.bic) {
        return Err(GenesisError::LegalId(id, "the BIC (ISO 9362)"));
    }
    Ok(())
}

/// Without characters that move the cursor, hide or turn round what stands beside them: people compare what they read.
pub fn is_plain(text: &str) -> bool {
    let is_of_direction =
        |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !text.chars().any(|c| c.is_control() || is_of_direction(c))
}

/// ISO 17442: 18 letters or digits and two check digits by ISO 7064 MOD 97-10.
pub fn is_lei(text: &str) -> bool {
    let bytes = text.as_bytes();
    let form = bytes.len() == 20
        && bytes[..18].iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        && bytes[18..].iter().all(u8::is_ascii_digit);
    let remainder = |rest: u32, byte: &u8| match byte {
        b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
        _ => (rest * 100 + u32::from(byte - b'A') + 10) % 97,
    };
    form && bytes.iter().fold(0, remainder) == 1
}

/// ISO 9362: four letters or digits of the party, two letters of the country, two of the location, three of a branch.
pub fn is_bic(text: &str) -> bool {
    let bytes = text.as_bytes();
    matches!(bytes.len(), 8 | 11)
        && bytes.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        && bytes[4..6].iter().all(u8::is_ascii_uppercase)
}
