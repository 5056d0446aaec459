//! What a check is, and what it finds.

use std::time::Duration;

use super::site::Site;
use crate::failure::Exit;

/// How long a check may take, unless it says otherwise.
pub(super) const LIMIT: Duration = Duration::from_secs(5);

/// One check.
#[derive(Clone, Copy)]
pub struct Check {
    /// Its stable name, `<object>.<question>`.
    pub id: &'static str,
    /// What is well, for people; a finding can say it better.
    pub expected: &'static str,
    /// The exit code when it fails and nothing before it does.
    pub exit: Exit,
    /// How long it may take.
    pub limit: Duration,
    /// Asks the world and judges the answer.
    pub look: fn(&Site) -> Finding,
}

impl std::fmt::Debug for Check {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Check").field(&self.id).finish()
    }
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// The kiosk does not do its work, or will not.
    Failed,
    /// It works, but somebody should look.
    Warning,
    /// All is well.
    Ok,
    /// Could not be looked at; `found` says why.
    Skipped,
}

impl Status {
    /// The name as it stands in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Warning => "warning",
            Self::Ok => "ok",
            Self::Skipped => "skipped",
        }
    }
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub status: Status,
    /// What was found; why nothing was, if it is skipped.
    pub found: String,
    /// What is well here, where the check's own words are too general.
    pub expected: Option<String>,
    /// What to do, in words; only of warnings and failures.
    pub remedy: Option<String>,
    /// What to type.
    pub commands: Vec<String>,
}

impl Finding {
    /// All is well.
    pub fn ok(found: impl Into<String>) -> Self {
        Self::new(Status::Ok, found.into(), None)
    }

    /// Somebody should look.
    pub fn warning(found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(Status::Warning, found.into(), Some(remedy.into()))
    }

    /// It is broken.
    pub fn failed(found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(Status::Failed, found.into(), Some(remedy.into()))
    }

    /// It could not be looked at.
    pub fn skipped(reason: impl Into<String>) -> Self {
        Self::new(Status::Skipped, reason.into(), None)
    }

    /// The same with better words for what is well.
    #[must_use]
    pub fn expecting(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    /// The same with a command to type.
    #[must_use]
    pub fn command(mut self, command: impl Into<String>) -> Self {
        self.commands.push(command.into());
        self
    }

    fn new(status: Status, found: String, remedy: Option<String>) -> Self {
        Self { status, found, expected: None, remedy, commands: Vec::new() }
    }
}

/// Quotes a path for a shell, where it needs it.
pub(super) fn quoted(path: &std::path::Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text;
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_path_is_quoted_only_where_a_shell_would_misread_it() {
        assert_eq!(quoted(Path::new("/var/lib/kiosk-enroll/token")), "/var/lib/kiosk-enroll/token");
        assert_eq!(quoted(Path::new("/a b/it's")), r"'/a b/it'\''s'");
        assert_eq!(quoted(Path::new("/x;reboot")), "'/x;reboot'");
    }
}
