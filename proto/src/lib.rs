//! The generated types, clients and servers of the `qingting.v1` gRPC API; no logic.
//! The `.proto` files beside this crate document every message and field.

/// Encoded `FileDescriptorSet` of the API and everything it imports, for reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// The API, version 1.
#[allow(missing_docs, unreachable_pub, clippy::all)]
pub mod v1 {
    include!(concat!(env!("OUT_DIR"), "/qingting.v1.rs"));
}

pub use tonic_types::pb as rpc;
