//! Reads the bearer token from its file, anew whenever the file changes, and replaces it.
//!
//! **Invariant:** no `Debug`, error or log ever shows a character of the token, and its memory is wiped when it
//! goes. A missing or broken file is an answer of this room, never the end of the agent.
//!
//! What is absent: when to renew it (`renewal`) and how (`session`).

use std::fmt;
use std::fs::{self, Metadata, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::domain::WallTime;

use super::{Life, TokenMark};

/// The longest token that is read, in bytes.
const MAX_BYTES: u64 = 16 * 1024;

/// A bearer token. Its `Debug` shows nothing of it.
#[derive(Clone)]
pub struct Token(Zeroizing<String>);

impl Token {
    /// Parses the contents of a token's file; white space around it is cut off.
    ///
    /// # Errors
    /// When nothing is left, or when there is white space, a control character or a character beyond ASCII
    /// inside.
    pub fn parse(text: &str) -> Result<Self, MalformedToken> {
        let token = text.trim();
        if token.is_empty() {
            return Err(MalformedToken::Empty);
        }
        if token.contains(char::is_whitespace) {
            return Err(MalformedToken::WhiteSpace);
        }
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(MalformedToken::Character);
        }
        Ok(Self(Zeroizing::new(token.to_owned())))
    }

    /// The token itself, for the header of a request.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// When it expires: the `exp` claim, if it is a JWT that has one. The signature is not verified.
    pub fn expires_at(&self) -> Option<WallTime> {
        self.time("exp")
    }

    /// From when until when it is valid: the claims `iat` and `exp`.
    pub fn life(&self) -> Option<Life> {
        Some(Life { issued: self.time("iat"), ends: self.expires_at()? })
    }

    fn time(&self, claim: &str) -> Option<WallTime> {
        let claims = self.0.split('.').nth(1)?;
        let json = Zeroizing::new(URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).ok()?);
        let claims: serde_json::Value = serde_json::from_slice(&json).ok()?;
        let seconds = claims.get(claim)?.as_f64()?;
        (0.0..1e12).contains(&seconds).then(|| WallTime::from_unix_millis((seconds * 1e3) as i64))
    }

    /// Whole days until it expires, zero when it has; `None` when it does not say.
    pub fn days_left(&self, now: WallTime) -> Option<u64> {
        const DAY: Duration = Duration::from_secs(86_400);
        self.expires_at().map(|at| at.since(now).as_secs() / DAY.as_secs())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// What is wrong with a text that should be a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MalformedToken {
    /// Nothing but white space.
    #[error("it is empty")]
    Empty,
    /// White space inside.
    #[error("it has white space inside")]
    WhiteSpace,
    /// A character that no token has.
    #[error("it has a control character or one beyond ASCII inside")]
    Character,
    /// More than a token can be.
    #[error("it is longer than {MAX_BYTES} bytes")]
    Long,
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// No file is configured.
    #[error("no token file is configured")]
    Unset,
    /// The file is not there.
    #[error("token file {} is not there", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be read.
    #[error("token file {} cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file cannot be replaced.
    #[error("token file {} cannot be written", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file holds no token.
    #[error("token file {} holds no token: {what}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: MalformedToken,
    },
}

impl TokenError {
    /// What a person can do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Unset => "set verifik.token_file to a file with the bearer token",
            Self::Missing { .. } => "put the token there with `kiosk-enroll token set`",
            Self::Unreadable { .. } => "let the agent's user read it, and nobody else",
            Self::Unwritable { .. } => "run it as root, or as the agent's user",
            Self::Malformed { .. } => {
                "the file must hold the bare token on one line, without the word Bearer or quotes"
            }
        }
    }
}

/// The file that holds the token.
#[derive(Debug)]
pub struct TokenFile {
    path: Option<PathBuf>,
    seen: Mutex<Option<(Stamp, Token)>>,
}

/// Whose a token's file is, and what its owner, its group and others may do with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Whose {
    /// The owner.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// The permission bits.
    pub mode: u32,
}

/// What changes when a file changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Stamp {
    modified: (i64, i64),
    changed: (i64, i64),
    size: u64,
    inode: u64,
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            size: metadata.size(),
            inode: metadata.ino(),
        }
    }
}

impl TokenFile {
    /// The token in the file at `path`; without a path every reading fails with [`TokenError::Unset`].
    pub const fn new(path: Option<PathBuf>) -> Self {
        Self { path, seen: Mutex::new(None) }
    }

    /// Gives the token as the file holds it now. Costs one `stat` while the file does not change.
    ///
    /// # Errors
    /// When there is no token in the file.
    pub fn read(&self) -> Result<Token, TokenError> {
        let path = self.path.as_deref().ok_or(TokenError::Unset)?;
        let stamp = Stamp::of(&fs::metadata(path).map_err(|error| unreadable(path, error))?);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, token)) = seen.as_ref().filter(|(known, _)| *known == stamp) {
            return Ok(token.clone());
        }
        // The stamp is older than the reading: a change in between is seen at the next call.
        *seen = None;
        let token = read(path)?;
        *seen = Some((stamp, token.clone()));
        Ok(token)
    }

    /// Replaces the token, durably and as a whole, in a file that only its owner can read.
    ///
    /// # Errors
    /// When no file is configured or the disk refuses; the old token is still there then.
    pub fn replace(&self, token: &Token) -> Result<(), TokenError> {
        self.replace_for(token, None)
    }

    /// Does the same in a file that is `whose`, where the system lets this process give it away.
    ///
    /// # Errors
    /// As [`replace`](Self::replace).
    pub fn replace_for(&self, token: &Token, whose: Option<Whose>) -> Result<(), TokenError> {
        let path = self.path.as_deref().ok_or(TokenError::Unset)?;
        write(path, token, whose)
            .map_err(|source| TokenError::Unwritable { path: path.to_owned(), source })
    }

    /// Why this process may not replace the token, if it may not.
    pub fn obstacle(&self) -> Option<String> {
        let Some(path) = self.path.as_deref() else { return Some(TokenError::Unset.to_string()) };
        let linked = fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_symlink());
        if linked {
            return Some(format!("{} is a symbolic link", path.display()));
        }
        let dir = folder(path);
        let refused = rustix::fs::access(dir, rustix::fs::Access::WRITE_OK).err()?;
        Some(format!("folder {} may not be written: {refused}", dir.display()))
    }

    /// Identifies the file's present state.
    pub fn mark(&self) -> TokenMark {
        let stamp = self.path.as_deref().and_then(|path| fs::metadata(path).ok());
        let mut hasher = DefaultHasher::new();
        stamp.map(|metadata| Stamp::of(&metadata)).hash(&mut hasher);
        TokenMark(hasher.finish())
    }
}

fn read(path: &Path) -> Result<Token, TokenError> {
    let malformed = |what| TokenError::Malformed { path: path.to_owned(), what };
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_BYTES as usize + 1));
    let file = fs::File::open(path).map_err(|error| unreadable(path, error))?;
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error| unreadable(path, error))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(malformed(MalformedToken::Long));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| malformed(MalformedToken::Character))?;
    Token::parse(text).map_err(malformed)
}

fn write(path: &Path, token: &Token, whose: Option<Whose>) -> io::Result<()> {
    let tmp = path.with_added_extension("tmp");
    match fs::remove_file(&tmp) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&tmp)?;
    let written = file
        .write_all(token.reveal().as_bytes())
        .and_then(|()| file.write_all(b"\n"))
        .and_then(|()| whose.map_or(Ok(()), |whose| give(&file, whose)))
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&tmp, path));
    if written.is_err() {
        let _ = fs::remove_file(&tmp);
    }
    written?;
    fs::File::open(folder(path))?.sync_all()
}

/// Only root may give to anybody; who may not keeps the file, for itself alone. Others get no rights, whatever
/// they had.
fn give(file: &fs::File, whose: Whose) -> io::Result<()> {
    let found = file.metadata()?;
    if (found.uid(), found.gid()) != (whose.uid, whose.gid)
        && fchown(file, Some(whose.uid), Some(whose.gid)).is_err()
    {
        return Ok(());
    }
    file.set_permissions(fs::Permissions::from_mode(whose.mode & 0o640))
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn unreadable(path: &Path, error: io::Error) -> TokenError {
    let path = path.to_owned();
    match error.kind() {
        io::ErrorKind::NotFound => TokenError::Missing { path },
        _ => TokenError::Unreadable { path, source: error },
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;

    fn jwt(claims: &str) -> Token {
        let body = URL_SAFE_NO_PAD.encode(claims);
        Token::parse(&format!("eyJhbGciOiJIUzI1NiJ9.{body}.c2ln")).unwrap()
    }

    #[test]
    fn only_a_bare_token_is_a_token() {
        assert_eq!(Token::parse(" abc.def-_=\r\n").unwrap().reveal(), "abc.def-_=");
        for (text, what) in [
            ("", MalformedToken::Empty),
            (" \n\t", MalformedToken::Empty),
            ("Bearer abc", MalformedToken::WhiteSpace),
            ("abc\ndef", MalformedToken::WhiteSpace),
            ("abc\u{0}def", MalformedToken::Character),
            ("\u{feff}abc", MalformedToken::Character),
            ("añb", MalformedToken::Character),
        ] {
            assert_eq!(Token::parse(text).unwrap_err(), what, "{text:?}");
        }
    }

    #[test]
    fn days_are_counted_from_the_claim_without_verifying_it() {
        let now = WallTime::from_unix_millis(1_000_000_000_000);
        assert_eq!(jwt(r#"{"exp":1000863999}"#).days_left(now), Some(9));
        assert_eq!(jwt(r#"{"exp":999999999}"#).days_left(now), Some(0));
        for silent in [r#"{"sub":"x"}"#, r#"{"exp":"soon"}"#, r#"{"exp":-1}"#, "no json"] {
            assert_eq!(jwt(silent).days_left(now), None, "{silent}");
        }
        assert_eq!(Token::parse("opaque").unwrap().expires_at(), None);
    }

    #[test]
    fn a_changed_file_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let file = TokenFile::new(Some(path.clone()));
        let missing = file.mark();
        assert!(matches!(file.read().unwrap_err(), TokenError::Missing { .. }));
        fs::write(&path, "first\n").unwrap();
        assert_ne!(file.mark(), missing);
        assert_eq!(file.read().unwrap().reveal(), "first");
        assert_eq!(file.mark(), file.mark());
        let next = folder.path().join("token.new");
        fs::write(&next, "other\n").unwrap();
        fs::rename(next, &path).unwrap();
        assert_eq!(file.read().unwrap().reveal(), "other");
        fs::write(&path, "").unwrap();
        assert!(matches!(
            file.read().unwrap_err(),
            TokenError::Malformed { what: MalformedToken::Empty, .. }
        ));
    }

    #[test]
    fn an_endless_file_is_not_read_to_its_end() {
        let file = TokenFile::new(Some("/dev/zero".into()));
        assert!(matches!(
            file.read().unwrap_err(),
            TokenError::Malformed { what: MalformedToken::Long, .. }
        ));
    }

    #[test]
    fn neither_debug_nor_errors_show_the_token() {
        let token = Token::parse("secret-token").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        fs::write(&path, "secret token").unwrap();
        let error = TokenFile::new(Some(path)).read().unwrap_err();
        let shown = format!("{token:?} {error:?} {error} {}", error.hint());
        assert!(!shown.contains("secret"), "{shown}");
    }

    #[test]
    fn a_token_may_be_replaced_where_its_file_is_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        let obstacle = |path: &Path| TokenFile::new(Some(path.to_owned())).obstacle();
        assert_eq!(obstacle(&path), None);
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(obstacle(&link).unwrap().contains("symbolic link"));
        assert!(obstacle(&dir.path().join("gone/token")).unwrap().contains("gone"));
        assert!(TokenFile::new(None).obstacle().is_some());
    }

    #[test]
    fn a_replaced_token_is_read_at_once_and_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        fs::write(&path, "old").unwrap();
        let file = TokenFile::new(Some(path.clone()));
        assert_eq!(file.read().unwrap().reveal(), "old");
        let mark = file.mark();
        TokenFile::new(Some(path.clone())).replace(&Token::parse("new").unwrap()).unwrap();
        assert_eq!(file.read().unwrap().reveal(), "new");
        assert_ne!(file.mark(), mark);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
