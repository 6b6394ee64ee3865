//! The set of all checks that fail.

use concordat_types::ResultCode;

/// One bit a number; the smallest is the result.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Refusals(u128);

impl Refusals {
    pub fn when(condition: bool, code: ResultCode) -> Refusals {
        Refusals(if condition { 1 << code.number() } else { 0 })
    }

    pub fn and(self, other: Refusals) -> Refusals {
        Refusals(self.0 | other.0)
    }

    pub fn and_when(self, condition: bool, code: ResultCode) -> Refusals {
        self.and(Refusals::when(condition, code))
    }

    pub fn contains(self, code: ResultCode) -> bool {
        self.0 >> code.number() & 1 == 1
    }

    pub fn first(self) -> Option<ResultCode> {
        self.iter().next()
    }

    /// Ascending.
    pub fn iter(self) -> impl Iterator<Item = ResultCode> {
        ResultCode::ALL.iter().copied().filter(move |code| self.contains(*code))
    }

    /// Goes on only if nothing is refused.
    pub fn none(self) -> Result<(), Refusals> {
        if self.0 == 0 { Ok(()) } else { Err(self) }
    }

    /// The same; what is refused is told together with what would be refused after it.
    pub fn none_with(self, later: impl FnOnce() -> Refusals) -> Result<(), Refusals> {
        self.none().map_err(|refusals| refusals.and(later()))
    }
}

impl std::fmt::Debug for Refusals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
