//! Protocol buffers: what crosses the wire between programs, and nothing that is hashed, signed or stored.
//!
//! The generated code is committed; `proto/generator` makes it from the .proto files, and a stage of the tests
//! checks that it is fresh.

pub mod codes;
pub mod convert;

pub use codes::Code;

/// Messages, clients and servers of `proto/concordat/v1`.
#[allow(clippy::all, clippy::unwrap_used, missing_debug_implementations, rust_2018_idioms)]
pub mod v1 {
    include!("gen/concordat.v1.rs");
}

/// The .proto files as a serialised `google.protobuf.FileDescriptorSet`, for server reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!("gen/concordat.v1.binpb");
