//! What this machine could do at best: measured on one thread, before any node runs.

use super::{
    report::{Limits, cores, round},
    traffic::{Bed, single},
};
use crate::harness::{Failure, network::CENTRAL_BANK};
use concordat_crypto::check_transactions;
use concordat_replica::{
    CheckedBatch,
    chain::{Chain, Parts},
};
use concordat_storage::RocksStore;
use concordat_types::{
    Bitmap, BlsSignature, Certificate, CertificateKind, CheckedTransaction, Genesis, MemberId, Parameters, Round,
    SignedTransaction, Timestamp, Verified, decode, encode, transaction::FormRules,
};
use std::{
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

pub async fn measure(bed: &Bed) -> Result<Limits, Failure> {
    let central_bank = bed.network.member(CENTRAL_BANK).await?;
    let (network, genesis) = concordat_node::genesis::load(&bed.network.dir.join("genesis.json"))
        .map_err(|error| Failure::check(format!("genesis: {error}")))?;
    let Parameters { tx_bytes_max, transfers_per_tx_max, .. } = genesis.parameters;
    let rules =
        FormRules { network, tx_bytes_max: tx_bytes_max as usize, transfers_per_tx_max: transfers_per_tx_max as usize };
    let banks = bed.banks.len();
    let payments = (0..PAYMENTS * BLOCKS).map(|number| single(&bed.banks, number % banks, (number / banks) as u64));
    let encoded: Vec<Vec<u8>> = payments.map(|payment| encode(&payment)).collect();
    let verify = verify_time(&encoded, &rules)?;

    let folder = bed.folder.path().join("limits");
    let store = RocksStore::open(&folder, network).map_err(|error| Failure::check(format!("store: {error}")))?;
    let mut engine = Engine::open(&genesis, store, rules)?;
    engine.take(bed.openings().into_iter().map(|(_, transaction)| transaction).collect())?;
    engine.take(bed.issues(&central_bank).into_iter().map(|(_, transaction)| transaction).collect())?;
    let mut ledger = Duration::ZERO;
    for block in encoded.chunks(PAYMENTS) {
        ledger += engine.take_encoded(block)?;
    }
    drop(engine);
    let per_payment = |time: Duration| round(time.as_secs_f64() * 1e6 / encoded.len() as f64);
    let (verify_us, ledger_us) = (per_payment(verify), per_payment(ledger));
    let bound = |us: f64| (cores() as f64 * 1e6 / us / banks as f64).round();
    Ok(Limits {
        fsync_ms: None,
        verify_us,
        ledger_us,
        signature_bound: bound(verify_us),
        engine_bound: bound(ledger_us),
    })
}

/// Of the signatures alone: the checks of form are taken off.
fn verify_time(encoded: &[Vec<u8>], rules: &FormRules) -> Result<Duration, Failure> {
    let begun = Instant::now();
    let mut signed = Vec::new();
    for bytes in encoded {
        let (transaction, _) = parse(bytes, rules)?;
        signed.push(transaction);
    }
    let parsing = begun.elapsed();
    let begun = Instant::now();
    let checked = check_transactions(signed, rules);
    let checking = begun.elapsed();
    match checked.iter().find_map(|outcome| outcome.as_ref().err()) {
        None => Ok(checking.saturating_sub(parsing)),
        Some(error) => Err(Failure::check(format!("a payment made here is not good: {error}"))),
    }
}

/// All that a node does to the bytes of a transaction, but for its signatures.
fn parse(bytes: &[u8], rules: &FormRules) -> Result<(SignedTransaction, concordat_types::Transaction), Failure> {
    let not_good = |error: &dyn std::fmt::Display| Failure::check(format!("a payment made here is not good: {error}"));
    let signed: SignedTransaction = decode(bytes, 2 * rules.tx_bytes_max).map_err(|error| not_good(&error))?;
    let transaction = signed.parse(rules).map_err(|error| not_good(&error))?;
    black_box(signed.hash());
    Ok((signed, transaction))
}

/// A ledger without network and consensus: blocks go in, results into the store.
struct Engine {
    chain: Chain,
    rules: FormRules,
    proposer: MemberId,
}

impl Engine {
    fn open(genesis: &Genesis, store: RocksStore, rules: FormRules) -> Result<Engine, Failure> {
        let chain = Chain::open(genesis, Box::new(store)).map_err(|error| Failure::check(error.to_string()))?;
        let proposer = genesis.members.iter().find(|member| member.validator.is_some()).map(|member| member.id);
        let proposer = proposer.ok_or_else(|| Failure::check("the genesis has no validator"))?;
        Ok(Engine { chain, rules, proposer })
    }

    /// Decoding included.
    fn take_encoded(&mut self, block: &[Vec<u8>]) -> Result<Duration, Failure> {
        let begun = Instant::now();
        let mut signed = Vec::with_capacity(block.len());
        for bytes in block {
            signed.push(parse(bytes, &self.rules)?.0);
        }
        Ok(begun.elapsed() + self.take(signed)?)
    }

    /// Executes and writes a block; the time of that, without the signatures.
    fn take(&mut self, signed: Vec<SignedTransaction>) -> Result<Duration, Failure> {
        let mut checked: Vec<Arc<Verified<CheckedTransaction>>> = Vec::new();
        for outcome in check_transactions(signed, &self.rules) {
            checked.push(Arc::new(outcome.map_err(|error| Failure::check(error.to_string()))?));
        }
        let batch = Arc::new(CheckedBatch::of(checked));
        let last_certificate = self.chain.tip_certificate.clone();
        let parts = Parts { batches: vec![batch], last_certificate, ..Parts::default() };

        let begun = Instant::now();
        let time = Timestamp(self.chain.tip.time.0.max(concordat_cli::transactions::now().0) + 1);
        let candidate =
            self.chain.build(self.proposer, time, parts).map_err(|error| Failure::check(error.to_string()))?;
        let certificate = Certificate {
            kind: CertificateKind::Commit,
            height: candidate.header.height,
            round: Round(0),
            valid_round: None,
            block: candidate.id,
            // Nobody looks: the block does not leave this engine.
            signers: Bitmap::new(0),
            signature: BlsSignature([0; 96]),
        };
        let block = self.chain.apply(candidate, certificate).map_err(|error| Failure::check(error.to_string()))?;
        let took = begun.elapsed();
        let refused = block
            .transactions
            .iter()
            .flat_map(|(_, result)| &result.operations)
            .find(|result| result.code.number() != 0);
        match refused {
            None => Ok(took),
            Some(result) => Err(Failure::check(format!("the ledger refused a payment of the bench: {}", result.code))),
        }
    }
}

/// Of a block: as many as a large block of single payments holds.
const PAYMENTS: usize = 4096;
const BLOCKS: usize = 5;
