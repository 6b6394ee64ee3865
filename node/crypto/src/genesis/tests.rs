use super::*;
use crate::test_keys::{member, possession, public_key, secret, sign};
use concordat_types::{
    MemberStatus, Parameters, Roles, Timestamp, ValidatorIndex,
    member::{KeyGroup, ValidatorRecord},
};
use ed25519_zebra::{SigningKey, VerificationKeyBytes};

fn admin_key(number: u8) -> Ed25519PublicKey {
    Ed25519PublicKey(VerificationKeyBytes::from(&SigningKey::from([number; 32])).into())
}

fn genesis(members: usize) -> Genesis {
    let founder = |i: usize| Member {
        id: member(i),
        legal_name: String::new(),
        lei: String::new(),
        bic: String::new(),
        roles: Roles::BANK,
        status: MemberStatus::Active,
        frozen: Default::default(),
        admin_keys: KeyGroup { k: 1, keys: vec![admin_key(2 * i as u8 + 1)] },
        recovery_keys: KeyGroup { k: 1, keys: vec![admin_key(2 * i as u8 + 2)] },
        operator_keys: vec![],
        access_keys: vec![],
        node: None,
        validator: Some(ValidatorRecord {
            key: public_key(&secret(i)),
            possession: possession(&secret(i)),
            power: 100,
        }),
    };
    Genesis {
        version: 1,
        name: "test".into(),
        time: Timestamp(1),
        trial: true,
        parameters: Parameters::default(),
        members: (0..members).map(founder).collect(),
        assets: vec![],
    }
}

fn record(genesis: &mut Genesis, i: usize) -> &mut ValidatorRecord {
    genesis.members[i].validator.as_mut().unwrap()
}

#[test]
fn a_good_genesis_gives_the_first_set() {
    let mut genesis = genesis(4);
    genesis.members[1].status = MemberStatus::Suspended;
    let keys = check_genesis(&genesis).unwrap();
    assert_eq!(keys.set().len(), 3);
    assert_eq!(keys.get(ValidatorIndex(1)).unwrap().bytes(), public_key(&secret(2)));
}

#[test]
fn possession_is_demanded_of_every_consensus_key() {
    let check = |alter: &dyn Fn(&mut Genesis), expected: CheckGenesisError| {
        let mut altered = genesis(4);
        alter(&mut altered);
        assert_eq!(check_genesis(&altered).unwrap_err(), expected);
    };
    let not_his = CheckGenesisError::Possession(member(2));
    check(&|g| record(g, 2).possession = possession(&secret(1)), not_his.clone());
    check(&|g| record(g, 2).possession = sign(&secret(2), &public_key(&secret(2)).0), not_his.clone());
    check(&|g| record(g, 2).key = public_key(&secret(9)), not_his.clone());
    // Of a member that does not validate yet, too.
    check(
        &|g| {
            g.members[2].status = MemberStatus::Suspended;
            record(g, 2).key = public_key(&secret(9));
        },
        not_his,
    );
    let source = BlsError::NotAPoint;
    check(&|g| record(g, 3).key = BlsPublicKey([0; 48]), CheckGenesisError::NotAPoint { member: member(3), source });
    check(
        &|g| record(g, 3).possession = BlsSignature([0; 96]),
        CheckGenesisError::NotAPoint { member: member(3), source },
    );
    let mut identity = BlsPublicKey([0; 48]);
    identity.0[0] = 0xc0;
    let source = BlsError::Identity;
    check(&|g| record(g, 3).key = identity, CheckGenesisError::NotAPoint { member: member(3), source });
}

#[test]
fn form_and_keys_of_people_are_checked() {
    let mut altered = genesis(4);
    altered.version = 2;
    assert_eq!(check_genesis(&altered).unwrap_err(), CheckGenesisError::Form(GenesisError::Version(2)));
    let mut altered = genesis(4);
    let mut anybody = Ed25519PublicKey([0; 32]);
    anybody.0[0] = 1;
    altered.members[1].recovery_keys.keys[0] = anybody;
    assert_eq!(check_genesis(&altered).unwrap_err(), CheckGenesisError::Key { member: member(1), key: anybody });
}
