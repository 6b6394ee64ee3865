//! Others' clocks against ours. Each answer to a status of ours bounds the difference from both sides: the peer's clock was
//! read after the status left and before the answer came. Waiting in queues makes the bounds wider, never wrong, so a
//! busy machine is not taken for one whose clock is off.

use super::Replica;
use crate::io::Alarm;
use concordat_types::MemberId;

/// A peer's clock as its answers show it. Goes with the connection.
#[derive(Clone, Copy, Debug, Default)]
pub struct PeerClock {
    newest: OffsetBounds,
    /// What the newest answer proved that was quick enough to prove anything.
    verdict: Option<Verdict>,
}

/// The peer's clock, less ours, is neither lower nor higher.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct OffsetBounds {
    min_ms: i64,
    max_ms: i64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Verdict {
    /// By so many ms at least.
    Ahead(i64),
    Behind(i64),
    Agrees,
}

impl PeerClock {
    pub fn offset_ms(&self) -> i64 {
        i64::midpoint(self.newest.min_ms, self.newest.max_ms)
    }
}

impl OffsetBounds {
    /// None: our clock was set back meanwhile, or the peer never had a status of that time.
    fn of_round_trip(left_ms: u64, answered_ms: u64, now_ms: u64) -> Option<OffsetBounds> {
        // A peer may say anything: far inside the range of i64.
        let less = |ours: u64| {
            let difference = i128::from(answered_ms) - i128::from(ours);
            difference.clamp(-i128::from(u32::MAX), i128::from(u32::MAX)) as i64
        };
        (left_ms <= now_ms).then(|| OffsetBounds { min_ms: less(now_ms), max_ms: less(left_ms) })
    }

    /// What they prove, if anything.
    fn verdict(self, allowed_ms: i64) -> Option<Verdict> {
        if self.min_ms > allowed_ms {
            Some(Verdict::Ahead(self.min_ms))
        } else if self.max_ms < -allowed_ms {
            Some(Verdict::Behind(self.max_ms))
        } else if self.min_ms >= -allowed_ms && self.max_ms <= allowed_ms {
            Some(Verdict::Agrees)
        } else {
            None
        }
    }
}

impl Replica {
    pub(super) fn on_clock(&mut self, from: MemberId, left_ms: u64, answered_ms: u64) {
        let p = &self.chain.parameters;
        let allowed_ms = i64::from(p.precision_ms) + i64::from(p.delay_ms);
        let Some(bounds) = OffsetBounds::of_round_trip(left_ms, answered_ms, self.now.unix_ms) else { return };
        let clock = &mut self.peers.entry(from).or_default().clock;
        clock.newest = bounds;
        clock.verdict = bounds.verdict(allowed_ms).or(clock.verdict);
        self.judge_clock();
    }

    /// Where those with more than half of the others' power prove it off to one side, it is ours that is off.
    fn judge_clock(&mut self) {
        let set = self.chain.validators.set();
        let others: u128 = set.total_power() - set.index_of(&self.me).map_or(0, |index| set.power(index));
        let (mut ahead, mut behind, mut agree) = (Side::default(), Side::default(), Side::default());
        for (member, peer) in &self.peers {
            let (Some(index), Some(verdict)) = (set.index_of(member), peer.clock.verdict) else { continue };
            let (side, ms) = match verdict {
                Verdict::Ahead(ms) => (&mut ahead, ms),
                Verdict::Behind(ms) => (&mut behind, ms),
                Verdict::Agrees => (&mut agree, 0),
            };
            side.power += set.power(index);
            side.least_ms.push(ms);
        }
        let off = if ahead.power > behind.power { ahead } else { behind };
        let is_off = 2 * off.power > others;
        if is_off && !self.clock_alarm {
            let offset_ms = off.least_ms.into_iter().min_by_key(|ms| ms.unsigned_abs()).unwrap_or(0);
            self.alarm(Alarm::ClockOffset { offset_ms });
            self.clock_alarm = true;
        }
        // Peers that are gone, or whose answers are slow, are no proof that it is right again.
        if !is_off && self.clock_alarm && agree.power > 0 {
            self.alarm(Alarm::ClockGood);
            self.clock_alarm = false;
        }
    }
}

/// Validators whose answers say the same.
#[derive(Default)]
struct Side {
    power: u128,
    least_ms: Vec<i64>,
}
