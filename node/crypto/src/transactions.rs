//! Client transactions: form first, then signatures, many at a time.

use crate::ed25519::{Job, verify_all};
use concordat_types::{
    CheckedTransaction, Ed25519PublicKey, SignedTransaction, TransactionHash, Verified, transaction::FormError,
    transaction::FormRules,
};

/// Why a transaction is not taken in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CheckError {
    #[error(transparent)]
    Form(FormError),
    #[error("the signature of key {key} does not belong to transaction {}", hash.0)]
    Signature { key: Ed25519PublicKey, hash: TransactionHash },
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

fn jobs(checked: &CheckedTransaction) -> impl Iterator<Item = Job> + '_ {
    let hash = checked.hash;
    checked.signed.signatures.iter().map(move |entry| Job { key: entry.key, hash, signature: entry.signature })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
