use super::*;
use concordat_types::{
    BlsPublicKey, BlsSignature, Hash, Member, MemberStatus, Parameters, Roles,
    member::{KeyGroup, ValidatorRecord},
};

fn admin() -> SecretKey {
    SecretKey::from_seed(&[7; 32])
}

pub(crate) fn genesis() -> Genesis {
    const DST: &[u8] = b"BLS_POP_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_";
    let secret = blst::min_pk::SecretKey::key_gen(&[1; 32], &[]).unwrap();
    let key = BlsPublicKey(secret.sk_to_pk().to_bytes());
    let possession = BlsSignature(secret.sign(&key.0, DST, &[]).to_bytes());
    let group = |seed: u8| KeyGroup { k: 1, keys: vec![SecretKey::from_seed(&[seed; 32]).public_key()] };
    let member = Member {
        id: "bank-a".parse().unwrap(),
        legal_name: "Bank A".to_owned(),
        lei: String::new(),
        bic: String::new(),
        roles: Roles::BANK,
        status: MemberStatus::Active,
        frozen: Default::default(),
        admin_keys: group(7),
        recovery_keys: group(8),
        operator_keys: Vec::new(),
        access_keys: Vec::new(),
        node: None,
        validator: Some(ValidatorRecord { key, possession, power: 100 }),
    };
    Genesis {
        version: Genesis::VERSION,
        name: "test".to_owned(),
        time: Timestamp(1),
        trial: true,
        parameters: Parameters::default(),
        members: vec![member],
        assets: Vec::new(),
    }
}

fn made() -> (InviteFile, Invite) {
    let terms = Terms {
        sponsor: "bank-a".parse().unwrap(),
        member: "bank-n".parse().unwrap(),
        lei: "LEI".to_owned(),
        expires_at: Timestamp(1000),
        height: Height(7),
        block: BlockId(Hash([5; 32])),
        endpoints: vec![Endpoint { address: "a:1".to_owned(), certificate: "PEM".to_owned() }],
        genesis: genesis(),
    };
    InviteFile::make(terms, &admin()).unwrap()
}

#[test]
fn an_invitation_comes_back_as_it_was_written_and_hands_its_key_over() {
    let (file, invitation) = made();
    let bytes = file.to_bytes().unwrap();
    let back = InviteFile::parse(&bytes).unwrap();
    assert_eq!(back, file);
    assert_eq!(back.secret().unwrap().public_key(), invitation.key);
    assert!(back.signer_is_of_genesis());
    assert_eq!((invitation.member, invitation.expires_at), (file.member, Timestamp(1000)));
    // The signature is over what it says, not over how it is laid out.
    let compact = serde_json::to_vec(&file).unwrap();
    assert_eq!(InviteFile::parse(&compact).unwrap(), file);
    let shown = format!("{file:?} {:?}", file.key);
    assert!(!shown.contains(&file.key.0), "{shown}");
}

type Alteration = Box<dyn Fn(&mut InviteFile)>;

#[test]
fn whatever_is_altered_is_refused() {
    let (file, _) = made();
    let alterations: Vec<Alteration> = vec![
        Box::new(|file| file.schema = "concordat.invite.v2".to_owned()),
        Box::new(|file| file.member = "bank-m".parse().unwrap()),
        Box::new(|file| file.sponsor = "bank-b".parse().unwrap()),
        Box::new(|file| file.lei = "OTHER".to_owned()),
        Box::new(|file| file.expires_at_ms += 1),
        Box::new(|file| file.key = Secret("00".repeat(32))),
        Box::new(|file| file.checkpoint.height += 1),
        Box::new(|file| file.checkpoint.block_id = BlockId(Hash([6; 32]))),
        Box::new(|file| file.endpoints[0].address = "b:1".to_owned()),
        Box::new(|file| file.endpoints[0].certificate = "other".to_owned()),
        Box::new(|file| file.endpoints.clear()),
        Box::new(|file| file.genesis.name = "other".to_owned()),
        Box::new(|file| file.network_id = NetworkId(Hash([9; 32]))),
        Box::new(|file| file.signed_by = Some(SecretKey::from_seed(&[9; 32]).public_key())),
        Box::new(|file| file.signature = None),
    ];
    for (number, alter) in alterations.iter().enumerate() {
        let mut altered = file.clone();
        alter(&mut altered);
        let error = InviteFile::parse(&altered.to_bytes().unwrap()).expect_err("it was altered");
        assert_eq!((error.code, error.exit), ("E_INVITE_ALTERED", Exit::Verification), "alteration {number}");
    }
    let mut bytes = file.to_bytes().unwrap();
    bytes.truncate(bytes.len() / 2);
    assert_eq!(InviteFile::parse(&bytes).expect_err("cut off").code, "E_INVITE_ALTERED");
}

#[test]
fn somebody_elses_signature_is_no_sponsors() {
    let (file, _) = made();
    let mut other = file.clone();
    let signer = SecretKey::from_seed(&[9; 32]);
    other.signed_by = Some(signer.public_key());
    other.signature = Some(signer.sign_statement(InviteFile::TAG, &[&other.statement().unwrap()]));
    let other = InviteFile::parse(&other.to_bytes().unwrap()).unwrap();
    assert!(!other.signer_is_of_genesis(), "the caller says so");
}

#[test]
fn an_invitation_ends() {
    let (file, _) = made();
    assert!(file.check_time(Timestamp(999)).is_ok());
    assert_eq!(file.check_time(Timestamp(1000)).expect_err("over").code, "E_INVITE_EXPIRED");
}
