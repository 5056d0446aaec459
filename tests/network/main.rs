//! Every fault of line, server, certificate and clock against the whole delivery: the real queue on disk, the
//! courier and the client, over real sockets and real TLS.
//!
//! ```text
//! queue ── courier ── client ══TLS══▶ proxy (the line's faults) ══▶ server (answers by a script)
//! ```
//!
//! Each row asks the same: what became of the update, was it charged, what does the operator read, did anybody
//! else have to wait, and was anything lost or changed more often than an answer was unknown.
//! docs/delivery.md has the same rows for operators.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
#![allow(clippy::expect_used, reason = "a failed expect fails the test")]

#[path = "../delivery_outbox/mod.rs"]
mod delivery_outbox;

mod answers;
mod authority;
mod http2;
mod line;
mod memory;
mod proxy;
mod server;
mod site;
mod trust;
