//! Finds what is wrong on a site, each fault with its cause and what to do about it.
//!
//! [`CHECKS`] is the one visible list; each check is a file. A file has two halves: `probe` asks the world,
//! `judge` decides without it and is tested by a table.
//!
//! ```text
//! Site ──▶ probe ──facts──▶ judge ──▶ Finding ──┐
//!   └ what several checks share, asked once     ├──▶ Report ──▶ people, JSON, exit code
//!          … all checks at the same time …    ──┘
//! ```
//!
//! **Invariants**
//! - Nothing is changed: the queue is not opened, no setting is written, what is tried out on a disk is removed.
//! - Each check ends within its limit, whatever the network, a disk or a camera does; one that does not is
//!   a finding itself.
//! - A fault is told once: what cannot be looked at because of another check's fault is skipped, and says so.
//! - No finding holds a face, a token, a person's id or name, or what a server has written.

mod agent_running;
mod agent_unit;
mod api_answers;
mod ask;
mod camera_device;
mod camera_modes;
mod camera_picture;
mod camera_usb;
mod clock_time;
mod config_secrets;
mod config_valid;
mod exchange;
mod finding;
mod kernel;
mod network_connection;
mod network_name;
mod network_portal;
mod network_proxy;
mod network_route;
mod power_voltage;
mod queue_files;
mod queue_health;
mod report;
mod rounds;
mod site;
mod state_directory;
mod state_medium;
mod state_space;
mod system_build;
mod system_memory;
mod token_accepted;
mod token_expiry;
mod token_file;

pub(crate) use ask::ask;
pub use finding::{Check, Finding, Status};
pub use kernel::KernelLog;
pub use report::{CheckReport, Checked, Report, ReportDocument, Summary};
pub use rounds::examine;
pub(crate) use rounds::within;
pub use site::Site;
pub(crate) use system_build::probe as build_facts;

/// Every check, what the others rest on first: the first that fails decides the exit code.
pub const CHECKS: &[Check] = &[
    config_valid::CHECK,
    config_secrets::CHECK,
    state_directory::CHECK,
    state_medium::CHECK,
    state_space::CHECK,
    clock_time::CHECK,
    token_file::CHECK,
    token_expiry::CHECK,
    network_route::CHECK,
    network_proxy::CHECK,
    network_name::CHECK,
    network_portal::CHECK,
    network_connection::CHECK,
    api_answers::CHECK,
    token_accepted::CHECK,
    camera_device::CHECK,
    camera_modes::CHECK,
    camera_picture::CHECK,
    camera_usb::CHECK,
    power_voltage::CHECK,
    queue_health::CHECK,
    queue_files::CHECK,
    agent_unit::CHECK,
    agent_running::CHECK,
    system_build::CHECK,
    system_memory::CHECK,
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_whole_round_ends_within_its_promise_whatever_hangs() {
        let longest = CHECKS.iter().map(|check| check.limit).max().unwrap_or_default();
        // They run side by side: the longest limit is the longest round.
        assert!(longest < std::time::Duration::from_secs(20), "{longest:?}");
    }

    #[test]
    fn each_check_has_an_id_of_its_own_that_names_its_object() {
        let ids: BTreeSet<&str> = CHECKS.iter().map(|check| check.id).collect();
        assert_eq!(ids.len(), CHECKS.len());
        for id in ids {
            let parts: Vec<&str> = id.split('.').collect();
            assert_eq!(parts.len(), 2, "{id}");
            assert!(id.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'.'), "{id}");
        }
    }
}
