//! Opening an account of the submitting member.

use super::refuse_if;
use crate::{
    items::{Item, Outcome},
    state::{StateKey, StateValue},
    transaction::Run,
};
use concordat_types::{
    Account, AccountId, AccountName, Asset, AssetCode, Hash, ResultCode, Rights, Tag, money::AccountFlags,
    names::AccountPath,
};

pub(super) fn execute(run: &mut Run<'_, '_>, asset: AssetCode, name: AccountName, item: &mut Item) -> ResultCode {
    let path = AccountPath { member: run.checked.transaction.submitter, asset, name };
    let id = AccountId::new(&path);
    let code = match check(run, &path, id) {
        Ok(()) => {
            let account = open(path, blinding(run, id));
            run.overlay.put(StateKey::Account(id), Some(StateValue::Account(account)));
            ResultCode::Ok
        }
        Err(code) => code,
    };
    item.outcome = Outcome::New(code);
    code
}

fn check(run: &mut Run<'_, '_>, path: &AccountPath, id: AccountId) -> Result<(), ResultCode> {
    refuse_if(run.overlay.find_asset(path.asset).is_none(), ResultCode::AssetMismatch)?;
    // The issuance account comes with its asset; nobody has the right to open one by hand.
    let is_reserved = path.name.as_str() == Asset::ISSUANCE_ACCOUNT;
    let may_open = run.submitter.is_some_and(|submitter| run.is_authorised(submitter, Rights::ACCOUNTS));
    refuse_if(is_reserved || !may_open, ResultCode::NotAuthorised)?;
    refuse_if(!run.is_submitter_active(), ResultCode::MemberNotActive)?;
    refuse_if(run.overlay.find_account(id).is_some(), ResultCode::AccountExists)
}

fn open(path: AccountPath, blinding: [u8; 16]) -> Account {
    Account {
        owner: path.member,
        asset: path.asset,
        name: path.name,
        flags: AccountFlags::default(),
        debits_posted: 0,
        credits_posted: 0,
        debits_pending: 0,
        credits_pending: 0,
        blinding,
    }
}

/// First 16 bytes of SHA-256(Tag::ACCOUNT_BLINDING, leaf of the signed transaction, account id). The leaf covers the
/// signatures, which only the parties and the replicas see.
fn blinding(run: &Run<'_, '_>, id: AccountId) -> [u8; 16] {
    let Hash(digest) = Tag::ACCOUNT_BLINDING.hash(&[&run.checked.signed.leaf().0, &id.0]);
    let mut blinding = [0; 16];
    blinding.copy_from_slice(&digest[..16]);
    blinding
}
