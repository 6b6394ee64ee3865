//! Golden vectors of the canonical encoding: what another language must reproduce, byte for byte.
//!
//! The expected bytes were computed by a separate program from docs/protocol.md, not by this crate. Each vector lists a
//! value's fields in order: hex first, then what it is. A change here breaks every signature and every stored block.

use concordat_types::{
    AccountId, Asset, AssetKind, Batch, BatchMode, Bitmap, BlockId, BlsPublicKey, BlsSignature, Body, Certificate,
    CertificateKind, DecodeError, Ed25519PublicKey, Ed25519Signature, Evidence, Genesis, Hash, Header, Height, Member,
    MemberId, MemberStatus, NetworkId, OpenAccount, Operation, Parameters, Purpose, Reference, Rights, Roles, Round,
    SignedTransaction, SignedVote, Timestamp, Transaction, Transfer, Uuid, Validator, ValidatorIndex, ValidatorSet,
    Vote, VoteType, decode, encode,
    hash::from_hex,
    member::{AccessKey, KeyGroup, NodeRecord, OperatorKey, ValidatorRecord},
    merkle::MerkleRoot,
    names::AccountPath,
    transaction::{FormError, FormRules, TransactionSignature},
};

mod operations;
mod values;
use values::*;

#[test]
fn votes() {
    let check = |vote: Vote, epoch: u32, fields: &str| {
        assert!(vote.is_well_formed(), "{vote:?}");
        assert_eq!(hex(&vote.sign_bytes(NETWORK, epoch)), joined(fields), "{vote:?}");
    };
    let vote = |vote_type, round, valid_round: Option<u32>, block| Vote {
        vote_type,
        height: Height(7),
        round: Round(round),
        valid_round: valid_round.map(Round),
        block,
    };
    // A new proposal.
    check(
        vote(VoteType::Proposal, 0, None, Some(BLOCK)),
        0,
        "11                                  length of the domain tag
         636f6e636f726461742f766f74652f7631  concordat/vote/v1
         1111111111111111111111111111111111111111111111111111111111111111  network
         00000000                            recovery epoch
         01                                  proposal
         0700000000000000                    height
         00000000                            round
         00                                  no valid round
         01                                  a block:
         2222222222222222222222222222222222222222222222222222222222222222",
    );
    // A proposal made again on the polka of round 1, and a prevote for it.
    for (vote_type, number) in [(VoteType::Proposal, "01"), (VoteType::Prevote, "02")] {
        check(
            vote(vote_type, 3, Some(1), Some(BLOCK)),
            0,
            &format!(
                "11636f6e636f726461742f766f74652f7631
                 1111111111111111111111111111111111111111111111111111111111111111
                 00000000
                 {number}                            type
                 0700000000000000                    height
                 03000000                            round
                 01                                  a valid round:
                 01000000
                 01                                  a block:
                 2222222222222222222222222222222222222222222222222222222222222222"
            ),
        );
    }
    // A nil prevote.
    check(
        vote(VoteType::Prevote, 3, None, None),
        0,
        "11636f6e636f726461742f766f74652f7631
         1111111111111111111111111111111111111111111111111111111111111111
         00000000
         02                                  prevote
         0700000000000000
         03000000
         00                                  no valid round
         00                                  nil",
    );
    // A nil precommit after one recovery.
    check(
        vote(VoteType::Precommit, 3, None, None),
        1,
        "11636f6e636f726461742f766f74652f7631
         1111111111111111111111111111111111111111111111111111111111111111
         01000000                            recovery epoch
         03                                  precommit
         0700000000000000
         03000000
         00
         00",
    );
}

#[test]
fn certificates() {
    let check = |certificate: &Certificate, fields: &str| {
        assert_eq!(hex(&encode(certificate)), joined(fields));
        assert_eq!(decode(&encode(certificate), 1000).as_ref(), Ok(certificate));
    };
    let commit = commit();
    check(
        &commit,
        "03                                  commit
         0700000000000000                    height
         01000000                            round
         00                                  no valid round
         2222222222222222222222222222222222222222222222222222222222222222  block
         0400                                four validators
         01000000                            one byte of bits:
         0b                                  validators 0, 1 and 3
         616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161
         616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161",
    );
    assert_eq!(commit.hash().to_string(), "4892633d8169cb9c28cea8fc02cf2456d25cde680e1bbb7a82e9150983d00b50");

    let polka =
        Certificate { kind: CertificateKind::Polka, round: Round(3), valid_round: Some(Round(1)), ..commit.clone() };
    check(
        &polka,
        "02                                  polka
         0700000000000000
         03000000
         01
         01000000                            valid round
         2222222222222222222222222222222222222222222222222222222222222222
         0400
         01000000
         0b
         616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161
         616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161",
    );
    // What the signers of each signed.
    assert_eq!(commit.vote().vote_type, VoteType::Precommit);
    assert_eq!(polka.vote().valid_round, Some(Round(1)));
}

#[test]
fn bitmaps() {
    let check = |len: usize, set: &[u16], expected: &str| {
        let mut bitmap = Bitmap::new(len);
        set.iter().for_each(|index| bitmap.insert(ValidatorIndex(*index)));
        assert_eq!(hex(&encode(&bitmap)), expected);
        assert_eq!(decode(&encode(&bitmap), 100), Ok(bitmap));
    };
    // Length in bits (2 bytes), length in bytes (4 bytes), bits from the least significant up.
    check(4, &[0, 1, 3], "0400010000000b");
    check(9, &[0, 8], "0900020000000101");
    check(8, &[7], "08000100000080");
    check(0, &[], "000000000000");

    let refuse =
        |bytes: &str| assert_eq!(decode::<Bitmap>(&bytes_of(bytes), 100), Err(DecodeError::Malformed), "{bytes}");
    refuse("0400010000001b"); // a padding bit is set
    refuse("0900020000000103"); // in the second byte
    refuse("04000200000000000b"); // more bytes than the length needs
    refuse("040000000000"); // fewer
    refuse("0101210000000000000000000000000000000000000000000000000000000000000000000000000000"); // 257 bits
}

#[test]
fn headers() {
    let header = header();
    let fields = "0100                              version
         1111111111111111111111111111111111111111111111111111111111111111  network
         0700000000000000                    height
         0068e5cf8b010000                    time
         0101010101010101010101010101010101010101010101010101010101010101  parent
         0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a  batches root
         0202020202020202020202020202020202020202020202020202020202020202  transactions root
         0303030303030303030303030303030303030303030303030303030303030303  results root
         0404040404040404040404040404040404040404040404040404040404040404  state root
         0505050505050505050505050505050505050505050505050505050505050505  validators of this height
         0606060606060606060606060606060606060606060606060606060606060606  validators of the next
         0707070707070707070707070707070707070707070707070707070707070707  parameters
         0808080808080808080808080808080808080808080808080808080808080808  last certificate
         0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b  participation
         0909090909090909090909090909090909090909090909090909090909090909  evidence root
         06                                  length of the proposer's name
         62616e6b2d61                        bank-a";
    assert_eq!(hex(&encode(&header)), joined(fields));
    assert_eq!(header.id().to_string(), "70cfec571e3a11bd768a20273839cbf884fc3b46937b5be47567c6ecc54ccde2");
}

#[test]
fn bodies() {
    let body = Body {
        batches: vec![vec![0xee, 0xff]],
        last_certificate: None,
        participation: Some(commit()),
        evidence: vec![],
    };
    let fields = format!(
        "01000000                           one batch
         02000000eeff                        its bytes
         00                                  no last certificate
         01                                  a participation record:
         {}
         00000000                            no evidence",
        hex(&encode(&commit()))
    );
    assert_eq!(hex(&encode(&body)), joined(&fields));
    assert_eq!(decode(&encode(&body), 1000), Ok(body));
}

#[test]
fn account_ids() {
    let check = |path: &str, expected: &str| {
        let path: AccountPath = path.parse().unwrap();
        assert_eq!(AccountId::new(&path).to_string(), expected);
    };
    // The first 16 bytes of SHA-256(tag, 06 "bank-a", 03 "EUR", 04 "main").
    check("bank-a/EUR/main", "04d6c4f964cbf7a658b1eb476cd10330");
    check("bank-b/EUR/main", "ea6c3fbb6c6d9721079298a3c101d1e4");
    check("central-bank/CNY.D/issuance", "fe818cd9ce35bc96bdd7d3582fe865e3");
}

#[test]
fn operations() {
    let check = |operation: &Operation, fields: &str| {
        assert_eq!(hex(&encode(operation)), joined(fields));
        assert_eq!(decode(&encode(operation), 1000).as_ref(), Ok(operation));
    };
    check(
        &open(),
        "01                                  open account
         03455552                            EUR
         046d61696e                          main
         000000                              no parent, no customer, no tier",
    );
    check(
        &Operation::Issue {
            id: uuid(2, 0x00),
            asset: "EUR".parse().unwrap(),
            credit_account: account("bank-a/EUR/main"),
            amount: 1_000_000,
            reference: Reference::new("").unwrap(),
        },
        "02                                  issue
         018bcfe5680270008000000000000000    id
         03455552                            EUR
         04d6c4f964cbf7a658b1eb476cd10330    credit account
         40420f00000000000000000000000000    amount
         00                                  no reference",
    );
    check(
        &Operation::Transfer(salary()),
        "03                                  transfer
         018bcfe568007bababababababababab    id
         04d6c4f964cbf7a658b1eb476cd10330    debit account
         ea6c3fbb6c6d9721079298a3c101d1e4    credit account
         39300000000000000000000000000000    amount 12345
         05494e562d31                        reference INV-1
         0453414c41                          purpose SALA
         00                                  no document",
    );
    let largest = Transfer {
        id: uuid(1, 0xcd),
        debit_account: account("bank-b/EUR/main"),
        credit_account: account("bank-a/EUR/main"),
        amount: u128::MAX,
        reference: Reference::new("").unwrap(),
        purpose: Purpose::new("").unwrap(),
        document: Some(Hash([0x33; 32])),
    };
    check(
        &Operation::Batch { mode: BatchMode::All, transfers: vec![salary(), largest] },
        "04                                  batch
         01                                  all or none
         02000000                            two transfers
         018bcfe568007bababababababababab04d6c4f964cbf7a658b1eb476cd10330ea6c3fbb6c6d9721079298a3c101d1e4
         3930000000000000000000000000000005494e562d310453414c4100
         018bcfe568017dcd8dcdcdcdcdcdcdcd    id
         ea6c3fbb6c6d9721079298a3c101d1e4    debit account
         04d6c4f964cbf7a658b1eb476cd10330    credit account
         ffffffffffffffffffffffffffffffff    amount 2^128 - 1
         00                                  no reference
         00                                  no purpose
         01                                  a document:
         3333333333333333333333333333333333333333333333333333333333333333",
    );
    check(
        &Operation::Batch { mode: BatchMode::Each, transfers: vec![] },
        "04
         00                                  each on its own
         00000000",
    );
}

#[test]
fn transactions() {
    let signed = signed();
    assert_eq!(
        hex(&signed.bytes),
        joined(
            "01                              version
             1111111111111111111111111111111111111111111111111111111111111111  network
             06                              length of the submitter's name
             62616e6b2d61                    bank-a
             018bcfe568017dcd8dcdcdcdcdcdcdcd  id
             80561cd08b010000                valid until
             02000000                        two signers
             4141414141414141414141414141414141414141414141414141414141414141
             4242424242424242424242424242424242424242424242424242424242424242
             02000000                        two operations
             0103455552046d61696e000000      open account
             03018bcfe568007bababababababababab04d6c4f964cbf7a658b1eb476cd10330
             ea6c3fbb6c6d9721079298a3c101d1e43930000000000000000000000000000005494e562d310453414c4100"
        )
    );
    // What its signatures sign: SHA-256(18, "concordat/transaction/v1", those bytes).
    assert_eq!(signed.hash().0.to_string(), "98759a5b7f543cfb8ce76807582b1da88a5a11229cc7830ccf3eddd765b7a1d7");
    // As it stands in blocks: length and bytes, then number of signatures, and key and signature of each.
    let encoded = hex(&encode(&signed));
    assert!(
        encoded.starts_with("e200000001")
            && encoded.contains(&format!("02000000{}{}", "41".repeat(32), "51".repeat(64)))
    );
    assert_eq!(signed.leaf().to_string(), "518532d8de9bef6539d69d7d685b6eff70a13a74e4e95a5a229cf9346d74637c");

    let batch = encode(&Batch { transactions: vec![signed] });
    let digest = Batch::digest_of(&batch).0;
    assert_eq!(digest.to_string(), "08a7e8d851c41ea3cdbdea3fb764b9c49a0bc378e93dfbf2a9a709b3d9a263d0");
}

#[test]
fn sets_parameters_and_genesis() {
    let parameters = Parameters::default();
    assert_eq!(
        hex(&encode(&parameters)),
        joined(
            "e8030000                        timeout_propose_ms
             f4010000                        timeout_prevote_ms
             f4010000                        timeout_precommit_ms
             fa000000                        timeout_step_ms
             10270000                        timeout_max_ms
             10270000                        heartbeat_ms
             f4010000                        precision_ms
             d0070000                        delay_ms
             00001000                        tx_bytes_max
             00000001                        block_bytes_max
             00800000                        block_transfers_max
             fe1f0000                        transfers_per_tx_max
             00b84c0a00000000                id_window_ms
             1027000000000000                evidence_window_heights
             00b84c0a00000000                evidence_window_ms"
        )
    );
    assert_eq!(parameters.hash().to_string(), "afc91dc9658a57a429f6a75e872a8b7bbaa8bc772a3e6382be50891901477271");

    let set = ValidatorSet::new(vec![validator("bank-a", 0xa1), validator("bank-b", 0xb1)]).unwrap();
    assert_eq!(set.hash().to_string(), "78cc2a9b71a1142e6635939b7d4d4a28b67ce311c00518bbdabbf5da09f7b71e");

    let genesis = genesis();
    assert_eq!(genesis.check(), Ok(()));
    let (before_members, members) = ("0100 05000000747269616c 0068e5cf8b010000 01", hex(&encode(&genesis.members)));
    assert!(hex(&encode(&genesis)).starts_with(&before_members.replace(' ', "")));
    assert!(members.starts_with("010000000662616e6b2d610600000042616e6b2041"), "one member, bank-a, Bank A");
    assert_eq!(genesis.network_id().to_string(), "9c71d3870c67f4900f9e0d9d6f0cbe42b75c021bfa92f163fc9cfe750585fba4");
}

#[test]
fn merkle_roots() {
    let check = |leaves: u8, expected: &str| {
        let root = (0..leaves).map(|leaf| [leaf]).collect::<MerkleRoot>().finish();
        assert_eq!(root.to_string(), expected, "{leaves} leaves");
    };
    // RFC 6962 over the one-byte entries 00, 01, …
    check(0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    check(1, "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7");
    check(2, "a20bf9a7cc2dc8a08f5f415a71b19f6ac427bab54d24eec868b5d3103449953a");
    check(3, "3b6cccd7e3e023ff393006f030315ee7ad9eb111b022b41fba7e5b7a3973f688");
    check(4, "9bcd51240af4005168f033121ba85be5a6ed4f0e6a5fac262066729b8fbfdecb");
    check(5, "b855b42d6c30f5b087e05266783fbd6e394f7b926013ccaa67700a8b0c5a596f");
}

#[test]
fn uuids() {
    let id = uuid(0, 0xab);
    assert_eq!(id.to_string(), "018bcfe5-6800-7bab-abab-abababababab");
    assert_eq!(id.time(), Some(Timestamp(TIME)));
    assert_eq!(uuid(2, 0x00).to_string(), "018bcfe5-6802-7000-8000-000000000000");

    let without_time = |bytes: &str| assert_eq!(Uuid(from_hex(bytes).unwrap()).time(), None, "{bytes}");
    without_time("018bcfe568004babababababababab00"); // version 4
    without_time("018bcfe568007bab2babababababab00"); // another variant
    without_time("00000000000000000000000000000000");
}

#[test]
fn names() {
    fn check<T: std::str::FromStr>(kind: &str, good: &[&str], bad: &[&str]) {
        good.iter().for_each(|text| assert!(text.parse::<T>().is_ok(), "{kind} {text:?}"));
        bad.iter().for_each(|text| assert!(text.parse::<T>().is_err(), "{kind} {text:?}"));
    }
    let (long_32, long_33) = ("a".repeat(32), "a".repeat(33));
    check::<MemberId>("member", &["bank-a", "0", "-", &long_32], &["", "Bank-a", "bank a", "bänk", "bank_a", &long_33]);
    check::<concordat_types::AssetCode>(
        "asset",
        &["EUR", "CNY.D", "DE000BASF111"],
        &["", "eur", "DE000BASF1111", "A-B"],
    );
    check::<concordat_types::AccountName>("account", &["main", "a.b_c-1"], &["", "Main", "a/b", &long_33]);
    check::<Reference>("reference", &["", "INV-1", "it's (1+1):,./?"], &["ü", "a\n", &"9".repeat(37)]);
    check::<Purpose>("purpose", &["", "SALA", "1"], &["SALAR", "sala"]);
    check::<AccountPath>(
        "path",
        &["bank-a/EUR/main"],
        &["bank-a/EUR", "bank-a/EUR/main/", "/EUR/main", "bank-a//main"],
    );

    // A length of one byte, then the bytes; what no name may hold does not decode.
    assert_eq!(hex(&encode(&"bank-a".parse::<MemberId>().unwrap())), "0662616e6b2d61");
    for bytes in ["00", "0142", "0261", "03616263616263", "ff61", "21"] {
        assert!(decode::<MemberId>(&bytes_of(bytes), 100).is_err(), "{bytes}");
    }
}

#[test]
fn refusals() {
    let good = encode(&header());
    let mut longer = good.clone();
    longer.push(0);
    assert_eq!(decode::<Header>(&longer, 1000), Err(DecodeError::Malformed), "a byte after the end");
    assert_eq!(decode::<Header>(&good[..good.len() - 1], 1000), Err(DecodeError::Malformed), "a byte too few");
    assert_eq!(decode::<Header>(&good, 10), Err(DecodeError::TooLong { got: good.len(), max: 10 }));

    let malformed = |what: &str, outcome: bool| assert!(outcome, "{what}");
    malformed("an operation without a number", decode::<Operation>(&bytes_of("00"), 10).is_err());
    malformed("an operation of a number to come", decode::<Operation>(&bytes_of("0503455552046d61696e"), 100).is_err());
    malformed("a vote of no type", decode::<Vote>(&bytes_of("040700000000000000030000000000"), 100).is_err());
    malformed("an option that is neither", decode::<Option<u8>>(&bytes_of("0201"), 100).is_err());
    // Claims four thousand million transactions in eight bytes: refused without allocating for them.
    malformed("a list longer than its bytes", decode::<Batch>(&bytes_of("ffffffff00000000"), 100).is_err());

    let unsorted = encode(&vec![validator("bank-b", 0xb1), validator("bank-a", 0xa1)]);
    malformed("validators out of order", decode::<ValidatorSet>(&unsorted, 1000).is_err());
    let twice = encode(&vec![validator("bank-a", 0xa1), validator("bank-a", 0xa1)]);
    malformed("a validator twice", decode::<ValidatorSet>(&twice, 1000).is_err());
    let key_twice = encode(&vec![validator("bank-a", 0xa1), validator("bank-b", 0xa1)]);
    malformed("a key twice", decode::<ValidatorSet>(&key_twice, 1000).is_err());
    malformed("no validators", decode::<ValidatorSet>(&bytes_of("00000000"), 1000).is_err());
}

#[test]
fn forms_of_transactions() {
    let rules = FormRules { network: NETWORK, tx_bytes_max: 1 << 20, transfers_per_tx_max: 2 };
    let refuse = |expected: FormError, change: &dyn Fn(&mut SignedTransaction)| {
        let mut transaction = signed();
        change(&mut transaction);
        assert_eq!(transaction.parse(&rules).map(|_| ()), Err(expected));
    };
    assert_eq!(signed().parse(&rules), Ok(transaction()));

    refuse(FormError::NoSignatures, &|signed| signed.signatures.clear());
    refuse(FormError::SignaturesNotSorted, &|signed| signed.signatures.reverse());
    refuse(FormError::SignaturesNotSorted, &|signed| signed.signatures[1].key = signed.signatures[0].key);
    refuse(FormError::TooManySignatures(17), &|signed| signed.signatures = vec![signed.signatures[0]; 17]);
    refuse(FormError::Decode(DecodeError::Malformed), &|signed| signed.bytes.push(0));
    refuse(FormError::Version(2), &|signed| signed.bytes[0] = 2);
    refuse(FormError::WrongNetwork, &|signed| signed.bytes[1] = 0);

    let with = |operations: Vec<Operation>| {
        move |signed: &mut SignedTransaction| {
            signed.bytes = encode(&Transaction { operations: operations.clone(), ..transaction() });
        }
    };
    refuse(FormError::NoOperations, &with(vec![]));
    refuse(FormError::TooManyOperations(17), &with(vec![open(); 17]));
    refuse(FormError::EmptyBatch, &with(vec![Operation::Batch { mode: BatchMode::All, transfers: vec![] }]));
    refuse(FormError::TooManyTransfers { got: 3, max: 2 }, &with(vec![open(); 3]));
}

#[test]
fn evidence() {
    let vote = |vote_type, round, valid_round: Option<u32>, block| SignedVote {
        vote: Vote { vote_type, height: Height(7), round: Round(round), valid_round: valid_round.map(Round), block },
        validator: ValidatorIndex(2),
        signature: BlsSignature([0; 96]),
    };
    let check = |convicts: bool, first: SignedVote, second: SignedVote| {
        assert_eq!(Evidence { first, second }.is_well_formed(), convicts, "{first:?} {second:?}");
    };
    use VoteType::{Precommit, Prevote, Proposal};
    let other = Some(BlockId(Hash([0x44; 32])));
    // Two of one kind in one round.
    check(true, vote(Prevote, 3, None, Some(BLOCK)), vote(Prevote, 3, None, other));
    check(true, vote(Prevote, 3, None, Some(BLOCK)), vote(Prevote, 3, None, None));
    check(true, vote(Proposal, 3, None, Some(BLOCK)), vote(Proposal, 3, Some(1), Some(BLOCK)));
    check(false, vote(Prevote, 3, None, Some(BLOCK)), vote(Prevote, 3, None, Some(BLOCK)));
    check(false, vote(Prevote, 3, None, Some(BLOCK)), vote(Precommit, 3, None, other));
    check(false, vote(Prevote, 3, None, Some(BLOCK)), vote(Prevote, 4, None, other));
    // Locked in round 3, then for another block without a polka from there on.
    check(true, vote(Precommit, 3, None, Some(BLOCK)), vote(Prevote, 5, None, other));
    check(true, vote(Precommit, 3, None, Some(BLOCK)), vote(Prevote, 5, Some(2), other));
    check(false, vote(Precommit, 3, None, Some(BLOCK)), vote(Prevote, 5, Some(3), other));
    check(false, vote(Precommit, 3, None, Some(BLOCK)), vote(Prevote, 5, None, None));
    check(false, vote(Precommit, 3, None, Some(BLOCK)), vote(Prevote, 5, None, Some(BLOCK)));
    check(false, vote(Precommit, 3, None, None), vote(Prevote, 5, None, other));
}

#[test]
fn offences() {
    let vote = |vote_type, round, valid_round: Option<u32>, block| SignedVote {
        vote: Vote { vote_type, height: Height(7), round: Round(round), valid_round: valid_round.map(Round), block },
        validator: ValidatorIndex(1),
        signature: BlsSignature([0; 96]),
    };
    let set = ValidatorSet::new(vec![validator("bank-a", 1), validator("bank-b", 2)]).unwrap();
    let check = |first: SignedVote, second: SignedVote, kind_and_round: &str| {
        let offence = Evidence { first, second }.offence(&set).unwrap();
        let fields = format!(
            "06                                  length of the member's name
             62616e6b2d62                        bank-b
             0700000000000000                    height
             {kind_and_round}"
        );
        assert_eq!(hex(&encode(&offence)), joined(&fields));
    };
    use VoteType::{Precommit, Prevote, Proposal};
    let (block, other) = (Some(BLOCK), Some(BlockId(Hash([0x44; 32]))));
    check(vote(Proposal, 3, None, block), vote(Proposal, 3, None, other), "0300000001");
    check(vote(Prevote, 3, None, block), vote(Prevote, 3, None, other), "0300000002");
    // Whichever votes prove it, it is the same offence.
    check(vote(Prevote, 3, None, None), vote(Prevote, 3, Some(1), block), "0300000002");
    check(vote(Precommit, 3, None, other), vote(Precommit, 3, None, block), "0300000003");
    check(vote(Precommit, 3, None, block), vote(Prevote, 5, None, other), "0500000004");
    let none = |first, second| assert_eq!(Evidence { first, second }.offence(&set), None);
    none(vote(Prevote, 3, None, block), vote(Prevote, 4, None, other));
    none(vote(Prevote, 3, Some(3), block), vote(Prevote, 3, None, other));
    let unknown = |signed: SignedVote| SignedVote { validator: ValidatorIndex(2), ..signed };
    none(unknown(vote(Prevote, 3, None, block)), unknown(vote(Prevote, 3, None, other)));
}
