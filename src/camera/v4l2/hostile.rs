//! What a broken camera or driver may hand over: a frame's own bytes are taken whole or refused, and nothing panics.
//!
//! What becomes of bytes that are taken is the decoder's to prove: see `vision::image`.
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use super::PixelFormat;
use super::buffer::{Agreed, Sequence, capture_time, payload};
use crate::camera::payload::{file_encoding, jpeg_size};
use crate::domain::{Moment, Size};

/// Sizes as a driver may agree on, and some that none would.
fn size() -> impl Strategy<Value = Size> {
    let side = prop_oneof![Just(48_u32), 0_u32..80, any::<u32>()];
    (side.clone(), side).prop_map(|(width, height)| Size::new(width, height))
}

fn mjpeg(size: Size) -> Agreed {
    Agreed { format: PixelFormat::Mjpeg, size, stride: 0 }
}

/// A frame header that is whole, for some size near the usual one.
fn header() -> impl Strategy<Value = Vec<u8>> {
    (0xC0_u8..=0xCF, 40_u16..60, 40_u16..60).prop_map(|(marker, height, width)| {
        let [h0, h1] = height.to_be_bytes();
        let [w0, w1] = width.to_be_bytes();
        vec![0xFF, marker, 0, 8, 8, h0, h1, w0, w1, 0]
    })
}

/// Markers with true and false lengths, fill bytes, noise, and now and then a whole picture's outline.
fn soup() -> impl Strategy<Value = Vec<u8>> {
    let marker =
        (any::<u8>(), any::<u16>(), vec(any::<u8>(), 0..20)).prop_map(|(marker, length, body)| {
            [vec![0xFF, marker], length.to_be_bytes().to_vec(), body].concat()
        });
    let fill = vec(Just(0xFF_u8), 0..4);
    let part = prop_oneof![2 => header(), 2 => marker, 1 => fill, 1 => vec(any::<u8>(), 0..40)];
    (vec(part, 0..8), any::<bool>(), any::<bool>()).prop_map(|(parts, begins, ends)| {
        let begin = if begins { vec![0xFF, 0xD8] } else { Vec::new() };
        let end = if ends { vec![0xFF, 0xD9] } else { Vec::new() };
        [begin, parts.concat(), end].concat()
    })
}

proptest! {
    #[test]
    fn what_is_taken_is_a_whole_picture_within_what_the_driver_says_is_used(
        bytes in soup(), used in prop_oneof![0_u32..200, any::<u32>()], size in size(),
    ) {
        if let Ok(taken) = payload(&bytes, used, mjpeg(size)) {
            prop_assert!(taken.len() <= used as usize && bytes.starts_with(&taken));
            prop_assert!(taken.starts_with(&[0xFF, 0xD8]) && taken.ends_with(&[0xFF, 0xD9]));
        }
    }

    #[test]
    fn what_an_older_frame_left_in_the_buffer_decides_nothing(
        bytes in soup(), older in soup(), size in size(),
    ) {
        let used = bytes.len() as u32;
        let reused = [bytes.as_slice(), &older].concat();
        prop_assert_eq!(payload(&reused, used, mjpeg(size)), payload(&bytes, used, mjpeg(size)));
    }

    #[test]
    fn raw_frames_are_taken_only_in_their_exact_length(
        length in 0_usize..12_000, used in 0_u32..12_000, size in size(), padding in prop_oneof![0_u32..9, any::<u32>()],
    ) {
        let row = size.width.saturating_mul(2);
        let agreed = Agreed { format: PixelFormat::Yuyv, size, stride: row.saturating_add(padding) };
        let bytes: Vec<u8> = (0..length).map(|at| at as u8).collect();
        if let Ok(taken) = payload(&bytes, used, agreed) {
            let (row, height) = (row as usize, size.height as usize);
            prop_assert_eq!(used as usize, (row + padding as usize) * height);
            prop_assert_eq!(taken.len(), row * height);
        }
    }

    #[test]
    fn a_header_is_read_or_not_but_never_beyond_the_end(bytes in soup()) {
        for end in 0..bytes.len() {
            let _ = jpeg_size(&bytes[..end]);
            let _ = file_encoding(&bytes[..end]);
        }
    }

    #[test]
    fn a_frame_is_never_from_the_future_and_never_numbered_twice(
        stamps in vec(any::<u64>(), 1..20), numbers in vec(any::<u32>(), 2..20), now: u32,
    ) {
        let now = Moment::from_origin(Duration::from_millis(u64::from(now)));
        for stamp in stamps {
            prop_assert!(capture_time(Some(Duration::from_micros(stamp)), now) <= now);
        }
        let mut sequence = Sequence::default();
        let counted: Vec<u64> = numbers.iter().map(|number| sequence.count(*number)).collect();
        prop_assert!(counted.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
