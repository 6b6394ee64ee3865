use super::*;
use clap::CommandFactory;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(["concordat"].into_iter().chain(line.split_whitespace()))
}

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn options_stand_before_or_after_the_verb() {
    for line in ["--output json --profile p status", "status --profile p --output json"] {
        let cli = parse(line).expect(line);
        assert_eq!((cli.options.output, cli.options.profile), (Format::Json, Some(PathBuf::from("p"))));
    }
    assert_eq!(parse("status").expect("no options").options.timeout, 30);
}

#[test]
fn verbs_parse() {
    for line in [
        "account open bank-a/EUR/main",
        "account open EUR/main --id 01930000-0000-7000-8000-000000000001 --dry-run",
        "account list",
        "account show bank-a/EUR/main",
        "account balance EUR/main --at-height 7",
        "account statement EUR/main --from-height 1 --to-height 9 --limit 5 --cursor 00ab",
        "supply",
        "supply EUR",
        "transfer show 01930000-0000-7000-8000-000000000001",
        "transfer show --reference INV-7 --limit 5",
        "watch --events",
        "watch --events --after 0",
        "watch --events --after 12.3 --count 1",
        "account open EUR/retail-17 --parent EUR/retail --tier 255 --customer 5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03",
        "account move EUR/retail-17 --parent EUR/business",
        "account move EUR/retail-17 --no-parent --no-tier --dry-run",
        "account close EUR/old --second-key k",
        "asset list",
        "asset create BOND1 --decimals 0 --kind security --quota 1000 --issuer bank-a",
        "asset create EUR.B --decimals 18 --kind deposit-token --quota 1.5",
        "asset quota EUR.A 5000000.00",
        "redeem --from EUR/main --amount 1.00 --reference R",
        "hold --from EUR/main --to bank-b/EUR/main --amount 1 --expires-in 1h --posted-by creditor",
        "hold --from EUR/main --to bank-b/EUR/main --amount 1 --expires-at 2026-11-30T17:00:00Z",
        "post bank-a/01930000-0000-7000-8000-000000000001",
        "post 01930000-0000-7000-8000-000000000001 --amount 9.50 --second-key a --second-key b",
        "void bank-a/01930000-0000-7000-8000-000000000001",
        "settle offer --leg a,b,1 --leg c,d,2 --deadline-in 30m",
        "settle offer --leg a,b,1 --deadline-at 2026-11-30T17:00:00+01:00 --second-key k",
        "settle accept bank-a/01930000-0000-7000-8000-000000000001",
        "settle cancel 01930000-0000-7000-8000-000000000001",
        "settle show 01930000-0000-7000-8000-000000000001",
        "limit set --account EUR/main --transfer-max 1 --day-max 2 --net-debit-max 3 --balance-max 4 --second-key-above 5",
        "limit set --asset EUR --tier 1 --none",
        "limit set --asset EUR --counterparty bank-b --net-debit-max 1",
        "limit show --asset EUR",
        "limit show --account EUR/main",
        "freeze account EUR/main --debits --reference court-order-17",
        "freeze member bank-c",
        "unfreeze asset EUR.A",
        "end-of-day --next 2026-11-30",
        "pay-file f.csv --second-key k",
        "issue --to bank-a/EUR/main --amount 100.00",
        "pay --from EUR/main --to bank-b/EUR/main --amount 1 --reference INV-7 --purpose SALA --valid-for 60",
        "pay-file f.csv --mode all --yes",
        "pay-file f.csv -y --dry-run",
        "outcome 01930000-0000-7000-8000-000000000001",
        "outcome 01930000-0000-7000-8000-000000000001 --kind transaction",
        "block show",
        "block show latest",
        "block show 7",
        "watch --from 1 --count 2",
        "propose suspend bank-c --reason r --expires 1d --execute-at 9 --forced --key a --key b --dry-run",
        "propose --reason r close bank-c --estate bank-a",
        "propose set-roles bank-c bank supervisor",
        "propose set-threshold suspend 3 4",
        "propose set-parameters heartbeat_ms=5000 delay_ms=1",
        "propose set-rules --reset-notice 4d",
        "propose freeze account bank-c/EUR/main --debits --credits",
        "inbox",
        "inbox --all",
        "show 7",
        "vote 7 --hash 5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03 --refuse --key k",
        "withdraw 7 --key k --dry-run",
        "members",
        "member invite bank-n --lei L --expires 3d --out f --key a --key b",
        "member revoke bank-n",
        "join f --dir d --legal-name N --bic B --validator --host h --base-port 7400",
        "join status",
        "join status --dir d --wait 10m",
        "validator prove --wait 10m",
        "network new --dir d --banks 4 --base-port 7400 --trial --operator-keys 16",
        "network new --dir d --host {member} --apart --if-missing --trial",
        "network new --dir d --host node.{member}.example",
    ] {
        assert!(parse(line).is_ok(), "{line}: {:?}", parse(line).err().map(|error| error.to_string()));
    }
}

#[test]
fn what_cannot_be_meant_is_refused() {
    for line in [
        "",
        "pay",
        "pay --from EUR/main --to bank-b/EUR/main",
        "pay --from EUR/main --to bank-b/EUR/main --amount 1 --purpose salary",
        "pay --from EUR/main --to bank-b/EUR/main --amount 1 --id 7",
        "pay-file f.csv --mode some",
        "account open EUR/x --tier 256",
        "account open EUR/x --customer 17",
        "account move EUR/x",
        "account move EUR/x --parent EUR/y --no-parent",
        "account move EUR/x --tier 1 --no-tier",
        "asset create BOND1 --decimals 19 --kind security --quota 1",
        "asset create BOND1 --decimals 0 --kind bond --quota 1",
        "asset create bond1 --decimals 0 --kind security --quota 1",
        "hold --from EUR/main --to bank-b/EUR/main --amount 1",
        "hold --from a --to b --amount 1 --expires-in 1h --expires-at 2026-11-30T17:00:00Z",
        "hold --from a --to b --amount 1 --expires-in 1",
        "hold --from a --to b --amount 1 --expires-in 0s",
        "hold --from a --to b --amount 1 --expires-in 367d",
        "hold --from a --to b --amount 1 --expires-in -1h",
        "hold --from a --to b --amount 1 --expires-at tomorrow",
        "hold --from a --to b --amount 1 --expires-in 1h --posted-by bank",
        "post",
        "settle offer --deadline-in 1h",
        "settle offer --leg a,b,1",
        "limit set --asset EUR",
        "limit set --day-max 1",
        "limit set --asset EUR --none --day-max 1",
        "limit set --account EUR/main --asset EUR --day-max 1",
        "limit set --account EUR/main --tier 1 --day-max 1",
        "limit set --asset EUR --tier 1 --counterparty bank-b --day-max 1",
        "limit show",
        "limit show --tier 1",
        "freeze",
        "freeze branch bank-a",
        "unfreeze account EUR/main --debits",
        "end-of-day --next 2026-02-29",
        "end-of-day",
        "outcome 7",
        "outcome 01930000-0000-7000-8000-000000000001 --kind payment",
        "block show 0",
        "block show -1",
        "account balance EUR/main --at-height 0",
        "account statement EUR/main --cursor xyz",
        "account statement EUR/main --limit 0",
        "supply eur",
        "transfer show",
        "transfer show 7",
        "transfer show 01930000-0000-7000-8000-000000000001 --reference INV-7",
        "watch --after 1",
        "watch --events --from 1",
        "watch --events --after 1.x",
        "watch --from 0",
        "propose",
        "propose brake",
        "propose close bank-c",
        "propose set-parameters",
        "propose set-threshold set-admin-keys 3 4",
        "propose set-roles bank-c",
        "propose add-operator-key 7 --rights pay",
        "propose suspend bank-c --expires 3",
        "show",
        "vote 7",
        "vote 7 --hash 58",
        "member invite bank-n",
        "join f",
        "join --dir d",
        "join f --dir d --base-port 65534",
        "join status --wait 10",
        "network new --dir d --base-port 0",
        "network new --dir d --banks 0",
        "network new --dir d --host example.org",
        "network new --dir d --host {member}.{member}",
        "network new --dir d --host {member}:7400",
        "status --output xml",
        "status --timeout 0",
    ] {
        assert!(parse(line).is_err(), "{line}");
    }
}

#[test]
fn accounts_of_ones_own_need_no_member() {
    let member = "bank-a".parse().expect("a name");
    let check = |text: &str, expected: &str| {
        let got = account_path(text, member).map_or_else(|error| error.code.to_owned(), |path| path.to_string());
        assert_eq!(got, expected, "{text}");
    };
    check("EUR/main", "bank-a/EUR/main");
    check("bank-b/EUR/main", "bank-b/EUR/main");
    check("main", "E_USAGE");
    check("bank-b/EUR/main/x", "E_USAGE");
    check("eur/main", "E_USAGE");
}

#[test]
fn every_error_after_sending_names_the_id_to_repeat_with() {
    let id = crate::new_id();
    let away = send::repeat_with(crate::client::unreachable("nobody".to_owned()), id);
    assert_eq!(away.next, format!("Repeat with --id {id}: it is booked at most once."));
    let other = send::repeat_with(CliError::internal("a bad reply").with_next("Report it."), id);
    assert_eq!(other.next, format!("Report it. Repeat with --id {id}: it is booked at most once."));
}

#[test]
fn durations_are_a_number_and_a_unit() {
    let check = |text: &str, expected: Option<u64>| {
        assert_eq!(parse_duration(text).ok().map(|duration| duration.as_secs()), expected, "{text}");
    };
    check("1s", Some(1));
    check("90m", Some(5_400));
    check("2h", Some(7_200));
    check("366d", Some(366 * 86_400));
    for text in
        ["", "s", "0h", "1", "1.5h", "-1h", "1 h", "1w", "367d", "18446744073709551615d", "99999999999999999999s"]
    {
        check(text, None);
    }
}

#[test]
fn a_pending_is_named_by_member_and_id() {
    let member = "bank-a".parse().expect("a name");
    let id = "01930000-0000-7000-8000-000000000001";
    let check = |text: &str, expected: Result<String, &str>| {
        assert_eq!(pending::name(text, member).map(pending::text).map_err(|error| error.code), expected, "{text}");
    };
    check(id, Ok(format!("bank-a/{id}")));
    check(&format!("bank-b/{id}"), Ok(format!("bank-b/{id}")));
    check("bank-b/7", Err("E_USAGE"));
    check(&format!("/{id}"), Err("E_USAGE"));
    check(&format!("bank-b/{id}/x"), Err("E_USAGE"));
}

#[test]
fn what_ends_in_a_while_ends_at_the_same_time_when_repeated() {
    let id = concordat_types::Uuid::from_parts(Timestamp(1_000_000), [7; 10]);
    assert_eq!(pending::Until::parse_in("1h").map(|until| until.of(id)), Ok(Timestamp(4_600_000)));
    let at = pending::Until::parse_at("1970-01-01T00:00:05Z").expect("a time");
    assert_eq!(at.of(id), Timestamp(5_000));
}

#[test]
fn a_leg_is_two_accounts_and_an_amount() {
    let member = "bank-a".parse().expect("a name");
    let leg = settle::parse_leg("EUR/main, bank-b/EUR/main,250.00", member).expect("a leg");
    let (from, to) = (leg.from.to_string(), leg.to.to_string());
    assert_eq!((from.as_str(), to.as_str(), leg.amount.as_str()), ("bank-a/EUR/main", "bank-b/EUR/main", "250.00"));
    for text in ["", "EUR/main,bank-b/EUR/main", "EUR/main,bank-b/EUR/main,1,2", "main,bank-b/EUR/main,1"] {
        assert_eq!(settle::parse_leg(text, member).map_err(|error| error.code), Err("E_USAGE"), "{text}");
    }
}
