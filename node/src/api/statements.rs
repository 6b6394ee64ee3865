//! Questions that the index answers: balances of past heights, statements, and what carries a reference.

use super::{
    authorise::{Act, authorise},
    ledger::visible_account,
    records::{Sight, of_chain},
};
use crate::{
    index::IndexView,
    registry::Caller,
    shared::{Shared, View},
};
use concordat_proto::{
    Code,
    codes::CodedError,
    convert,
    v1::{self, find_records_request::By},
};
use concordat_replica::{
    index::{self, Cut, Position, Search},
    query,
    records::{At, Record, Records, first_use},
    store::StoreError,
    stored::StoredBlock,
};
use concordat_types::{AccountId, Height, MemberId, Reference, Uuid};
use std::time::Duration;

/// What a question about heights is answered from: an index that has come to `height`, or as far as there is where that is 0.
pub async fn index_at(shared: &Shared, height: Height) -> Result<IndexView, CodedError> {
    let tip = shared.view.load().height;
    let wanted = if height == Height(0) { tip } else { height };
    // Nobody waits for a block that is not there yet.
    let view = shared.index.view_at(wanted.min(tip), INDEX_WAIT_MAX).await?;
    if view.height < height {
        let cause = format!("the index reaches height {}, and {height} was asked for", view.height);
        return Err(Code::IndexBehind.error(cause));
    }
    Ok(view)
}

/// A row that cannot be is reported, so that it is made anew.
pub fn of_index(shared: &Shared, error: StoreError) -> CodedError {
    match error {
        StoreError::Corrupt(_) => {
            shared.index.report_corrupt(&error);
            Code::IndexBehind.error("a row of the index was found to be damaged; it is made anew")
        }
        error => of_chain(error),
    }
}

pub fn balance(
    shared: &Shared,
    (view, index): (&View, &IndexView),
    caller: &Caller,
    id: AccountId,
    height: Height,
) -> Result<v1::Balance, CodedError> {
    visible_account(&*view.reader, caller, id)?;
    let height = if height == Height(0) { index.height } else { height };
    let counters = index::balance(&*index.reader, &id, height).map_err(|error| of_index(shared, error))?;
    let header = query::header(&*view.reader, height).map_err(of_chain)?;
    Ok(v1::Balance {
        account_id: id.0.to_vec(),
        height: height.0,
        time_ms: header.map_or(0, |(header, _)| header.time.0),
        debits_posted: convert::amount_to_bytes(counters.debits_posted),
        credits_posted: convert::amount_to_bytes(counters.credits_posted),
        index_height: index.height.0,
    })
}

/// A page of a statement, as it is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Range {
    pub account: AccountId,
    pub from: Position,
    /// 0: as far as the index reaches.
    pub to: Height,
    pub page_size: usize,
}

impl Range {
    pub fn parse(request: &v1::GetStatementRequest) -> Result<Range, CodedError> {
        let from = match position_of(&request.page_token)? {
            Some(position) => position,
            None => Position { height: Height(request.from_height.max(1)), place: 0 },
        };
        Ok(Range {
            account: convert::account_id_from_bytes("account_id", &request.account_id)?,
            from,
            to: Height(request.to_height),
            page_size: page_size_of(request.page_size),
        })
    }
}

pub fn statement(
    shared: &Shared,
    (view, index): (&View, &IndexView),
    caller: &Caller,
    range: Range,
) -> Result<v1::Statement, CodedError> {
    visible_account(&*view.reader, caller, range.account)?;
    let to = if range.to == Height(0) { index.height } else { range.to };
    let cut = Cut { entries_max: range.page_size, bytes_max: PAGE_BYTES_MAX };
    let page = index::entries(&*index.reader, &*view.reader, &range.account, range.from, to, cut);
    let page = page.map_err(|error| of_index(shared, error))?;
    let mut sight = Sight::new(&*view.reader, caller);
    let entries = page.entries.iter().map(|entry| sight.entry(entry)).collect::<Result<_, _>>();
    Ok(v1::Statement {
        entries: entries.map_err(of_chain)?,
        next_page_token: page.next.map_or(Vec::new(), token_of),
        debits_posted_before: convert::amount_to_bytes(page.before.debits_posted),
        credits_posted_before: convert::amount_to_bytes(page.before.credits_posted),
        index_height: index.height.0,
    })
}

/// What somebody looks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wanted {
    Id(Uuid),
    Reference(WantedReference),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WantedReference {
    reference: Reference,
    before: Option<Position>,
    page_size: usize,
}

impl Wanted {
    pub fn parse(request: &v1::FindRecordsRequest) -> Result<Wanted, CodedError> {
        match &request.by {
            Some(By::Id(id)) => Ok(Wanted::Id(convert::uuid_from_bytes("id", id)?)),
            Some(By::Reference(text)) if !text.is_empty() => {
                let reference = Reference::new(text);
                let reference = reference.map_err(|error| Code::Malformed.error(format!("reference: {error}")))?;
                let before = position_of(&request.page_token)?;
                let page_size = page_size_of(request.page_size);
                Ok(Wanted::Reference(WantedReference { reference, before, page_size }))
            }
            _ => Err(Code::Malformed.error("neither an id nor a reference is given")),
        }
    }
}

/// Whoever has used the id: members choose their ids by themselves.
pub fn by_id(view: &View, caller: &Caller, id: Uuid) -> Result<v1::FindRecordsReply, CodedError> {
    authorise(caller, Act::ReadOf(&caller.member))?;
    let reader = &*view.reader;
    let mut sight = Sight::new(reader, caller);
    let mut records = Vec::new();
    for submitter in query::users_of_id(reader, id).map_err(of_chain)? {
        if let Some(record) = first_record(view, &mut sight, submitter, id).map_err(of_chain)? {
            records.push(sight.found(&record).map_err(of_chain)?);
        }
    }
    Ok(v1::FindRecordsReply { records, next_page_token: Vec::new(), index_height: 0 })
}

fn first_record(
    view: &View,
    sight: &mut Sight<'_>,
    submitter: MemberId,
    id: Uuid,
) -> Result<Option<Record>, StoreError> {
    let reader = &*view.reader;
    let Some((height, At::Item { tx_index, operation, item })) = first_use(reader, submitter, id)? else {
        return Ok(None);
    };
    let block = StoredBlock::read(reader, height)?;
    let block = block.ok_or_else(|| StoreError::Corrupt(format!("there is no block of height {height}")))?;
    Records::new(reader, &block).at(tx_index, operation, item, &mut |parties| sight.sees(parties))
}

pub fn by_reference(
    shared: &Shared,
    (view, index): (&View, &IndexView),
    caller: &Caller,
    WantedReference { reference, before, page_size }: WantedReference,
) -> Result<v1::FindRecordsReply, CodedError> {
    authorise(caller, Act::ReadOf(&caller.member))?;
    let mut sight = Sight::new(&*view.reader, caller);
    let search = Search { reference, member: sight.member(), before };
    let cut = Cut { entries_max: page_size, bytes_max: PAGE_BYTES_MAX };
    let found = index::find(&*index.reader, &*view.reader, search, cut, &mut |parties| sight.sees(parties));
    let found = found.map_err(|error| of_index(shared, error))?;
    let records = found.records.iter().map(|record| sight.found(record)).collect::<Result<_, _>>();
    Ok(v1::FindRecordsReply {
        records: records.map_err(of_chain)?,
        next_page_token: found.next.map_or(Vec::new(), token_of),
        index_height: index.height.0,
    })
}

fn token_of(position: Position) -> Vec<u8> {
    [&position.height.0.to_be_bytes()[..], &position.place.to_be_bytes()].concat()
}

fn position_of(token: &[u8]) -> Result<Option<Position>, CodedError> {
    if token.is_empty() {
        return Ok(None);
    }
    let (height, place) = token.split_at_checked(8).unwrap_or_default();
    match (height.try_into().map(u64::from_be_bytes), place.try_into().map(u32::from_be_bytes)) {
        (Ok(height), Ok(place)) => Ok(Some(Position { height: Height(height), place })),
        _ => Err(Code::Malformed.error("page_token is none that a node has given")),
    }
}

pub fn page_size_of(asked: u32) -> usize {
    if asked == 0 { PAGE_DEFAULT } else { (asked as usize).min(PAGE_MAX) }
}

const PAGE_DEFAULT: usize = 100;
const PAGE_MAX: usize = 1000;
/// Of blocks that are read for a page: some tenths of a second.
const PAGE_BYTES_MAX: usize = 32 << 20;
/// The index is some milliseconds behind; whoever has just paid finds it.
const INDEX_WAIT_MAX: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_back_as_they_went() {
        for position in [(0, 0), (7, 3), (u64::MAX, u32::MAX)] {
            let position = Position { height: Height(position.0), place: position.1 };
            assert_eq!(position_of(&token_of(position)), Ok(Some(position)));
        }
        assert_eq!(position_of(&[]), Ok(None));
        for length in [1, 8, 11, 13] {
            let error = position_of(&vec![0; length]).expect_err("of another length");
            assert_eq!(error.code, Code::Malformed);
        }
    }

    #[test]
    fn a_search_names_one_thing_to_look_for() {
        let parse =
            |by| Wanted::parse(&v1::FindRecordsRequest { by, ..Default::default() }).map_err(|error| error.code);
        let (reference, before, page_size) = (Reference::new("INV-7").expect("one"), None, PAGE_DEFAULT);
        assert_eq!(
            parse(Some(By::Reference("INV-7".to_owned()))),
            Ok(Wanted::Reference(WantedReference { reference, before, page_size }))
        );
        for by in
            [None, Some(By::Reference(String::new())), Some(By::Reference("x".repeat(37))), Some(By::Id(vec![0; 16]))]
        {
            assert_eq!(parse(by), Err(Code::Malformed));
        }
        assert_eq!((page_size_of(0), page_size_of(7), page_size_of(u32::MAX)), (PAGE_DEFAULT, 7, PAGE_MAX));
    }
}
