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
    /// Decides from the overrides, the environment and whether the user is root or the system's agent is there.
    ///
    /// ```text
    /// --state-dir, else KIOSK_ENROLL_STATE_DIR, else $STATE_DIRECTORY,
    /// else /var/lib/kiosk-enroll for root or beside the system's agent, else the XDG state directory
    /// ```
    pub fn decide(
        overrides: &PathOverrides,
        environment: &[(String, String)],
        is_root: bool,
        beside_system_agent: bool,
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
                if is_root || beside_system_agent { PathBuf::from(SYSTEM_STATE) } else { xdg() }
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
        let beside_system_agent = agent_is_there(Path::new(SYSTEM_RUNTIME));
        Self::decide(overrides, &environment, is_root, beside_system_agent)
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

/// Whether an agent has this runtime directory, which systemd makes for it and takes away with it.
///
/// Who is outside its group cannot see the socket in it. For them, too, the agent is there: they must be told to
/// join, and never be given a queue of their own that nobody delivers.
fn agent_is_there(runtime: &Path) -> bool {
    runtime.is_dir()
}

/// The configuration file that is read when none is named.
pub fn default_config_file() -> PathBuf {
    PathBuf::from(SYSTEM_CONFIG)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use std::io::ErrorKind;
    use std::os::unix::fs::{PermissionsExt, chown};
    use std::os::unix::net::{UnixListener, UnixStream};

    use nix::unistd::{Gid, Uid, setfsgid, setfsuid};

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

    /// Somebody who is in no group of root's; where root does not run the tests, its own rights are taken away.
    fn as_an_outsider<T: Send>(dir: &Path, act: impl FnOnce() -> T + Send) -> T {
        let (mode, is_root) = match Uid::effective().is_root() {
            true => (0o750, true),
            false => (0o000, false),
        };
        if is_root {
            chown(dir, None, Some(64_000)).unwrap();
        }
        std::fs::set_permissions(dir, PermissionsExt::from_mode(mode)).unwrap();
        // These two belong to the thread alone.
        let outside = || {
            if is_root {
                setfsgid(Gid::from_raw(65_534));
                setfsuid(Uid::from_raw(65_534));
            }
            act()
        };
        let done = std::thread::scope(|scope| scope.spawn(outside).join().unwrap());
        std::fs::set_permissions(dir, PermissionsExt::from_mode(0o700)).unwrap();
        done
    }

    #[test]
    fn who_is_outside_the_agents_group_is_refused_by_it_and_gets_no_queue_of_their_own() {
        let top = tempfile::tempdir().unwrap();
        std::fs::set_permissions(top.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let runtime = top.path().join("kiosk-enroll");
        assert!(!agent_is_there(&runtime));
        std::fs::create_dir(&runtime).unwrap();
        let _listener = UnixListener::bind(runtime.join(SOCKET)).unwrap();
        let (there, asked) = as_an_outsider(&runtime, || {
            (agent_is_there(&runtime), UnixStream::connect(runtime.join(SOCKET)))
        });
        assert!(there);
        assert_eq!(asked.unwrap_err().kind(), ErrorKind::PermissionDenied);
    }
}
