//! Who may do and read what: the one place that says so. The layer judges the method before a handler runs; handlers
//! ask again with the member whose records they are about to show.

use crate::registry::{Caller, KeyKind};
use concordat_proto::{Code, codes::CodedError};
use concordat_types::{MemberId, Rights};
use futures_util::future::{Either, Ready, ready};
use http::{Request, Response};
use std::task::{Context, Poll};
use tonic::{Status, body::Body};
use tower::Service;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Act<'a> {
    /// Health, reflection, the node's status: every registered key.
    Probe,
    Submit,
    /// Members, assets, supply, headers: facts that every member shares.
    ReadShared,
    /// Accounts and payments of one member.
    ReadOf(&'a MemberId),
    /// The one thing that a stranger may do.
    Join,
}

pub fn authorise(caller: &Caller, act: Act<'_>) -> Result<(), CodedError> {
    if caller.kind == KeyKind::Stranger && act != Act::Join {
        return Err(Code::TlsUnknownKey.error(Code::TlsUnknownKey.cause()));
    }
    let (right, name) = match act {
        Act::Probe | Act::Join => return Ok(()),
        Act::Submit => (Rights::SUBMIT, "submit"),
        Act::ReadShared | Act::ReadOf(_) => (Rights::READ, "read"),
    };
    if !caller.has_right(right) {
        let cause = format!("the access key {} of {} has no right to {name}", caller.fingerprint, caller.member);
        return Err(Code::NotAuthorised.error(cause));
    }
    match act {
        Act::ReadOf(member) if caller.member != *member && !caller.sees_all() => {
            let cause = format!("{} may not read the accounts and payments of {member}", caller.member);
            Err(Code::NotAuthorised
                .error(cause)
                .with_next("Ask the owner, or read as a supervisor or the central bank."))
        }
        _ => Ok(()),
    }
}

/// What a method needs at least.
fn act_of(path: &str) -> Act<'static> {
    match path {
        "/concordat.v1.Ledger/Submit" | "/concordat.v1.Ledger/SubmitStream" => Act::Submit,
        "/concordat.v1.Admin/Join" => Act::Join,
        path if path.starts_with("/concordat.v1.Ledger/") || path.starts_with("/concordat.v1.Admin/") => {
            Act::ReadShared
        }
        _ => Act::Probe,
    }
}

#[derive(Clone, Debug)]
pub struct Authorise<S> {
    inner: S,
}

impl<S> Authorise<S> {
    pub fn new(inner: S) -> Authorise<S> {
        Authorise { inner }
    }
}

impl<S: Service<Request<Body>, Response = Response<Body>>> Service<Request<Body>> for Authorise<S> {
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Either<Ready<Result<Self::Response, S::Error>>, S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let allowed = match request.extensions().get::<Caller>() {
            Some(caller) => authorise(caller, act_of(request.uri().path())),
            None => Err(Code::TlsUnknownKey.error("the connection has no caller")),
        };
        match allowed {
            Ok(()) => Either::Right(self.inner.call(request)),
            Err(error) => Either::Left(ready(Ok(Status::from(error).into_http()))),
        }
    }
}

/// The caller of a request that has passed the layer.
pub fn caller_of<T>(request: &tonic::Request<T>) -> Result<Caller, Status> {
    request
        .extensions()
        .get::<Caller>()
        .cloned()
        .ok_or_else(|| Code::TlsUnknownKey.status("the connection has no caller"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use concordat_types::{Hash, Roles};

    fn caller(roles: Roles, kind: KeyKind) -> Caller {
        Caller { member: name("bank-a"), roles, kind, fingerprint: Hash::ZERO }
    }

    fn name(text: &str) -> MemberId {
        text.parse().expect("a valid literal")
    }

    #[test]
    fn a_member_reads_its_own_and_supervisors_read_all() {
        let (own, other) = (name("bank-a"), name("bank-b"));
        let read = KeyKind::Access(Rights::READ);
        for (roles, kind, act, allowed) in [
            (Roles::BANK, read, Act::ReadOf(&own), true),
            (Roles::BANK, read, Act::ReadOf(&other), false),
            (Roles::SUPERVISOR, read, Act::ReadOf(&other), true),
            (Roles::CENTRAL_BANK, read, Act::ReadOf(&other), true),
            (Roles::CENTRAL_BANK, KeyKind::Access(Rights::SUBMIT), Act::ReadOf(&other), false),
            (Roles::BANK, read, Act::ReadShared, true),
            (Roles::BANK, read, Act::Submit, false),
            (Roles::BANK, KeyKind::Access(Rights::SUBMIT), Act::Submit, true),
            (Roles::BANK, KeyKind::Access(Rights(0)), Act::ReadShared, false),
            (Roles::BANK, KeyKind::Access(Rights(0)), Act::Probe, true),
            (Roles::BANK, KeyKind::Node, Act::Submit, true),
            (Roles::BANK, read, Act::Join, true),
            (Roles::default(), KeyKind::Stranger, Act::Join, true),
            (Roles::default(), KeyKind::Stranger, Act::Probe, false),
            (Roles::default(), KeyKind::Stranger, Act::ReadShared, false),
            (Roles::default(), KeyKind::Stranger, Act::ReadOf(&own), false),
            (Roles::default(), KeyKind::Stranger, Act::Submit, false),
        ] {
            assert_eq!(authorise(&caller(roles, kind), act).is_ok(), allowed, "{roles:?} {kind:?} {act:?}");
        }
    }

    #[test]
    fn every_method_of_the_ledger_needs_a_right() {
        assert_eq!(act_of("/concordat.v1.Ledger/SubmitStream"), Act::Submit);
        assert_eq!(act_of("/concordat.v1.Ledger/GetAccount"), Act::ReadShared);
        assert_eq!(act_of("/concordat.v1.Ledger/Unheard"), Act::ReadShared);
        assert_eq!(act_of("/concordat.v1.Admin/ListProposals"), Act::ReadShared);
        assert_eq!(act_of("/concordat.v1.Admin/Join"), Act::Join);
        assert_eq!(act_of("/grpc.health.v1.Health/Check"), Act::Probe);
    }
}
