//! `concordat supply`

use super::Options;
use crate::{
    CliError,
    amounts::format_amount,
    output::{Report, table},
};
use clap::Args;
use concordat_proto::Code;
use concordat_types::AssetCode;
use serde_json::json;

/// How much of each asset is outstanding, and how much more its issuer may issue
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  concordat supply\n  concordat supply EUR --output json")]
pub struct SupplyArgs {
    /// One asset alone
    asset: Option<AssetCode>,
}

pub async fn run(args: SupplyArgs, options: &Options) -> Result<Report, CliError> {
    let profile = options.profile()?;
    let mut assets = options.client(&profile).await?.assets().await?;
    assets.retain(|asset| args.asset.is_none_or(|wanted| asset.code == wanted));
    if let (true, Some(wanted)) = (assets.is_empty(), args.asset) {
        return Err(Code::NotFound.error(format!("there is no asset {wanted}")).into());
    }
    let data = assets.iter().map(|asset| {
        let amount = |amount| format_amount(amount, asset.decimals);
        json!({
            "asset": asset.code.as_str(),
            "issuer": asset.issuer.as_str(),
            "supply": amount(asset.supply),
            "quota": amount(asset.quota),
            "issuable": amount(asset.quota.saturating_sub(asset.supply)),
        })
    });
    let rows = assets.iter().map(|asset| {
        let amount = |amount| format_amount(amount, asset.decimals);
        vec![
            asset.code.to_string(),
            asset.issuer.to_string(),
            amount(asset.supply),
            amount(asset.quota),
            amount(asset.quota.saturating_sub(asset.supply)),
        ]
    });
    let text = table(&["asset", "issuer", "supply", "quota", "issuable"], &[2, 3, 4], rows);
    Ok(Report::new(json!({ "supply": data.collect::<Vec<_>>() }), text))
}
