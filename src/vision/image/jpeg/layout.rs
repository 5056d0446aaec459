//! Walks the segments of a JPEG without decoding it (ITU T.81, annex B).

use crate::domain::Size;
use crate::vision::image::ImageError;

/// The start marker.
pub(crate) const SOI: [u8; 2] = [0xFF, 0xD8];

/// The marker of a scan.
pub(crate) const SOS: u8 = 0xDA;

const EOI: u8 = 0xD9;

const DHT: u8 = 0xC4;
const DAC: u8 = 0xCC;
const JPG: u8 = 0xC8;
/// Baseline and extended sequential frames.
const SEQUENTIAL: std::ops::RangeInclusive<u8> = 0xC0..=0xC1;
const TEM: u8 = 0x01;

/// Whether the picture brings its own Huffman tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Huffman {
    Present,
    LeftOut,
}

/// How the entropy-coded data is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    /// One scan, row by row with Huffman codes: what cameras send.
    OneScan,
    /// Several scans, progressive or not.
    SeveralScans,
}

/// Where the parts of a JPEG lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layout {
    /// As the frame header says.
    pub(crate) size: Size,
    /// Offset of the first scan's marker.
    pub(crate) first_scan: usize,
    /// Whether tables stand before the first scan.
    pub(crate) huffman: Huffman,
    /// How the data between is laid out.
    pub(crate) coding: Coding,
    /// Offset behind the end marker.
    pub(crate) end: usize,
}

/// A marker with its parameters, without entropy-coded data.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Segment<'a> {
    /// The marker's second byte.
    pub(crate) marker: u8,
    /// Offset of the marker's first byte.
    pub(crate) start: usize,
    /// Offset behind the parameters.
    pub(crate) end: usize,
    /// The parameters behind their length.
    pub(crate) body: &'a [u8],
}

impl Layout {
    /// Walks to the end marker.
    pub(crate) fn of(bytes: &[u8]) -> Result<Self, ImageError> {
        let truncated = || ImageError::Truncated { format: "JPEG", bytes: bytes.len() };
        if !bytes.starts_with(&SOI) {
            return Err(damaged("it does not begin with a start marker"));
        }
        let (mut size, mut first_scan, mut huffman) = (None, None, Huffman::LeftOut);
        let mut coding = Coding::OneScan;
        let mut components = Components::default();
        let mut at = SOI.len();
        loop {
            let segment = segment(bytes, at)?.ok_or_else(truncated)?;
            at = segment.end;
            match segment.marker {
                EOI => {
                    let size = size.ok_or_else(|| damaged("it has no frame header"))?;
                    let first_scan = first_scan.ok_or_else(|| damaged("it has no scan"))?;
                    components.check()?;
                    return Ok(Self { size, first_scan, huffman, coding, end: at });
                }
                SOS => {
                    if first_scan.is_some() {
                        coding = Coding::SeveralScans;
                    }
                    first_scan = first_scan.or(Some(segment.start));
                    components.scanned += count(segment.body, 0);
                    at = scan_end(bytes, at).ok_or_else(truncated)?;
                }
                DHT if first_scan.is_none() => huffman = Huffman::Present,
                0xC0..=0xCF if ![DHT, DAC, JPG].contains(&segment.marker) => {
                    if size.is_some() {
                        return Err(damaged("its frame header stands twice"));
                    }
                    if SEQUENTIAL.contains(&segment.marker) {
                        components.announced = Some(count(segment.body, 5));
                    } else {
                        coding = Coding::SeveralScans;
                    }
                    size = Some(frame_size(segment.body)?);
                }
                _ => {}
            }
        }
    }
}

/// How many components a sequential picture announces, and how many its scans bring.
#[derive(Debug, Clone, Copy, Default)]
struct Components {
    announced: Option<usize>,
    scanned: usize,
}

impl Components {
    /// Each component of a sequential picture comes in exactly one scan. Where a scan was cut and another one
    /// follows, as in two frames run together, the decoder would end early and call the picture whole.
    fn check(self) -> Result<(), ImageError> {
        match self.announced {
            Some(announced) if announced != self.scanned => Err(damaged(format!(
                "its scans bring {} components instead of {announced}",
                self.scanned
            ))),
            _ => Ok(()),
        }
    }
}

fn count(body: &[u8], at: usize) -> usize {
    body.get(at).copied().map_or(0, usize::from)
}

/// Reads the segment at `at`; `None` when the bytes end within it.
pub(crate) fn segment(bytes: &[u8], at: usize) -> Result<Option<Segment<'_>>, ImageError> {
    let rest = bytes.get(at..).unwrap_or_default();
    // Any number of fill bytes may stand before a marker's second byte.
    let fill = rest.iter().take_while(|b| **b == 0xFF).count();
    let Some(&marker) = rest.get(fill) else { return Ok(None) };
    if fill == 0 || marker == 0 {
        return Err(damaged(format!("no marker at byte {at}")));
    }
    let start = at + fill - 1;
    if matches!(marker, EOI | TEM | 0xD0..=0xD8) {
        return Ok(Some(Segment { marker, start, end: start + 2, body: &[] }));
    }
    let Some(&[high, low]) = bytes.get(start + 2..start + 4) else { return Ok(None) };
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length < 2 {
        return Err(damaged(format!("a segment of length {length} at byte {start}")));
    }
    let end = start + 2 + length;
    Ok(bytes.get(start + 4..end).map(|body| Segment { marker, start, end, body }))
}

/// Finds the marker behind the entropy-coded data that begins at `from`.
fn scan_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        at += bytes.get(at..)?.iter().position(|b| *b == 0xFF)?;
        match bytes.get(at + 1)? {
            // A stuffed byte or a restart marker belongs to the data; a fill byte moves on by one.
            0x00 | 0xD0..=0xD7 => at += 2,
            0xFF => at += 1,
            _ => return Some(at),
        }
    }
}

fn frame_size(body: &[u8]) -> Result<Size, ImageError> {
    match body {
        [_precision, h0, h1, w0, w1, ..] => Ok(Size::new(
            u32::from(u16::from_be_bytes([*w0, *w1])),
            u32::from(u16::from_be_bytes([*h0, *h1])),
        )),
        _ => Err(damaged("its frame header is too short")),
    }
}

fn damaged(what: impl Into<String>) -> ImageError {
    ImageError::Damaged { format: "JPEG", what: what.into() }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;

    const TINY: &[u8] = &[
        0xFF, 0xD8, // start
        0xFF, 0xFF, 0xC0, 0, 7, 8, 0, 48, 0, 64, // frame header behind a fill byte
        0xFF, 0xDA, 0, 2, 1, 0xFF, 0x00, 2, 0xFF, 0xD3,
        3, // a scan with a stuffed byte and a restart
        0xFF, 0xD9, 9, 9, // end, and something behind
    ];

    #[test]
    fn the_walk_finds_size_scan_and_end() {
        let layout = Layout::of(TINY).unwrap();
        let expected = Layout {
            size: Size::new(64, 48),
            first_scan: 12,
            huffman: Huffman::LeftOut,
            coding: Coding::OneScan,
            end: TINY.len() - 2,
        };
        assert_eq!(layout, expected);
    }

    #[test]
    fn an_end_marker_inside_a_segment_is_not_the_end() {
        let mut bytes = TINY[..TINY.len() - 4].to_vec();
        bytes.splice(2..2, [0xFF, 0xE1, 0, 4, 0xFF, 0xD9]);
        assert!(matches!(Layout::of(&bytes), Err(ImageError::Truncated { .. })));
    }

    #[test]
    fn a_scan_that_is_followed_by_another_of_the_same_components_was_cut() {
        let mut bytes = vec![0xFF, 0xD8, 0xFF, 0xC0, 0, 11, 8, 0, 48, 0, 64, 1, 1, 0x11, 0];
        let scan = [0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 63, 0, 7, 7];
        bytes.extend(scan);
        assert!(Layout::of(&[&bytes[..], &[0xFF, 0xD9]].concat()).is_ok());
        bytes.extend(scan);
        let error = Layout::of(&[&bytes[..], &[0xFF, 0xD9]].concat()).unwrap_err();
        assert!(error.to_string().contains("2 components instead of 1"), "{error}");
    }
}
