//! `concordat account statement | balance`

use super::{Options, account_path, decimals_of};
use crate::{
    CliError,
    amounts::format_amount,
    client::records::{BalanceView, Counters, EntryView},
    output::{Report, fields, format_time, table},
    payments::Assets,
    records::{account_text, balance_text, entry_to_json, kind_name},
};
use clap::Args;
use concordat_types::{AccountId, Height, names::AccountPath};
use serde_json::json;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  concordat account statement EUR/main
  concordat account statement EUR/main --from-height 1000 --to-height 2000 --output json
  concordat account statement EUR/main --limit 50 --cursor 00000000000003e800000007")]
pub struct StatementArgs {
    /// member/ASSET/name; the member may be left out
    account: String,
    /// First height [default: the first block]
    #[arg(long, value_name = "HEIGHT", value_parser = clap::value_parser!(u64).range(1..))]
    from_height: Option<u64>,
    /// Last height [default: as far as the node's index reaches]
    #[arg(long, value_name = "HEIGHT", value_parser = clap::value_parser!(u64).range(1..))]
    to_height: Option<u64>,
    /// At most so many bookings; the cursor of the rest is told
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    limit: u32,
    /// Where an earlier statement of the same account broke off
    #[arg(long, value_name = "HEX", value_parser = parse_cursor)]
    cursor: Option<PageToken>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  concordat account balance EUR/main
  concordat account balance EUR/main --at-height 1000")]
pub struct BalanceArgs {
    /// member/ASSET/name; the member may be left out
    account: String,
    /// After this height [default: as far as the node's index reaches]
    #[arg(long, value_name = "HEIGHT", value_parser = clap::value_parser!(u64).range(1..))]
    at_height: Option<u64>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct PageToken(Vec<u8>);

fn parse_cursor(text: &str) -> Result<PageToken, String> {
    hex::decode(text).map(PageToken).map_err(|_| "a cursor is what an earlier statement has told".to_owned())
}

/// What was read of an account's bookings.
struct Statement {
    account: AccountPath,
    opening: Counters,
    entries: Vec<EntryView>,
    /// Empty: there is no more.
    next: Vec<u8>,
    index_height: Height,
}

pub async fn statement(args: StatementArgs, options: &Options) -> Result<Report, CliError> {
    let profile = options.profile()?;
    let account = account_path(&args.account, profile.member)?;
    let client = options.client(&profile).await?;
    let assets = Assets::new(&client.assets().await?);
    let heights = (args.from_height.map(Height), args.to_height.map(Height));
    let mut token = args.cursor.map_or(Vec::new(), |PageToken(token)| token);
    let mut read: Option<Statement> = None;
    loop {
        let left = args.limit - read.as_ref().map_or(0, |read| read.entries.len() as u32);
        let page = client.statement(AccountId::new(&account), heights, left.min(PAGE), token.clone()).await?;
        let read = read.get_or_insert_with(|| {
            let (opening, index_height) = (page.before, page.index_height);
            Statement { account, opening, entries: Vec::new(), next: Vec::new(), index_height }
        });
        read.entries.extend(page.entries);
        (read.next, read.index_height) = (page.next, page.index_height);
        if read.next.is_empty() || read.next == token || read.entries.len() >= args.limit as usize {
            break;
        }
        token = read.next.clone();
    }
    read.ok_or_else(|| CliError::internal("a statement without a page")).and_then(|read| report(&read, &assets))
}

fn report(read: &Statement, assets: &Assets) -> Result<Report, CliError> {
    let decimals = assets.decimals(read.account.asset)?;
    let closing = read.entries.last().map_or(read.opening, |entry| entry.after);
    let entries = read.entries.iter().map(|entry| entry_to_json(entry, decimals, assets));
    let data = json!({
        "account": read.account.to_string(),
        "opening": balance_text(read.opening, decimals),
        "closing": balance_text(closing, decimals),
        "entries": entries.collect::<Result<Vec<_>, _>>()?,
        "next": (!read.next.is_empty()).then(|| hex::encode(&read.next)),
        "index_height": read.index_height.0,
    });
    let amount = |entry: &EntryView, is_debit| match entry.is_debit == is_debit {
        true => format_amount(entry.amount, decimals),
        false => String::new(),
    };
    let rows = read.entries.iter().map(|entry| {
        vec![
            entry.record.height.to_string(),
            format_time(entry.record.time_ms),
            kind_name(entry.record.kind).to_owned(),
            account_text(entry.counterparty, entry.counterparty_id),
            entry.record.reference.clone(),
            amount(entry, true),
            amount(entry, false),
            balance_text(entry.after, decimals),
        ]
    });
    let head = ["height", "time", "kind", "counterparty", "reference", "debit", "credit", "balance"];
    let mut text = table(&head, &[0, 5, 6, 7], rows);
    text += &format!(
        "\n\nopening {}, closing {} {}; the index reaches height {}",
        balance_text(read.opening, decimals),
        balance_text(closing, decimals),
        read.account.asset,
        read.index_height,
    );
    if !read.next.is_empty() {
        text += &format!("\nThere is more: --cursor {}", hex::encode(&read.next));
    }
    Ok(Report::new(data, text))
}

pub async fn balance(args: BalanceArgs, options: &Options) -> Result<Report, CliError> {
    let profile = options.profile()?;
    let account = account_path(&args.account, profile.member)?;
    let client = options.client(&profile).await?;
    let decimals = decimals_of(&client, account.asset).await?;
    let balance = client.balance(AccountId::new(&account), args.at_height.map(Height)).await?;
    Ok(balance_report(&account, &balance, decimals))
}

fn balance_report(account: &AccountPath, balance: &BalanceView, decimals: u8) -> Report {
    let BalanceView { height, time_ms, counters, index_height } = *balance;
    let (credits, debits) = (format_amount(counters.credits, decimals), format_amount(counters.debits, decimals));
    let data = json!({
        "account": account.to_string(),
        "balance": balance_text(counters, decimals),
        "credits_posted": credits,
        "debits_posted": debits,
        "height": height.0,
        "time": format_time(time_ms),
        "index_height": index_height.0,
    });
    let text = fields([
        ("account", account.to_string()),
        ("balance", balance_text(counters, decimals)),
        ("credits posted", credits),
        ("debits posted", debits),
        ("after height", format!("{height}, {}", format_time(time_ms))),
    ]);
    Report::new(data, text)
}

const PAGE: u32 = 1000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::records::tests::{assets, entry};

    fn eur(text: &str) -> AccountPath {
        text.parse().expect("a valid literal")
    }

    #[test]
    fn a_statement_has_both_sides_and_what_is_left() {
        let entries = vec![
            entry(true, 250, eur("bank-b/EUR/main"), Counters { debits: 250, credits: 1000 }),
            entry(false, 5, eur("bank-c/EUR/x"), Counters { debits: 250, credits: 1005 }),
        ];
        let opening = Counters { debits: 0, credits: 1000 };
        let (next, index_height) = (vec![0, 1, 0xab], Height(9));
        let read = Statement { account: eur("bank-a/EUR/main"), opening, entries, next, index_height };
        let Report { data, text, .. } = report(&read, &assets()).expect("the asset is known");
        assert_eq!((&data["opening"], &data["closing"]), (&json!("10.00"), &json!("7.55")));
        assert_eq!((&data["next"], &data["index_height"]), (&json!("0001ab"), &json!(9)));
        assert_eq!(data["entries"][0]["side"], "debit");
        assert_eq!(data["entries"][1]["counterparty"], "bank-c/EUR/x");
        assert_eq!(data["entries"][1]["balance"], "7.55");
        assert_eq!(data["entries"][0]["legs"][0]["amount"], "2.50");
        for shown in ["2.50", "bank-c/EUR/x", "opening 10.00, closing 7.55 EUR", "--cursor 0001ab"] {
            assert!(text.contains(shown), "{shown}: {text}");
        }
    }

    #[test]
    fn a_balance_is_credits_less_debits_at_a_height() {
        let counters = Counters { debits: 1250, credits: 250 };
        let view = BalanceView { height: Height(7), time_ms: 0, counters, index_height: Height(9) };
        let report = balance_report(&eur("central-bank/EUR/issuance"), &view, 2);
        assert_eq!((&report.data["balance"], &report.data["height"]), (&json!("-10.00"), &json!(7)));
        assert!(report.text.contains("-10.00"), "{}", report.text);
    }
}
