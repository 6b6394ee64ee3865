//! Client transactions: form first, then signatures, many at a time.

use crate::{
    bls::{self, PublicKey, Signature},
    ed25519::{Job, is_usable_key, verify_all},
    genesis::check_possession,
};
use concordat_types::{
    BlsPublicKey, CaughtUp, Change, CheckedTransaction, Ed25519PublicKey, Member, Operation, SignedTransaction,
    Transaction, TransactionHash, Verified,
    member::{KeyGroup, ValidatorRecord},
    transaction::{FormError, FormRules},
};

/// Why a transaction is not taken in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CheckError {
    #[error(transparent)]
    Form(FormError),
    #[error("the signature of key {key} does not belong to transaction {}", hash.0)]
    Signature { key: Ed25519PublicKey, hash: TransactionHash },
    #[error("{0} is not an Ed25519 key that only its owner can sign for")]
    Key(Ed25519PublicKey),
    #[error("a consensus key or a signature of one is no point of its curve")]
    NotAPoint,
    #[error("the proof of possession does not belong to consensus key {0}")]
    Possession(BlsPublicKey),
    #[error("the proof of being caught up is not signed by consensus key {0}")]
    CaughtUp(BlsPublicKey),
    #[error("{0} keys in one list")]
    TooManyKeys(usize),
    #[error("more than one operation brings a consensus key or its signature")]
    TooManyConsensusKeys,
}

/// Signatures in one batch equation. The cost of one falls slowly beyond it, while one bad signature costs a single
/// check of each in its batch.
const BATCH_SIGNATURES_MAX: usize = 256;

pub fn check_transaction(
    signed: SignedTransaction,
    rules: &FormRules,
) -> Result<Verified<CheckedTransaction>, CheckError> {
    let checked = check_form(signed, rules)?;
    check_singly(&checked)?;
    check_carried(&checked.transaction)?;
    Ok(Verified::attest_verified(checked))
}

/// In the order given; each is judged exactly as `check_transaction` would judge it.
pub fn check_transactions(
    signed: Vec<SignedTransaction>,
    rules: &FormRules,
) -> Vec<Result<Verified<CheckedTransaction>, CheckError>> {
    let formed: Vec<_> = signed.into_iter().map(|signed| check_form(signed, rules)).collect();
    let mut results = Vec::with_capacity(formed.len());
    let mut batch = Batch::default();
    for item in formed {
        if let Ok(checked) = &item {
            if batch.jobs.len() + checked.signed.signatures.len() > BATCH_SIGNATURES_MAX {
                batch.finish(&mut results);
            }
            batch.jobs.extend(jobs(checked));
        }
        batch.items.push(item);
    }
    batch.finish(&mut results);
    results
}

#[derive(Default)]
struct Batch {
    items: Vec<Result<CheckedTransaction, CheckError>>,
    /// The signatures of all items whose form is right.
    jobs: Vec<Job>,
}

impl Batch {
    fn finish(&mut self, results: &mut Vec<Result<Verified<CheckedTransaction>, CheckError>>) {
        let all_good = verify_all(&self.jobs);
        self.jobs.clear();
        results.extend(self.items.drain(..).map(|item| {
            let checked = item?;
            if !all_good {
                check_singly(&checked)?;
            }
            check_carried(&checked.transaction)?;
            Ok(Verified::attest_verified(checked))
        }));
    }
}

fn check_form(signed: SignedTransaction, rules: &FormRules) -> Result<CheckedTransaction, CheckError> {
    let transaction = signed.parse(rules).map_err(CheckError::Form)?;
    let hash = signed.hash();
    Ok(CheckedTransaction { signed, transaction, hash })
}

fn check_singly(checked: &CheckedTransaction) -> Result<(), CheckError> {
    match jobs(checked).find(|job| !job.verify()) {
        Some(Job { key, hash, .. }) => Err(CheckError::Signature { key, hash }),
        None => Ok(()),
    }
}

/// Keys that the transaction brings, and signatures inside it. They were made for it, so the ledger need not know curves. One
/// pairing check a transaction at most: it costs as much as a hundred signatures.
fn check_carried(transaction: &Transaction) -> Result<(), CheckError> {
    let mut consensus_keys = 0;
    for operation in &transaction.operations {
        consensus_keys += usize::from(brings_consensus_key(operation));
        if consensus_keys > 1 {
            return Err(CheckError::TooManyConsensusKeys);
        }
        match operation {
            Operation::Propose(proposal) => {
                check_keys(keys_of_change(&proposal.change))?;
                if let Some((key, possession)) = proposal.change.possession() {
                    check_record(&ValidatorRecord { key: *key, possession: *possession, power: 0 })?;
                }
            }
            Operation::Invite(invite) => check_keys(&[invite.key])?,
            Operation::FileJoin(request) => {
                check_keys(&member_keys(&request.member))?;
                request.validator.as_ref().map_or(Ok(()), check_record)?;
            }
            Operation::ProveCaughtUp(proof) => check_caught_up(transaction, proof)?,
            _ => {}
        }
    }
    Ok(())
}

fn brings_consensus_key(operation: &Operation) -> bool {
    match operation {
        Operation::Propose(proposal) => proposal.change.possession().is_some(),
        Operation::FileJoin(request) => request.validator.is_some(),
        Operation::ProveCaughtUp(_) => true,
        _ => false,
    }
}

fn keys_of_change(change: &Change) -> &[Ed25519PublicKey] {
    match change {
        Change::ResetAdminKeys { admin_keys: KeyGroup { keys, .. }, .. }
        | Change::SetAdminKeys(KeyGroup { keys, .. })
        | Change::SetRecoveryKeys(KeyGroup { keys, .. }) => keys,
        Change::AddOperatorKey(operator) => core::slice::from_ref(&operator.key),
        _ => &[],
    }
}

fn member_keys(member: &Member) -> Vec<Ed25519PublicKey> {
    let groups = member.admin_keys.keys.iter().chain(&member.recovery_keys.keys);
    groups.chain(member.operator_keys.iter().map(|operator| &operator.key)).copied().collect()
}

fn check_keys(keys: &[Ed25519PublicKey]) -> Result<(), CheckError> {
    // A member has three lists.
    if keys.len() > 3 * Member::KEYS_MAX {
        return Err(CheckError::TooManyKeys(keys.len()));
    }
    keys.iter().find(|key| !is_usable_key(key)).map_or(Ok(()), |key| Err(CheckError::Key(*key)))
}

fn check_record(record: &ValidatorRecord) -> Result<(), CheckError> {
    match check_possession(&record.key, &record.possession) {
        Ok(true) => Ok(()),
        Ok(false) => Err(CheckError::Possession(record.key)),
        Err(_) => Err(CheckError::NotAPoint),
    }
}

fn check_caught_up(transaction: &Transaction, proof: &CaughtUp) -> Result<(), CheckError> {
    let key = PublicKey::parse(&proof.key).map_err(|_| CheckError::NotAPoint)?;
    let signature = Signature::parse(&proof.signature).map_err(|_| CheckError::NotAPoint)?;
    let message = CaughtUp::message(&transaction.network, proof.height, &proof.block);
    match bls::verify(&key, &message, &signature) {
        true => Ok(()),
        false => Err(CheckError::CaughtUp(proof.key)),
    }
}

fn jobs(checked: &CheckedTransaction) -> impl Iterator<Item = Job> + '_ {
    let hash = checked.hash;
    checked.signed.signatures.iter().map(move |entry| Job { key: entry.key, hash, signature: entry.signature })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
