//! Who may connect to which port, as the ledger has it: TLS keys of active members. Rebuilt when a block changes the
//! registry.

use concordat_replica::{
    query,
    store::{Reader, StoreError},
};
use concordat_types::{Hash, Member, MemberId, MemberStatus, Rights, Roles, ValidatorSet, member::NodeRecord};
use std::collections::BTreeMap;

#[derive(Clone, Debug, Default)]
pub struct Registry {
    members: BTreeMap<MemberId, Member>,
    /// By SHA-256 of the SubjectPublicKeyInfo.
    keys: BTreeMap<Hash, (MemberId, KeyKind)>,
    /// The set that decides the height after the state's; a block may have been decided by an older one.
    validators: Option<ValidatorSet>,
    /// Somebody is invited: the client port answers keys that nobody knows, with `Admin.Join` alone.
    is_door_open: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Port {
    /// Node keys only.
    Peer,
    /// Access keys and node keys, of active members.
    Client,
}

impl Port {
    pub fn name(self) -> &'static str {
        match self {
            Port::Peer => "peer",
            Port::Client => "client",
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyKind {
    Node,
    Access(Rights),
    /// Not in the registry. It may ask to join, and nothing else.
    Stranger,
}

/// Who is at the other end of a connection. Put into the extensions of each request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Caller {
    pub member: MemberId,
    pub roles: Roles,
    pub kind: KeyKind,
    pub fingerprint: Hash,
}

impl Caller {
    /// The name stands in logs only: a stranger is asked for its rights before anything is looked up by it.
    fn stranger(fingerprint: Hash) -> Caller {
        let member = "stranger".parse().expect("a valid literal");
        Caller { member, roles: Roles::default(), kind: KeyKind::Stranger, fingerprint }
    }

    /// A node reads and hands in for its own member.
    pub fn has_right(&self, right: Rights) -> bool {
        match self.kind {
            KeyKind::Node => (Rights::READ | Rights::SUBMIT).contains(right),
            KeyKind::Stranger => false,
            KeyKind::Access(rights) => rights.contains(right),
        }
    }

    /// The central bank and supervisors see all accounts and payments.
    pub fn sees_all(&self) -> bool {
        self.roles.contains(Roles::CENTRAL_BANK) || self.roles.contains(Roles::SUPERVISOR)
    }
}

impl Registry {
    pub fn read(reader: &dyn Reader) -> Result<Registry, StoreError> {
        let sets = query::validator_sets(reader)?;
        Ok(Registry::new(query::members(reader)?, sets.map(|(next, _)| next)))
    }

    /// `validators`: those that decide the next height.
    pub fn new(members: Vec<Member>, validators: Option<ValidatorSet>) -> Registry {
        let mut keys = BTreeMap::new();
        for member in &members {
            if may_run_a_node(member, validators.as_ref()) {
                keys.extend(member.node.iter().map(|node| (node.tls_key, (member.id, KeyKind::Node))));
            }
            if member.is_active() {
                let access = member.access_keys.iter();
                keys.extend(access.map(|access| (access.key, (member.id, KeyKind::Access(access.rights)))));
            }
        }
        let is_invited = |member: &Member| {
            matches!(member.status, MemberStatus::Invited | MemberStatus::Filed | MemberStatus::Approved)
        };
        let is_door_open = members.iter().any(is_invited);
        let members = members.into_iter().map(|member| (member.id, member)).collect();
        Registry { members, keys, validators, is_door_open }
    }

    /// None: no RPC handler of this port may run for this key. While somebody is invited, whoever is not known is a stranger
    /// to the client port.
    pub fn caller(&self, fingerprint: &Hash, port: Port) -> Option<Caller> {
        let known = self.member_of(fingerprint, port);
        let is_stranger = known.is_none() && port == Port::Client && self.is_door_open;
        known.or_else(|| is_stranger.then(|| Caller::stranger(*fingerprint)))
    }

    fn member_of(&self, fingerprint: &Hash, port: Port) -> Option<Caller> {
        let (id, kind) = *self.keys.get(fingerprint)?;
        let member = self.members.get(&id)?;
        let is_taken = match port {
            Port::Peer => kind == KeyKind::Node,
            // A suspended validator votes, but neither reads nor pays.
            Port::Client => member.is_active(),
        };
        is_taken.then_some(Caller { member: id, roles: member.roles, kind, fingerprint: *fingerprint })
    }

    /// Nodes of other members, which this one dials.
    pub fn nodes_but(&self, me: MemberId) -> BTreeMap<MemberId, NodeRecord> {
        let others =
            self.members.values().filter(|member| member.id != me && may_run_a_node(member, self.validators.as_ref()));
        others.filter_map(|member| Some((member.id, member.node.clone()?))).collect()
    }

    pub fn node_of(&self, member: &MemberId) -> Option<&NodeRecord> {
        self.members.get(member)?.node.as_ref()
    }

    pub fn validators(&self) -> Option<&ValidatorSet> {
        self.validators.as_ref()
    }
}

/// A member that lost its status keeps its connection until its power is gone.
fn may_run_a_node(member: &Member, validators: Option<&ValidatorSet>) -> bool {
    member.is_active() || validators.is_some_and(|set| set.index_of(&member.id).is_some())
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use concordat_types::{
        BlsPublicKey, Ed25519PublicKey, Validator,
        member::{AccessKey, KeyGroup},
    };

    pub fn member(name: &str, node: u8, access: u8) -> Member {
        let address = || "127.0.0.1:1".to_owned();
        let keys = KeyGroup { k: 1, keys: vec![Ed25519PublicKey([node; 32])] };
        Member {
            id: name.parse().expect("a valid literal"),
            legal_name: name.to_owned(),
            lei: String::new(),
            bic: String::new(),
            roles: Roles::BANK,
            status: MemberStatus::Active,
            frozen: Default::default(),
            admin_keys: keys.clone(),
            recovery_keys: keys,
            operator_keys: Vec::new(),
            access_keys: vec![AccessKey { key: Hash([access; 32]), rights: Rights::READ }],
            node: Some(NodeRecord { tls_key: Hash([node; 32]), peer_address: address(), client_address: address() }),
            validator: None,
        }
    }

    /// Who calls with an access key that may read.
    pub fn caller(member: &str, roles: Roles) -> Caller {
        let member = member.parse().expect("a valid literal");
        Caller { member, roles, kind: KeyKind::Access(Rights::READ), fingerprint: Hash::ZERO }
    }

    #[test]
    fn only_keys_of_members_in_good_standing_are_known() {
        let mut suspended = member("bank-b", 3, 4);
        suspended.status = MemberStatus::Suspended;
        let registry = Registry::new(vec![member("bank-a", 1, 2), suspended], None);
        let kind = |key: u8| registry.caller(&Hash([key; 32]), Port::Client).map(|caller| caller.kind);
        assert_eq!(kind(1), Some(KeyKind::Node));
        assert_eq!(kind(2), Some(KeyKind::Access(Rights::READ)));
        assert_eq!((kind(3), kind(4), kind(5)), (None, None, None));
        let me = "bank-a".parse().expect("a valid literal");
        assert!(registry.nodes_but(me).is_empty());
    }

    #[test]
    fn a_suspended_validator_keeps_only_the_peer_port() {
        let mut member = member("bank-a", 1, 2);
        let validator = Validator { member: member.id, key: BlsPublicKey([3; 48]), power: 1 };
        let set = ValidatorSet::new(vec![validator]).expect("one validator is a set");
        for (status, node_at_client) in [(MemberStatus::Active, true), (MemberStatus::Suspended, false)] {
            member.status = status;
            let registry = Registry::new(vec![member.clone()], Some(set.clone()));
            let is_known = |key: u8, port| registry.caller(&Hash([key; 32]), port).is_some();
            assert!(is_known(1, Port::Peer), "{status:?}");
            assert_eq!((is_known(1, Port::Client), is_known(2, Port::Client)), (node_at_client, node_at_client));
            assert!(!is_known(2, Port::Peer));
        }
        // Two heights on its power is gone.
        assert!(Registry::new(vec![member], None).caller(&Hash([1; 32]), Port::Peer).is_none());
    }

    #[test]
    fn a_stranger_is_answered_only_while_somebody_is_invited() {
        for (status, is_open) in [
            (MemberStatus::Invited, true),
            (MemberStatus::Filed, true),
            (MemberStatus::Approved, true),
            (MemberStatus::Active, false),
            (MemberStatus::Suspended, false),
            (MemberStatus::Closed, false),
        ] {
            let mut invited = member("bank-n", 3, 4);
            invited.status = status;
            let registry = Registry::new(vec![member("bank-a", 1, 2), invited], None);
            let stranger = registry.caller(&Hash([9; 32]), Port::Client);
            assert_eq!(stranger.map(|caller| caller.kind), is_open.then_some(KeyKind::Stranger), "{status:?}");
            assert!(registry.caller(&Hash([9; 32]), Port::Peer).is_none());
            let member = registry.caller(&Hash([2; 32]), Port::Client).expect("known");
            assert_eq!(member.kind, KeyKind::Access(Rights::READ));
        }
    }

    #[test]
    fn rights_are_those_of_the_key() {
        let registry = Registry::new(vec![member("bank-a", 1, 2)], None);
        let node = registry.caller(&Hash([1; 32]), Port::Client).expect("known");
        let reader = registry.caller(&Hash([2; 32]), Port::Client).expect("known");
        assert!(node.has_right(Rights::SUBMIT) && !node.has_right(Rights::ISSUE));
        assert!(reader.has_right(Rights::READ) && !reader.has_right(Rights::SUBMIT));
        assert!(!reader.sees_all());
    }
}
