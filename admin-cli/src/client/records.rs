//! What a node tells of payments, holds and offers, and of accounts at past heights.

use super::{Client, Repeat, bad_reply, ledger, result_from_wire, with_deadline};
use crate::CliError;
use concordat_proto::{
    convert,
    v1::{self, found_record, record},
};
use concordat_types::{AccountId, Amount, AssetCode, Hash, Height, MemberId, ResultCode, Uuid, names::AccountPath};
use tonic::{Request, Streaming};

/// Posted counters of an account.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Counters {
    pub debits: Amount,
    pub credits: Amount,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BalanceView {
    pub height: Height,
    pub time_ms: u64,
    pub counters: Counters,
    pub index_height: Height,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StatementPage {
    pub entries: Vec<EntryView>,
    /// Where the next page begins; empty: this is the last.
    pub next: Vec<u8>,
    pub before: Counters,
    pub index_height: Height,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EntryView {
    pub record: RecordView,
    pub is_debit: bool,
    pub amount: Amount,
    pub counterparty_id: AccountId,
    pub counterparty: Option<AccountPath>,
    pub after: Counters,
}

/// As `concordat.v1.Record`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecordView {
    pub height: Height,
    pub time_ms: u64,
    pub leaf: u32,
    pub at: record::At,
    pub kind: record::Kind,
    pub submitter: MemberId,
    pub id: Uuid,
    pub pending: Option<(MemberId, Uuid)>,
    pub legs: Vec<LegView>,
    pub booked: bool,
    pub result: ResultCode,
    pub repeat: bool,
    pub reference: String,
    pub purpose: String,
    pub document: Option<Hash>,
    pub until_ms: Option<u64>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LegView {
    pub debit_id: AccountId,
    /// None: there is no such account.
    pub debit: Option<AccountPath>,
    pub credit_id: AccountId,
    pub credit: Option<AccountPath>,
    pub amount: Amount,
}

impl LegView {
    pub fn asset(&self) -> Option<AssetCode> {
        self.debit.or(self.credit).map(|path| path.asset)
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FoundView {
    pub record: RecordView,
    pub state: found_record::State,
}

impl Client {
    /// What had been booked on an account after a height; None: as far as the node's index reaches.
    pub async fn balance(&self, account: AccountId, height: Option<Height>) -> Result<BalanceView, CliError> {
        let height = height.map_or(0, |height| height.0);
        let reply = self.call(Repeat::Once, |channel, deadline| {
            let message = v1::GetBalanceRequest { account_id: account.0.to_vec(), height };
            async move { ledger(channel).get_balance(with_deadline(message, deadline)).await }
        });
        let reply = reply.await?;
        Ok(BalanceView {
            height: Height(reply.height),
            time_ms: reply.time_ms,
            counters: counters(&reply.debits_posted, &reply.credits_posted)?,
            index_height: Height(reply.index_height),
        })
    }

    /// One page of the bookings on an account. `token` is that of the page before, or empty.
    pub async fn statement(
        &self,
        account: AccountId,
        heights: (Option<Height>, Option<Height>),
        page_size: u32,
        token: Vec<u8>,
    ) -> Result<StatementPage, CliError> {
        let [from_height, to_height] = [heights.0, heights.1].map(|height| height.map_or(0, |height| height.0));
        let reply = self.call(Repeat::Once, |channel, deadline| {
            let (account_id, page_token) = (account.0.to_vec(), token.clone());
            let message = v1::GetStatementRequest { account_id, from_height, to_height, page_size, page_token };
            async move { ledger(channel).get_statement(with_deadline(message, deadline)).await }
        });
        let reply = reply.await?;
        Ok(StatementPage {
            entries: reply.entries.into_iter().map(EntryView::from_wire).collect::<Result<_, _>>()?,
            next: reply.next_page_token,
            before: counters(&reply.debits_posted_before, &reply.credits_posted_before)?,
            index_height: Height(reply.index_height),
        })
    }

    /// What an id was used for, by whoever has used it.
    pub async fn records_of_id(&self, id: Uuid) -> Result<Vec<FoundView>, CliError> {
        let by = v1::find_records_request::By::Id(id.0.to_vec());
        Ok(self.find_records(by, 0, Vec::new()).await?.0)
    }

    /// What carries a reference, the newest first, at most `limit`.
    pub async fn records_of_reference(&self, reference: &str, limit: usize) -> Result<Vec<FoundView>, CliError> {
        let (mut all, mut token) = (Vec::new(), Vec::new());
        loop {
            let by = v1::find_records_request::By::Reference(reference.to_owned());
            let page_size = (limit - all.len()).min(RECORDS_PAGE) as u32;
            let (found, next) = self.find_records(by, page_size, token.clone()).await?;
            all.extend(found);
            if next.is_empty() || next == token || all.len() >= limit {
                return Ok(all);
            }
            token = next;
        }
    }

    async fn find_records(
        &self,
        by: v1::find_records_request::By,
        page_size: u32,
        page_token: Vec<u8>,
    ) -> Result<(Vec<FoundView>, Vec<u8>), CliError> {
        let message = v1::FindRecordsRequest { by: Some(by), page_size, page_token };
        let reply = self.call(Repeat::Once, |channel, deadline| {
            let request = with_deadline(message.clone(), deadline);
            async move { ledger(channel).find_records(request).await }
        });
        let reply = reply.await?;
        let records = reply.records.into_iter().map(FoundView::from_wire).collect::<Result<_, _>>()?;
        Ok((records, reply.next_page_token))
    }

    /// What happens to the profile's member behind a cursor, without gap or duplicate; None: from now on. The stream ends
    /// with the connection; open it again with the last cursor that was read.
    pub async fn subscribe(&self, after: Option<v1::Cursor>) -> Result<Streaming<v1::Events>, CliError> {
        let reply = self.call(Repeat::Once, |channel, _| {
            // The deadline would end the stream, not only its opening.
            let request = Request::new(v1::SubscribeRequest { after });
            async move { ledger(channel).subscribe(request).await }
        });
        reply.await
    }
}

impl EntryView {
    fn from_wire(entry: v1::StatementEntry) -> Result<EntryView, CliError> {
        let record = entry.record.ok_or_else(|| bad_reply("an entry without a record"))?;
        let id = convert::account_id_from_bytes("counterparty_account_id", &entry.counterparty_account_id);
        Ok(EntryView {
            record: RecordView::from_wire(record)?,
            is_debit: entry.is_debit,
            amount: convert::amount_from_bytes("amount", &entry.amount).map_err(bad_reply)?,
            counterparty_id: id.map_err(bad_reply)?,
            counterparty: path(&entry.counterparty_account)?,
            after: counters(&entry.debits_posted, &entry.credits_posted)?,
        })
    }
}

impl RecordView {
    pub fn from_wire(record: v1::Record) -> Result<RecordView, CliError> {
        let kind = record.kind();
        let pending = record
            .pending
            .map(|pending| Ok::<_, CliError>((member("pending", &pending.submitter)?, uuid("pending", &pending.id)?)));
        let document = match record.document.as_slice() {
            [] => None,
            bytes => Some(convert::hash_from_bytes("document", bytes).map_err(bad_reply)?),
        };
        Ok(RecordView {
            height: Height(record.height),
            time_ms: record.time_ms,
            leaf: record.leaf,
            at: record.at.ok_or_else(|| bad_reply("a record without a place"))?,
            kind,
            submitter: member("submitter", &record.submitter)?,
            id: uuid("id", &record.id)?,
            pending: pending.transpose()?,
            legs: record.legs.into_iter().map(LegView::from_wire).collect::<Result<_, _>>()?,
            booked: record.booked,
            result: result_from_wire(record.result)?,
            repeat: record.repeat,
            reference: record.reference,
            purpose: record.purpose,
            document,
            until_ms: (record.until_ms > 0).then_some(record.until_ms),
        })
    }
}

impl LegView {
    fn from_wire(leg: v1::Leg) -> Result<LegView, CliError> {
        let id = |field, bytes: &[u8]| convert::account_id_from_bytes(field, bytes).map_err(bad_reply);
        Ok(LegView {
            debit_id: id("debit_account_id", &leg.debit_account_id)?,
            debit: path(&leg.debit_account)?,
            credit_id: id("credit_account_id", &leg.credit_account_id)?,
            credit: path(&leg.credit_account)?,
            amount: convert::amount_from_bytes("amount", &leg.amount).map_err(bad_reply)?,
        })
    }
}

impl FoundView {
    fn from_wire(found: v1::FoundRecord) -> Result<FoundView, CliError> {
        let state = found.state();
        let record = found.record.ok_or_else(|| bad_reply("nothing found in what was found"))?;
        Ok(FoundView { record: RecordView::from_wire(record)?, state })
    }
}

fn counters(debits: &[u8], credits: &[u8]) -> Result<Counters, CliError> {
    let amount = |field, bytes| convert::amount_from_bytes(field, bytes).map_err(bad_reply);
    Ok(Counters { debits: amount("debits_posted", debits)?, credits: amount("credits_posted", credits)? })
}

fn member(field: &'static str, text: &str) -> Result<MemberId, CliError> {
    convert::member_id_from_str(field, text).map_err(bad_reply)
}

fn uuid(field: &'static str, bytes: &[u8]) -> Result<Uuid, CliError> {
    convert::uuid_from_bytes(field, bytes).map_err(bad_reply)
}

fn path(text: &str) -> Result<Option<AccountPath>, CliError> {
    if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(bad_reply) }
}

const RECORDS_PAGE: usize = 1000;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A booking between bank-a's main account and another.
    pub(crate) fn entry(is_debit: bool, amount: Amount, counterparty: AccountPath, after: Counters) -> EntryView {
        let own: AccountPath = "bank-a/EUR/main".parse().expect("a valid literal");
        let (debit, credit) = if is_debit { (own, counterparty) } else { (counterparty, own) };
        let counterparty_id = AccountId::new(&counterparty);
        let record = RecordView {
            height: Height(7),
            time_ms: 1_800_000_000_000,
            leaf: 3,
            at: record::At::Place(record::Place { tx_index: 1, operation: 0, item: 2 }),
            kind: record::Kind::Transfer,
            submitter: debit.member,
            id: crate::new_id(),
            pending: None,
            legs: vec![LegView {
                debit_id: AccountId::new(&debit),
                debit: Some(debit),
                credit_id: AccountId::new(&credit),
                credit: Some(credit),
                amount,
            }],
            booked: true,
            result: ResultCode::Ok,
            repeat: false,
            reference: "INV-7".to_owned(),
            purpose: String::new(),
            document: None,
            until_ms: None,
        };
        EntryView { record, is_debit, amount, counterparty_id, counterparty: Some(counterparty), after }
    }

    pub(crate) fn assets() -> crate::payments::Assets {
        crate::payments::Assets([("EUR".parse().expect("a valid literal"), 2)].into())
    }

    #[test]
    fn a_record_is_taken_only_as_what_it_has_to_be() {
        let good = v1::Record {
            height: 7,
            at: Some(record::At::Event(3)),
            kind: record::Kind::Expiry as i32,
            submitter: "bank-a".to_owned(),
            id: crate::new_id().0.to_vec(),
            ..v1::Record::default()
        };
        let view = RecordView::from_wire(good.clone()).expect("it is whole");
        assert_eq!((view.height, view.kind, view.until_ms), (Height(7), record::Kind::Expiry, None));
        for bad in [
            v1::Record { at: None, ..good.clone() },
            v1::Record { submitter: "Bank A".to_owned(), ..good.clone() },
            v1::Record { id: vec![0; 3], ..good.clone() },
            v1::Record { result: 65_000, ..good.clone() },
            v1::Record { document: vec![1], ..good.clone() },
            v1::Record { legs: vec![v1::Leg::default()], ..good.clone() },
        ] {
            let error = RecordView::from_wire(bad.clone()).expect_err("it is not");
            assert!(matches!(error.exit, crate::Exit::Verification), "{bad:?}: {error:?}");
        }
    }
}
