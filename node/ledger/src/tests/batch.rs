//! Payment files, and transactions of several operations.

use super::scenario::check;

#[test]
fn each_transfer_on_its_own() {
    check(
        "A=100 | each[transfer A B 60, transfer A B 60, transfer A C 40] -> ok ok insufficient_funds ok \
         | A=0 B=60 C=40",
    );
    check("A=100 | each[transfer A Ax 1] -> ok credit_account_not_found | A=100");
    // In order: the second is paid from the first.
    check("A=9 | sign=bank-a,bank-b each[transfer A B 9, transfer B C 9] -> ok ok ok | A=0 B=0 C=9");
    check("A=9 | sign=bank-a.read each[transfer A B 1] -> ok not_authorised | A=9");
    check("A=9 B=9 | each[transfer B A 1, transfer A B 1] -> ok not_authorised ok | A=8");
}

#[test]
fn all_or_none() {
    check("A=100 | all[transfer A B 60, transfer A C 40] -> ok ok ok | A=0 B=60 C=40");
    check(
        "A=100 | all[transfer A B 60, transfer A B 60, transfer A C 40] \
         -> insufficient_funds batch_aborted insufficient_funds batch_aborted | A=100 B=0 C=0",
    );
    check(
        "A=100 | all[transfer A B 60, transfer A C 0] -> amount_zero batch_aborted amount_zero; transfer A B 100 -> ok \
         | A=0 B=100",
    );
}

#[test]
fn operations_all_happen_or_none() {
    check("A=9 | transfer A B 5 + transfer A C 5 -> batch_aborted + insufficient_funds | A=9 B=0 C=0");
    check("A=9 | transfer A C 10 + transfer A B 5 -> insufficient_funds + batch_aborted | A=9 B=0 C=0");
    check("A=9 | transfer A B 5 + transfer A C 4 -> ok + ok | A=0 B=5 C=4");
    // The first reason counts, also where a later one has a smaller number.
    check("A=9 | transfer A C 10 + transfer A Ax 5 -> insufficient_funds + batch_aborted | A=9");
    check(
        "A=9 | each[transfer A B 5, transfer A B 5] + transfer A C 9 \
         -> batch_aborted batch_aborted insufficient_funds + insufficient_funds | A=9 B=0",
    );
    check("A=9 | open EUR new + transfer A Anew 10 -> batch_aborted + insufficient_funds; open EUR new -> ok | A=9");
    check(
        "A=9 | transfer A B 1 + all[transfer A B 1, transfer A A 1] + open EUR new \
         -> batch_aborted + same_account batch_aborted same_account + batch_aborted | A=9",
    );
}

#[test]
fn repeats_inside_an_aborted_transaction() {
    check(
        "A=9 | all[transfer A B 1 #1, transfer A B 1 #1, transfer A B 99] \
         -> insufficient_funds batch_aborted batch_aborted* insufficient_funds | A=9",
    );
    check(
        "A=9 | all[transfer A B 1 #1, transfer A B 99, transfer A B 1 #1, transfer A B 2 #1, transfer A B 1 #2@-999999999] \
         -> insufficient_funds batch_aborted insufficient_funds batch_aborted* exists_with_different_body id_outside_window \
         | A=9",
    );
    // What was paid before stays paid, and is said so.
    check(
        "A=9 | transfer A B 1 #1 -> ok; all[transfer A B 1 #1, transfer A B 99, transfer A B 1 #1] \
         -> insufficient_funds ok* insufficient_funds ok* | A=8",
    );
}
