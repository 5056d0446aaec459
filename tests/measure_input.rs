//! Whatever bytes a picture is made of: it is decoded whole or refused with its reason, and nothing panics.
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::fs;
use std::path::Path;

use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder as _};
use kiosk_enroll::vision::image::{ImageError, decode_bytes};
use proptest::prelude::*;

/// Pictures of 64x48 pixels in the rarer kinds of JPEG and PNG.
const ODD: [&str; 8] = [
    "progressive.jpg",
    "cmyk.jpg",
    "grey.jpg",
    "subsampled.jpg",
    "palette.png",
    "bits.png",
    "alpha.png",
    "grey16.png",
];

fn odd(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/odd").join(name);
    fs::read(path).unwrap()
}

fn png(pixels: &[u8], width: u32, height: u32, kind: ExtendedColorType) -> Vec<u8> {
    let mut bytes = Vec::new();
    PngEncoder::new(&mut bytes).write_image(pixels, width, height, kind).unwrap();
    bytes
}

/// A PNG whose header says another size than its pixels have.
fn promising(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = png(&[7; 400], 20, 20, ExtendedColorType::L8);
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    let step = |crc: u32| if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
    let crc = !bytes[12..29]
        .iter()
        .fold(!0_u32, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc)));
    bytes[29..33].copy_from_slice(&crc.to_be_bytes());
    bytes
}

/// A JPEG whose frame header says another size than its pixels have.
fn claiming(width: u16, height: u16) -> Vec<u8> {
    let mut bytes = odd("grey.jpg");
    let frame = bytes.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
    bytes[frame + 5..frame + 7].copy_from_slice(&height.to_be_bytes());
    bytes[frame + 7..frame + 9].copy_from_slice(&width.to_be_bytes());
    bytes
}

/// A JPEG with an Exif segment that asks for this orientation.
fn turned(orientation: u8) -> Vec<u8> {
    let jpeg = odd("subsampled.jpg");
    let mut exif = b"Exif\0\0MM\0\x2A\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0]);
    let length = (exif.len() as u16 + 2).to_be_bytes();
    [&jpeg[..2], &[0xFF, 0xE1], &length, &exif, &jpeg[2..]].concat()
}

#[test]
fn the_rarer_kinds_are_decoded_or_refused_by_name() {
    for name in ODD {
        match decode_bytes(&odd(name)) {
            Ok(picture) => assert_eq!((picture.size().width, picture.size().height), (64, 48)),
            Err(error) => assert!(name == "cmyk.jpg", "{name}: {error}"),
        }
    }
}

#[test]
fn a_picture_is_refused_wherever_it_is_cut() {
    for name in ODD {
        let bytes = odd(name);
        // A PNG is whole before its empty last chunk.
        let whole = if name.ends_with("png") { bytes.len() - 12 } else { bytes.len() - 2 };
        for end in 0..whole {
            assert!(decode_bytes(&bytes[..end]).is_err(), "{name}: {end} of {}", bytes.len());
        }
    }
}

#[test]
fn a_byte_that_was_changed_anywhere_makes_nothing_panic() {
    for name in ODD {
        let bytes = odd(name);
        for at in 0..bytes.len() {
            for change in [0x01, 0x80, 0xFF] {
                let mut broken = bytes.clone();
                broken[at] ^= change;
                let _ = decode_bytes(&broken);
            }
        }
    }
}

#[test]
fn sizes_beyond_all_measure_are_refused_by_their_header() {
    for (width, height) in
        [(30_000, 30_000), (16_385, 16), (16, 16_385), (5_001, 5_000), (1, 1), (0, 0), (15, 400)]
    {
        let refused = decode_bytes(&claiming(width, height)).unwrap_err();
        // A JPEG may leave its height open; that too is refused, as damaged.
        assert!(matches!(refused, ImageError::Size { .. }) || height == 0, "{refused}");
        let refused = decode_bytes(&promising(u32::from(width), u32::from(height))).unwrap_err();
        assert!(matches!(refused, ImageError::Size { format: "PNG", .. }), "{refused}");
    }
    let refused = decode_bytes(&promising(u32::MAX, u32::MAX)).unwrap_err();
    assert!(matches!(refused, ImageError::Size { .. }), "{refused}");
}

#[test]
fn each_orientation_turns_the_picture_and_nonsense_leaves_it() {
    for orientation in 0..=12 {
        let size = decode_bytes(&turned(orientation)).unwrap().size();
        let lying = (5..=8).contains(&orientation);
        assert_eq!((size.width, size.height), if lying { (48, 64) } else { (64, 48) });
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_colour_type_and_size_of_png_is_decoded(
        width in 16_u32..90, height in 16_u32..90, kind in 0_usize..8, seed: u32,
    ) {
        use ExtendedColorType::{L8, L16, La8, La16, Rgb8, Rgb16, Rgba8, Rgba16};
        let (kind, bytes) = [
            (L8, 1), (La8, 2), (Rgb8, 3), (Rgba8, 4), (L16, 2), (La16, 4), (Rgb16, 6), (Rgba16, 8),
        ][kind];
        let byte = |i: u32| (i.wrapping_mul(seed | 1) >> 11) as u8;
        let pixels: Vec<u8> = (0..width * height * bytes).map(byte).collect();
        let size = decode_bytes(&png(&pixels, width, height, kind)).unwrap().size();
        prop_assert_eq!((size.width, size.height), (width, height));
    }

    #[test]
    fn a_png_with_scrambled_insides_never_panics(
        which in 4_usize..8, from in 0.1..1.0_f64, junk in prop::collection::vec(any::<u8>(), 1..60),
    ) {
        let mut bytes = odd(ODD[which]);
        let from = (bytes.len() as f64 * from) as usize;
        let until = (from + junk.len()).min(bytes.len());
        bytes.splice(from..until, junk);
        let _ = decode_bytes(&bytes);
    }
}
