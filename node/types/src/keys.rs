//! Bytes of public keys and signatures. Whether they are points of their curve is `crypto`'s to say.

use crate::hash::from_hex;
use alloc::string::String;
use borsh::{BorshDeserialize, BorshSerialize};
use core::fmt;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

macro_rules! bytes {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
        pub struct $name(pub [u8; $len]);

        impl $name {
            pub fn from_hex(text: &str) -> Option<Self> {
                from_hex(text).map($name)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0[..4].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $name::from_hex(&<String as Deserialize>::deserialize(deserializer)?)
                    .ok_or_else(|| D::Error::custom(concat!("expected ", $len, " bytes in lower-case hex")))
            }
        }
    };
}

bytes!(
    /// Ed25519 verification key (RFC 8032, validated by the ZIP-215 rules). Admin, recovery and operator keys.
    Ed25519PublicKey, 32
);
bytes!(
    /// Ed25519 signature (RFC 8032).
    Ed25519Signature, 64
);
bytes!(
    /// BLS12-381 public key: compressed point of G1. Consensus keys.
    BlsPublicKey, 48
);
bytes!(
    /// BLS12-381 signature, single or aggregate: compressed point of G2.
    BlsSignature, 96
);
