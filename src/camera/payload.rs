//! Tells whole pictures from cut ones by their outer marks, before anybody decodes them.

use crate::domain::{Encoding, Size};

const PNG_SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Why bytes are not a whole picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Defect {
    #[error("it is empty")]
    Empty,
    #[error("it is no JPEG and no PNG")]
    NoPicture,
    #[error("it is cut short")]
    Cut,
    #[error("it shows {found} pixels instead of {wanted}")]
    Size { found: Size, wanted: Size },
    #[error("it has {found} bytes instead of {wanted}")]
    Length { found: usize, wanted: usize },
}

/// The length of the JPEG that begins `bytes`, up to and with its last end marker.
pub(super) fn jpeg_length(bytes: &[u8]) -> Result<usize, Defect> {
    if bytes.is_empty() {
        return Err(Defect::Empty);
    }
    if !bytes.starts_with(&[0xFF, 0xD8]) {
        return Err(Defect::NoPicture);
    }
    let end = bytes.windows(2).rposition(|pair| pair == [0xFF, 0xD9]);
    end.map(|at| at + 2).ok_or(Defect::Cut)
}

/// The size in a JPEG's frame header; `None` when none is found before the first scan.
pub(super) fn jpeg_size(bytes: &[u8]) -> Option<Size> {
    let mut rest = bytes.get(2..)?;
    loop {
        let fill = rest.iter().take_while(|byte| **byte == 0xFF).count();
        rest = rest.get(fill..).filter(|_| fill > 0)?;
        let (&[marker, high, low], body) = rest.split_first_chunk::<3>()?;
        match marker {
            // Arithmetic tables, Huffman tables and the reserved marker lie among the frame headers' numbers.
            0xC0..=0xCF if ![0xC4, 0xC8, 0xCC].contains(&marker) => {
                let [_, h0, h1, w0, w1] = *body.first_chunk::<5>()?;
                let side = |high, low| u32::from(u16::from_be_bytes([high, low]));
                return Some(Size::new(side(w0, w1), side(h0, h1)));
            }
            0xDA => return None,
            _ => {
                let length = usize::from(u16::from_be_bytes([high, low]));
                rest = body.get(length.checked_sub(2)?..)?;
            }
        }
    }
}

/// The encoding of a picture file that is whole by its outer marks.
pub(super) fn file_encoding(bytes: &[u8]) -> Result<Encoding, Defect> {
    if bytes.starts_with(PNG_SIGNATURE) {
        let end = bytes.windows(4).rposition(|name| name == b"IEND");
        return end.map(|_| Encoding::Png).ok_or(Defect::Cut);
    }
    jpeg_length(bytes).map(|_| Encoding::Jpeg)
}

#[cfg(test)]
mod tests {
    use super::*;

    const JPEG: &[u8] =
        &[0xFF, 0xD8, 0xFF, 0xE0, 0, 4, 1, 2, 0xFF, 0xC0, 0, 8, 8, 2, 208, 5, 0, 3, 0xFF, 0xD9];

    #[test]
    fn what_lies_behind_the_end_marker_does_not_count() {
        let padded = [JPEG, &[0; 9]].concat();
        assert_eq!(jpeg_length(&padded), Ok(JPEG.len()));
        assert_eq!(jpeg_length(&JPEG[..JPEG.len() - 1]), Err(Defect::Cut));
        assert_eq!(jpeg_length(b"hello"), Err(Defect::NoPicture));
        assert_eq!(jpeg_length(b""), Err(Defect::Empty));
    }

    #[test]
    fn the_frame_header_tells_the_size() {
        assert_eq!(jpeg_size(JPEG), Some(Size::new(1280, 720)));
        assert_eq!(jpeg_size(&JPEG[..12]), None);
        for end in 0..JPEG.len() {
            jpeg_size(&JPEG[..end]);
        }
    }

    #[test]
    fn a_files_kind_is_told_by_its_bytes() {
        assert_eq!(file_encoding(JPEG), Ok(Encoding::Jpeg));
        assert_eq!(file_encoding(b"\x89PNG\r\n\x1a\n....IEND1234"), Ok(Encoding::Png));
        assert_eq!(file_encoding(b"\x89PNG\r\n\x1a\n....IDAT"), Err(Defect::Cut));
        assert_eq!(file_encoding(b"a text called .jpg"), Err(Defect::NoPicture));
    }
}
