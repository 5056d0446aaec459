//! What a command or a request fails with: words for a person, a hint, and an exit code.

use serde::{Deserialize, Serialize};

/// The exit codes of the program, after BSD's `sysexits.h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// 64: the command line is wrong.
    Usage,
    /// 65: the given data is not valid.
    BadData,
    /// 66: a named file, person or update does not exist.
    NoInput,
    /// 69: the camera or the agent is not available.
    Unavailable,
    /// 70: a fault of the program.
    Internal,
    /// 73: an output cannot be created, or the queue is full.
    CannotCreate,
    /// 74: reading or writing failed.
    Io,
    /// 75: not now; try again later.
    TryLater,
    /// 77: permission denied.
    Permission,
    /// 78: the configuration is wrong; systemd must not restart on it.
    Configuration,
}

impl Exit {
    /// The process's exit code.
    pub const fn code(self) -> u8 {
        match self {
            Self::Usage => 64,
            Self::BadData => 65,
            Self::NoInput => 66,
            Self::Unavailable => 69,
            Self::Internal => 70,
            Self::CannotCreate => 73,
            Self::Io => 74,
            Self::TryLater => 75,
            Self::Permission => 77,
            Self::Configuration => 78,
        }
    }

    /// The status under which the local API reports it (RFC 9110).
    pub const fn http_status(self) -> u16 {
        match self {
            Self::Usage | Self::BadData => 400,
            Self::NoInput => 404,
            Self::Permission => 403,
            Self::TryLater => 409,
            Self::CannotCreate => 507,
            Self::Unavailable => 503,
            Self::Internal | Self::Io | Self::Configuration => 500,
        }
    }
}

/// A failure as the person at the terminal or the calling program sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{error}")]
pub struct Failure {
    /// What failed, about which object.
    pub error: String,
    /// What a person can do.
    pub hint: Option<String>,
    /// Which kind of failure it is.
    pub exit: Exit,
}

impl Failure {
    /// A failure without a hint.
    pub fn new(exit: Exit, error: impl Into<String>) -> Self {
        Self { error: error.into(), hint: None, exit }
    }

    /// A failure told by `error` and everything that caused it.
    pub fn caused(exit: Exit, error: &dyn std::error::Error) -> Self {
        let mut told = error.to_string();
        let mut cause = error.source();
        while let Some(inner) = cause {
            told.push_str(": ");
            told.push_str(&inner.to_string());
            cause = inner.source();
        }
        Self::new(exit, told)
    }

    /// The same with a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<crate::domain::FieldError> for Failure {
    fn from(error: crate::domain::FieldError) -> Self {
        Self::new(Exit::BadData, error.to_string())
    }
}

impl From<crate::config::ConfigError> for Failure {
    fn from(error: crate::config::ConfigError) -> Self {
        Self::caused(Exit::Configuration, &error).hint(error.hint())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_chain_of_causes_is_told_once() {
        let inner = std::io::Error::other("disk on fire");
        let error = crate::config::ConfigError::Read { path: "/etc/x".into(), source: inner };
        let failure = Failure::from(error);
        assert_eq!(failure.error, "configuration file /etc/x cannot be read: disk on fire");
        assert_eq!(failure.exit.code(), 78);
    }
}
