//! Seals and opens bytes with XChaCha20-Poly1305, and derives keys and tags with HMAC-SHA-256.
//!
//! XChaCha because its 24-byte nonces may be drawn at random: a counter would start again after a restored
//! backup. A sealed box is `nonce (24) | ciphertext | tag (16)`.

use std::io;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::error::QueueError;

/// Bytes that sealing adds.
pub(super) const OVERHEAD: usize = NONCE + 16;
const NONCE: usize = 24;

/// A 256-bit key. It is wiped when dropped, lies on the heap so that moves leave no copies, and its `Debug`
/// shows nothing of it.
#[derive(Clone)]
pub(super) struct Secret(Box<Zeroizing<[u8; 32]>>);

impl Secret {
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut secret = Self(Box::default());
        if bytes.len() != secret.0.len() {
            return None;
        }
        secret.0.copy_from_slice(bytes);
        Some(secret)
    }

    pub(super) fn draw() -> Result<Self, QueueError> {
        let mut secret = Self(Box::default());
        fill_random(secret.0.as_mut_slice())?;
        Ok(secret)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// A key for one purpose alone.
    pub(super) fn derive(&self, purpose: &str) -> Self {
        Self(Box::new(Zeroizing::new(self.mac(purpose.as_bytes()))))
    }

    /// The first 16 bytes of the keyed hash of `message`.
    pub(super) fn tag(&self, message: &[u8]) -> [u8; 16] {
        let mac = Zeroizing::new(self.mac(message));
        let mut tag = [0; 16];
        tag.copy_from_slice(&mac[..16]);
        tag
    }

    /// Seals `plain` and binds it to `context`, which is not part of the result.
    pub(super) fn seal(&self, context: &[u8], plain: &[u8]) -> Result<Vec<u8>, QueueError> {
        let mut nonce = [0; NONCE];
        fill_random(&mut nonce)?;
        let sealed = self
            .cipher()
            .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: context })
            .map_err(|_| random_failed(io::Error::other("too long to be sealed")))?;
        let mut out = Vec::with_capacity(NONCE + sealed.len());
        out.extend_from_slice(&nonce);
        out.extend_from_slice(&sealed);
        Ok(out)
    }

    /// Opens what [`seal`](Self::seal) made, `None` if a bit of it, the context or the key is another.
    pub(super) fn open(&self, context: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, cipher) = sealed.split_first_chunk::<NONCE>()?;
        self.cipher()
            .decrypt(&XNonce::from(*nonce), Payload { msg: cipher, aad: context })
            .ok()
            .map(Zeroizing::new)
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        let key: &[u8; 32] = &self.0;
        XChaCha20Poly1305::new(key.into())
    }

    fn mac(&self, message: &[u8]) -> [u8; 32] {
        let key: &[u8; 32] = &self.0;
        let mut block = Zeroizing::new([0_u8; 64]);
        block[..32].copy_from_slice(key);
        // A key shorter than the block is padded with zeros by HMAC itself, so this is the same key.
        let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new((&*block).into());
        mac.update(message);
        mac.finalize().into_bytes().into()
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Fills `bytes` from the system's random numbers.
pub(super) fn fill_random(bytes: &mut [u8]) -> Result<(), QueueError> {
    getrandom::fill(bytes).map_err(|error| random_failed(io::Error::other(error.to_string())))
}

fn random_failed(source: io::Error) -> QueueError {
    QueueError::storage("sealing with random numbers of", std::path::Path::new("the system"))(
        source,
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_opens_only_with_its_key_and_context() {
        let key = Secret::from_bytes(&[7; 32]).unwrap();
        let sealed = key.seal(b"u1", b"a face").unwrap();
        assert_eq!(sealed.len(), 6 + OVERHEAD);
        assert_eq!(key.open(b"u1", &sealed).unwrap().as_slice(), b"a face");
        assert!(key.open(b"u2", &sealed).is_none());
        assert!(Secret::from_bytes(&[8; 32]).unwrap().open(b"u1", &sealed).is_none());
        for at in 0..sealed.len() {
            let mut flipped = sealed.clone();
            flipped[at] ^= 1;
            assert!(key.open(b"u1", &flipped).is_none(), "byte {at}");
            assert!(key.open(b"u1", &sealed[..at]).is_none(), "cut at {at}");
        }
    }

    #[test]
    fn hmac_is_the_standard_one() {
        // RFC 4231 has no 32-byte key; this value was made with `openssl dgst -sha256 -mac HMAC`.
        let key = Secret::from_bytes(&[0x0b; 32]).unwrap();
        let hex: String = key.tag(b"Hi There").iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, "198a607eb44bfbc69903a0f1cf2bbdc5");
    }

    #[test]
    fn debug_shows_nothing_of_a_key() {
        assert_eq!(format!("{:?}", Secret::from_bytes(&[7; 32]).unwrap()), "Secret(..)");
    }
}
