//! Finds faces in pictures: detector, mesh, iris, pose and track; and reads, crops and writes pictures.
//!
//! The port is [`FaceFinder`]; its backend runs the embedded nets.
//!
//! What is absent: no clock, no gates (see `measure`), no file access.

mod crop;
mod detector;
mod finder;
pub mod image;
mod iris;
mod likeness;
mod mesh;
mod nets;
mod pose;
mod relief;
mod track;

pub use finder::NetFaceFinder;
pub use relief::relief;

use crate::domain::{Eyes, Face, Moment, Observation, Size};

/// A decoded picture: interleaved RGB, 8 bits a channel, rows without padding. Its `Debug` shows no pixel.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    size: Size,
    rgb: Vec<u8>,
}

impl Picture {
    /// Wraps pixels.
    ///
    /// # Errors
    /// [`VisionError::Pixels`] when there are not exactly three bytes a pixel.
    pub fn from_rgb(size: Size, rgb: Vec<u8>) -> Result<Self, VisionError> {
        let wanted = size.width as usize * size.height as usize * 3;
        if rgb.len() == wanted && wanted > 0 {
            Ok(Self { size, rgb })
        } else {
            Err(VisionError::Pixels { size, wanted, found: rgb.len() })
        }
    }

    /// Its size in pixels.
    pub const fn size(&self) -> Size {
        self.size
    }

    /// The pixels, three bytes each, row by row.
    pub fn rgb(&self) -> &[u8] {
        &self.rgb
    }

    /// Gives the buffer back, for the next picture.
    pub fn into_rgb(self) -> Vec<u8> {
        self.rgb
    }
}

impl std::fmt::Debug for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Picture({})", self.size)
    }
}

/// Finds and follows faces from picture to picture.
pub trait FaceFinder: Send {
    /// Looks at the next picture. Pictures must come in the order of their capture times.
    ///
    /// # Errors
    /// When a net cannot be run; a picture without a face is an empty [`Observation`], not an error.
    fn observe(&mut self, picture: &Picture, captured: Moment) -> Result<Observation, VisionError>;

    /// Reads the eyes of a face that [`observe`](Self::observe) found in this picture.
    ///
    /// # Errors
    /// When the net cannot be run.
    fn eyes(&mut self, picture: &Picture, face: &Face) -> Result<Eyes, VisionError>;

    /// Forgets the face that was followed: the next picture starts a new track.
    fn forget(&mut self);
}

/// Why a picture could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum VisionError {
    /// The pixel buffer does not fit the size.
    #[error("picture of {size}: {found} bytes of pixels where {wanted} belong")]
    Pixels {
        /// The picture's size.
        size: Size,
        /// Bytes that the size asks for.
        wanted: usize,
        /// Bytes found.
        found: usize,
    },
    /// A net cannot be loaded or run.
    #[error("net {net}: {what}")]
    Net {
        /// Which net.
        net: &'static str,
        /// What failed.
        what: String,
    },
}
