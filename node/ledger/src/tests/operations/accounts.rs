use crate::tests::scenario::check;

#[test]
fn closing() {
    check(
        "A=1 | close A -> balance_not_zero ; transfer A B 1 -> ok ; close A -> ok ; close A -> account_closed ; open EUR main -> account_exists | B=1",
    );
    check(
        "A=1 | close A2 -> ok ; transfer A A2 1 -> account_closed ; hold A A2 1 1000 -> account_closed ; freeze account:A2 both -> account_closed ; move A2 top -> account_closed | A=1",
    );
    check(
        "A=1 | close Ax -> account_not_found ; by=bank-b close A -> not_authorised ; sign=bank-a.pay close A2 -> not_authorised ; by=central-bank close issuance -> not_authorised | A=1",
    );
    check("A=1 bank-a.suspended | close A2 -> member_not_active | A=1");
}

#[test]
fn parents() {
    check("A=0 | open EUR c1 A -> ok ; close A -> balance_not_zero ; close Ac1 -> ok ; close A -> ok | A=0");
    check("A=0 | open EUR c1 A -> ok ; move Ac1 A2 -> ok ; close A -> ok ; close A2 -> balance_not_zero | A=0");
    check(
        "A=0 | open EUR c1 Ax -> account_not_found ; open EUR c1 B -> parent_not_allowed ; open EUR c1 AUSD -> parent_not_allowed ; by=central-bank open EUR c1 issuance -> parent_not_allowed | A=0",
    );
    check(
        "A=0 A2.closed | open EUR c1 A2 -> parent_not_allowed ; move A A2 -> parent_not_allowed ; move A Ax -> account_not_found ; move Ax A -> account_not_found | A=0",
    );
    check(
        "A=0 | move A A -> parent_not_allowed ; move A2 A -> ok ; move A A2 -> parent_not_allowed ; by=bank-b move A top -> not_authorised ; sign=bank-a.pay move A2 top -> not_authorised | A=0",
    );
}

#[test]
fn a_chain_of_parents_is_at_most_eight_long() {
    let chain: alloc::vec::Vec<_> = (1..8)
        .map(|n| match n {
            1 => alloc::string::String::from("open EUR c1 A -> ok"),
            _ => alloc::format!("open EUR c{n} Ac{} -> ok", n - 1),
        })
        .collect();
    let chain = chain.join(" ; ");
    check(&alloc::format!("A=0 | {chain} ; open EUR c8 Ac7 -> parent_not_allowed ; open EUR c8 Ac6 -> ok | A=0"));
    // A tree may move sideways and up, not down: its lower end is not looked at.
    check(&alloc::format!(
        "A=0 | {chain} ; open EUR d1 A2 -> ok ; move Ac1 A2 -> ok ; move Ac1 Ad1 -> parent_not_allowed ; move Ac7 Ad1 -> ok ; move Ac2 top -> ok ; move Ac2 A -> parent_not_allowed | A=0"
    ));
}
