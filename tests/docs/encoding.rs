//! The vectors that another language's client is tested with are what the encoder makes of the same values.

use super::read;
use concordat_ledger::{BlockEvent, EventLeaf, ItemLeaf, ResultLeaf, StateKey};
use concordat_types::{
    AccountId, AccountName, Amount, AssetCode, AssetKind, Batch, BatchMode, Bitmap, BlockId, BlsPublicKey,
    BlsSignature, BusinessDate, Certificate, CertificateKind, Ed25519PublicKey, Ed25519Signature, FreezeTarget,
    Genesis, Hash, Header, Height, Hold, HoldSide, Leg, LimitScope, Limits, MemberId, NetworkId, Offer, OpenAccount,
    Operation, Parameters, PendingRef, Purpose, Reference, ResultCode, Round, SignedTransaction, Tag, Tier, Timestamp,
    Transaction, TransactionHash, Transfer, Uuid, Validator, ValidatorIndex, ValidatorSet, encode, hash::from_hex,
    merkle::MerkleRoot, names::AccountPath, transaction::TransactionSignature,
};
use serde_json::Value;
use std::collections::BTreeSet;

#[test]
fn the_vectors_of_the_encoding_are_those_of_the_encoder() {
    let vectors: Value = serde_json::from_str(&in_quotes(&read("docs/vectors/encoding.json"))).expect("it is JSON");
    let mut kinds = BTreeSet::new();
    for vector in vectors["vectors"].as_array().expect("a list") {
        let (name, kind, of) = (&vector["name"], text(&vector["type"]), Of(&vector["value"]));
        kinds.insert(kind);
        let (bytes, tag) = match kind {
            "operation" => (encode(&of.operation()), None),
            "transaction" => (encode(&of.transaction()), Some(Tag::TRANSACTION)),
            "signed_transaction" => (encode(&of.signed_transaction()), Some(Tag::RECORD)),
            "batch" => {
                let transactions = of.at("transactions").list(|signed| signed.signed_transaction());
                (encode(&Batch { transactions }), Some(Tag::BATCH))
            }
            "certificate" => (encode(&of.certificate()), Some(Tag::CERTIFICATE)),
            "header" => (encode(&of.header()), Some(Tag::BLOCK_ID)),
            "parameters" => (encode(&of.serde::<Parameters>()), Some(Tag::PARAMETERS)),
            "validator_set" => {
                let set = ValidatorSet::new(of.list(|validator| validator.validator())).expect("it is one");
                (encode(&set), Some(Tag::VALIDATORS))
            }
            "genesis" => (encode(&of.serde::<Genesis>()), Some(Tag::GENESIS)),
            "result_leaf" => (encode(&of.result_leaf()), None),
            "state_key" => (of.state_key().to_bytes(), None),
            other => panic!("{name}: a vector of a type {other} that nobody checks"),
        };
        assert_eq!(hex(&bytes), text(&vector["bytes"]), "{name}");
        if let Some(hash) = vector["hash"].as_str() {
            assert_eq!(tag.map(|tag| tag.hash(&[&bytes]).to_string()).as_deref(), Some(hash), "{name}");
        }
    }
    assert_eq!(kinds.len(), 11, "{kinds:?}");
}

#[test]
fn the_vectors_of_names_and_trees_are_those_of_the_code() {
    let vectors: Value = serde_json::from_str(&in_quotes(&read("docs/vectors/encoding.json"))).expect("it is JSON");
    let accounts = vectors["accounts"].as_object().expect("by path");
    for (path, id) in accounts {
        let path: AccountPath = path.parse().expect("a path");
        assert_eq!(AccountId::new(&path).to_string(), text(id), "{path}");
    }
    let roots = vectors["merkle_roots"].as_array().expect("a list");
    assert!(!accounts.is_empty() && roots.len() > 2);
    for (count, root) in (0..).zip(roots) {
        let mut tree = MerkleRoot::default();
        (0..count).for_each(|entry: u8| tree.push(&[entry]));
        assert_eq!(tree.finish().to_string(), text(root), "{count} entries");
    }
}

/// A number of more than 64 bits is a float to serde_json.
fn in_quotes(json: &str) -> String {
    let quote = |line: &str| {
        let (number, comma) = line.strip_suffix(',').map_or((line, ""), |number| (number, ","));
        match number.rsplit_once(' ') {
            Some((name, digits)) if digits.len() > 19 && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                format!("{name} \"{digits}\"{comma}\n")
            }
            _ => format!("{line}\n"),
        }
    };
    json.lines().map(quote).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A value of a vector, read by the names that docs/encoding.md gives to the fields.
#[derive(Clone, Copy)]
struct Of<'a>(&'a Value);

impl<'a> Of<'a> {
    fn at(self, name: &str) -> Of<'a> {
        Of(self.0.get(name).unwrap_or_else(|| panic!("{} has no {name}", self.0)))
    }

    /// The one case of a choice.
    fn case(self) -> (&'a str, Of<'a>) {
        let mut cases = self.0.as_object().expect("a choice").iter();
        let (name, value) = cases.next().expect("a choice has a case");
        assert!(cases.next().is_none(), "{} has two cases", self.0);
        (name, Of(value))
    }

    fn list<T>(self, read: impl Fn(Of<'a>) -> T) -> Vec<T> {
        self.0.as_array().expect("a list").iter().map(|value| read(Of(value))).collect()
    }

    fn option<T>(self, read: impl Fn(Of<'a>) -> T) -> Option<T> {
        (!self.0.is_null()).then(|| read(self))
    }

    fn serde<T: serde::de::DeserializeOwned>(self) -> T {
        serde_json::from_value(self.0.clone()).unwrap_or_else(|error| panic!("{}: {error}", self.0))
    }

    fn number(self) -> u64 {
        self.0.as_u64().unwrap_or_else(|| panic!("{} is no number", self.0))
    }

    fn amount(self) -> Amount {
        self.0.as_u64().map_or_else(|| text(self.0).parse().expect("an amount"), Amount::from)
    }

    fn flag(self) -> bool {
        self.0.as_bool().unwrap_or_else(|| panic!("{} is no flag", self.0))
    }

    fn blob(self) -> Vec<u8> {
        let digits = text(self.0);
        (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).expect("hex")).collect()
    }

    fn hash(self) -> Hash {
        self.serde()
    }

    fn id(self) -> Uuid {
        Uuid(from_hex(&text(self.0).replace('-', "")).expect("a UUID"))
    }

    fn account(self) -> AccountId {
        AccountId(from_hex(text(self.0)).expect("an account id"))
    }

    fn time(self) -> Timestamp {
        Timestamp(self.number())
    }

    fn tier(self) -> Tier {
        Tier(u8::try_from(self.number()).expect("a tier"))
    }

    fn pending(self) -> PendingRef {
        PendingRef { submitter: self.at("submitter").serde(), id: self.at("id").id() }
    }

    fn asset(self) -> AssetCode {
        self.at("asset").serde()
    }

    fn reference(self) -> Reference {
        self.at("reference").serde()
    }

    fn transfer(self) -> Transfer {
        Transfer {
            id: self.at("id").id(),
            debit_account: self.at("debit_account").account(),
            credit_account: self.at("credit_account").account(),
            amount: self.at("amount").amount(),
            reference: self.reference(),
            purpose: self.at("purpose").serde::<Purpose>(),
            document: self.at("document").option(Of::hash),
        }
    }

    fn leg(self) -> Leg {
        Leg {
            debit_account: self.at("debit_account").account(),
            credit_account: self.at("credit_account").account(),
            amount: self.at("amount").amount(),
        }
    }

    fn hold(self) -> Hold {
        Hold {
            id: self.at("id").id(),
            debit_account: self.at("debit_account").account(),
            credit_account: self.at("credit_account").account(),
            amount: self.at("amount").amount(),
            expires_at: self.at("expires_at").time(),
            posted_by: match text(self.at("posted_by").0) {
                "debtor" => HoldSide::Debtor,
                "creditor" => HoldSide::Creditor,
                other => panic!("a side {other}"),
            },
            reference: self.reference(),
            purpose: self.at("purpose").serde(),
            document: self.at("document").option(Of::hash),
        }
    }

    fn scope(self) -> LimitScope {
        match self.case() {
            ("account", account) => LimitScope::Account(account.account()),
            ("tier", of) => LimitScope::Tier { asset: of.asset(), tier: of.at("tier").tier() },
            ("member", of) => LimitScope::Member { asset: of.asset() },
            ("bilateral", of) => {
                LimitScope::Bilateral { asset: of.asset(), counterparty: of.at("counterparty").serde() }
            }
            (other, _) => panic!("a scope {other}"),
        }
    }

    fn limits(self) -> Limits {
        let limit = |name| self.at(name).option(Of::amount);
        Limits {
            transfer_max: limit("transfer_max"),
            day_max: limit("day_max"),
            net_debit_max: limit("net_debit_max"),
            balance_max: limit("balance_max"),
            second_key_above: limit("second_key_above"),
        }
    }

    fn operation(self) -> Operation {
        let (name, of) = self.case();
        match name {
            "open_account" => Operation::OpenAccount(OpenAccount {
                asset: of.asset(),
                name: of.at("name").serde::<AccountName>(),
                parent: of.at("parent").option(Of::account),
                customer: of.at("customer").option(Of::hash),
                tier: of.at("tier").option(Of::tier),
            }),
            "issue" => Operation::Issue {
                id: of.at("id").id(),
                asset: of.asset(),
                credit_account: of.at("credit_account").account(),
                amount: of.at("amount").amount(),
                reference: of.reference(),
            },
            "transfer" => Operation::Transfer(of.transfer()),
            "batch" => Operation::Batch {
                mode: match text(of.at("mode").0) {
                    "each" => BatchMode::Each,
                    "all" => BatchMode::All,
                    other => panic!("a mode {other}"),
                },
                transfers: of.at("transfers").list(Of::transfer),
            },
            "redeem" => Operation::Redeem {
                id: of.at("id").id(),
                debit_account: of.at("debit_account").account(),
                amount: of.at("amount").amount(),
                reference: of.reference(),
            },
            "hold" => Operation::Hold(of.hold()),
            "post" => Operation::Post {
                id: of.at("id").id(),
                hold: of.at("hold").pending(),
                amount: of.at("amount").amount(),
            },
            "void" => Operation::Void { hold: of.at("hold").pending() },
            "offer" => Operation::Offer(Offer {
                id: of.at("id").id(),
                legs: of.at("legs").list(Of::leg),
                deadline: of.at("deadline").time(),
                reference: of.reference(),
                document: of.at("document").option(Of::hash),
            }),
            "accept" => Operation::Accept { offer: of.at("offer").pending() },
            "cancel" => Operation::Cancel { offer: of.at("offer").pending() },
            "close_account" => Operation::CloseAccount { account: of.at("account").account() },
            "change_account" => Operation::ChangeAccount {
                account: of.at("account").account(),
                parent: of.at("parent").option(Of::account),
                tier: of.at("tier").option(Of::tier),
            },
            "set_limits" => Operation::SetLimits { scope: of.at("scope").scope(), limits: of.at("limits").limits() },
            "freeze" => Operation::Freeze {
                target: match of.at("target").case() {
                    ("account", account) => FreezeTarget::Account(account.account()),
                    ("asset", asset) => FreezeTarget::Asset(asset.serde()),
                    ("member", member) => FreezeTarget::Member(member.serde()),
                    (other, _) => panic!("a target {other}"),
                },
                debits: of.at("debits").flag(),
                credits: of.at("credits").flag(),
                reference: of.reference(),
            },
            "end_of_day" => {
                let days = u32::try_from(of.at("next").number()).expect("days");
                Operation::EndOfDay { next: BusinessDate::from_days(days).expect("in range") }
            }
            "create_asset" => Operation::CreateAsset {
                code: of.at("code").serde(),
                decimals: of.at("decimals").serde(),
                kind: of.at("kind").serde::<AssetKind>(),
                issuer: of.at("issuer").serde(),
                quota: of.at("quota").amount(),
            },
            "set_quota" => Operation::SetQuota { asset: of.asset(), quota: of.at("quota").amount() },
            other => panic!("an operation {other} that nobody checks"),
        }
    }

    fn transaction(self) -> Transaction {
        Transaction {
            version: self.at("version").serde(),
            network: self.at("network").serde::<NetworkId>(),
            submitter: self.at("submitter").serde::<MemberId>(),
            id: self.at("id").id(),
            valid_until: self.at("valid_until").time(),
            signers: self.at("signers").serde::<Vec<Ed25519PublicKey>>(),
            operations: self.at("operations").list(Of::operation),
        }
    }

    fn signed_transaction(self) -> SignedTransaction {
        let signature = |of: Of<'_>| TransactionSignature {
            key: of.at("key").serde(),
            signature: of.at("signature").serde::<Ed25519Signature>(),
        };
        SignedTransaction { bytes: self.at("bytes").blob(), signatures: self.at("signatures").list(signature) }
    }

    fn validator(self) -> Validator {
        let (member, key) = (self.at("member").serde(), self.at("key").serde::<BlsPublicKey>());
        Validator { member, key, power: self.at("power").number() }
    }

    fn bitmap(self) -> Bitmap {
        let (bits, bytes) = (self.at("bits").number(), self.at("bytes").blob());
        let mut bitmap = Bitmap::new(usize::try_from(bits).expect("of a set"));
        let is_set = |index: &u16| bytes[usize::from(index / 8)] >> (index % 8) & 1 == 1;
        (0..).take(bits as usize).filter(is_set).for_each(|index| bitmap.insert(ValidatorIndex(index)));
        bitmap
    }

    fn certificate(self) -> Certificate {
        let round = |of: Of<'_>| Round(of.serde());
        Certificate {
            kind: match text(self.at("kind").0) {
                "polka" => CertificateKind::Polka,
                "commit" => CertificateKind::Commit,
                other => panic!("a kind {other}"),
            },
            height: Height(self.at("height").number()),
            round: round(self.at("round")),
            valid_round: self.at("valid_round").option(round),
            block: BlockId(self.at("block").hash()),
            signers: self.at("signers").bitmap(),
            signature: self.at("signature").serde::<BlsSignature>(),
        }
    }

    fn header(self) -> Header {
        let hash = |name| self.at(name).hash();
        Header {
            version: self.at("version").serde(),
            network: NetworkId(hash("network")),
            height: Height(self.at("height").number()),
            time: self.at("time").time(),
            parent: BlockId(hash("parent")),
            batches_root: hash("batches_root"),
            transactions_root: hash("transactions_root"),
            results_root: hash("results_root"),
            state_root: hash("state_root"),
            validators: hash("validators"),
            next_validators: hash("next_validators"),
            parameters: hash("parameters"),
            last_certificate: hash("last_certificate"),
            participation: hash("participation"),
            evidence_root: hash("evidence_root"),
            proposer: self.at("proposer").serde(),
        }
    }

    fn result_leaf(self) -> ResultLeaf {
        match self.case() {
            ("item", of) => ResultLeaf::Item(ItemLeaf {
                tx_index: of.at("tx_index").serde(),
                operation: of.at("operation").serde(),
                item: of.at("item").serde(),
                transaction: TransactionHash(of.at("transaction").hash()),
                id: of.at("id").id(),
                body: of.at("body").hash(),
                code: code(of.at("code").serde()),
                repeat: of.at("repeat").flag(),
                bookings: of.at("bookings").list(|_| panic!("read the bookings here once a vector has some")),
            }),
            ("event", of) => {
                let event = match of.at("event").case() {
                    ("hold_expired", pending) => BlockEvent::HoldExpired(pending.pending()),
                    ("offer_expired", pending) => BlockEvent::OfferExpired(pending.pending()),
                    (other, _) => panic!("an event {other}"),
                };
                ResultLeaf::Event(EventLeaf { index: of.at("index").serde(), event })
            }
            (other, _) => panic!("a leaf {other}"),
        }
    }

    fn state_key(self) -> StateKey {
        match self.case() {
            ("member", of) => StateKey::Member(of.serde()),
            ("asset", of) => StateKey::Asset(of.serde()),
            ("account", of) => StateKey::Account(of.account()),
            (other, _) => panic!("a key {other}"),
        }
    }
}

fn code(number: u16) -> ResultCode {
    *ResultCode::ALL.iter().find(|code| code.number() == number).expect("a result")
}
