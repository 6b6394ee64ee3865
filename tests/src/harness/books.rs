//! What must hold for every ledger at every moment, asked of the nodes.

use super::{Failure, Network, failure::ensure};
use concordat_cli::client::AccountView;
use concordat_types::{AccountId, Amount, AssetCode, Height, money::AccountFlags};
use std::collections::{BTreeMap, BTreeSet};

/// Compares block id and state root of all nodes at the lowest of their tips, which it returns.
pub async fn same_ledger(network: &Network) -> Result<u64, Failure> {
    let heights = network.heights().await;
    ensure(heights.len() == network.nodes.len(), || format!("not all nodes answer: {heights:?}"))?;
    let lowest = heights.iter().map(|(_, height)| *height).min().unwrap_or_default();
    let mut seen = BTreeSet::new();
    for node in &network.nodes {
        let block = node.rpc().block(Some(Height(lowest))).await?;
        seen.insert((block.block_id, block.state_root));
    }
    ensure(seen.len() == 1, || format!("at height {lowest} there are {} ledgers", seen.len()))?;
    Ok(lowest)
}

/// Of each asset: debits equal credits, and what is outstanding is what its accounts hold. Returns how many accounts
/// there are.
pub async fn balance(network: &Network) -> Result<usize, Failure> {
    let mut accounts: BTreeMap<AccountId, AccountView> = BTreeMap::new();
    for node in &network.nodes {
        accounts.extend(node.rpc().accounts().await?.into_iter().map(|account| (account.id, account)));
    }
    let mut sums: BTreeMap<AssetCode, (Amount, Amount, Amount)> = BTreeMap::new();
    for account in accounts.values() {
        let (debits, credits, held) = sums.entry(account.path.asset).or_default();
        *debits += account.debits_posted;
        *credits += account.credits_posted;
        if !account.flags.contains(AccountFlags::ISSUANCE) {
            let balance = account.credits_posted.checked_sub(account.debits_posted);
            *held += balance.ok_or_else(|| Failure::check(format!("{} is overdrawn", account.path)))?;
        }
    }
    for asset in network.central_bank()?.rpc().assets().await? {
        let (debits, credits, held) = sums.get(&asset.code).copied().unwrap_or_default();
        let code = asset.code;
        ensure(debits == credits, || format!("{code}: debits {debits}, credits {credits}"))?;
        ensure(held == asset.supply, || format!("{code}: accounts hold {held}, the supply is {}", asset.supply))?;
    }
    Ok(accounts.len())
}

/// Up to the height, every node holds one and the same chain, each block on the one before.
pub async fn same_chain(network: &Network, up_to: u64) -> Result<(), Failure> {
    let mut parents: Vec<Vec<u8>> = Vec::new();
    for height in (1..=up_to).map(Height) {
        let mut ids = BTreeSet::new();
        for (index, node) in network.nodes.iter().enumerate() {
            let block = node.rpc().block(Some(height)).await?;
            let parent = parents.get(index);
            ensure(parent.is_none_or(|parent| *parent == block.parent), || {
                format!("{}: height {height} does not stand on the block before", node.name)
            })?;
            match parents.get_mut(index) {
                Some(parent) => *parent = block.block_id.clone(),
                None => parents.push(block.block_id.clone()),
            }
            ids.insert(block.block_id);
        }
        ensure(ids.len() == 1, || format!("at height {height} there are {} blocks", ids.len()))?;
    }
    Ok(())
}
