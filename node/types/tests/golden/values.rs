//! The values under test, and hex.

use super::*;

pub const NETWORK: NetworkId = NetworkId(Hash([0x11; 32]));
pub const BLOCK: BlockId = BlockId(Hash([0x22; 32]));
/// 2023-11-14T22:13:20Z.
pub const TIME: u64 = 1_700_000_000_000;

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn bytes_of(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().map(|digit| digit.to_digit(16).expect("a hex digit")).collect();
    digits.chunks(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect()
}

/// The first word of each line.
pub fn joined(fields: &str) -> String {
    fields.lines().map(|line| line.split_whitespace().next().expect("a field in each line")).collect()
}

pub fn uuid(later_ms: u64, random: u8) -> Uuid {
    Uuid::from_parts(Timestamp(TIME + later_ms), [random; 10])
}

pub fn account(path: &str) -> AccountId {
    AccountId::new(&path.parse().expect("a path"))
}

pub fn open() -> Operation {
    let (asset, name) = ("EUR".parse().expect("an asset"), "main".parse().expect("a name"));
    Operation::OpenAccount(OpenAccount { asset, name, parent: None, customer: None, tier: None })
}

pub fn salary() -> Transfer {
    Transfer {
        id: uuid(0, 0xab),
        debit_account: account("bank-a/EUR/main"),
        credit_account: account("bank-b/EUR/main"),
        amount: 12_345,
        reference: Reference::new("INV-1").expect("a reference"),
        purpose: Purpose::new("SALA").expect("a purpose"),
        document: None,
    }
}

pub fn transaction() -> Transaction {
    Transaction {
        version: Transaction::VERSION,
        network: NETWORK,
        submitter: "bank-a".parse().expect("a member"),
        id: uuid(1, 0xcd),
        valid_until: Timestamp(TIME + 3_600_000),
        signers: vec![Ed25519PublicKey([0x41; 32]), Ed25519PublicKey([0x42; 32])],
        operations: vec![open(), Operation::Transfer(salary())],
    }
}

/// The signatures have the right form; nothing here verifies them.
pub fn signed() -> SignedTransaction {
    let signature = |key, signature| TransactionSignature {
        key: Ed25519PublicKey([key; 32]),
        signature: Ed25519Signature([signature; 64]),
    };
    SignedTransaction { bytes: encode(&transaction()), signatures: vec![signature(0x41, 0x51), signature(0x42, 0x52)] }
}

pub fn commit() -> Certificate {
    let mut signers = Bitmap::new(4);
    [0, 1, 3].into_iter().for_each(|index| signers.insert(ValidatorIndex(index)));
    Certificate {
        kind: CertificateKind::Commit,
        height: Height(7),
        round: Round(1),
        valid_round: None,
        block: BLOCK,
        signers,
        signature: BlsSignature([0x61; 96]),
    }
}

pub fn header() -> Header {
    let hash = |byte| Hash([byte; 32]);
    Header {
        version: Header::VERSION,
        network: NETWORK,
        height: Height(7),
        time: Timestamp(TIME),
        parent: BlockId(hash(1)),
        batches_root: hash(10),
        transactions_root: hash(2),
        results_root: hash(3),
        state_root: hash(4),
        validators: hash(5),
        next_validators: hash(6),
        parameters: hash(7),
        last_certificate: hash(8),
        participation: hash(11),
        evidence_root: hash(9),
        proposer: "bank-a".parse().expect("a member"),
    }
}

pub fn validator(member: &str, key: u8) -> Validator {
    Validator { member: member.parse().expect("a member"), key: BlsPublicKey([key; 48]), power: 100 }
}

pub fn genesis() -> Genesis {
    let key = |byte| Ed25519PublicKey([byte; 32]);
    let rights = Rights;
    Genesis {
        version: Genesis::VERSION,
        name: "trial".into(),
        time: Timestamp(TIME),
        trial: true,
        parameters: Parameters::default(),
        members: vec![Member {
            id: "bank-a".parse().expect("a member"),
            legal_name: "Bank A".into(),
            lei: String::new(),
            bic: String::new(),
            roles: Roles::BANK,
            status: MemberStatus::Active,
            frozen: Default::default(),
            admin_keys: KeyGroup { k: 1, keys: vec![key(0x71)] },
            recovery_keys: KeyGroup { k: 1, keys: vec![key(0x72)] },
            operator_keys: vec![OperatorKey { key: key(0x73), rights: rights(31) }],
            access_keys: vec![AccessKey { key: Hash([0x74; 32]), rights: rights(24) }],
            node: Some(NodeRecord {
                tls_key: Hash([0x75; 32]),
                peer_address: "127.0.0.1:7400".into(),
                client_address: "127.0.0.1:7401".into(),
            }),
            validator: Some(ValidatorRecord {
                key: BlsPublicKey([0xa1; 48]),
                possession: BlsSignature([0xa2; 96]),
                power: 100,
            }),
        }],
        assets: vec![Asset {
            code: "EUR".parse().expect("an asset"),
            decimals: 2,
            issuer: "bank-a".parse().expect("a member"),
            kind: AssetKind::CentralBankMoney,
            quota: 10_u128.pow(15),
            frozen: false,
        }],
    }
}
