//! Random histories, run through ledger and model.
//!
//! `MODEL_OPERATIONS` says how many operations (200,000 without it), `MODEL_SEED` where the seeds begin. Where ledger and model
//! differ, the history is cut down to what is needed for that and printed with its seed.

use crate::{
    both::{Both, Difference},
    coverage::Coverage,
    generator::Generator,
};
use concordat_types::{MemberId, MemberStatus, Timestamp, Transaction};
use std::{
    fmt::Write as _,
    panic::{AssertUnwindSafe, catch_unwind},
};

/// Long enough for limits, chains of parents and counters to fill, short enough to be read when it fails.
const OPERATIONS_PER_HISTORY: u64 = 1_000;
const OPERATIONS_DEFAULT: u64 = 200_000;

#[test]
fn ledger_and_model_agree() {
    let operations = from_environment("MODEL_OPERATIONS").unwrap_or(OPERATIONS_DEFAULT);
    let seed = from_environment("MODEL_SEED").unwrap_or(0);
    let mut coverage = Coverage::default();
    for seed in seed.. {
        if coverage.operations >= operations {
            break;
        }
        let mut script = Vec::new();
        let run = catch_unwind(AssertUnwindSafe(|| run_history(seed, &mut script, &mut coverage)));
        if let Some(difference) = difference_of(run) {
            let (script, difference) = shrink(script, difference);
            panic!("MODEL_SEED={seed}\n{}\n{difference}", describe(&script));
        }
    }
    println!("{}", coverage.report());
    coverage.check_results();
    coverage.check_pairs();
}

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.replace('_', "").parse().expect("a number"))
}

/// A history as it can be run again.
#[derive(Clone)]
enum Step {
    Status(MemberId, MemberStatus),
    Block(Timestamp, Vec<Transaction>),
}

fn run_history(seed: u64, script: &mut Vec<Step>, coverage: &mut Coverage) -> Result<(), Difference> {
    let (mut both, mut generator) = (Both::new(), Generator::new(seed));
    let end = coverage.operations + OPERATIONS_PER_HISTORY;
    for height in 1.. {
        if coverage.operations >= end {
            break;
        }
        if let Some((member, status)) = generator.status_change(&both.model) {
            script.push(Step::Status(member, status));
            both.set_status(member, status);
        }
        let time = generator.block_time(&both.model);
        script.push(Step::Block(time, Vec::new()));
        both.start_block(time);
        let fixed = match height {
            1 => generator.opening(&both.model),
            2 => generator.issues(&both.model),
            _ => Vec::new(),
        };
        let count = if height > 2 { generator.transactions_of_block() } else { fixed.len() as u64 };
        for number in 0..count {
            let transaction = match fixed.get(number as usize) {
                Some(transaction) => transaction.clone(),
                None => generator.transaction(&both.model),
            };
            let Some(Step::Block(_, block)) = script.last_mut() else { unreachable!("pushed above") };
            block.push(transaction.clone());
            if let Some(outcome) = both.submit(&transaction)? {
                coverage.add(&transaction, outcome);
            }
        }
        both.end_block()?;
    }
    Ok(())
}

fn replay(script: &[Step]) -> Result<(), Difference> {
    let mut both = Both::new();
    for step in script {
        match step {
            Step::Status(member, status) => both.set_status(*member, *status),
            Step::Block(time, transactions) => {
                both.start_block(*time);
                for transaction in transactions {
                    both.submit(transaction)?;
                }
                both.end_block()?;
            }
        }
    }
    Ok(())
}

fn difference_of(run: std::thread::Result<Result<(), Difference>>) -> Option<Difference> {
    match run {
        Ok(result) => result.err(),
        Err(panic) => Some(match panic.downcast::<String>() {
            Ok(text) => format!("panic: {text}"),
            Err(panic) => format!("panic: {:?}", panic.downcast::<&str>().ok()),
        }),
    }
}

/// Leaves out steps, transactions and operations for as long as ledger and model still differ.
fn shrink(mut script: Vec<Step>, mut difference: Difference) -> (Vec<Step>, Difference) {
    loop {
        let before = size(&script);
        for index in (0..script.len()).rev() {
            let mut without = script.clone();
            without.remove(index);
            keep_if_different(&mut script, without, &mut difference);
        }
        for index in 0..script.len() {
            let Step::Block(_, transactions) = &script[index] else { continue };
            for place in (0..transactions.len()).rev() {
                shrink_transaction(&mut script, index, place, &mut difference);
            }
        }
        if size(&script) == before {
            return (script, difference);
        }
    }
}

fn shrink_transaction(script: &mut Vec<Step>, index: usize, place: usize, difference: &mut Difference) {
    let mut without = script.clone();
    if let Step::Block(_, transactions) = &mut without[index] {
        transactions.remove(place);
    }
    if keep_if_different(script, without, difference) {
        return;
    }
    let operations = match &script[index] {
        Step::Block(_, transactions) => transactions[place].operations.len(),
        Step::Status(..) => 0,
    };
    for operation in (0..operations).rev() {
        let mut without = script.clone();
        if let Step::Block(_, transactions) = &mut without[index]
            && transactions[place].operations.len() > 1
        {
            transactions[place].operations.remove(operation);
            keep_if_different(script, without, difference);
        }
    }
}

fn keep_if_different(script: &mut Vec<Step>, candidate: Vec<Step>, difference: &mut Difference) -> bool {
    match difference_of(catch_unwind(AssertUnwindSafe(|| replay(&candidate)))) {
        Some(other) => {
            (*script, *difference) = (candidate, other);
            true
        }
        None => false,
    }
}

fn size(script: &[Step]) -> usize {
    let operations = |step: &Step| match step {
        Step::Status(..) => 0,
        Step::Block(_, transactions) => transactions.iter().map(|transaction| transaction.operations.len()).sum(),
    };
    script.iter().map(|step| 1 + operations(step)).sum()
}

fn describe(script: &[Step]) -> String {
    let mut text = String::new();
    for step in script {
        match step {
            Step::Status(member, status) => writeln!(text, "{member} is {status:?}"),
            Step::Block(time, transactions) => writeln!(text, "block at {time}: {transactions:#?}"),
        }
        .expect("writing to a string");
    }
    text
}
