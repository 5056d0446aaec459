//! Says who is to be enrolled: QR badges, a roster, requests over the local API.
//!
//! The port is [`Trigger`]; the badge reader [`QrTrigger`] is its backend for the camera. Requests over the
//! local API and the command line are made as [`Request`]s directly: they need no picture.
//!
//! **Invariant:** a picture asks for exactly one person or for nobody: two badges in one picture are refused,
//! because nothing says which of them belongs to the face.
//!
//! What is absent: no camera, no session; whether a request is taken up is decided by `app`.

mod badge;
mod debounce;
mod qr;
mod roster;

use crate::domain::{Moment, PersonId, Size};

pub use badge::BADGE_PREFIX;
pub use debounce::{AWAY, QUIET};
pub use qr::{QrTrigger, decode};
pub use roster::{BadLine, Change, MAX_ROSTER_BYTES, Roster, RosterError, RosterFile};

/// Who asked for an enrollment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// A badge was shown to the camera.
    Badge,
    /// An application of the kiosk asked over the local API.
    LocalApi,
    /// A technician asked on the command line.
    CommandLine,
}

impl Origin {
    /// The name as it stands in JSON and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Badge => "badge",
            Self::LocalApi => "local_api",
            Self::CommandLine => "command_line",
        }
    }
}

/// Asks for the enrollment of one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Who is to be enrolled.
    pub person_id: PersonId,
    /// Who asked.
    pub origin: Origin,
}

/// Watches pictures for a wish to enroll somebody, while no session runs.
pub trait Trigger: Send {
    /// Looks at one picture.
    ///
    /// Gives each request and each refusal once per showing, not once per picture.
    ///
    /// # Errors
    /// Why a badge that was meant for this kiosk is not taken.
    fn look(&mut self, picture: LumaPicture<'_>, now: Moment) -> Result<Option<Request>, Refusal>;

    /// Hears that the session that it asked for is over.
    fn session_ended(&mut self, now: Moment);
}

/// Why a badge is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The id on it is not valid.
    ///
    /// Nothing of it is told: a badge of another system may carry a name there.
    #[error("badge refused: what stands on it is no person id")]
    BadId,
    /// The roster does not list the person.
    #[error("badge of person {0} refused: not on the roster")]
    NotListed(PersonId),
    /// There is a roster, but it cannot be read.
    #[error("badge of person {0} refused: the roster could not be read since the start")]
    NoRoster(PersonId),
    /// More than one badge is in the picture.
    #[error("{0} different badges in one picture refused")]
    SeveralBadges(usize),
}

impl Refusal {
    /// What a person can do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::BadId => "print the badge again with a valid person id",
            Self::NotListed(_) => "add the person's id to the roster file",
            Self::NoRoster(_) => "check that the roster file exists and may be read",
            Self::SeveralBadges(_) => "show one badge only",
        }
    }
}

/// The brightness of a picture: 8 bits a pixel, rows without padding.
#[derive(Clone, Copy)]
pub struct LumaPicture<'a> {
    size: Size,
    pixels: &'a [u8],
}

impl<'a> LumaPicture<'a> {
    /// Wraps pixels, `None` when there is not exactly one byte a pixel.
    pub fn new(size: Size, pixels: &'a [u8]) -> Option<Self> {
        (size.width as usize * size.height as usize == pixels.len())
            .then_some(Self { size, pixels })
    }

    /// Its size in pixels.
    pub const fn size(&self) -> Size {
        self.size
    }

    /// The brightness at a place inside the picture, 0 to 255.
    fn at(&self, x: usize, y: usize) -> u8 {
        self.pixels[y * self.size.width as usize + x]
    }
}
