//! Sockets: TLS with keys of the registry, streams between nodes.

pub mod dial;
pub mod inbound;
pub mod listen;
pub mod peers;
pub mod queue;
pub mod tls;

/// Compared in the first frame of a stream between nodes.
pub const PROTOCOL_VERSION: u32 = 1;
/// What a frame takes beside its message.
pub const FRAME_OVERHEAD_BYTES: usize = 64;
