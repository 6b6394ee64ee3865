//! An invitation as a file: what an institution needs in order to ask a network that it does not know yet to take it in. Signed by
//! the sponsor; whoever holds it can file one request, so it is kept like a key.

use crate::{CliError, Exit};
use concordat_crypto::verify_signature;
use concordat_keys::{SecretKey, files};
use concordat_proto::Code;
use concordat_types::{
    BlockId, Ed25519PublicKey, Ed25519Signature, Genesis, Height, Invite, MemberId, NetworkId, Tag, Timestamp,
};
use serde::{Deserialize, Serialize};
use std::{fs, path::Path};

/// As it lies in the file. The signature is over the JSON of all but `signed_by` and `signature`, as this program writes it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InviteFile {
    pub schema: String,
    pub network_id: NetworkId,
    pub sponsor: MemberId,
    pub member: MemberId,
    pub lei: String,
    /// Unix milliseconds.
    pub expires_at_ms: u64,
    /// The invitation's secret: it signs one request.
    pub key: Secret,
    pub checkpoint: Checkpoint,
    pub endpoints: Vec<Endpoint>,
    pub genesis: Genesis,
    pub signed_by: Option<Ed25519PublicKey>,
    pub signature: Option<Ed25519Signature>,
}

/// Where the network stood when the invitation was made.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    pub height: u64,
    pub block_id: BlockId,
}

/// A node that takes the request, and its certificate (PEM).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    pub address: String,
    pub certificate: String,
}

/// The private key of RFC 8032 in hex.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl std::fmt::Debug for InviteFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "InviteFile({} by {})", self.member, self.sponsor)
    }
}

/// What the sponsor says, and where the network can be found.
#[derive(Clone, Debug)]
pub struct Terms {
    pub sponsor: MemberId,
    pub member: MemberId,
    pub lei: String,
    pub expires_at: Timestamp,
    pub height: Height,
    pub block: BlockId,
    pub endpoints: Vec<Endpoint>,
    pub genesis: Genesis,
}

impl InviteFile {
    const SCHEMA: &'static str = "concordat.invite.v1";
    const TAG: Tag = Tag("concordat/invite-file/v1");

    /// With a new key, signed by one of the sponsor's admin keys; and the invitation for the ledger.
    pub fn make(terms: Terms, signer: &SecretKey) -> Result<(InviteFile, Invite), CliError> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| CliError::internal(format!("no randomness: {error}")))?;
        let key = SecretKey::from_seed(&seed).public_key();
        let Terms { sponsor, member, lei, expires_at, height, block, endpoints, genesis } = terms;
        let mut file = InviteFile {
            schema: Self::SCHEMA.to_owned(),
            network_id: genesis.network_id(),
            sponsor,
            member,
            lei: lei.clone(),
            expires_at_ms: expires_at.0,
            key: Secret(hex::encode(seed)),
            checkpoint: Checkpoint { height: height.0, block_id: block },
            endpoints,
            genesis,
            signed_by: None,
            signature: None,
        };
        let statement = file.statement()?;
        file.signed_by = Some(signer.public_key());
        file.signature = Some(signer.sign_statement(Self::TAG, &[&statement]));
        Ok((file, Invite { member, lei, key, expires_at }))
    }

    fn statement(&self) -> Result<Vec<u8>, CliError> {
        let unsigned = InviteFile { signed_by: None, signature: None, ..self.clone() };
        serde_json::to_vec(&unsigned).map_err(|error| CliError::internal(error.to_string()))
    }

    pub fn to_bytes(&self) -> Result<Vec<u8>, CliError> {
        let mut bytes = serde_json::to_vec_pretty(self).map_err(|error| CliError::internal(error.to_string()))?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// New, for its owner alone; an existing file is never overwritten.
    pub fn write(&self, path: &Path) -> Result<(), CliError> {
        files::write_new(path, &self.to_bytes()?).map_err(|error| CliError::file("invitation", path, &error))
    }

    /// Reads and checks all that can be checked without asking anybody.
    pub fn read(path: &Path) -> Result<InviteFile, CliError> {
        let text = fs::read(path).map_err(|error| CliError::file("invitation", path, &error))?;
        InviteFile::parse(&text)
    }

    pub fn parse(text: &[u8]) -> Result<InviteFile, CliError> {
        let altered = |cause: String| {
            let next = "Have the sponsor send the invitation again; what was altered is not to be trusted.";
            CliError::new(Exit::Verification, Code::InviteAltered.name(), cause, next)
        };
        let file: InviteFile =
            serde_json::from_slice(text).map_err(|error| altered(format!("the invitation is not one: {error}")))?;
        if file.schema != Self::SCHEMA {
            return Err(altered(format!("the schema is {:?}, this program knows {:?}", file.schema, Self::SCHEMA)));
        }
        let (Some(signer), Some(signature)) = (&file.signed_by, &file.signature) else {
            return Err(altered("the invitation is not signed".to_owned()));
        };
        let hash = Self::TAG.hash(&[&file.statement()?]);
        if !verify_signature(signer, &hash.0, signature) {
            return Err(altered("the sponsor's signature does not belong to what stands in the invitation".to_owned()));
        }
        concordat_crypto::check_genesis(&file.genesis)
            .map_err(|error| altered(format!("the genesis in the invitation is none: {error}")))?;
        if file.genesis.network_id() != file.network_id {
            return Err(altered("the genesis in the invitation is not that of its network id".to_owned()));
        }
        if file.endpoints.is_empty() {
            return Err(altered("the invitation names no node".to_owned()));
        }
        file.secret()?;
        Ok(file)
    }

    /// Is it signed by a key that the genesis knows as the sponsor's? Keys may have been changed since.
    pub fn signer_is_of_genesis(&self) -> bool {
        let sponsor = self.genesis.members.iter().find(|member| member.id == self.sponsor);
        let signer = self.signed_by.as_ref();
        sponsor.zip(signer).is_some_and(|(sponsor, signer)| sponsor.admin_keys.keys.contains(signer))
    }

    /// Refuses one whose time is over.
    pub fn check_time(&self, now: Timestamp) -> Result<(), CliError> {
        if now.0 < self.expires_at_ms {
            return Ok(());
        }
        let cause = format!("the invitation ended at {}", crate::output::format_time(self.expires_at_ms));
        Err(Code::InviteExpired.error(cause).into())
    }

    pub fn secret(&self) -> Result<SecretKey, CliError> {
        let mut seed = [0; 32];
        hex::decode_to_slice(&self.key.0, &mut seed).map_err(|_| {
            let cause = "the invitation's key is not 32 bytes in hex";
            CliError::new(Exit::Verification, Code::InviteAltered.name(), cause, Code::InviteAltered.next_step())
        })?;
        Ok(SecretKey::from_seed(&seed))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) mod tests;
