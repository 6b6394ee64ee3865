//! Names that people type and that stand in signed bytes. Each is parsed once; a value that exists is valid.

use crate::encode::invalid;
use alloc::string::{String, ToString};
use borsh::{BorshDeserialize, BorshSerialize, io};
use core::fmt;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NameError(pub &'static str);

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl core::error::Error for NameError {}

/// A string of at most N bytes kept in place, so that a payment file of thousands of lines allocates nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Short<const N: usize> {
    // Invariant: bytes[len..] are zero; bytes[..len] are ASCII.
    bytes: [u8; N],
    len: u8,
}

impl<const N: usize> Short<N> {
    fn new(text: &str) -> Option<Self> {
        if text.len() > N || !text.is_ascii() {
            return None;
        }
        let mut bytes = [0; N];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Some(Short { bytes, len: text.len() as u8 })
    }

    fn as_str(&self) -> &str {
        core::str::from_utf8(self.as_bytes()).expect("Short holds ASCII")
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $max:literal, $rule:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Short<$max>);

        impl $name {
            pub const BYTES_MAX: usize = $max;

            pub fn new(text: &str) -> Result<Self, NameError> {
                let valid: fn(&str) -> bool = $valid;
                match Short::new(text) {
                    Some(short) if valid(text) => Ok($name(short)),
                    _ => Err(NameError($rule)),
                }
            }

            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl core::str::FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                $name::new(text)
            }
        }

        /// One byte of length, then the bytes.
        impl BorshSerialize for $name {
            fn serialize<W: io::Write>(&self, writer: &mut W) -> io::Result<()> {
                writer.write_all(&[self.0.len])?;
                writer.write_all(self.0.as_bytes())
            }
        }

        impl BorshDeserialize for $name {
            fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
                let len = usize::from(u8::deserialize_reader(reader)?);
                let mut bytes = [0u8; $max];
                let text = bytes.get_mut(..len).ok_or_else(|| invalid($rule))?;
                reader.read_exact(text)?;
                let text = core::str::from_utf8(text).map_err(|_| invalid($rule))?;
                $name::new(text).map_err(|error| invalid(error.0))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $name::new(&<String as Deserialize>::deserialize(deserializer)?).map_err(D::Error::custom)
            }
        }
    };
}

name!(
    /// An institution's short name on the ledger; it never changes.
    MemberId, 32, "a member name is 1 to 32 of a-z, 0-9 and -",
    |text| !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
);
name!(
    /// A currency (ISO 4217), an ISIN (ISO 6166) or a code of the consortium's own, such as `CNY.D`.
    AssetCode, 12, "an asset code is 1 to 12 of A-Z, 0-9 and .",
    |text| !text.is_empty() && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'.')
);
name!(
    /// An account's name, unique per member and asset.
    AccountName, 32, "an account name is 1 to 32 of a-z, 0-9, - . and _",
    |text| !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.' | b'_'))
);
name!(
    /// End-to-end reference: a UETR (RFC 4122 text form) or an ISO 20022 EndToEndId. May be empty.
    Reference, 36, "a reference is at most 36 of A-Z, a-z, 0-9, space and /-?:().,'+",
    |text| text.bytes().all(|b| b.is_ascii_alphanumeric() || b" /-?:().,'+".contains(&b))
);
name!(
    /// ISO 20022 external purpose code, such as `SALA`. May be empty.
    Purpose, 4, "a purpose is empty or 1 to 4 of A-Z and 0-9",
    |text| text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
);

/// `bank-a/EUR/main`: how people write an account.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct AccountPath {
    pub member: MemberId,
    pub asset: AssetCode,
    pub name: AccountName,
}

impl core::str::FromStr for AccountPath {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        let mut parts = text.split('/');
        let (Some(member), Some(asset), Some(name), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(NameError("an account is written member/ASSET/name, such as bank-a/EUR/main"));
        };
        Ok(AccountPath { member: member.parse()?, asset: asset.parse()?, name: name.parse()? })
    }
}

impl fmt::Display for AccountPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&[self.member.as_str(), self.asset.as_str(), self.name.as_str()].join("/").to_string())
    }
}
