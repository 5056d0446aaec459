//! Where configuration, state and the control socket lie, with and without root.

use std::path::{Path, PathBuf};

const SYSTEM_CONFIG: &str = "/etc/kiosk-enroll/kiosk-enroll.toml";
const SYSTEM_STATE: &str = "/var/lib/kiosk-enroll";
const SYSTEM_RUNTIME: &str = "/run/kiosk-enroll";
const SOCKET: &str = "control.sock";

/// What the caller has said about paths.
#[derive(Debug, Clone, Default)]
pub struct PathOverrides {
    /// `--state-dir`.
    pub state_dir: Option<PathBuf>,
}

/// Where the program keeps its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// The state directory.
    pub state: PathBuf,
    /// The agent's Unix socket.
    pub socket: PathBuf,
    /// `$CREDENTIALS_DIRECTORY`, where systemd passes secrets.
    pub credentials: Option<PathBuf>,
}

impl Paths {
    /// Decides from the overrides, the environment and whether the user is root or a system-wide agent runs.
    ///
    /// ```text
    /// --state-dir, else KIOSK_ENROLL_STATE_DIR, else $STATE_DIRECTORY,
    /// else /var/lib/kiosk-enroll for root or beside a running system agent, else the XDG state directory
    /// ```
    pub fn decide(
        overrides: &PathOverrides,
        environment: &[(String, String)],
        is_root: bool,
        system_agent_runs: bool,
    ) -> Self {
        let variable = |name: &str| {
            let found = environment.iter().find(|(n, value)| n == name && !value.is_empty());
            found.map(|(_, value)| PathBuf::from(value))
        };
        let xdg = || {
            variable("XDG_STATE_HOME")
                .or_else(|| variable("HOME").map(|home| home.join(".local/state")))
                .unwrap_or_else(std::env::temp_dir)
                .join("kiosk-enroll")
        };
        let state = overrides
            .state_dir
            .clone()
            .or_else(|| variable("KIOSK_ENROLL_STATE_DIR"))
            .or_else(|| variable("STATE_DIRECTORY"))
            .unwrap_or_else(|| {
                if is_root || system_agent_runs { PathBuf::from(SYSTEM_STATE) } else { xdg() }
            });
        let socket = if overrides.state_dir.is_none() && variable("RUNTIME_DIRECTORY").is_some() {
            variable("RUNTIME_DIRECTORY").unwrap_or_default().join(SOCKET)
        } else if state == Path::new(SYSTEM_STATE) {
            Path::new(SYSTEM_RUNTIME).join(SOCKET)
        } else {
            state.join(SOCKET)
        };
        Self { state, socket, credentials: variable("CREDENTIALS_DIRECTORY") }
    }

    /// Decides for this process.
    pub fn of_this_process(overrides: &PathOverrides) -> Self {
        let environment: Vec<_> = std::env::vars().collect();
        let is_root = rustix::process::geteuid().is_root();
        let system_agent_runs = Path::new(SYSTEM_RUNTIME).join(SOCKET).exists();
        Self::decide(overrides, &environment, is_root, system_agent_runs)
    }

    /// The directory of the queue.
    pub fn queue(&self) -> PathBuf {
        self.state.join("queue")
    }

    /// The file with the bearer token: as configured, else the credential, else in the state directory.
    pub fn token_file(&self, configured: Option<&Path>) -> PathBuf {
        self.secret(configured, "token", "token")
    }

    /// The file with the device key: as configured, else the credential, else in the state directory.
    pub fn key_file(&self, configured: Option<&Path>) -> PathBuf {
        self.secret(configured, "device-key", "device.key")
    }

    fn secret(&self, configured: Option<&Path>, credential: &str, in_state: &str) -> PathBuf {
        if let Some(path) = configured {
            return path.to_owned();
        }
        let credential = self.credentials.as_ref().map(|dir| dir.join(credential));
        match credential {
            Some(path) if path.exists() => path,
            _ => self.state.join(in_state),
        }
    }
}

/// The configuration file that is read when none is named.
pub fn default_config_file() -> PathBuf {
    PathBuf::from(SYSTEM_CONFIG)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(
        state_dir: Option<&str>,
        environment: &[(&str, &str)],
        root: bool,
        agent: bool,
    ) -> Paths {
        let environment: Vec<_> =
            environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let overrides = PathOverrides { state_dir: state_dir.map(PathBuf::from) };
        Paths::decide(&overrides, &environment, root, agent)
    }

    #[test]
    fn without_root_and_files_state_goes_to_the_xdg_directory() {
        let paths = decide(None, &[("HOME", "/home/ada")], false, false);
        assert_eq!(paths.state, Path::new("/home/ada/.local/state/kiosk-enroll"));
        assert_eq!(paths.socket, Path::new("/home/ada/.local/state/kiosk-enroll/control.sock"));
    }

    #[test]
    fn a_technician_without_root_finds_the_system_agent() {
        let paths = decide(None, &[("HOME", "/home/ada")], false, true);
        assert_eq!(paths.socket, Path::new("/run/kiosk-enroll/control.sock"));
    }

    #[test]
    fn the_service_uses_the_directories_that_systemd_made() {
        let environment = [
            ("STATE_DIRECTORY", "/var/lib/kiosk-enroll"),
            ("RUNTIME_DIRECTORY", "/run/kiosk-enroll"),
        ];
        let paths = decide(None, &environment, false, false);
        assert_eq!(paths.socket, Path::new("/run/kiosk-enroll/control.sock"));
        assert_eq!(paths.token_file(None), Path::new("/var/lib/kiosk-enroll/token"));
    }

    #[test]
    fn a_named_state_directory_keeps_its_socket_to_itself() {
        let paths =
            decide(Some("/tmp/x"), &[("RUNTIME_DIRECTORY", "/run/kiosk-enroll")], true, true);
        assert_eq!(paths.socket, Path::new("/tmp/x/control.sock"));
    }
}
