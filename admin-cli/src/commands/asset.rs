//! `concordat asset list`

use super::{Options, asset_kind};
use crate::{
    CliError,
    amounts::format_amount,
    output::{Report, table},
};
use clap::Subcommand;
use serde_json::json;

#[derive(Debug, Subcommand)]
pub enum AssetVerb {
    /// All assets: issuer, decimals, what is outstanding and how much may be
    List,
}

pub async fn run(verb: AssetVerb, options: &Options) -> Result<Report, CliError> {
    let AssetVerb::List = verb;
    let profile = options.profile()?;
    let assets = options.client(&profile).await?.assets().await?;
    let data = assets.iter().map(|asset| {
        json!({
            "code": asset.code.as_str(),
            "decimals": asset.decimals,
            "issuer": asset.issuer.as_str(),
            "kind": asset_kind(asset),
            "supply": format_amount(asset.supply, asset.decimals),
            "quota": format_amount(asset.quota, asset.decimals),
            "frozen": asset.frozen,
        })
    });
    let rows = assets.iter().map(|asset| {
        vec![
            asset.code.to_string(),
            asset_kind(asset).to_owned(),
            asset.issuer.to_string(),
            asset.decimals.to_string(),
            format_amount(asset.supply, asset.decimals),
            format_amount(asset.quota, asset.decimals),
            if asset.frozen { "frozen" } else { "" }.to_owned(),
        ]
    });
    let text = table(&["asset", "kind", "issuer", "decimals", "supply", "quota", ""], &[3, 4, 5], rows);
    Ok(Report::new(json!({ "assets": data.collect::<Vec<_>>() }), text))
}
