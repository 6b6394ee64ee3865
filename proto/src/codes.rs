//! Every error that a program of Concordat reports, in one table: a stable code, the gRPC status it travels under,
//! the usual cause and the next step. docs/errors.md is made from it. A refused payment is no error: see `ResultCode`.

use std::{collections::HashMap, fmt};
use tonic::{Code as GrpcCode, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// `google.rpc.ErrorInfo.domain` of every error.
pub const DOMAIN: &str = "concordat";

macro_rules! codes {
    ($($variant:ident $name:literal $grpc:ident $cause:literal $next:literal)*) => {
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Code { $($variant),* }

        impl Code {
            pub const ALL: &'static [Code] = &[$(Code::$variant),*];

            /// `E_…`; it never changes its meaning.
            pub fn name(self) -> &'static str {
                match self { $(Code::$variant => $name),* }
            }

            pub fn from_name(name: &str) -> Option<Code> {
                match name { $($name => Some(Code::$variant),)* _ => None }
            }

            /// The gRPC status that carries it.
            pub fn grpc(self) -> GrpcCode {
                match self { $(Code::$variant => GrpcCode::$grpc),* }
            }

            /// Why, in a sentence, where nothing more exact is known.
            pub fn cause(self) -> &'static str {
                match self { $(Code::$variant => $cause),* }
            }

            /// What to do about it.
            pub fn next_step(self) -> &'static str {
                match self { $(Code::$variant => $next),* }
            }
        }
    };
}

codes! {
    Malformed "E_MALFORMED" InvalidArgument "The request is not of the form that the interface asks for." "Mend the request; docs/interfaces.md has the forms."
    TooLarge "E_TOO_LARGE" InvalidArgument "The request is larger than the network's parameters allow." "Send less at once; payment files are cut into transactions of at most 8,190 payments."
    BadSignature "E_BAD_SIGNATURE" InvalidArgument "A signature of the transaction does not belong to the key and bytes it stands for." "Sign the transaction again, with the key whose public half is on the ledger."
    WrongNetwork "E_WRONG_NETWORK" FailedPrecondition "The request or the node belongs to another network." "Compare network_id in the profile with that of the node."
    WrongVersion "E_WRONG_VERSION" FailedPrecondition "The two sides speak different versions of the protocol." "Run the version of the program that the network runs."
    NotAuthorised "E_NOT_AUTHORISED" PermissionDenied "The key of this connection has no right to do or read this." "Use an access key of the owning member that has the right."
    TlsUnknownKey "E_TLS_UNKNOWN_KEY" Unauthenticated "The TLS key of this side is not in the member registry, or its member is not active." "Have the key registered by the member's admin keys, or use the one that is."
    NotFound "E_NOT_FOUND" NotFound "There is nothing under this id that the caller may see." "Check the id, and whether the node has caught up."
    IndexOff "E_INDEX_OFF" FailedPrecondition "This node keeps no index of statements and references." "Ask another node, or set index = true in its configuration and start it again."
    IndexBehind "E_INDEX_BEHIND" Unavailable "The node's index has not come to the height that was asked for." "Ask again in a moment, or another node."
    BadAnchor "E_BAD_ANCHOR" FailedPrecondition "A receipt or proof cannot begin at the block that was named as its anchor." "Name a lower height, or take genesis; after very many changes of the validator set a later height."
    Busy "E_BUSY" ResourceExhausted "The node has as much work as it takes at once." "Send again after a short pause; the same bytes are safe to repeat."
    Expired "E_EXPIRED" FailedPrecondition "The transaction's valid_until has passed." "Look up whether it was booked; if not, sign it again with a later valid_until."
    ValidUntilTooFar "E_VALID_UNTIL_TOO_FAR" InvalidArgument "The transaction's valid_until is further away than the id window." "Sign it again with a valid_until within the id window."
    SubmitterNotActive "E_SUBMITTER_NOT_ACTIVE" PermissionDenied "The submitting member is not known or not active." "Look at the member's status."
    NotSignedBySubmitter "E_NOT_SIGNED_BY_SUBMITTER" PermissionDenied "No signature belongs to an operator or admin key of the submitting member." "Sign with a key of the member that the transaction names."
    InviteAltered "E_INVITE_ALTERED" InvalidArgument "The invitation is not what its sponsor signed." "Have the sponsor send the invitation again; what was altered is not to be trusted."
    InviteExpired "E_INVITE_EXPIRED" FailedPrecondition "The invitation's time has run out." "Ask the sponsor for a new one."
    InviteLei "E_INVITE_LEI" FailedPrecondition "The invitation is for another LEI." "Ask the sponsor to invite the institution under its own LEI."
    ProposalHash "E_PROPOSAL_HASH" FailedPrecondition "The proposal is not the one whose hash was named." "Read it again with concordat show, and vote on what it says now."
    NotARequest "E_NOT_A_REQUEST" InvalidArgument "What was sent to Join is not a transaction with one request to join." "Send what concordat join has made."
    InviteUnknown "E_INVITE_UNKNOWN" NotFound "No invitation is open for the member that the request names, or it was revoked." "Ask the sponsor for an invitation."
    JoinOtherKey "E_JOIN_OTHER_KEY" PermissionDenied "The request was not made by whoever holds the TLS key of this connection." "Send it over the access key that stands in the request."
    JoinRefused "E_JOIN_REFUSED" FailedPrecondition "The ledger refused the request." "See the result that the message names in docs/errors.md."
    NoValidator "E_NO_VALIDATOR" Unavailable "This node is no validator and has no connection to one." "Wait for the connection, or send to another node."
    Timeout "E_TIMEOUT" DeadlineExceeded "The time ran out before the transaction was in a block; it is not known whether it will be." "Send the same bytes again: it is booked at most once."
    Unavailable "E_UNAVAILABLE" Unavailable "The node cannot be reached or is stopping." "Try again, or use another node."
    TooSlow "E_TOO_SLOW" ResourceExhausted "The reader of a stream did not keep up with it." "Open the stream again from the last height that was read."
    BadPeer "E_BAD_PEER" InvalidArgument "A node sent a message that breaks the protocol." "Look at the log of the sender; the connection is made again after a pause."
    Internal "E_INTERNAL" Internal "The program met a state that it does not know." "Keep the log and report it; the ledger itself is safe."
    Usage "E_USAGE" InvalidArgument "The command line or the configuration is not valid." "Mend what the message names; --help shows what is known."
    Config "E_CONFIG" InvalidArgument "The configuration file is not valid." "Mend the key that the message names; docs/operations.md lists all of them."
    Genesis "E_GENESIS" FailedPrecondition "The genesis file is not valid, or is not the one of this network." "Fetch genesis.json from another member and compare the network id."
    TlsKey "E_TLS_KEY" FailedPrecondition "The node's own TLS key or certificate cannot be used." "Check the paths tls.key and tls.crt, and that the two belong together."
    PortTaken "E_PORT_TAKEN" Unavailable "An address to listen on is in use or does not exist on this machine." "Stop the program that holds the port, or change the address under [listen]."
    DataForeign "E_DATA_FOREIGN" FailedPrecondition "The data folder holds something else: another network, or another format." "Point data at the right folder, or at an empty one; the node then fetches the ledger from its peers."
    DataInUse "E_DATA_IN_USE" Unavailable "Another process has the data folder open." "Stop the other process; two nodes never share a data folder."
    DataCorrupt "E_DATA_CORRUPT" DataLoss "What is on the disk is not what was written." "Check the disk; move the data folder away and start again, the node then fetches the ledger from its peers. Leave the sign record where it is."
    Disk "E_DISK" Unavailable "The disk refused a read or a write." "Check free space, permissions and the health of the disk, then start again; nothing that was acknowledged is lost."
    Signer "E_SIGNER" FailedPrecondition "The consensus key or its sign record cannot be used." "See concordat-validator doctor; never copy or delete a sign record by hand."
}

impl Code {
    pub fn error(self, cause: impl Into<String>) -> CodedError {
        CodedError { code: self, cause: cause.into(), next: None }
    }

    /// A gRPC status with `google.rpc.ErrorInfo`: reason is the code, metadata has cause and next.
    pub fn status(self, cause: impl Into<String>) -> Status {
        self.error(cause).into()
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// An error as people and programs get it: code, cause, next step.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{code}: {cause}")]
pub struct CodedError {
    pub code: Code,
    pub cause: String,
    /// Where something more exact than the code's own next step is known.
    pub next: Option<String>,
}

impl CodedError {
    pub fn with_next(mut self, next: impl Into<String>) -> CodedError {
        self.next = Some(next.into());
        self
    }

    pub fn next_step(&self) -> &str {
        self.next.as_deref().unwrap_or(self.code.next_step())
    }

    /// What a status carries, where it was made by `Code::status`.
    pub fn from_status(status: &Status) -> Option<CodedError> {
        let info = status.get_details_error_info().filter(|info| info.domain == DOMAIN)?;
        let code = Code::from_name(&info.reason)?;
        let cause = info.metadata.get("cause").cloned().unwrap_or_else(|| status.message().to_owned());
        Some(CodedError { code, cause, next: info.metadata.get("next").cloned() })
    }
}

impl From<CodedError> for Status {
    fn from(error: CodedError) -> Status {
        let next = error.next_step().to_owned();
        let metadata = HashMap::from([("cause".to_owned(), error.cause.clone()), ("next".to_owned(), next)]);
        let details = ErrorDetails::with_error_info(error.code.name(), DOMAIN, metadata);
        Status::with_error_details(error.code.grpc(), format!("{}: {}", error.code, error.cause), details)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_carries_code_cause_and_next_step_there_and_back() {
        for code in Code::ALL {
            assert_eq!(Code::from_name(code.name()), Some(*code));
            let back = CodedError::from_status(&code.status("because")).expect("made by Code::status");
            assert_eq!((back.code, back.cause.as_str(), back.next_step()), (*code, "because", code.next_step()));
        }
        let exact = Code::Busy.error("the queue is full").with_next("wait a second");
        assert_eq!(CodedError::from_status(&exact.clone().into()), Some(exact));
        assert_eq!(CodedError::from_status(&Status::internal("from elsewhere")), None);
    }

    #[test]
    fn codes_are_unique_and_say_something() {
        let mut names: Vec<_> = Code::ALL.iter().map(|code| code.name()).collect();
        names.sort_unstable();
        assert!(names.is_sorted_by(|a, b| a < b));
        for code in Code::ALL {
            assert!(code.name().starts_with("E_") && code.cause().ends_with('.') && code.next_step().ends_with('.'));
        }
    }
}
