//! What became of an operation or a payment: a number that never changes.
//!
//! Where several reasons apply, the one with the smallest number is reported: precedence is ascending number.

use borsh::{BorshDeserialize, BorshSerialize, io};
use core::fmt;

macro_rules! results {
    ($($number:literal $variant:ident $name:literal $cause:literal $next:literal)*) => {
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u16)]
        pub enum ResultCode { $($variant = $number),* }

        impl ResultCode {
            pub const ALL: &'static [ResultCode] = &[$(ResultCode::$variant),*];

            pub fn number(self) -> u16 {
                self as u16
            }

            pub fn from_number(number: u16) -> Option<ResultCode> {
                match number { $($number => Some(ResultCode::$variant),)* _ => None }
            }

            pub fn name(self) -> &'static str {
                match self { $(ResultCode::$variant => $name),* }
            }

            /// Why, in a sentence.
            pub fn cause(self) -> &'static str {
                match self { $(ResultCode::$variant => $cause),* }
            }

            /// What to do about it.
            pub fn next_step(self) -> &'static str {
                match self { $(ResultCode::$variant => $next),* }
            }
        }
    };
}

results! {
    0 Ok "ok" "The operation took effect." "Nothing."
    1 ExistsWithDifferentBody "exists_with_different_body" "This member has already used the id for something else." "Use a new id (UUID version 7)."
    2 IdOutsideWindow "id_outside_window" "The time inside the id is further from block time than the id window allows, or the id is not a UUID of version 7." "Make a new id; look up whether the old one was booked before you pay again."
    10 DebitAccountNotFound "debit_account_not_found" "There is no account to debit under this id." "Check member, asset and name of the account."
    11 CreditAccountNotFound "credit_account_not_found" "There is no account to credit under this id." "Check member, asset and name of the account."
    12 SameAccount "same_account" "Debit and credit account are the same." "Name two accounts."
    13 AssetMismatch "asset_mismatch" "The two accounts hold different assets, or not the asset that the operation names; or there is no such asset." "Pay between accounts of one asset."
    14 AccountNotFound "account_not_found" "There is no account under this id." "Check member, asset and name of the account."
    15 ParentNotAllowed "parent_not_allowed" "The parent is closed, belongs to another member or asset, stands below the account itself, or the chain of parents would be too long." "Choose another parent, or none."
    20 NotAuthorised "not_authorised" "No signature on the transaction has the right to do this." "Sign with an operator key of the account's owner that has the right."
    21 MemberNotActive "member_not_active" "A member that takes part is not active." "Ask the member, or look at its status."
    22 AssetFrozen "asset_frozen" "The asset is frozen." "Ask its issuer."
    23 DebitAccountFrozen "debit_account_frozen" "The account to debit, or its owner, is frozen for debits." "Ask the account's owner or the issuer."
    24 CreditAccountFrozen "credit_account_frozen" "The account to credit, or its owner, is frozen for credits." "Ask the account's owner or the issuer."
    25 AccountClosed "account_closed" "One of the accounts is closed." "Use an open account."
    26 BrakeOn "brake_on" "The emergency brake is on for this scope." "Wait until it ends; it ends by itself."
    27 SecondKeyMissing "second_key_missing" "The amount is above the limit from which a second key of the member must sign." "Have a second operator key with the right to approve sign the same transaction."
    30 AmountZero "amount_zero" "The amount is zero." "Name an amount of at least one minor unit."
    31 AmountOverflow "amount_overflow" "A counter of an account would pass 2^128 - 1." "Check the amount."
    40 HoldNotFound "hold_not_found" "There is no hold or offer under this member and id, or it ended longer ago than the id window." "Check member and id."
    41 HoldPosted "hold_posted" "The hold has been posted, or the offer settled." "Nothing is left to do."
    42 HoldVoided "hold_voided" "The hold has been voided, or the offer cancelled." "Make a new one."
    43 HoldExpired "hold_expired" "The deadline of the hold or offer has passed." "Make a new one with a later deadline."
    44 ExceedsHold "exceeds_hold" "The amount is more than the hold has left." "Post at most what is held."
    45 AlreadyAccepted "already_accepted" "None of the offer's open legs is the submitter's to accept." "Nothing, if the member has accepted; else look at the offer."
    50 AccountExists "account_exists" "There is already an account (for a new asset: its issuance account) under this id." "Use it, or choose another name."
    51 BalanceNotZero "balance_not_zero" "The account still holds or owes something, or has open accounts below it." "Bring its balance and its holds to zero and close or move its children first."
    52 MemberExists "member_exists" "There is, or was, a member of this name." "Invite the institution under another name."
    53 InviteNotFound "invite_not_found" "No invitation is open for this member." "Ask the sponsor for an invitation."
    54 InviteUsed "invite_used" "A request has been filed with this invitation." "Look at the request's state; the sponsor can revoke it and invite again."
    55 InviteExpired "invite_expired" "The invitation's time has run out." "Ask the sponsor for a new one."
    56 LegalIdDiffers "legal_id_differs" "The LEI of the request is not the one that was invited." "File with the invited LEI, or have the institution invited under the right one."
    60 ProposalNotFound "proposal_not_found" "There is no proposal under this id." "Look at the open proposals."
    61 HashChanged "hash_changed" "The proposal is not the one that was read." "Read it again and vote on its present hash."
    62 AlreadyVoted "already_voted" "This member has voted on the proposal." "Nothing; a vote counts once."
    63 ProposalExpired "proposal_expired" "The proposal's time has run out." "File it again."
    64 ProposalClosed "proposal_closed" "The proposal is not open any more." "Look at its state."
    65 MemberNotFound "member_not_found" "There is no member of this name." "Check the name."
    66 KeyInUse "key_in_use" "The key is registered already." "Make a new key."
    67 QuorumAtRisk "quorum_at_risk" "After the change fewer validators than a quorum would be live." "Bring validators back first, or use the forced form."
    68 LastValidator "last_validator" "The last validator cannot be removed." "Add another validator first."
    69 PowerStepTooLarge "power_step_too_large" "A third or more of the voting power would move within 100 heights." "Make the change in smaller steps."
    70 RefusedAtExecution "refused_at_execution" "The proposal was adopted, but a rule forbids it in the state it met." "Look at the rule named beside it and file it again."
    71 StatusNotAllowed "status_not_allowed" "The member's status does not allow the change." "Look at the member's status."
    72 NotCaughtUp "not_caught_up" "The block is not one that the ledger has marked within the last minute." "Wait until the node has caught up and prove it again."
    73 TooManyOpen "too_many_open" "The member has as many open proposals or invitations as it may have." "Wait until some are closed, or withdraw them."
    74 ValueOutOfRange "value_out_of_range" "A value of the change is not possible." "Check the values; docs/ledger.md has their bounds."
    75 NotAValidator "not_a_validator" "The member is neither validator nor candidate, or not with this key." "Look at the member's record."
    76 AlreadyAValidator "already_a_validator" "The member is validator or candidate already." "Nothing; or remove it first."
    80 BusinessDateOutOfRange "business_date_out_of_range" "The next business date is not later than the present one, or more than 31 days later." "Name a date of the next 31 days."
    90 QuotaExceeded "quota_exceeded" "More would be outstanding than the issuer's quota for the asset." "Issue less, or have the quota raised."
    91 LimitExceeded "limit_exceeded" "A limit of the account, the member or the pair would be passed." "Pay less, or have the limit raised."
    92 InsufficientFunds "insufficient_funds" "The account to debit has less available than the amount." "Pay in first, or pay less; a new attempt needs a new id."
    99 BatchAborted "batch_aborted" "Another part of the all-or-nothing transaction was refused." "Mend that part and send all of it again under new ids."
}

impl fmt::Display for ResultCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Two bytes, the number.
impl BorshSerialize for ResultCode {
    fn serialize<W: io::Write>(&self, writer: &mut W) -> io::Result<()> {
        self.number().serialize(writer)
    }
}

impl BorshDeserialize for ResultCode {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        let number = u16::deserialize_reader(reader)?;
        ResultCode::from_number(number).ok_or_else(|| crate::encode::invalid("no result has this number"))
    }
}
