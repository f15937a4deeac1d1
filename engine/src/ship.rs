//! How a job gets to another process: its lineage, tables and closures as plain data.
//!
//! A table of an operator, a `fn` pointer and the code that rebuilds a closure are addresses in this process. They travel as
//! *(library, offset)*: the same library, loaded elsewhere, has the same thing at the same offset (`code`). A closure
//! travels as the environment that it is rebuilt from, never as memory. What an RDD is made of goes once to each executor, and is
//! known there by the RDD's id (`node/shipped`).

pub(crate) mod code;
pub(crate) mod landing;
pub(crate) mod needed;

pub(crate) mod shipper;

pub use shipper::Shipment;

pub(crate) use crate::closure::ShippedClosure;
pub(crate) use code::CodeRef;
pub(crate) use landing::Landing;
pub(crate) use shipper::Shipper;

/// Why something cannot be sent, or cannot be used where it arrived.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct ShipError(pub(crate) String);

impl ShipError {
    pub(crate) fn new(message: impl Into<String>) -> ShipError {
        ShipError(message.into())
    }
}

impl From<crate::codec::CodecError> for ShipError {
    fn from(error: crate::codec::CodecError) -> ShipError {
        ShipError(error.to_string())
    }
}
