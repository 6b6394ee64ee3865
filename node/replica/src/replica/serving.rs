//! How much a peer is answered: a request costs it little and us much.

/// What one peer was answered in this second.
#[derive(Clone, Copy, Debug, Default)]
pub struct Served {
    bytes: usize,
    since_ms: u64,
}

impl Served {
    /// Is it worth looking for an answer at all?
    pub fn has_room(&mut self, now_ms: u64) -> bool {
        self.turn(now_ms);
        self.bytes <= SERVED_BYTES_PER_S_MAX
    }

    /// May an answer of so many bytes be sent? The first of a second always. What is refused counts too: it was made for
    /// nothing, and the next one shall not be.
    pub fn may(&mut self, now_ms: u64, bytes: usize) -> bool {
        self.turn(now_ms);
        let is_first = self.bytes == 0;
        self.bytes = self.bytes.saturating_add(bytes);
        is_first || self.bytes <= SERVED_BYTES_PER_S_MAX
    }

    fn turn(&mut self, now_ms: u64) {
        if now_ms >= self.since_ms + 1000 {
            *self = Served { bytes: 0, since_ms: now_ms };
        }
    }
}

/// A full block and its batches, some times over.
pub const SERVED_BYTES_PER_S_MAX: usize = 48 << 20;
