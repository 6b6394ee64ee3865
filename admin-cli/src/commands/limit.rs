//! `concordat limit set | show`

use super::{Change, IdOf, Options, SendArgs, account_path, decimals_of};
use crate::{
    CliError,
    amounts::{format_amount, parse_amount},
    client::LimitsView,
    output::{Report, fields},
};
use clap::{ArgGroup, Args, Subcommand};
use concordat_types::{
    AccountId, Amount, AssetCode, LimitScope, Limits, MemberId, Operation, Tier, names::AccountPath,
};
use serde_json::{Value, json};

#[derive(Debug, Subcommand)]
pub enum LimitVerb {
    Set(SetArgs),
    Show(ShowArgs),
}

/// Replace the limits that the member sets itself in a scope
///
/// What is not named has no limit afterwards. Scopes: payments from one account (--account); from each account of a
/// customer tier (--asset --tier); from the member to others (--asset); from the member to one other (--asset
/// --counterparty). All that apply to a payment hold at once; days are business dates.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("limits").required(true).multiple(true)
        .args(["transfer_max", "day_max", "net_debit_max", "balance_max", "second_key_above", "none"]),
    after_help = "Examples:
  concordat limit set --account bank-a/EUR/main --transfer-max 10000.00 --day-max 50000.00
  concordat limit set --asset EUR --tier 1 --balance-max 3000.00
  concordat limit set --asset EUR --second-key-above 1000000.00
  concordat limit set --asset EUR --counterparty bank-b --net-debit-max 5000000.00
  concordat limit set --asset EUR --none"
)]
pub struct SetArgs {
    #[command(flatten)]
    scope: ScopeArgs,
    /// The largest single payment
    #[arg(long, value_name = "AMOUNT")]
    transfer_max: Option<String>,
    /// All payments of a business date
    #[arg(long, value_name = "AMOUNT")]
    day_max: Option<String>,
    /// Payments out less payments in on a business date
    #[arg(long, value_name = "AMOUNT")]
    net_debit_max: Option<String>,
    /// What an account may hold after a payment in; for accounts and tiers
    #[arg(long, value_name = "AMOUNT")]
    balance_max: Option<String>,
    /// Payments above it need a second key with the right to approve (--second-key)
    #[arg(long, value_name = "AMOUNT")]
    second_key_above: Option<String>,
    /// Take all limits of the scope away
    #[arg(long, conflicts_with_all = ["transfer_max", "day_max", "net_debit_max", "balance_max", "second_key_above"])]
    none: bool,
    #[command(flatten)]
    send: SendArgs,
}

/// The limits of a scope, and what is used of them on the business date
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  concordat limit show --account bank-a/EUR/main
  concordat limit show --asset EUR --counterparty bank-b --output json")]
pub struct ShowArgs {
    #[command(flatten)]
    scope: ScopeArgs,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("scope").required(true).args(["account", "asset"]))]
struct ScopeArgs {
    /// Of one account: member/ASSET/name; the member may be left out
    #[arg(long, value_name = "ACCOUNT", conflicts_with_all = ["tier", "counterparty"])]
    account: Option<String>,
    /// Of the member in an asset, alone or with --tier or --counterparty
    #[arg(long, value_name = "ASSET")]
    asset: Option<AssetCode>,
    /// Of each account of a customer tier, 0 to 255
    #[arg(long, value_name = "TIER", conflicts_with = "counterparty")]
    tier: Option<u8>,
    /// Of payments to one other member
    #[arg(long, value_name = "MEMBER")]
    counterparty: Option<MemberId>,
}

/// What limits are about, and how it is called.
struct Scope {
    scope: LimitScope,
    asset: AssetCode,
    name: String,
}

impl ScopeArgs {
    fn scope(&self, member: MemberId) -> Result<Scope, CliError> {
        if let Some(account) = &self.account {
            let path: AccountPath = account_path(account, member)?;
            let scope = LimitScope::Account(AccountId::new(&path));
            return Ok(Scope { scope, asset: path.asset, name: format!("account {path}") });
        }
        let asset = self.asset.expect("clap has seen an account or an asset");
        let (scope, name) = match (self.tier, self.counterparty) {
            (Some(tier), _) => (LimitScope::Tier { asset, tier: Tier(tier) }, format!("tier {tier} in {asset}")),
            (None, Some(counterparty)) => {
                (LimitScope::Bilateral { asset, counterparty }, format!("{member} to {counterparty} in {asset}"))
            }
            (None, None) => (LimitScope::Member { asset }, format!("{member} in {asset}")),
        };
        Ok(Scope { scope, asset, name })
    }
}

pub async fn run(verb: LimitVerb, options: &Options) -> Result<Report, CliError> {
    match verb {
        LimitVerb::Set(args) => set(args, options).await,
        LimitVerb::Show(args) => show(args, options).await,
    }
}

async fn set(args: SetArgs, options: &Options) -> Result<Report, CliError> {
    let profile = options.profile()?;
    let Scope { scope, asset, name } = args.scope.scope(profile.member)?;
    if matches!(scope, LimitScope::Member { .. } | LimitScope::Bilateral { .. }) && args.balance_max.is_some() {
        let cause = "a largest balance is a limit of accounts and tiers, not of a member or a pair";
        return Err(CliError::usage(cause, "Name an --account, or a --tier."));
    }
    let client = options.client(&profile).await?;
    let decimals = decimals_of(&client, asset).await?;
    let amount = |text: &Option<String>| text.as_deref().map(|text| parse_amount(text, decimals)).transpose();
    let limits = Limits {
        transfer_max: amount(&args.transfer_max)?,
        day_max: amount(&args.day_max)?,
        net_debit_max: amount(&args.net_debit_max)?,
        balance_max: amount(&args.balance_max)?,
        second_key_above: amount(&args.second_key_above)?,
    };
    let named: Vec<String> = rows(&limits)
        .into_iter()
        .filter_map(|(_, label, max)| Some(format!("{label} {}", format_amount(max?, decimals))))
        .collect();
    let what = if named.is_empty() { "none".to_owned() } else { named.join(", ") };
    let change = Change {
        id: args.send.id(),
        id_of: IdOf::Transaction,
        operation: Operation::SetLimits { scope, limits },
        data: json!({ "scope": name, "asset": asset.as_str(), "limits": to_json(&limits, decimals) }),
        would: format!("Would set the limits of {name}: {what}"),
        done: format!("Set the limits of {name}: {what}"),
    };
    change.run(&client, &profile, &args.send).await
}

async fn show(args: ShowArgs, options: &Options) -> Result<Report, CliError> {
    let profile = options.profile()?;
    let scope = args.scope.scope(profile.member)?;
    let client = options.client(&profile).await?;
    let decimals = decimals_of(&client, scope.asset).await?;
    Ok(report(&scope, &client.limits(scope.scope).await?, decimals))
}

fn report(scope: &Scope, view: &LimitsView, decimals: u8) -> Report {
    let text_of = |amount: Option<Amount>| amount.map(|amount| format_amount(amount, decimals));
    let data = json!({
        "scope": scope.name, "asset": scope.asset.as_str(), "limits": to_json(&view.limits, decimals),
        "used_debits": text_of(view.used_debits), "used_credits": text_of(view.used_credits),
        "business_date": view.business_date.to_string(), "height": view.height.0,
    });
    let mut lines = vec![("scope", scope.name.clone()), ("business date", view.business_date.to_string())];
    for (_, label, max) in rows(&view.limits) {
        lines.push((label, text_of(max).unwrap_or_else(|| "-".to_owned())));
    }
    lines.push(("paid out on the date", text_of(view.used_debits).unwrap_or_else(|| "-".to_owned())));
    lines.push(("paid in on the date", text_of(view.used_credits).unwrap_or_else(|| "-".to_owned())));
    lines.push(("at height", view.height.to_string()));
    Report::new(data, fields(lines))
}

/// Name for programs, name for people, limit.
fn rows(limits: &Limits) -> [(&'static str, &'static str, Option<Amount>); 5] {
    [
        ("transfer_max", "largest payment", limits.transfer_max),
        ("day_max", "payments a day", limits.day_max),
        ("net_debit_max", "net debit a day", limits.net_debit_max),
        ("balance_max", "largest balance", limits.balance_max),
        ("second_key_above", "second key above", limits.second_key_above),
    ]
}

fn to_json(limits: &Limits, decimals: u8) -> Value {
    let entry = |(name, _, max): (&str, &str, Option<Amount>)| {
        (name.to_owned(), json!(max.map(|max| format_amount(max, decimals))))
    };
    Value::Object(rows(limits).into_iter().map(entry).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use concordat_types::{BusinessDate, Height};

    #[test]
    fn limits_are_shown_with_what_is_used() {
        let asset = AssetCode::new("EUR").expect("a valid literal");
        let scope = Scope { scope: LimitScope::Member { asset }, asset, name: "bank-a in EUR".to_owned() };
        let view = LimitsView {
            limits: Limits { day_max: Some(100_000), ..Limits::default() },
            used_debits: Some(2_550),
            used_credits: None,
            business_date: BusinessDate::from_days(20_785).expect("in range"),
            height: Height(9),
        };
        let shown = report(&scope, &view, 2);
        assert_eq!(shown.data["limits"]["day_max"], "1000.00");
        assert_eq!(shown.data["limits"]["transfer_max"], Value::Null);
        assert_eq!((&shown.data["used_debits"], &shown.data["used_credits"]), (&json!("25.50"), &Value::Null));
        assert_eq!(shown.data["business_date"], "2026-11-28");
        let line =
            |start: &str| shown.text.lines().find(|line| line.trim_start().starts_with(start)).map(str::to_owned);
        assert!(line("payments a day").is_some_and(|line| line.ends_with("1000.00")), "{}", shown.text);
        assert!(line("largest payment").is_some_and(|line| line.ends_with('-')), "{}", shown.text);
        assert!(line("paid out").is_some_and(|line| line.ends_with("25.50")), "{}", shown.text);
    }
}
