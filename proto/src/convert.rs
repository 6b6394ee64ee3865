//! Between wire and domain: fixed-size bytes with errors that name the field, and the public shape of records.

use crate::{codes::Code, codes::CodedError, v1};
use concordat_types::{
    Account, AccountId, Amount, Asset, BlockId, Certificate, Hash, Header, Height, Member, MemberId, NetworkId, Uuid,
    ValidatorSet,
};

/// A field of a request that is not what it has to be.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ConvertError {
    #[error("{field} has {got} bytes, expected {expected}")]
    Length { field: &'static str, got: usize, expected: usize },
    #[error("{field}: {cause}")]
    Invalid { field: &'static str, cause: String },
}

impl From<ConvertError> for CodedError {
    fn from(error: ConvertError) -> CodedError {
        Code::Malformed.error(error.to_string())
    }
}

impl From<ConvertError> for tonic::Status {
    fn from(error: ConvertError) -> tonic::Status {
        CodedError::from(error).into()
    }
}

/// 16 bytes, big-endian, so that bytes sort as amounts do.
pub fn amount_to_bytes(amount: Amount) -> Vec<u8> {
    amount.to_be_bytes().to_vec()
}

pub fn amount_from_bytes(field: &'static str, bytes: &[u8]) -> Result<Amount, ConvertError> {
    fixed(field, bytes).map(u128::from_be_bytes)
}

pub fn hash_from_bytes(field: &'static str, bytes: &[u8]) -> Result<Hash, ConvertError> {
    fixed(field, bytes).map(Hash)
}

pub fn block_id_from_bytes(field: &'static str, bytes: &[u8]) -> Result<BlockId, ConvertError> {
    hash_from_bytes(field, bytes).map(BlockId)
}

pub fn network_id_from_bytes(field: &'static str, bytes: &[u8]) -> Result<NetworkId, ConvertError> {
    hash_from_bytes(field, bytes).map(NetworkId)
}

pub fn account_id_from_bytes(field: &'static str, bytes: &[u8]) -> Result<AccountId, ConvertError> {
    fixed(field, bytes).map(AccountId)
}

/// Of version 7, as every id on the ledger is.
pub fn uuid_from_bytes(field: &'static str, bytes: &[u8]) -> Result<Uuid, ConvertError> {
    let uuid = Uuid(fixed(field, bytes)?);
    if uuid.time().is_none() {
        return Err(ConvertError::Invalid { field, cause: "not a UUID of version 7".to_owned() });
    }
    Ok(uuid)
}

pub fn member_id_from_str(field: &'static str, text: &str) -> Result<MemberId, ConvertError> {
    text.parse().map_err(|error: concordat_types::NameError| ConvertError::Invalid { field, cause: error.0.to_owned() })
}

/// 64 lower-case hex digits.
pub fn hash_from_hex(field: &'static str, text: &str) -> Result<Hash, ConvertError> {
    let cause = || format!("expected 64 lower-case hex digits, got {:?}", text.chars().take(80).collect::<String>());
    Hash::from_hex(text).ok_or_else(|| ConvertError::Invalid { field, cause: cause() })
}

fn fixed<const N: usize>(field: &'static str, bytes: &[u8]) -> Result<[u8; N], ConvertError> {
    bytes.try_into().map_err(|_| ConvertError::Length { field, got: bytes.len(), expected: N })
}

/// `height` is the one whose state the account is of.
pub fn account(id: AccountId, account: &Account, height: Height) -> v1::Account {
    v1::Account {
        account_id: id.0.to_vec(),
        owner: account.owner.to_string(),
        asset: account.asset.to_string(),
        name: account.name.to_string(),
        flags: u32::from(account.flags.0),
        debits_posted: amount_to_bytes(account.debits_posted),
        credits_posted: amount_to_bytes(account.credits_posted),
        debits_pending: amount_to_bytes(account.debits_pending),
        credits_pending: amount_to_bytes(account.credits_pending),
        height: height.0,
        parent: account.parent.map_or(Vec::new(), |parent| parent.0.to_vec()),
        customer: account.customer.map_or(Vec::new(), |customer| customer.0.to_vec()),
        tier: account.tier.map(|tier| u32::from(tier.0)),
    }
}

pub fn member(member: &Member) -> v1::Member {
    let node = member.node.as_ref();
    let validator = member.validator.as_ref();
    v1::Member {
        id: member.id.to_string(),
        legal_name: member.legal_name.clone(),
        lei: member.lei.clone(),
        bic: member.bic.clone(),
        roles: member.roles.0,
        status: member.status as u32,
        power: validator.map_or(0, |validator| validator.power),
        consensus_key: validator.map_or(Vec::new(), |validator| validator.key.0.to_vec()),
        peer_address: node.map_or(String::new(), |node| node.peer_address.clone()),
        client_address: node.map_or(String::new(), |node| node.client_address.clone()),
    }
}

/// `supply`: minor units outstanding.
pub fn asset(asset: &Asset, supply: Amount) -> v1::Asset {
    v1::Asset {
        code: asset.code.to_string(),
        decimals: u32::from(asset.decimals),
        issuer: asset.issuer.to_string(),
        kind: asset.kind as u32,
        quota: amount_to_bytes(asset.quota),
        supply: amount_to_bytes(supply),
        frozen: asset.frozen,
    }
}

/// What everybody may see of a block; the caller fills in `transactions`, `transfers` and `visible`. `validators` is
/// the set of the block's height, where it is known.
pub fn block(header: &Header, certificate: &Certificate, validators: Option<&ValidatorSet>) -> v1::Block {
    let member_of = |index| validators.and_then(|set| set.get(index)).map(|validator| validator.member.to_string());
    v1::Block {
        height: header.height.0,
        block_id: certificate.block.0.0.to_vec(),
        time_ms: header.time.0,
        parent: header.parent.0.0.to_vec(),
        state_root: header.state_root.0.to_vec(),
        results_root: header.results_root.0.to_vec(),
        transactions_root: header.transactions_root.0.to_vec(),
        proposer: header.proposer.to_string(),
        round: certificate.round.0,
        signers: certificate.signers.iter().filter_map(member_of).collect(),
        transactions: 0,
        transfers: 0,
        header: concordat_types::encode(header),
        certificate: concordat_types::encode(certificate),
        visible: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_sixteen_bytes_big_endian() {
        for amount in [0, 1, 1 << 64, u128::MAX] {
            assert_eq!(amount_from_bytes("amount", &amount_to_bytes(amount)), Ok(amount));
        }
        assert_eq!(amount_to_bytes(258)[14..], [1, 2]);
        let error = amount_from_bytes("amount", &[0; 3]).expect_err("three bytes");
        assert_eq!(error.to_string(), "amount has 3 bytes, expected 16");
    }

    #[test]
    fn ids_name_the_field_that_is_wrong() {
        assert_eq!(hash_from_bytes("block_id", &[7; 32]), Ok(Hash([7; 32])));
        assert_eq!(
            hash_from_bytes("block_id", &[]),
            Err(ConvertError::Length { field: "block_id", got: 0, expected: 32 })
        );
        assert!(matches!(uuid_from_bytes("id", &[0; 16]), Err(ConvertError::Invalid { field: "id", .. })));
        assert!(matches!(member_id_from_str("member", "Bank A"), Err(ConvertError::Invalid { field: "member", .. })));
        assert!(hash_from_hex("network_id", &"ab".repeat(32)).is_ok());
        assert!(hash_from_hex("network_id", &"AB".repeat(32)).is_err());
        let status: tonic::Status = ConvertError::Length { field: "id", got: 1, expected: 16 }.into();
        assert_eq!(CodedError::from_status(&status).map(|error| error.code), Some(Code::Malformed));
    }
}
