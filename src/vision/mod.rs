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

use crate::domain::{Eye, Eyes, Face, Moment, Observation, Rect, Size};

/// A decoded picture: interleaved RGB, 8 bits a channel, rows without padding. Its `Debug` shows no pixel.
///
/// Of a picture that was decoded in part, the rest is black.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    size: Size,
    rgb: Vec<u8>,
    shown: image::Region,
}

impl Picture {
    /// Wraps pixels.
    ///
    /// # Errors
    /// [`VisionError::Pixels`] when there are not exactly three bytes a pixel.
    pub fn from_rgb(size: Size, rgb: Vec<u8>) -> Result<Self, VisionError> {
        let wanted = size.width as usize * size.height as usize * 3;
        if rgb.len() == wanted && wanted > 0 {
            Ok(Self { size, rgb, shown: image::Region::whole(size) })
        } else {
            Err(VisionError::Pixels { size, wanted, found: rgb.len() })
        }
    }

    /// Its size in pixels.
    pub const fn size(&self) -> Size {
        self.size
    }

    /// What of it was decoded; the rest is black.
    pub const fn shown(&self) -> image::Region {
        self.shown
    }

    /// Whether all of the box that lies in the picture was decoded.
    pub fn shows(&self, bounds: Rect) -> bool {
        image::Region::touched_by(bounds, self.size)
            .is_none_or(|touched| self.shown.contains(touched))
    }

    /// Whether all of it was decoded.
    pub fn is_whole(&self) -> bool {
        self.shown == image::Region::whole(self.size)
    }

    /// A picture that shows nothing yet, in the memory of an earlier one.
    fn black(size: Size, spare: Option<Self>) -> Self {
        let nothing = image::Region::whole(Size::default());
        match spare {
            Some(mut old) if old.size == size => {
                let stride = 3 * size.width as usize;
                let left = 3 * old.shown.x as usize;
                let right = left + 3 * old.shown.size.width as usize;
                let rows = old.rgb.chunks_exact_mut(stride).skip(old.shown.y as usize);
                for row in rows.take(old.shown.size.height as usize) {
                    row.get_mut(left..right).unwrap_or_default().fill(0);
                }
                Self { shown: nothing, ..old }
            }
            spare => {
                let mut rgb = spare.map(Self::into_rgb).unwrap_or_default();
                rgb.clear();
                rgb.resize(size.width as usize * size.height as usize * 3, 0);
                Self { size, rgb, shown: nothing }
            }
        }
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
    /// The part of a picture captured `now` that [`observe`](Self::observe) will look at, as far as one can tell
    /// before; `None` when it will look at all of it.
    fn expects(&self, now: Moment) -> Option<Rect>;

    /// Looks at the next picture. Pictures must come in the order of their capture times.
    ///
    /// # Errors
    /// When a net cannot be run, and [`VisionError::NotShown`] when the picture was decoded in part and another
    /// part is needed; the same picture may then be given again. A picture without a face is an empty
    /// [`Observation`], not an error.
    fn observe(&mut self, picture: &Picture, captured: Moment) -> Result<Observation, VisionError>;

    /// Reads one eye of a face that [`observe`](Self::observe) found in this picture.
    ///
    /// # Errors
    /// When the net cannot be run.
    fn eye(&mut self, picture: &Picture, face: &Face, side: Side) -> Result<Eye, VisionError>;

    /// Reads both eyes.
    ///
    /// # Errors
    /// As [`eye`](Self::eye).
    fn eyes(&mut self, picture: &Picture, face: &Face) -> Result<Eyes, VisionError> {
        Ok(Eyes {
            right: self.eye(picture, face, Side::Right)?,
            left: self.eye(picture, face, Side::Left)?,
        })
    }

    /// Forgets the face that was followed: the next picture starts a new track.
    fn forget(&mut self);
}

/// The person's own right or left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// On the picture's left, in a picture that is not mirrored.
    Right,
    /// On the picture's right.
    Left,
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
    /// The picture was decoded in part, and what is to be looked at lies outside.
    #[error("the part of the picture that is needed was not decoded")]
    NotShown,
    /// A net cannot be loaded or run.
    #[error("net {net}: {what}")]
    Net {
        /// Which net.
        net: &'static str,
        /// What failed.
        what: String,
    },
}
