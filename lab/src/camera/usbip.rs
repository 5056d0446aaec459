//! The wire between the kernel's virtual host controller and a device: USB/IP, as far as a camera needs it.
//!
//! Every message begins with 48 bytes, big endian. See Documentation/usb/usbip_protocol.rst of the kernel.

use std::io::{self, Read, Write};

const SUBMIT: u32 = 1;
const UNLINK: u32 = 2;
const SUBMITTED: u32 = 3;
const UNLINKED: u32 = 4;

/// The device refuses a request.
pub const STALL: i32 = -32;
/// A request was taken back in time.
const CONNECTION_RESET: i32 = -104;

/// No request of the drivers involved is larger.
const MAX_LENGTH: u32 = 1 << 20;
const MAX_PACKETS: u32 = 1_024;

/// Which way the data goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the host.
    Out,
    /// To the host.
    In,
}

/// What the host asks for.
#[derive(Debug)]
pub enum Command {
    /// Carry out a transfer.
    Submit(Request),
    /// Take a transfer back.
    Unlink {
        /// The number of this command.
        number: u32,
        /// The number of the transfer.
        victim: u32,
    },
}

/// A transfer that the host asks for.
#[derive(Debug)]
pub struct Request {
    pub number: u32,
    pub endpoint: u32,
    pub direction: Direction,
    pub length: u32,
    pub start_frame: u32,
    pub setup: [u8; 8],
    /// What the host sends.
    pub data: Vec<u8>,
    /// Offset and length of each isochronous packet.
    pub packets: Vec<(u32, u32)>,
}

/// Reads the next command.
pub fn read(socket: &mut impl Read) -> io::Result<Command> {
    let mut head = [0_u8; 48];
    socket.read_exact(&mut head)?;
    let word = |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    match word(0) {
        UNLINK => Ok(Command::Unlink { number: word(4), victim: word(20) }),
        SUBMIT => {
            let mut setup = [0; 8];
            setup.copy_from_slice(&head[40..48]);
            let direction = if word(12) == 0 { Direction::Out } else { Direction::In };
            let (length, count) = (word(24), word(32));
            // A count of all ones stands for "not isochronous".
            let count = if count == u32::MAX { 0 } else { count };
            if length > MAX_LENGTH || count > MAX_PACKETS {
                return Err(invalid(format!("{length} bytes in {count} packets")));
            }
            let mut data = vec![0; if direction == Direction::Out { length as usize } else { 0 }];
            socket.read_exact(&mut data)?;
            let mut packets = Vec::with_capacity(count as usize);
            for _ in 0..count {
                let mut raw = [0_u8; 16];
                socket.read_exact(&mut raw)?;
                let word = |at: usize| {
                    u32::from_be_bytes([raw[at], raw[at + 1], raw[at + 2], raw[at + 3]])
                };
                packets.push((word(0), word(4)));
            }
            Ok(Command::Submit(Request {
                number: word(4),
                endpoint: word(16),
                direction,
                length,
                start_frame: word(28),
                setup,
                data,
                packets,
            }))
        }
        other => Err(invalid(format!("command {other}"))),
    }
}

/// Answers a control request: what is sent, or a refusal.
pub fn answer(
    socket: &mut impl Write,
    request: &Request,
    answer: Result<&[u8], i32>,
) -> io::Result<()> {
    let (status, data) = match answer {
        Ok(data) => (0, &data[..data.len().min(request.length as usize)]),
        Err(status) => (status, &[][..]),
    };
    let length = match request.direction {
        Direction::In => data.len() as u32,
        Direction::Out if status == 0 => request.length,
        Direction::Out => 0,
    };
    let mut message = submitted(request, status, length);
    if request.direction == Direction::In {
        message.extend_from_slice(data);
    }
    socket.write_all(&message)
}

/// Answers an isochronous request with the contents of its packets; those left over are empty.
pub fn answer_packets(
    socket: &mut impl Write,
    request: &Request,
    contents: &[Vec<u8>],
) -> io::Result<()> {
    let total: usize = contents.iter().map(Vec::len).sum();
    let mut message = submitted(request, 0, total as u32);
    for content in contents {
        message.extend_from_slice(content);
    }
    for (index, (offset, length)) in request.packets.iter().enumerate() {
        let actual = contents.get(index).map_or(0, Vec::len) as u32;
        for word in [*offset, *length, actual, 0] {
            message.extend_from_slice(&word.to_be_bytes());
        }
    }
    socket.write_all(&message)
}

/// Answers a request to take a transfer back.
pub fn answer_unlink(socket: &mut impl Write, number: u32, found: Found) -> io::Result<()> {
    let mut message = Vec::with_capacity(48);
    let status = match found {
        Found::Pending => CONNECTION_RESET,
        Found::Done => 0,
    };
    for word in [UNLINKED, number, 0, 0, 0, status as u32] {
        message.extend_from_slice(&word.to_be_bytes());
    }
    message.resize(48, 0);
    socket.write_all(&message)
}

/// What became of a transfer that the host takes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// It had not been answered and never will be.
    Pending,
    /// It had been answered before.
    Done,
}

fn submitted(request: &Request, status: i32, length: u32) -> Vec<u8> {
    let mut message = Vec::with_capacity(48 + length as usize + request.packets.len() * 16);
    let count = request.packets.len() as u32;
    let words = [
        SUBMITTED,
        request.number,
        0,
        0,
        0,
        status as u32,
        length,
        request.start_frame,
        count,
        0,
        0,
        0,
    ];
    for word in words {
        message.extend_from_slice(&word.to_be_bytes());
    }
    message
}

fn invalid(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the host controller sent {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn submit(direction: u32, length: u32, packets: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        for word in [SUBMIT, 7, 0x10002, direction, 1, 0, length, 0, packets, 1] {
            bytes.extend_from_slice(&word.to_be_bytes());
        }
        bytes.extend_from_slice(&[0x80, 6, 0, 1, 0, 0, 18, 0]);
        bytes
    }

    #[test]
    fn a_control_request_is_read_with_its_setup() {
        let Command::Submit(request) = read(&mut submit(1, 18, 0).as_slice()).unwrap() else {
            panic!("not a transfer")
        };
        assert_eq!((request.number, request.length, request.setup[1]), (7, 18, 6));
        let mut sent = Vec::new();
        answer(&mut sent, &request, Ok(&[1; 30])).unwrap();
        assert_eq!(sent.len(), 48 + 18);
    }

    #[test]
    fn packets_keep_their_places_and_tell_their_lengths() {
        let mut bytes = submit(1, 2_048, 2);
        for word in [0_u32, 1_024, 0, 0, 1_024, 1_024, 0, 0] {
            bytes.extend_from_slice(&word.to_be_bytes());
        }
        let Command::Submit(request) = read(&mut bytes.as_slice()).unwrap() else {
            panic!("not a transfer")
        };
        assert_eq!(request.packets, [(0, 1_024), (1_024, 1_024)]);
        let mut sent = Vec::new();
        answer_packets(&mut sent, &request, &[vec![9; 5]]).unwrap();
        assert_eq!(sent.len(), 48 + 5 + 32);
        assert_eq!(sent[48 + 5 + 11], 5);
    }

    #[test]
    fn a_request_for_more_than_any_driver_asks_is_refused() {
        assert!(read(&mut submit(0, u32::MAX, 0).as_slice()).is_err());
    }
}
