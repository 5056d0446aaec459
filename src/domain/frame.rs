//! A raw picture as a frame source gave it.

use super::{Moment, Size};

/// How a frame's bytes are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// A complete baseline or progressive JPEG, from SOI to EOI.
    Jpeg,
    /// A complete PNG (only from replayed files).
    Png,
    /// Packed 4:2:2, `Y0 U Y1 V`, two bytes a pixel, rows without padding.
    Yuyv(Size),
}

/// A raw picture with its capture time and sequence number.
///
/// Its `Debug` shows no pixel.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    /// Counts the frames of one source from its opening; gaps are frames that the source lost or dropped.
    pub sequence: u64,
    /// When the first byte was captured.
    pub captured: Moment,
    /// How `bytes` are to be read.
    pub encoding: Encoding,
    /// Exactly the payload that the source delivered, nothing of an older frame.
    pub bytes: Vec<u8>,
    /// The file it was replayed from, if it was.
    pub path: Option<std::path::PathBuf>,
}

impl std::fmt::Debug for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Frame")
            .field("sequence", &self.sequence)
            .field("captured", &self.captured)
            .field("encoding", &self.encoding)
            .field("bytes", &self.bytes.len())
            .field("path", &self.path)
            .finish()
    }
}
