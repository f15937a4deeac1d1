//! `#[dpark::closures]`.
