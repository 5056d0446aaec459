//! What the camera says about itself: a USB Video Class 1.0 device with one isochronous endpoint.

use super::controls::{self, Unit};

/// Bytes that one isochronous packet of high bandwidth carries: three transactions a microframe.
pub const PACKET: u32 = 3_072;

/// Frame intervals in units of 100 ns: 30, 15, 7.5 and 5 frames a second.
pub const INTERVALS: [u32; 4] = [333_333, 666_666, 1_333_333, 2_000_000];

/// What a model of the camera offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// MJPEG of both sizes, and YUYV of the small one.
    Everything,
    /// Only uncompressed pictures.
    YuyvOnly,
}

/// How pictures are coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// A JPEG a frame.
    Mjpeg,
    /// Packed 4:2:2.
    Yuyv,
}

/// A frame descriptor of the camera.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    pub coding: Coding,
    pub width: u16,
    pub height: u16,
}

impl Offer {
    /// The formats in the order of their numbers, each with its shapes in the order of theirs.
    pub fn formats(self) -> Vec<Vec<Shape>> {
        let shape = |coding, width, height| Shape { coding, width, height };
        let small = vec![shape(Coding::Yuyv, 640, 480)];
        match self {
            Self::Everything => {
                vec![vec![shape(Coding::Mjpeg, 1280, 720), shape(Coding::Mjpeg, 640, 480)], small]
            }
            Self::YuyvOnly => vec![small],
        }
    }
}

impl Shape {
    /// The longest frame in bytes.
    pub fn longest(self) -> u32 {
        u32::from(self.width) * u32::from(self.height) * 2
    }
}

/// The device descriptor.
pub fn device() -> Vec<u8> {
    vec![18, 1, 0, 2, 0xEF, 2, 1, 64, 0x6B, 0x1D, 2, 1, 0, 1, 1, 2, 3, 1]
}

/// A string descriptor; number 0 tells the language.
pub fn string(number: u8, serial: &str) -> Option<Vec<u8>> {
    let text = match number {
        0 => return Some(vec![4, 3, 9, 4]),
        1 => "Lab Imaging",
        2 => "Lab Cam",
        3 => serial,
        _ => return None,
    };
    let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    Some([vec![units.len() as u8 + 2, 3], units].concat())
}

/// The configuration with everything below it.
pub fn configuration(offer: Offer, default_interval: u32) -> Vec<u8> {
    let control = control_interface();
    let streaming = streaming_interface(offer, default_interval);
    let total = (9 + control.len() + streaming.len()) as u16;
    let [low, high] = total.to_le_bytes();
    [vec![9, 2, low, high, 2, 1, 0, 0x80, 250], control, streaming].concat()
}

fn control_interface() -> Vec<u8> {
    let association = [8, 11, 0, 2, 0x0E, 3, 0, 2];
    let interface = [9, 4, 0, 0, 0, 0x0E, 1, 0, 2];
    // A camera's sensor (unit 1) that leads through its processing (unit 3) to the USB side (unit 2).
    let [low, middle, high, _] = controls::bits(Unit::Sensor).to_le_bytes();
    let sensor = [18, 0x24, 2, 1, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 3, low, middle, high];
    let [low, high, ..] = controls::bits(Unit::Processing).to_le_bytes();
    let processing = [11, 0x24, 5, 3, 1, 0, 0, 2, low, high, 0];
    let usb = [9, 0x24, 3, 2, 1, 1, 0, 3, 0];
    let total = (13 + sensor.len() + processing.len() + usb.len()) as u16;
    let [low, high] = total.to_le_bytes();
    let clock = 48_000_000_u32.to_le_bytes();
    let header = [13, 0x24, 1, 0, 1, low, high, clock[0], clock[1], clock[2], clock[3], 1, 1];
    [&association[..], &interface, &header, &sensor, &processing, &usb].concat()
}

fn streaming_interface(offer: Offer, default_interval: u32) -> Vec<u8> {
    let formats = offer.formats();
    let mut described = Vec::new();
    for (index, shapes) in formats.iter().enumerate() {
        described.extend(format(index as u8 + 1, shapes));
        for (number, shape) in shapes.iter().enumerate() {
            described.extend(frame(number as u8 + 1, *shape, default_interval));
        }
    }
    let length = 13 + formats.len() as u8;
    let [low, high] = (u16::from(length) + described.len() as u16).to_le_bytes();
    let mut header = vec![length, 0x24, 1, formats.len() as u8, low, high, 0x81, 0, 2, 0, 0, 0, 1];
    header.resize(usize::from(length), 0);
    // Setting 0 has no endpoint and no bandwidth, setting 1 streams.
    let idle = vec![9, 4, 1, 0, 0, 0x0E, 2, 0, 0];
    let streaming = vec![9, 4, 1, 1, 1, 0x0E, 2, 0, 0];
    let endpoint = vec![7, 5, 0x81, 5, 0, 0x14, 1];
    [idle, header, described, streaming, endpoint].concat()
}

fn format(number: u8, shapes: &[Shape]) -> Vec<u8> {
    let count = shapes.len() as u8;
    match shapes.first().map(|shape| shape.coding) {
        Some(Coding::Yuyv) => {
            let guid =
                [b"YUY2".as_slice(), &[0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71]];
            [vec![27, 0x24, 4, number, count], guid.concat(), vec![16, 1, 0, 0, 0, 0]].concat()
        }
        _ => vec![11, 0x24, 6, number, count, 1, 1, 0, 0, 0, 0],
    }
}

fn frame(number: u8, shape: Shape, default_interval: u32) -> Vec<u8> {
    let kind = match shape.coding {
        Coding::Mjpeg => 7,
        Coding::Yuyv => 5,
    };
    let mut bytes = vec![26 + 4 * INTERVALS.len() as u8, 0x24, kind, number, 0];
    bytes.extend(shape.width.to_le_bytes());
    bytes.extend(shape.height.to_le_bytes());
    let bit_rate = shape.longest().saturating_mul(8 * 30);
    for word in [bit_rate / 6, bit_rate, shape.longest(), default_interval] {
        bytes.extend(word.to_le_bytes());
    }
    bytes.push(INTERVALS.len() as u8);
    bytes.extend(INTERVALS.iter().flat_map(|interval| interval.to_le_bytes()));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_descriptor_is_as_long_as_it_says() {
        for offer in [Offer::Everything, Offer::YuyvOnly] {
            let all = configuration(offer, INTERVALS[0]);
            assert_eq!(usize::from(u16::from_le_bytes([all[2], all[3]])), all.len());
            let mut rest = all.as_slice();
            while let Some(length) = rest.first() {
                assert!(*length >= 2, "{rest:?}");
                rest = rest.get(usize::from(*length)..).expect("a descriptor beyond the end");
            }
        }
    }
}
