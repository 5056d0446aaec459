//! Turns a JPEG file into what the camera sends: numbered, and damaged where a fault asks for it.

/// What is wrong with the frames that the camera sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// Only the first bytes come; the driver takes the frame for whole.
    Cut(usize),
    /// Bytes in the middle are overwritten.
    Corrupt,
    /// Every packet says that the frame is damaged.
    ErrorBit,
    /// Packets with a header and nothing behind it.
    Empty,
    /// Some packets in the middle never arrive, and nobody notices on the way.
    Lost,
    /// The Huffman tables are left out, as many cameras do.
    NoTables,
}

/// A frame's bytes: `jpeg` with `number` in a comment, changed as `fault` says.
pub fn frame(jpeg: &[u8], number: u64, fault: Fault) -> Vec<u8> {
    let mut bytes = match fault {
        Fault::NoTables => stamped(&without_tables(jpeg), number),
        _ => stamped(jpeg, number),
    };
    damage(&mut bytes, fault);
    bytes
}

/// Changes any frame's bytes as a fault says.
pub fn damage(bytes: &mut Vec<u8>, fault: Fault) {
    match fault {
        Fault::Cut(length) => bytes.truncate(length),
        Fault::Empty => bytes.clear(),
        Fault::Corrupt => {
            // A marker that no scan may hold, and noise around it.
            let middle = bytes.len() / 2;
            if let Some(part) = bytes.get_mut(middle..middle + 40) {
                part.fill(0x5A);
                part[18..22].copy_from_slice(&[0xFF, 0xC0, 0xFF, 0xC4]);
            }
        }
        Fault::None | Fault::ErrorBit | Fault::Lost | Fault::NoTables => {}
    }
}

fn stamped(jpeg: &[u8], number: u64) -> Vec<u8> {
    let text = format!("frame {number:010}");
    let length = (text.len() as u16 + 2).to_be_bytes();
    [&jpeg[..2], &[0xFF, 0xFE], &length, text.as_bytes(), &jpeg[2..]].concat()
}

fn without_tables(jpeg: &[u8]) -> Vec<u8> {
    let mut kept = jpeg[..2].to_vec();
    let mut rest = &jpeg[2..];
    while let Some((&[0xFF, marker, high, low], _)) = rest.split_first_chunk::<4>() {
        if marker == 0xDA {
            break;
        }
        let length = 2 + usize::from(u16::from_be_bytes([high, low]));
        let Some(segment) = rest.get(..length) else { break };
        if marker != 0xC4 {
            kept.extend_from_slice(segment);
        }
        rest = &rest[length..];
    }
    kept.extend_from_slice(rest);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    const JPEG: &[u8] =
        &[0xFF, 0xD8, 0xFF, 0xC4, 0, 3, 1, 0xFF, 0xDB, 0, 3, 2, 0xFF, 0xDA, 7, 7, 0xFF, 0xD9];

    #[test]
    fn tables_are_left_out_and_nothing_else() {
        let bytes = without_tables(JPEG);
        assert_eq!(bytes, [&JPEG[..2], &JPEG[7..]].concat());
    }

    #[test]
    fn a_number_lies_behind_the_start_marker() {
        let bytes = frame(JPEG, 12, Fault::None);
        assert!(bytes.starts_with(&[0xFF, 0xD8, 0xFF, 0xFE]));
        assert!(bytes.windows(10).any(|part| part == b"0000000012"));
        assert_eq!(frame(JPEG, 12, Fault::Cut(4)).len(), 4);
        assert!(frame(JPEG, 12, Fault::Empty).is_empty());
    }
}
