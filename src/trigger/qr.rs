//! Reads badges from camera pictures.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crate::domain::Moment;

use super::badge::{Badge, Listing};
use super::debounce::{Debounce, Showing};
use super::{Change, LumaPicture, Origin, Refusal, Request, Roster, RosterFile, Trigger};

/// The smallest side of a picture that is searched: a code of 21 modules needs more anyway.
const MIN_SIDE: u32 = 40;

/// How many codes of one picture are looked at.
const MAX_CODES: usize = 8;

/// How long no badge is taken after several were in view: the reader may have missed one of them since.
const AFTER_CROWD: Duration = Duration::from_secs(2);

/// Reads every QR code in a picture; those that cannot be read are left out.
///
/// Anybody can hold anything before the camera: a picture on which the reader fails badly holds no code.
pub fn decode(picture: LumaPicture<'_>) -> Vec<String> {
    let size = picture.size();
    if size.width.min(size.height) < MIN_SIDE {
        return Vec::new();
    }
    let (width, height) = (size.width as usize, size.height as usize);
    let read = || {
        let mut prepared =
            rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| picture.at(x, y));
        let grids = prepared.detect_grids();
        grids
            .iter()
            .take(MAX_CODES)
            .filter_map(|grid| grid.decode().ok())
            .map(|(_, content)| content)
            .collect()
    };
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_default()
}

/// Asks for the enrollment of whoever shows a badge.
#[derive(Debug)]
pub struct QrTrigger {
    roster: Option<RosterFile>,
    debounce: Debounce,
    /// The content of the badge whose session runs.
    running: Option<String>,
    /// When several badges were last in view.
    crowded: Option<Moment>,
    /// Whether the roster's last failure was logged, so that it is logged once.
    roster_failed: bool,
}

impl QrTrigger {
    /// Reads badges of everybody, or only of those on the roster.
    pub fn new(roster: Option<RosterFile>) -> Self {
        let mut trigger = Self {
            roster,
            debounce: Debounce::default(),
            running: None,
            crowded: None,
            roster_failed: false,
        };
        trigger.refresh_roster();
        trigger
    }

    /// The roster as it was last read.
    pub fn roster(&self) -> Option<&Roster> {
        self.roster.as_ref().and_then(RosterFile::roster)
    }

    /// Decides about the codes that are in view.
    fn consider(&mut self, contents: &[String], now: Moment) -> Result<Option<Request>, Refusal> {
        let listing = match &self.roster {
            None => Listing::Open,
            Some(file) => file.roster().map_or(Listing::Unreadable, Listing::Only),
        };
        let mut badges: Vec<(&str, Result<Badge, Refusal>)> = contents
            .iter()
            .filter_map(|content| {
                Some((content.as_str(), Badge::read(content, listing).transpose()?))
            })
            .collect();
        badges.sort_by_key(|(content, _)| *content);
        badges.dedup_by(|a, b| a.1 == b.1);
        if badges.len() > 1 {
            let together: Vec<&str> = badges.iter().map(|(content, _)| *content).collect();
            self.crowded = Some(now);
            return match self.debounce.sight(&together.join("\n"), now) {
                Showing::New => Err(Refusal::SeveralBadges(badges.len())),
                Showing::Same => Ok(None),
            };
        }
        let Some((content, badge)) = badges.pop() else { return Ok(None) };
        let is_crowded = self.crowded.is_some_and(|crowded| now.since(crowded) < AFTER_CROWD);
        if is_crowded || self.debounce.sight(content, now) == Showing::Same {
            return Ok(None);
        }
        let person_id = badge?.person_id;
        self.running = Some(content.to_owned());
        Ok(Some(Request { person_id, origin: Origin::Badge }))
    }

    fn refresh_roster(&mut self) {
        let Some(file) = &mut self.roster else { return };
        match file.refresh() {
            Ok(Change::Unchanged) => self.roster_failed = false,
            Ok(Change::Reloaded(bad)) => {
                self.roster_failed = false;
                let persons = file.roster().map_or(0, Roster::len);
                tracing::info!(path = %file.path().display(), persons, "roster loaded");
                for line in bad {
                    tracing::warn!(path = %file.path().display(), %line, "roster line left out");
                }
            }
            Err(error) if !self.roster_failed => {
                self.roster_failed = true;
                tracing::warn!(%error, hint = error.hint(), "roster not loaded");
            }
            Err(_) => {}
        }
    }
}

impl Trigger for QrTrigger {
    fn look(&mut self, picture: LumaPicture<'_>, now: Moment) -> Result<Option<Request>, Refusal> {
        let contents = decode(picture);
        if contents.is_empty() {
            return Ok(None);
        }
        self.refresh_roster();
        self.consider(&contents, now)
    }

    fn session_ended(&mut self, now: Moment) {
        if let Some(content) = self.running.take() {
            self.debounce.settle(&content, now);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use std::time::Duration;

    use qrcode::QrCode;

    use super::*;
    use crate::domain::{PersonId, Size};

    const SIDE: usize = 400;

    fn at(seconds: u64) -> Moment {
        Moment::from_origin(Duration::from_secs(seconds))
    }

    /// A code drawn into a light grey square picture, `module` pixels a module, turned by `degrees`.
    fn draw(content: &str, module: f64, degrees: f64) -> Vec<u8> {
        let code = QrCode::new(content).unwrap();
        let modules = code.width();
        let dark = code.to_colors();
        let (sin, cos) = degrees.to_radians().sin_cos();
        let middle = SIDE as f64 / 2.0;
        let module_at = |x: f64, y: f64| {
            let (dx, dy) = (x - middle, y - middle);
            let column = (dx * cos + dy * sin) / module + modules as f64 / 2.0;
            let row = (dy * cos - dx * sin) / module + modules as f64 / 2.0;
            let inside = |v: f64| (0.0..modules as f64).contains(&v).then_some(v as usize);
            Some((inside(column)?, inside(row)?))
        };
        let mut pixels = Vec::with_capacity(SIDE * SIDE);
        for y in 0..SIDE {
            for x in 0..SIDE {
                let is_dark =
                    module_at(x as f64 + 0.5, y as f64 + 0.5).is_some_and(|(column, row)| {
                        dark[row * modules + column] == qrcode::Color::Dark
                    });
                pixels.push(if is_dark { 40 } else { 210 });
            }
        }
        pixels
    }

    fn blurred(pixels: Vec<u8>, sigma: f32) -> Vec<u8> {
        let side = u32::try_from(SIDE).unwrap();
        let picture = image::GrayImage::from_raw(side, side, pixels).unwrap();
        image::imageops::blur(&picture, sigma).into_raw()
    }

    fn picture(pixels: &[u8]) -> LumaPicture<'_> {
        let side = u32::try_from(SIDE).unwrap();
        LumaPicture::new(Size::new(side, side), pixels).unwrap()
    }

    #[test]
    fn a_badge_is_read_upright_and_turned() {
        for degrees in [0.0, 15.0, 45.0, 90.0, 180.0, 290.0] {
            let pixels = draw("kiosk-enroll:person_123", 6.0, degrees);
            assert_eq!(decode(picture(&pixels)), ["kiosk-enroll:person_123"], "{degrees}");
        }
    }

    #[test]
    fn a_badge_is_read_a_little_out_of_focus_and_never_misread() {
        let sharp = draw("kiosk-enroll:person_123", 6.0, 10.0);
        assert_eq!(decode(picture(&blurred(sharp.clone(), 1.5))), ["kiosk-enroll:person_123"]);
        for sigma in [2.5, 4.0, 8.0, 20.0] {
            let contents = decode(picture(&blurred(sharp.clone(), sigma)));
            assert!(contents.iter().all(|content| content == "kiosk-enroll:person_123"), "{sigma}");
        }
    }

    #[test]
    fn a_picture_without_a_code_holds_none() {
        assert!(decode(picture(&vec![128; SIDE * SIDE])).is_empty());
        let noise: Vec<u8> =
            std::iter::repeat_with(|| fastrand::u8(..)).take(SIDE * SIDE).collect();
        assert!(decode(picture(&noise)).is_empty());
        assert!(decode(LumaPicture::new(Size::new(0, 0), &[]).unwrap()).is_empty());
        assert!(LumaPicture::new(Size::new(4, 4), &[0; 15]).is_none());
    }

    #[test]
    fn a_shown_badge_asks_once_until_its_session_is_long_over() {
        let mut trigger = QrTrigger::new(None);
        let pixels = draw("kiosk-enroll:p-1", 6.0, 0.0);
        let request = Request { person_id: PersonId::parse("p-1").unwrap(), origin: Origin::Badge };
        assert_eq!(trigger.look(picture(&pixels), at(0)), Ok(Some(request.clone())));
        assert_eq!(trigger.look(picture(&pixels), at(1)), Ok(None));
        trigger.session_ended(at(20));
        assert_eq!(trigger.look(picture(&pixels), at(29)), Ok(None));
        assert_eq!(trigger.look(picture(&pixels), at(30)), Ok(Some(request)));
    }

    #[test]
    fn a_roster_lets_only_its_persons_in_and_says_so_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("roster.csv");
        std::fs::write(&path, "p-1,Ada\n").unwrap();
        let mut trigger = QrTrigger::new(Some(RosterFile::new(&path)));
        let stranger = draw("kiosk-enroll:p-9", 6.0, 0.0);
        let refusal = Refusal::NotListed(PersonId::parse("p-9").unwrap());
        assert_eq!(trigger.look(picture(&stranger), at(0)), Err(refusal));
        assert_eq!(trigger.look(picture(&stranger), at(1)), Ok(None));
        let plain = draw("p-1", 6.0, 0.0);
        assert!(trigger.look(picture(&plain), at(2)).unwrap().is_some());
    }

    #[test]
    fn two_badges_in_one_picture_are_refused() {
        let mut trigger = QrTrigger::new(None);
        let two = ["kiosk-enroll:p-1".to_owned(), "kiosk-enroll:p-2".to_owned()];
        assert_eq!(trigger.consider(&two, at(0)), Err(Refusal::SeveralBadges(2)));
        assert_eq!(trigger.consider(&two, at(1)), Ok(None));
        assert_eq!(trigger.consider(&two[..1], at(2)), Ok(None), "one may be missed in a picture");
        assert!(trigger.consider(&two[..1], at(3)).unwrap().is_some());
    }

    #[test]
    fn other_codes_beside_a_badge_do_not_disturb() {
        let mut trigger = QrTrigger::new(None);
        let poster = ["https://example.com".to_owned(), "kiosk-enroll:p-3".to_owned()];
        assert!(trigger.consider(&poster, at(0)).unwrap().is_some());
    }
}
