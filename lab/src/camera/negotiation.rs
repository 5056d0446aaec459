//! Agrees with the driver on format, size and rate: PROBE and COMMIT of USB Video Class 1.0.

use super::descriptors::{INTERVALS, Offer, PACKET, Shape};

const SET_CUR: u8 = 0x01;
const GET_LEN: u8 = 0x85;
const GET_INFO: u8 = 0x86;
const LENGTH: usize = 26;

/// What camera and driver talk about, and what they have agreed on.
#[derive(Debug, Clone)]
pub struct Negotiation {
    offer: Offer,
    format: u8,
    frame: u8,
    interval: u32,
}

impl Negotiation {
    /// Starts with the first shape at this interval.
    pub fn new(offer: Offer, interval: u32) -> Self {
        Self { offer, format: 1, frame: 1, interval }
    }

    /// The agreed shape.
    pub fn shape(&self) -> Shape {
        let formats = self.offer.formats();
        formats[usize::from(self.format) - 1][usize::from(self.frame) - 1]
    }

    /// The agreed interval in units of 100 ns.
    pub fn interval(&self) -> u32 {
        self.interval
    }

    /// Answers a request to the PROBE or the COMMIT control.
    pub fn answer(&mut self, request: u8, data: &[u8]) -> Vec<u8> {
        match request {
            SET_CUR => {
                self.take(data);
                Vec::new()
            }
            GET_LEN => (LENGTH as u16).to_le_bytes().to_vec(),
            GET_INFO => vec![3],
            _ => self.block(),
        }
    }

    fn take(&mut self, data: &[u8]) {
        let Some(head) = data.first_chunk::<8>() else { return };
        let formats = self.offer.formats();
        self.format = head[2].clamp(1, formats.len() as u8);
        self.frame = head[3].clamp(1, formats[usize::from(self.format) - 1].len() as u8);
        let wanted = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
        let nearest = INTERVALS.iter().min_by_key(|interval| interval.abs_diff(wanted));
        self.interval = nearest.copied().unwrap_or(INTERVALS[0]);
    }

    fn block(&self) -> Vec<u8> {
        let mut bytes = vec![1, 0, self.format, self.frame];
        bytes.extend(self.interval.to_le_bytes());
        bytes.extend([0; 10]);
        bytes.extend(self.shape().longest().to_le_bytes());
        bytes.extend(PACKET.to_le_bytes());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_driver_asks_for_is_answered_with_the_nearest_there_is() {
        let mut talk = Negotiation::new(Offer::Everything, INTERVALS[2]);
        assert_eq!(talk.answer(0x81, &[]).len(), LENGTH);
        let mut wish = talk.answer(0x81, &[]);
        wish[3] = 9;
        wish[4..8].copy_from_slice(&400_000_u32.to_le_bytes());
        talk.answer(SET_CUR, &wish);
        assert_eq!((talk.shape().width, talk.interval()), (640, INTERVALS[0]));
    }
}
