//! Who can talk to whom, how fast and how badly.

use super::Random;

/// Drawn once a run; any of them may be zero.
#[derive(Clone, Debug)]
pub struct Faults {
    pub loss_permille: u64,
    pub duplicate_permille: u64,
    pub corrupt_permille: u64,
    pub delay_ms_max: u64,
    /// Chance per node and second.
    pub crash_permille: u64,
    /// Of crashes: the machine, not only the process.
    pub power_loss_permille: u64,
    pub partition_permille: u64,
    pub clock_offset_ms_max: u64,
    /// Chance a second that a node is so busy that all it hears waits for seconds.
    pub busy_permille: u64,
    /// Chance per node and second that its disk is full.
    pub full_permille: u64,
}

impl Faults {
    pub fn draw(random: &mut Random) -> Faults {
        let mut rate = |max: u64| if random.permille(300) { 0 } else { random.below(max + 1) };
        Faults {
            loss_permille: rate(200),
            duplicate_permille: rate(50),
            corrupt_permille: rate(10),
            delay_ms_max: 1 + rate(120),
            crash_permille: rate(150),
            power_loss_permille: rate(600),
            partition_permille: rate(250),
            clock_offset_ms_max: rate(300),
            busy_permille: rate(250),
            full_permille: rate(60),
        }
    }

    pub fn none() -> Faults {
        Faults {
            loss_permille: 0,
            duplicate_permille: 0,
            corrupt_permille: 0,
            delay_ms_max: 10,
            crash_permille: 0,
            power_loss_permille: 0,
            partition_permille: 0,
            clock_offset_ms_max: 0,
            busy_permille: 0,
            full_permille: 0,
        }
    }
}

/// A cut: nodes of one side do not hear those of the other.
#[derive(Clone, Debug, Default)]
pub struct Partition {
    side: Vec<bool>,
    /// Only from the first side to the second.
    one_way: bool,
}

impl Partition {
    pub fn none(nodes: usize) -> Partition {
        Partition { side: vec![false; nodes], one_way: false }
    }

    pub fn draw(nodes: usize, random: &mut Random) -> Partition {
        Partition { side: (0..nodes).map(|_| random.permille(500)).collect(), one_way: random.permille(300) }
    }

    pub fn cuts(&self, from: usize, to: usize) -> bool {
        match self.one_way {
            false => self.side[from] != self.side[to],
            true => self.side[from] && !self.side[to],
        }
    }
}
