//! What driver and executors say to each other: frames over a byte stream, and the proof of the application's secret that
//! comes first on each connection. The bytes are drawn in `docs/formats.md`.

pub(crate) mod frame;
pub(crate) mod handshake;
pub(crate) mod secret;
