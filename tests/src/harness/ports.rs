//! Free ports on loopback, in a row.

use super::Failure;
use std::{net::TcpListener, ops::Range};

/// The first of `count` consecutive ports on which nobody listens. Another process may take one before we do; then the
/// node that wanted it says so.
pub fn free_ports(count: u16) -> Result<u16, Failure> {
    let candidates = RANGE.len() / usize::from(count);
    // Programs that run at once begin at different places.
    let start = std::process::id() as usize * 7;
    let bases = (0..candidates).map(|offset| RANGE.start + ((start + offset) % candidates) as u16 * count);
    bases.into_iter().find(|base| (*base..base + count).all(is_free)).ok_or_else(|| {
        Failure::set_up(format!("no {count} consecutive free ports in {RANGE:?}"), "Name some by --base-port.")
    })
}

pub fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}

/// Below the range from which Linux takes ports for outgoing connections (32768 on).
const RANGE: Range<u16> = 17_400..31_400;
