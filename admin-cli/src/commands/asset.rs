//! `concordat asset list | create | quota`

use super::{Change, IdOf, Options, SendArgs, asset_kind, decimals_of};
use crate::{
    CliError,
    amounts::{format_amount, parse_amount},
    output::{Report, table},
};
use clap::{Args, Subcommand, ValueEnum};
use concordat_types::{Asset, AssetCode, AssetKind, MemberId, Operation};
use serde_json::json;

#[derive(Debug, Subcommand)]
pub enum AssetVerb {
    /// All assets: issuer, decimals, what is outstanding and how much may be
    List,
    Create(CreateArgs),
    Quota(QuotaArgs),
}

/// Create an asset with its issuance account
///
/// By the central bank for any issuer, or by a bank its own deposit token. Code and decimals are for ever.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  concordat asset create BOND1 --decimals 0 --kind security --quota 1000 --issuer bank-a --profile net/central-bank
  concordat asset create EUR.B --decimals 2 --kind deposit-token --quota 1000000.00 --profile net/bank-b")]
pub struct CreateArgs {
    /// 1 to 12 of A-Z, 0-9 and the dot
    code: AssetCode,
    /// Digits after the decimal point, at most 18
    #[arg(long, value_parser = clap::value_parser!(u8).range(0..=i64::from(Asset::DECIMALS_MAX)))]
    decimals: u8,
    #[arg(long, value_enum)]
    kind: Kind,
    /// The most that may be outstanding, a decimal
    #[arg(long)]
    quota: String,
    /// Who may issue it [default: the profile's member]
    #[arg(long, value_name = "MEMBER")]
    issuer: Option<MemberId>,
    #[command(flatten)]
    send: SendArgs,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Kind {
    CentralBankMoney,
    DepositToken,
    Stablecoin,
    Security,
    RegisteredAsset,
    TimeCredit,
}

/// Set how much of an asset may be outstanding
///
/// By the central bank. Less than is outstanding only stops further issues.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  concordat asset quota EUR.A 5000000.00 --profile net/central-bank")]
pub struct QuotaArgs {
    code: AssetCode,
    /// Decimal, such as 5000000.00
    quota: String,
    #[command(flatten)]
    send: SendArgs,
}

pub async fn run(verb: AssetVerb, options: &Options) -> Result<Report, CliError> {
    match verb {
        AssetVerb::List => list(options).await,
        AssetVerb::Create(args) => create(args, options).await,
        AssetVerb::Quota(args) => quota(args, options).await,
    }
}

async fn create(args: CreateArgs, options: &Options) -> Result<Report, CliError> {
    let profile = options.profile()?;
    let CreateArgs { code, decimals, .. } = args;
    let quota = parse_amount(&args.quota, decimals)?;
    let issuer = args.issuer.unwrap_or(profile.member);
    let client = options.client(&profile).await?;
    let shown = format_amount(quota, decimals);
    let kind = AssetKind::from(args.kind);
    let what = format!("{code}, {decimals} decimals, issued by {issuer}, at most {shown}");
    let change = Change {
        id: args.send.id(),
        id_of: IdOf::Transaction,
        operation: Operation::CreateAsset { code, decimals, kind, issuer, quota },
        data: json!({
            "code": code.as_str(), "decimals": decimals, "kind": asset_kind(kind as u32),
            "issuer": issuer.as_str(), "quota": shown,
        }),
        would: format!("Would create {what}"),
        done: format!("Created {what}"),
    };
    change.run(&client, &profile, &args.send).await
}

async fn quota(args: QuotaArgs, options: &Options) -> Result<Report, CliError> {
    let profile = options.profile()?;
    let client = options.client(&profile).await?;
    let asset = args.code;
    let decimals = decimals_of(&client, asset).await?;
    let quota = parse_amount(&args.quota, decimals)?;
    let shown = format_amount(quota, decimals);
    let change = Change {
        id: args.send.id(),
        id_of: IdOf::Transaction,
        operation: Operation::SetQuota { asset, quota },
        data: json!({ "code": asset.as_str(), "quota": shown }),
        would: format!("Would set the quota of {asset} to {shown}"),
        done: format!("The quota of {asset} is {shown}"),
    };
    change.run(&client, &profile, &args.send).await
}

impl From<Kind> for AssetKind {
    fn from(kind: Kind) -> AssetKind {
        match kind {
            Kind::CentralBankMoney => AssetKind::CentralBankMoney,
            Kind::DepositToken => AssetKind::DepositToken,
            Kind::Stablecoin => AssetKind::Stablecoin,
            Kind::Security => AssetKind::Security,
            Kind::RegisteredAsset => AssetKind::RegisteredAsset,
            Kind::TimeCredit => AssetKind::TimeCredit,
        }
    }
}

async fn list(options: &Options) -> Result<Report, CliError> {
    let profile = options.profile()?;
    let assets = options.client(&profile).await?.assets().await?;
    let data = assets.iter().map(|asset| {
        json!({
            "code": asset.code.as_str(),
            "decimals": asset.decimals,
            "issuer": asset.issuer.as_str(),
            "kind": asset_kind(asset.kind),
            "supply": format_amount(asset.supply, asset.decimals),
            "quota": format_amount(asset.quota, asset.decimals),
            "frozen": asset.frozen,
        })
    });
    let rows = assets.iter().map(|asset| {
        vec![
            asset.code.to_string(),
            asset_kind(asset.kind).to_owned(),
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
