//! The token that calls over loopback TCP must show before they change anything.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use crate::failure::{Exit, Failure};

/// Reads the token, or makes one that only this user can read.
///
/// # Errors
/// When the file can neither be read nor made.
pub(super) fn load_or_create(path: &Path) -> Result<String, Failure> {
    let told = |error: std::io::Error| {
        Failure::new(Exit::CannotCreate, format!("local token {}: {error}", path.display()))
    };
    match fs::read_to_string(path) {
        Ok(text) if !text.trim().is_empty() => return Ok(text.trim().to_owned()),
        Ok(_) => fs::remove_file(path).map_err(told)?,
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(told(error)),
    }
    let mut random = [0_u8; 32];
    getrandom::fill(&mut random)
        .map_err(|error| Failure::new(Exit::Internal, format!("no random numbers: {error}")))?;
    let mut token = String::new();
    for byte in random {
        let _ = write!(token, "{byte:02x}");
    }
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(told)?;
    file.write_all(token.as_bytes()).map_err(told)?;
    Ok(token)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_token_is_made_once_and_for_this_user_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("local.token");
        let token = load_or_create(&path).unwrap();
        assert_eq!(token.len(), 64);
        assert_eq!(load_or_create(&path).unwrap(), token);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
