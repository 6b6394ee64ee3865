//! Assets and accounts, in double entry.

use crate::{AccountName, AssetCode, Hash, MemberId, Tag, Tier, names::AccountPath};
use borsh::{BorshDeserialize, BorshSerialize};
use core::fmt;
use serde::{Deserialize, Serialize};

/// Minor units of an asset, such as cents for an asset with two decimals.
pub type Amount = u128;

#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum AssetKind {
    CentralBankMoney = 0,
    DepositToken = 1,
    Stablecoin = 2,
    Security = 3,
    RegisteredAsset = 4,
    TimeCredit = 5,
}

/// A unit of value. Its supply is not a field: it is the negative balance of its issuance account.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asset {
    pub code: AssetCode,
    /// Digits after the decimal point of the major unit, at most 18.
    pub decimals: u8,
    pub issuer: MemberId,
    pub kind: AssetKind,
    /// Most minor units that may be outstanding at once.
    pub quota: Amount,
    pub frozen: bool,
}

impl Asset {
    pub const DECIMALS_MAX: u8 = 18;
    /// The name of the account that an issue debits. Nobody opens an account of this name by hand.
    pub const ISSUANCE_ACCOUNT: &'static str = "issuance";

    pub fn issuance_account(&self) -> AccountPath {
        let name = AccountName::new(Self::ISSUANCE_ACCOUNT).expect("a valid literal");
        AccountPath { member: self.issuer, asset: self.code, name }
    }
}

/// First 16 bytes of SHA-256(tag, member, asset, name); each name with its length in front.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct AccountId(pub [u8; 16]);

impl AccountId {
    pub fn new(path: &AccountPath) -> AccountId {
        let parts = [crate::encode(&path.member), crate::encode(&path.asset), crate::encode(&path.name)];
        let Hash(digest) = Tag::ACCOUNT_ID.hash(&[&parts[0], &parts[1], &parts[2]]);
        AccountId(digest[..16].try_into().expect("16 of 32 bytes"))
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..4].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Account {
    pub owner: MemberId,
    pub asset: AssetCode,
    pub name: AccountName,
    pub flags: AccountFlags,
    pub parent: Option<AccountId>,
    /// As in `OpenAccount`.
    pub customer: Option<Hash>,
    pub tier: Option<Tier>,
    /// Open accounts that name this one as their parent.
    pub children: u32,
    pub debits_posted: Amount,
    pub credits_posted: Amount,
    pub debits_pending: Amount,
    pub credits_pending: Amount,
    /// Stands in the state leaf, so that a proof does not give its neighbours away by guessing. Derived from the
    /// opening transaction, which only its parties and the replicas see.
    pub blinding: [u8; 16],
}

/// Bits of an account.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize)]
pub struct AccountFlags(pub u16);

impl AccountFlags {
    /// May have more debits than credits: the issuance account of an asset, nothing else.
    pub const ISSUANCE: AccountFlags = AccountFlags(1);
    /// By the owner.
    pub const DEBIT_FROZEN: AccountFlags = AccountFlags(2);
    pub const CREDIT_FROZEN: AccountFlags = AccountFlags(4);
    pub const CLOSED: AccountFlags = AccountFlags(8);
    /// By the asset's issuer, who alone lifts it.
    pub const DEBIT_FROZEN_BY_ISSUER: AccountFlags = AccountFlags(16);
    pub const CREDIT_FROZEN_BY_ISSUER: AccountFlags = AccountFlags(32);
    /// It has limits of its own, or payments are counted for its tier.
    pub const LIMITED: AccountFlags = AccountFlags(64);

    pub fn contains(self, other: AccountFlags) -> bool {
        self.0 & other.0 == other.0
    }

    pub fn with(self, flags: AccountFlags, on: bool) -> AccountFlags {
        AccountFlags(if on { self.0 | flags.0 } else { self.0 & !flags.0 })
    }

    pub fn is_debit_frozen(self) -> bool {
        self.0 & (Self::DEBIT_FROZEN.0 | Self::DEBIT_FROZEN_BY_ISSUER.0) != 0
    }

    pub fn is_credit_frozen(self) -> bool {
        self.0 & (Self::CREDIT_FROZEN.0 | Self::CREDIT_FROZEN_BY_ISSUER.0) != 0
    }
}

impl Account {
    pub fn path(&self) -> AccountPath {
        AccountPath { member: self.owner, asset: self.asset, name: self.name }
    }

    /// What may be spent: credits_posted - debits_posted - debits_pending. None for the issuance account, whose
    /// balance is negative and whose limit is the quota.
    pub fn available(&self) -> Option<Amount> {
        self.credits_posted.checked_sub(self.debits_posted)?.checked_sub(self.debits_pending)
    }
}
