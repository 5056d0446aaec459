//! What a file is sealed for, and what opens it.

use age::secrecy::SecretString;
use zeroize::Zeroizing;

use super::TransferError;

/// What a passphrase costs, as log2 N of scrypt: 128 MiB and a few seconds on a small device. Not measured by the
/// writer, as age does: the reader may have a tenth of its memory.
const WORK: u8 = 17;
/// The hardest passphrase that a reader works on.
const HARDEST: u8 = 18;

/// What a file is sealed for. Its `Debug` shows nothing of a passphrase.
#[derive(Clone)]
pub struct SealFor(Sealing);

#[derive(Clone)]
enum Sealing {
    Passphrase { text: SecretString, work: u8 },
    Recipient(age::x25519::Recipient),
}

impl SealFor {
    /// A passphrase: the only line of `text`.
    ///
    /// # Errors
    /// When it is empty or has several lines.
    pub fn passphrase(text: &[u8], object: &str) -> Result<Self, TransferError> {
        Ok(Self(Sealing::Passphrase { text: secret(text, object)?, work: WORK }))
    }

    /// A recipient's public key, `age1…`.
    ///
    /// # Errors
    /// When it is none.
    pub fn recipient(text: &str) -> Result<Self, TransferError> {
        let refused = |_| TransferError::Key {
            object: "recipient".to_owned(),
            what: "it is not an X25519 recipient of age (`age1…`)",
        };
        text.trim().parse().map(|key| Self(Sealing::Recipient(key))).map_err(refused)
    }

    /// A passphrase that costs a test no second.
    #[cfg(test)]
    pub(super) fn cheap_passphrase(text: &str) -> Self {
        Self(Sealing::Passphrase { text: text.to_owned().into(), work: 2 })
    }

    pub(super) fn recipients(&self) -> Box<dyn age::Recipient> {
        match &self.0 {
            Sealing::Recipient(key) => Box::new(key.clone()),
            Sealing::Passphrase { text, work } => {
                let mut recipient = age::scrypt::Recipient::new(text.clone());
                recipient.set_work_factor(*work);
                Box::new(recipient)
            }
        }
    }
}

impl std::fmt::Debug for SealFor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealFor(..)")
    }
}

/// What opens a file. Its `Debug` shows nothing of it.
pub struct OpenWith {
    identities: Vec<Box<dyn age::Identity>>,
    /// `passphrase` or `identity`.
    pub(super) kind: &'static str,
}

impl OpenWith {
    /// A passphrase: the only line of `text`.
    ///
    /// # Errors
    /// When it is empty or has several lines.
    pub fn passphrase(text: &[u8], object: &str) -> Result<Self, TransferError> {
        let mut identity = age::scrypt::Identity::new(secret(text, object)?);
        identity.set_max_work_factor(HARDEST);
        Ok(Self { identities: vec![Box::new(identity)], kind: "passphrase" })
    }

    /// The secret keys of an identity file, `AGE-SECRET-KEY-1…`, one a line.
    ///
    /// # Errors
    /// When it holds none, or something else.
    pub fn identity(text: &[u8], object: &str) -> Result<Self, TransferError> {
        let refused = || TransferError::Key {
            object: object.to_owned(),
            what: "it holds no X25519 identity of age (`AGE-SECRET-KEY-1…`)",
        };
        let text = std::str::from_utf8(text).map_err(|_| refused())?;
        let lines = text.lines().map(str::trim).filter(|it| !it.is_empty() && !it.starts_with('#'));
        let mut identities: Vec<Box<dyn age::Identity>> = Vec::new();
        for line in lines {
            let key: age::x25519::Identity = line.parse().map_err(|_| refused())?;
            identities.push(Box::new(key));
        }
        if identities.is_empty() {
            Err(refused())
        } else {
            Ok(Self { identities, kind: "identity" })
        }
    }

    pub(super) fn identities(&self) -> impl Iterator<Item = &dyn age::Identity> {
        self.identities.iter().map(AsRef::as_ref)
    }
}

impl std::fmt::Debug for OpenWith {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OpenWith(..)")
    }
}

fn secret(text: &[u8], object: &str) -> Result<SecretString, TransferError> {
    let refused = |what| TransferError::Key { object: object.to_owned(), what };
    let text = std::str::from_utf8(text).map_err(|_| refused("a passphrase must be text"))?;
    let line = text.strip_suffix('\n').map_or(text, |it| it.strip_suffix('\r').unwrap_or(it));
    if line.trim().is_empty() {
        return Err(refused("the passphrase is empty"));
    }
    if line.contains(['\n', '\r']) {
        return Err(refused("the passphrase must be a single line"));
    }
    let kept = Zeroizing::new(line.to_owned());
    Ok(SecretString::from(kept.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passphrase_is_one_line_and_not_empty() {
        assert!(SealFor::passphrase(b"two words\r\n", "p").is_ok());
        for text in [b"".as_slice(), b"\n", b"  \n", b"one\ntwo\n", b"\xff\xfe"] {
            assert!(SealFor::passphrase(text, "p").is_err(), "{text:?}");
        }
    }

    #[test]
    fn only_keys_of_age_are_keys_and_none_is_shown() {
        assert!(SealFor::recipient("age1nonsense").is_err());
        assert!(OpenWith::identity(b"# only a comment\n", "k").is_err());
        assert!(OpenWith::identity(b"AGE-SECRET-KEY-1NONSENSE", "k").is_err());
        let sealed = SealFor::passphrase(b"two words", "p");
        assert!(!format!("{sealed:?}").contains("words"));
    }
}
