//! Drives the real binary as a person would: through its command line, its socket, real files and real sockets.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed unwrap fails the test")]

mod assess;
mod bad_input;
mod capture;
mod diag;
mod doctor;
mod enroll;
mod journey;
mod kiosk;
mod promises;
mod reload;
mod watch;
