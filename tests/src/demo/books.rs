//! `books`: at the lowest tip all nodes hold the same ledger, and it balances.

use super::{
    Stage,
    report::{Figures, figures},
};
use crate::harness::{
    Failure, Load,
    books::{balance, same_ledger},
};
use serde_json::json;

pub async fn books(stage: &mut Stage) -> Result<Figures, Failure> {
    let network = &stage.network;
    let height = same_ledger(network).await?;
    let accounts = balance(network).await?;
    Load::check_books(network, stage.load_committed).await?;
    Ok(figures([
        ("height", json!(height)),
        ("nodes", json!(network.nodes.len())),
        ("accounts", json!(accounts)),
        ("load_payments", json!(stage.load_committed)),
    ]))
}
