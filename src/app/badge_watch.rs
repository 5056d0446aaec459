//! Looks for badges while nobody is being enrolled.

use std::time::Duration;

use super::effort::Effort;
use crate::camera::Latest;
use crate::clock::monotonic_now;
use crate::config::Config;
use crate::domain::{Frame, Moment, Size};
use crate::trigger::{LumaPicture, QrTrigger, Refusal, Request, RosterFile, Trigger};
use crate::vision::{Picture, image};

/// Three looks a second are enough for a badge that is held up, and little work on a small device.
const INTERVAL: Duration = Duration::from_millis(330);

/// The trigger and when it last looked.
pub struct BadgeWatch {
    trigger: QrTrigger,
    last_look: Moment,
    spare: Option<Vec<u8>>,
}

impl BadgeWatch {
    /// A watch as configured; `None` where badges ask for nothing.
    pub fn configured(config: &Config) -> Option<Self> {
        let roster = config.trigger.roster.as_ref().map(RosterFile::new);
        config.trigger.qr.then(|| Self {
            trigger: QrTrigger::new(roster),
            last_look: Moment::default(),
            spare: None,
        })
    }

    /// Looks at the newest frame, if it is time to, and notes that in `effort`; a refusal is logged.
    pub fn look(&mut self, frames: &Latest<Frame>, effort: &Effort) -> Option<Request> {
        let now = monotonic_now();
        if now.since(self.last_look) < INTERVAL {
            return None;
        }
        self.last_look = now;
        let frame = frames.take(Duration::ZERO).ok()?;
        effort.note_frame();
        let picture = image::decode(&frame, self.spare.take()).ok()?;
        let (size, luma) = half_luma(&picture);
        self.spare = Some(picture.into_rgb());
        let sighting =
            LumaPicture::new(size, &luma).map(|picture| self.trigger.look(picture, now))?;
        sighting.unwrap_or_else(|refusal: Refusal| {
            tracing::warn!(%refusal, hint = refusal.hint(), "a badge is not taken");
            None
        })
    }

    /// The enrollment that a badge asked for is over, or could not begin.
    pub fn session_ended(&mut self) {
        self.trigger.session_ended(monotonic_now());
    }
}

/// The brightness at half the size: a badge that fills a tenth of the frame still has pixels to spare, and the
/// search costs a quarter. Odd last rows and columns are left out.
fn half_luma(picture: &Picture) -> (Size, Vec<u8>) {
    let size = picture.size();
    let half = Size::new(size.width / 2, size.height / 2);
    let stride = size.width as usize * 3;
    let luma = |pixel: &[u8]| match pixel {
        [r, g, b, ..] => (u32::from(*r) * 77 + u32::from(*g) * 150 + u32::from(*b) * 29) >> 8,
        _ => 0,
    };
    let mut out = Vec::with_capacity(half.width as usize * half.height as usize);
    for rows in picture.rgb().chunks_exact(stride * 2) {
        let (upper, lower) = rows.split_at(stride);
        for (above, below) in upper.chunks_exact(6).zip(lower.chunks_exact(6)) {
            let sum = luma(above) + luma(&above[3..]) + luma(below) + luma(&below[3..]);
            out.push(u8::try_from(sum / 4).unwrap_or(u8::MAX));
        }
    }
    (half, out)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;

    #[test]
    fn half_the_size_keeps_the_brightness_and_drops_odd_edges() {
        let picture = Picture::from_rgb(Size::new(5, 3), vec![200; 45]).unwrap();
        let (size, luma) = half_luma(&picture);
        assert_eq!((size, luma), (Size::new(2, 1), vec![200, 200]));
    }
}
