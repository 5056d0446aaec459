//! Chooses what of a picture is sent, and makes it a portrait.

use image::metadata::Orientation;

use super::metadata::{orientation, strip_jpeg, strip_png};
use super::{
    ImageError, MIN_SIDE, check_size, decode_bytes, encode_jpeg, encode_png, format_of, wrap,
};
use crate::domain::{Face, Portrait, PortraitFormat, Rect, Size};
use crate::vision::Picture;

/// The JPEG quality of a portrait: the least at which matchers lose nothing that can be measured.
pub const PORTRAIT_QUALITY: u8 = 92;

/// The JPEG quality of a file that had to be turned: high, since it was encoded once before.
const TURNED_QUALITY: u8 = 95;

/// A portrait's width in eye distances. The token frame of ISO/IEC 19794-5, clause 10, has 4; the margin
/// keeps wide hair and the shoulders in.
const WIDTH: f32 = 4.6;

/// Width over height, as in the same clause.
const ASPECT: f32 = 0.75;

/// How far down the eyes stand, in heights: 0.6 of the width, as in the same clause.
const EYE_LINE: f32 = 0.6 * ASPECT;

/// Beyond this yaw, in degrees, the eye distance says nothing about the head's size any more.
const MAX_YAW: f32 = 60.0;

/// How much of the frame is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Framing {
    /// Head and shoulders; other people and the background stay out.
    #[default]
    Portrait,
    /// The whole frame.
    Full,
}

impl Framing {
    /// The framing with this name of the configuration.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "portrait" => Some(Self::Portrait),
            "full" => Some(Self::Full),
            _ => None,
        }
    }
}

/// A part of a picture, in whole pixels, inside the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region {
    /// Left edge.
    pub x: u32,
    /// Top edge.
    pub y: u32,
    /// Width and height.
    pub size: Size,
}

impl Region {
    /// The whole of a picture of this size.
    pub const fn whole(size: Size) -> Self {
        Self { x: 0, y: 0, size }
    }

    /// Whether all of `other` lies within.
    pub fn contains(&self, other: Self) -> bool {
        let within = |from: u32, length: u32, low: u32, side: u32| {
            from >= low && u64::from(from) + u64::from(length) <= u64::from(low) + u64::from(side)
        };
        within(other.x, other.size.width, self.x, self.size.width)
            && within(other.y, other.size.height, self.y, self.size.height)
    }

    /// The pixels of a picture of this size that a box touches; `None` when it touches none.
    pub fn touched_by(bounds: Rect, picture: Size) -> Option<Self> {
        let span = |from: f32, length: f32, side: u32| {
            // The casts saturate, and what is no number becomes 0.
            let low = from.floor().max(0.0) as u32;
            let high = ((from + length).ceil().max(0.0) as u32).min(side);
            (low < high).then(|| (low, high - low))
        };
        let (x, width) = span(bounds.x, bounds.width, picture.width)?;
        let (y, height) = span(bounds.y, bounds.height, picture.height)?;
        Some(Self { x, y, size: Size::new(width, height) })
    }
}

/// Finds the part of a picture that shows the head and shoulders of `face`.
///
/// 3 to 4 in width to height, as wide as 4.6 eye distances, the eyes 45 % below the top: the geometry of the
/// token frame of ISO/IEC 19794-5 with a margin. At the picture's edges the region is cut rather than moved,
/// so that it never turns to someone who stands beside.
pub fn portrait_region(face: &Face, picture: Size, framing: Framing) -> Region {
    let whole = Region::whole(picture);
    if framing == Framing::Full {
        return whole;
    }
    let eyes = face.landmarks;
    let yaw = face.pose.yaw.abs().min(MAX_YAW).to_radians();
    let unit = eyes.inter_eye_distance() / yaw.cos();
    let width = unit * WIDTH;
    let height = width / ASPECT;
    let middle = eyes.right_eye.midpoint(eyes.left_eye);
    let wanted = Rect::new(middle.x - width / 2.0, middle.y - height * EYE_LINE, width, height);
    cut(wanted, picture).unwrap_or(whole)
}

/// The whole pixels of `wanted` inside the picture; `None` when hardly any are left or numbers are amiss.
fn cut(wanted: Rect, picture: Size) -> Option<Region> {
    let span = |from: f32, length: f32, limit: u32| {
        let low = from.round().clamp(0.0, limit as f32);
        let high = (from + length).round().clamp(0.0, limit as f32);
        (high - low >= MIN_SIDE as f32).then_some((low as u32, (high - low) as u32))
    };
    let (x, width) = span(wanted.x, wanted.width, picture.width)?;
    let (y, height) = span(wanted.y, wanted.height, picture.height)?;
    Some(Region { x, y, size: Size::new(width, height) })
}

/// Cuts `region` out and encodes it as a JPEG of at least [`PORTRAIT_QUALITY`], without metadata.
///
/// # Errors
/// When the region is not inside the picture, or too small for the persons API.
pub fn encode_portrait(
    picture: &Picture,
    region: Region,
    quality: u8,
) -> Result<Portrait, ImageError> {
    let bytes = encode_jpeg(&crop(picture, region)?, quality.clamp(PORTRAIT_QUALITY, 100))?;
    Ok(Portrait::from_decoded(PortraitFormat::Jpeg, region.size, bytes)?)
}

fn crop(picture: &Picture, region: Region) -> Result<Picture, ImageError> {
    check_size("region", region.size)?;
    if !picture.shown().contains(region) {
        let what = "the region lies outside of what was decoded".to_owned();
        return Err(ImageError::Encode { format: "JPEG", size: region.size, what });
    }
    let stride = picture.size().width as usize * 3;
    let columns = region.x as usize * 3..(region.x + region.size.width) as usize * 3;
    let rows = region.y as usize..(region.y + region.size.height) as usize;
    let mut rgb = Vec::with_capacity(columns.len() * rows.len());
    for row in picture.rgb().chunks_exact(stride).skip(rows.start).take(rows.len()) {
        rgb.extend(row.get(columns.clone()).unwrap_or_default());
    }
    wrap("region outside the picture", region.size, rgb)
}

/// Makes a portrait of a JPEG or PNG file that a person gave.
///
/// The file is decoded completely; its pixels are kept as they are and its metadata is left out. Only a
/// picture whose orientation tag asks for a turn is encoded anew, since the tag goes.
///
/// # Errors
/// When it is no JPEG or PNG (text such as base64 or a `data:` URL is named), is damaged, or its size is not
/// allowed.
pub fn portrait_from_file_bytes(bytes: &[u8]) -> Result<Portrait, ImageError> {
    let format = format_of(bytes)?;
    let picture = decode_bytes(bytes)?;
    let clean = match (orientation(format, bytes), format) {
        (Orientation::NoTransforms, PortraitFormat::Jpeg) => strip_jpeg(bytes)?,
        (Orientation::NoTransforms, PortraitFormat::Png) => strip_png(bytes)?,
        (_, PortraitFormat::Jpeg) => encode_jpeg(&picture, TURNED_QUALITY)?,
        (_, PortraitFormat::Png) => encode_png(&picture)?,
    };
    Ok(Portrait::from_decoded(format, picture.size(), clean)?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;
    use crate::domain::{HeadPose, Landmarks, Mesh, Point, TrackId};
    use crate::vision::image::samples;

    fn face_at(x: f32, y: f32, eye_distance: f32) -> Face {
        let half = eye_distance / 2.0;
        Face {
            track: TrackId(1),
            bounds: Rect::default(),
            confidence: 1.0,
            landmarks: Landmarks {
                right_eye: Point::new(x - half, y),
                left_eye: Point::new(x + half, y),
                ..Landmarks::default()
            },
            mesh: Mesh { points: Vec::new(), presence: 1.0 },
            pose: HeadPose::default(),
        }
    }

    #[test]
    fn a_box_touches_the_pixels_that_it_lies_on_and_none_outside_the_picture() {
        let size = Size::new(64, 48);
        let touched =
            |x, y, width, height| Region::touched_by(Rect::new(x, y, width, height), size);
        let expected = Region { x: 3, y: 0, size: Size::new(8, 11) };
        assert_eq!(touched(3.5, -4.0, 7.0, 14.5), Some(expected));
        assert_eq!(touched(-1e9, -1e9, 2e9, 2e9), Some(Region::whole(size)));
        assert_eq!(touched(70.0, 0.0, 5.0, 5.0), None);
        assert_eq!(touched(f32::NAN, 0.0, f32::NAN, 5.0), None);
        assert!(Region::whole(size).contains(expected) && !expected.contains(Region::whole(size)));
    }

    #[test]
    fn a_portrait_shows_head_and_shoulders_at_three_to_four() {
        let face = face_at(640.0, 300.0, 80.0);
        let region = portrait_region(&face, Size::new(1280, 720), Framing::Portrait);
        assert_eq!(region, Region { x: 456, y: 79, size: Size::new(368, 491) });
    }

    #[test]
    fn a_region_is_cut_at_the_edge_and_not_moved_to_a_neighbour() {
        let face = face_at(60.0, 80.0, 80.0);
        let region = portrait_region(&face, Size::new(1280, 720), Framing::Portrait);
        assert_eq!((region.x, region.y), (0, 0));
        assert_eq!(region.size, Size::new(244, 350));
    }

    #[test]
    fn a_turned_head_does_not_make_the_region_narrower() {
        let mut face = face_at(640.0, 300.0, 40.0);
        face.pose.yaw = -60.0;
        let region = portrait_region(&face, Size::new(1280, 720), Framing::Portrait);
        assert_eq!(region.size, Size::new(368, 491));
    }

    #[test]
    fn a_full_frame_or_impossible_eyes_give_the_whole_picture() {
        let size = Size::new(640, 480);
        let whole = Region { x: 0, y: 0, size };
        assert_eq!(portrait_region(&face_at(300.0, 200.0, 80.0), size, Framing::Full), whole);
        for odd in [0.0, f32::NAN, f32::INFINITY] {
            let face = face_at(300.0, 200.0, odd);
            assert_eq!(portrait_region(&face, size, Framing::Portrait), whole, "{odd}");
        }
    }

    #[test]
    fn a_portrait_is_a_clean_jpeg_of_its_region() {
        let region = Region { x: 20, y: 10, size: Size::new(120, 160) };
        let portrait = encode_portrait(&samples::gradient(200, 200), region, 50).unwrap();
        assert_eq!((portrait.format(), portrait.size()), (PortraitFormat::Jpeg, region.size));
        assert_eq!(decode_bytes(portrait.bytes()).unwrap().size(), region.size);
        assert!(!portrait.bytes().windows(4).any(|four| four == b"Exif"));

        let outside = Region { x: 150, ..region };
        assert!(encode_portrait(&samples::gradient(200, 200), outside, 92).is_err());
    }

    #[test]
    fn a_clean_file_is_kept_byte_for_byte() {
        for bytes in [
            encode_jpeg(&samples::gradient(200, 160), 80).unwrap(),
            encode_png(&samples::gradient(200, 160)).unwrap(),
        ] {
            assert_eq!(portrait_from_file_bytes(&bytes).unwrap().bytes(), bytes);
        }
    }

    #[test]
    fn a_file_that_lies_on_its_side_is_turned_upright() {
        let mut bytes = encode_jpeg(&samples::gradient(200, 160), 90).unwrap();
        // EXIF with one entry: orientation 6, a quarter turn to the right.
        let exif = b"\xFF\xE1\x00\x22Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
        bytes.splice(2..2, *exif);
        let portrait = portrait_from_file_bytes(&bytes).unwrap();
        assert_eq!(portrait.size(), Size::new(160, 200));
        assert!(!portrait.bytes().windows(4).any(|four| four == b"Exif"));
    }

    #[test]
    fn text_instead_of_a_picture_is_named() {
        let error = portrait_from_file_bytes(b"data:image/png;base64,iVBORw0KGgo").unwrap_err();
        assert_eq!(error.to_string(), "found a data: URL as text; allowed are JPEG and PNG");
    }
}
