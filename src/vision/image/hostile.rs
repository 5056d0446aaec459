//! What a broken or malicious camera may send: every picture is decoded or refused, and none panics.
//!
//! Where something is decoded all the same, it shows nothing of what its buffer held before.
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use proptest::collection::vec;
use proptest::prelude::*;

use super::{ImageError, MAX_PIXELS, decode, decode_bytes, encode_jpeg, normalise_jpeg, samples};
use crate::domain::{Encoding, Frame, Moment, Size};
use crate::vision::Picture;

/// Markers that mean something to a decoder: frames, tables, scans, restarts, applications.
const MARKERS: [u8; 20] = [
    0xC0, 0xC1, 0xC2, 0xC3, 0xC4, 0xC9, 0xCC, 0xD0, 0xD7, 0xD8, 0xD9, 0xDA, 0xDB, 0xDC, 0xDD, 0xDE,
    0xE0, 0xE1, 0xEE, 0xFE,
];

fn whole(width: u32, height: u32) -> Vec<u8> {
    encode_jpeg(&samples::gradient(width, height), 90).unwrap()
}

/// The decoded picture, or why there is none; never a byte of the old buffer.
fn judge(bytes: &[u8]) -> Result<Picture, ImageError> {
    let over = |old: u8| {
        let frame = Frame {
            sequence: 0,
            captured: Moment::default(),
            encoding: Encoding::Jpeg,
            bytes: bytes.to_vec(),
            path: None,
        };
        decode(&frame, Some(vec![old; 40_000]))
    };
    let (one, other) = (over(0x55), over(0xAA));
    match (&one, &other) {
        (Ok(one), Ok(other)) => assert!(one == other, "an old buffer shows through"),
        (Err(_), Err(_)) => {}
        _ => panic!("the old buffer decides whether a picture is whole"),
    }
    let _ = normalise_jpeg(bytes);
    one
}

/// The places of the segments with this marker, with marker and length.
fn segments(bytes: &[u8], wanted: u8) -> Vec<std::ops::Range<usize>> {
    let (mut found, mut at) = (Vec::new(), 2);
    while let Some(&[0xFF, marker, high, low]) = bytes.get(at..at + 4) {
        let end = at + 2 + usize::from(u16::from_be_bytes([high, low]));
        if marker == wanted {
            found.push(at..end);
        }
        if marker == 0xDA {
            break;
        }
        at = end;
    }
    found
}

fn segment(marker: u8, body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u16 + 2).to_be_bytes();
    [&[0xFF, marker], &length[..], body].concat()
}

/// A frame header: precision, height, width, components with their sampling and table.
fn frame_header() -> impl Strategy<Value = Vec<u8>> {
    let component = (any::<u8>(), any::<u8>(), 0_u8..5).prop_map(|(a, b, c)| vec![a, b, c]);
    (prop_oneof![Just(8_u8), any::<u8>()], 0_u16..300, 0_u16..300, vec(component, 0..5)).prop_map(
        |(precision, height, width, components)| {
            let head = [&[precision], &height.to_be_bytes()[..], &width.to_be_bytes()].concat();
            [head, vec![components.len() as u8], components.concat()].concat()
        },
    )
}

/// Segments in any order, some with bodies that begin as they should.
fn soup() -> impl Strategy<Value = Vec<u8>> {
    let any_segment = (proptest::sample::select(MARKERS.to_vec()), vec(any::<u8>(), 0..90))
        .prop_map(|(marker, body)| segment(marker, &body));
    let frame = (0xC0_u8..0xC3, frame_header()).prop_map(|(marker, body)| segment(marker, &body));
    let noise = vec(any::<u8>(), 0..200);
    vec(prop_oneof![3 => any_segment, 1 => frame, 1 => noise], 0..12)
        .prop_map(|parts| [vec![0xFF, 0xD8], parts.concat(), vec![0xFF, 0xD9]].concat())
}

proptest! {
    #[test]
    fn a_soup_of_markers_is_refused_or_decoded_and_never_panics(bytes in soup()) {
        let _ = judge(&bytes);
    }

    #[test]
    fn bytes_without_any_order_are_refused(bytes in vec(any::<u8>(), 0..600)) {
        prop_assert!(decode_bytes(&bytes).is_err());
        let _ = judge(&[&[0xFF, 0xD8], bytes.as_slice(), &[0xFF, 0xD9]].concat());
    }

    #[test]
    fn two_pictures_spliced_anywhere_never_panic(
        sizes in (16_u32..80, 16_u32..80), cut in 0.0..1.0_f64, on in 0.0..1.0_f64,
    ) {
        let (one, other) = (whole(sizes.0, 48), whole(64, sizes.1));
        let at = |bytes: &[u8], share: f64| (bytes.len() as f64 * share) as usize;
        let spliced = [&one[..at(&one, cut)], &other[at(&other, on)..]].concat();
        let _ = judge(&spliced);
    }

    #[test]
    fn a_cut_picture_is_refused_whatever_follows(cut in 0.0..0.95_f64, fill: u8, more in 0_usize..400) {
        let picture = whole(64, 48);
        let mut bytes = picture[..(picture.len() as f64 * cut) as usize].to_vec();
        bytes.extend(std::iter::repeat_n(if fill == 0xFF { 0 } else { fill }, more));
        prop_assert!(judge(&bytes).is_err());
    }

    #[test]
    fn tables_that_are_missing_doubled_or_scrambled_never_panic(
        table in prop_oneof![Just(0xC4_u8), Just(0xDB), Just(0xDD)],
        which in 0_usize..4, body in vec(any::<u8>(), 0..80), repeat in 0_usize..3,
    ) {
        let mut bytes = whole(64, 48);
        let found = segments(&bytes, table);
        let place = found.get(which).cloned().unwrap_or(2..2);
        let instead = segment(table, &body).repeat(repeat);
        bytes.splice(place, instead);
        let _ = judge(&bytes);
    }

    #[test]
    fn huge_sizes_are_refused_before_a_pixel_is_allocated(width: u16, height: u16) {
        let mut bytes = whole(64, 48);
        let frame = segments(&bytes, 0xC0)[0].start;
        bytes[frame + 5..frame + 7].copy_from_slice(&height.to_be_bytes());
        bytes[frame + 7..frame + 9].copy_from_slice(&width.to_be_bytes());
        if u64::from(width) * u64::from(height) > MAX_PIXELS {
            let refused = matches!(decode_bytes(&bytes), Err(ImageError::Size { .. }));
            prop_assert!(refused, "{width}x{height}");
        }
    }

    #[test]
    fn raw_pixels_are_taken_only_in_their_exact_length(
        width in 0_u32..70, height in 0_u32..70, length in 0_usize..10_000,
    ) {
        let size = Size::new(width, height);
        let exact = width as usize * height as usize * 2;
        for length in [length, exact] {
            let frame = Frame {
                sequence: 0,
                captured: Moment::default(),
                encoding: Encoding::Yuyv(size),
                bytes: vec![90; length],
                path: None,
            };
            let usable = length == exact && width % 2 == 0 && width >= 16 && height >= 16;
            prop_assert_eq!(decode(&frame, None).is_ok(), usable);
        }
    }
}

#[test]
fn raw_pixels_of_a_size_beyond_all_counting_are_refused() {
    let frame = Frame {
        sequence: 0,
        captured: Moment::default(),
        encoding: Encoding::Yuyv(Size::new(u32::MAX, u32::MAX)),
        bytes: vec![0; 64],
        path: None,
    };
    assert!(matches!(decode(&frame, None), Err(ImageError::Size { .. })));
}
