//! The key of the device, from which every other key of the queue hangs.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::error::QueueError;
use super::seal::Secret;

/// The 256-bit key of this device. Wiped when dropped; its `Debug` shows nothing of it.
///
/// Without a TPM whoever takes the card takes the key's file with it: the key then protects copies of the
/// queue, not the whole card.
#[derive(Clone)]
pub struct DeviceKey {
    pub(super) wrapping: Secret,
    pub(super) tagging: Secret,
    pub(super) receipts: Secret,
    /// Tells whose key sealed a file, without telling anything about the key.
    pub(super) fingerprint: [u8; 8],
}

impl DeviceKey {
    /// Loads the key from a file (32 raw bytes, or 64 hex digits), or creates the file with mode 0600.
    ///
    /// # Errors
    /// [`QueueError::Key`] when the file holds no key, may not be read, or can be read by everyone;
    /// [`QueueError::Storage`] when the disk refuses.
    pub fn load_or_create(path: &Path) -> Result<Self, QueueError> {
        match Self::load(path) {
            Err(QueueError::Storage { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                create(path)?;
                Self::load(path)
            }
            loaded => loaded,
        }
    }

    /// Loads the key from a file.
    ///
    /// # Errors
    /// As [`load_or_create`](Self::load_or_create); [`QueueError::Storage`] when there is no file.
    pub fn load(path: &Path) -> Result<Self, QueueError> {
        let refused = |what| QueueError::Key { path: path.to_owned(), what };
        let mut file = File::open(path).map_err(|error| match error.kind() {
            io::ErrorKind::PermissionDenied => refused("permission denied"),
            _ => QueueError::storage("opening", path)(error),
        })?;
        let mode = file.metadata().map_err(QueueError::storage("reading", path))?.permissions();
        // The group bits stay out of it: a systemd credential shows its access list there.
        if mode.mode() & 0o007 != 0 {
            return Err(refused("every user of this device can read it"));
        }
        let mut text = Zeroizing::new(Vec::with_capacity(128));
        Read::by_ref(&mut file)
            .take(128)
            .read_to_end(&mut text)
            .map_err(QueueError::storage("reading", path))?;
        parse(&text).map(|key| Self::of(&key)).ok_or_else(|| refused("it is not a key of 32 bytes"))
    }

    fn of(key: &Secret) -> Self {
        let mut fingerprint = [0; 8];
        fingerprint.copy_from_slice(&key.derive("kiosk-enroll fingerprint").bytes()[..8]);
        Self {
            wrapping: key.derive("kiosk-enroll day keys"),
            tagging: key.derive("kiosk-enroll person tags"),
            receipts: key.derive("kiosk-enroll receipts"),
            fingerprint,
        }
    }

    #[cfg(test)]
    pub(super) fn for_test(byte: u8) -> Self {
        Secret::from_bytes(&[byte; 32]).map(|key| Self::of(&key)).unwrap_or_else(|| unreachable!())
    }
}

impl std::fmt::Debug for DeviceKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DeviceKey(..)")
    }
}

fn parse(text: &[u8]) -> Option<Secret> {
    if let Some(key) = Secret::from_bytes(text) {
        return Some(key);
    }
    let digits = text.trim_ascii();
    if digits.len() != 64 {
        return None;
    }
    let mut key = Zeroizing::new([0_u8; 32]);
    for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
        let high = char::from(pair[0]).to_digit(16)?;
        let low = char::from(pair[1]).to_digit(16)?;
        *byte = u8::try_from(high * 16 + low).ok()?;
    }
    Secret::from_bytes(key.as_slice())
}

/// Writes a new key so that it is there as a whole or not at all, and never over another one.
fn create(path: &Path) -> Result<(), QueueError> {
    let failed = |error| QueueError::storage("creating device key", path)(error);
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(dir).map_err(QueueError::storage("creating", dir))?;
    let mut text = Zeroizing::new(String::with_capacity(65));
    for byte in Secret::draw()?.bytes() {
        text.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
        text.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
    }
    text.push('\n');
    let tmp: PathBuf = path.with_added_extension(format!("{}.tmp", std::process::id()));
    let linked = write_private(&tmp, text.as_bytes()).and_then(|()| std::fs::hard_link(&tmp, path));
    let _ = std::fs::remove_file(&tmp);
    match linked {
        // Another process was faster: its key is the key.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        done => done.map_err(failed)?,
    }
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(QueueError::storage("syncing", dir))
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;

    #[test]
    fn the_key_made_at_first_start_is_the_key_of_every_later_start() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secrets/device.key");
        let first = DeviceKey::load_or_create(&path).unwrap();
        let again = DeviceKey::load_or_create(&path).unwrap();
        assert_eq!(first.wrapping.bytes(), again.wrapping.bytes());
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        assert_eq!(format!("{first:?}"), "DeviceKey(..)");
    }

    #[test]
    fn a_key_may_be_raw_or_written_in_hex() {
        let raw = parse(&[0xab; 32]).unwrap();
        let hex = parse(format!("{}\n", "aB".repeat(32)).as_bytes()).unwrap();
        assert_eq!(raw.bytes(), hex.bytes());
        assert!(parse(b"").is_none() && parse(&[b'x'; 64]).is_none() && parse(&[1; 31]).is_none());
    }

    #[test]
    fn a_key_that_everyone_can_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("device.key");
        DeviceKey::load_or_create(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let error = DeviceKey::load_or_create(&path).unwrap_err();
        assert!(matches!(error, QueueError::Key { .. }), "{error}");
        assert!(error.hint().unwrap().contains("chmod 600"));
    }
}
