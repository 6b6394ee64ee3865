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
        "asset list",
        "supply",
        "supply EUR",
        "transfer show 01930000-0000-7000-8000-000000000001",
        "transfer show --reference INV-7 --limit 5",
        "watch --events",
        "watch --events --after 0",
        "watch --events --after 12.3 --count 1",
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
        "network new --dir d --banks 4 --base-port 7400 --trial --operator-keys 16",
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
        "network new --dir d --base-port 0",
        "network new --dir d --banks 0",
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
    let id = transactions::new_id();
    let away = repeat_with(crate::client::unreachable("nobody".to_owned()), id);
    assert_eq!(away.next, format!("Repeat with --id {id}: it is booked at most once."));
    let other = repeat_with(CliError::internal("a bad reply").with_next("Report it."), id);
    assert_eq!(other.next, format!("Report it. Repeat with --id {id}: it is booked at most once."));
}
