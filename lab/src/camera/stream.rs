//! Cuts a frame into isochronous packets.

use std::collections::VecDeque;

use super::descriptors::PACKET;
use super::picture::Fault;

const FRAME_ID: u8 = 0x01;
const END_OF_FRAME: u8 = 0x02;
const ERROR: u8 = 0x40;
const END_OF_HEADER: u8 = 0x80;
const HEADER: usize = 2;
/// Of so many packets one is lost, the third at first: never the one with the picture's tables.
const LOST_EVERY: usize = 7;

/// The packets of a frame; `number` makes the frame's bit that tells it from its neighbours.
pub fn packets(frame: &[u8], number: u64, fault: Fault) -> VecDeque<Vec<u8>> {
    let mut bits = END_OF_HEADER;
    if number % 2 == 1 {
        bits |= FRAME_ID;
    }
    if fault == Fault::ErrorBit {
        bits |= ERROR;
    }
    let room = PACKET as usize - HEADER;
    let mut packets: VecDeque<Vec<u8>> =
        frame.chunks(room).map(|part| [&[HEADER as u8, bits], part].concat()).collect();
    if packets.is_empty() {
        packets.push_back(vec![HEADER as u8, bits]);
    }
    if let Some(last) = packets.back_mut() {
        last[1] |= END_OF_FRAME;
    }
    if fault == Fault::Lost {
        let last = packets.len() - 1;
        let mut place = 0..;
        packets.retain(|_| place.next().is_none_or(|at| at == last || at % LOST_EVERY != 2));
    }
    packets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_packet_alone_ends_the_frame() {
        let packets = packets(&[7; 7_000], 3, Fault::None);
        let bits: Vec<u8> = packets.iter().map(|packet| packet[1]).collect();
        assert_eq!(bits, [0x81, 0x81, 0x83]);
        assert_eq!(packets.iter().map(|packet| packet.len() - HEADER).sum::<usize>(), 7_000);
    }

    #[test]
    fn lost_packets_leave_the_beginning_and_the_end() {
        let whole = packets(&[7; 40_000], 3, Fault::None);
        let left = packets(&[7; 40_000], 3, Fault::Lost);
        assert_eq!((whole.len(), left.len()), (14, 12));
        assert_eq!((left.front(), left.back()), (whole.front(), whole.back()));
    }

    #[test]
    fn an_empty_frame_is_a_header_alone() {
        assert_eq!(packets(&[], 2, Fault::Empty), [vec![2, 0x82]]);
    }
}
