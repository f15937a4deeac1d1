//! Executors in other processes.
//!
//! The driver listens (`hub`); executors connect, prove that they belong to the application, and are told what to do in
//! messages (`protocol`). Who starts them is another matter (`launcher`): with `-m process` it is the driver itself.
//!
//! ```text
//! driver                                               executor
//! scheduler/driver ◄─Message─ hub ◄──── frames ────► executor ──► pool of threads
//!        └── remote backend ──┘                          └─ landing: libraries, RDDs, broadcasts that have arrived
//! ```

pub(crate) mod broadcasts;
pub(crate) mod executor;
pub(crate) mod executors;
pub(crate) mod exports;
pub(crate) mod fetch;
pub(crate) mod files;
pub(crate) mod held;
pub(crate) mod holders;
pub(crate) mod hub;
pub(crate) mod identity;
pub(crate) mod launcher;
pub(crate) mod libraries;
mod nginx;
pub(crate) mod parts;
pub(crate) mod protocol;
