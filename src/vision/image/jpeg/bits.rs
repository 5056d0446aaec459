//! Reads and writes single bits of entropy-coded data.

/// The reader may look so many bytes beyond the last one: the data is followed by as many zeros.
pub(super) const PADDING: usize = 8;

/// Reads the bits of data without stuffed bytes, the highest first.
#[derive(Clone, Copy)]
pub(super) struct BitReader<'a> {
    padded: &'a [u8],
    /// The byte that is fetched next.
    next: usize,
    /// What was fetched and not yet taken, from the highest bit down.
    ahead: u64,
    /// How many bits of it count.
    count: u32,
}

impl<'a> BitReader<'a> {
    /// A reader of data that [`PADDING`] zeros follow, from this byte on.
    pub(super) const fn at(byte: usize, padded: &'a [u8]) -> Self {
        Self { padded, next: byte, ahead: 0, count: 0 }
    }

    /// Makes sure that 56 bits lie ahead; beyond the end they are zeros.
    #[inline(always)]
    pub(super) fn fetch(&mut self) {
        if self.count < 32 {
            let word = word(self.padded, self.next);
            self.ahead |= word >> self.count;
            let bytes = (63 - self.count) >> 3;
            self.next += bytes as usize;
            self.count += 8 * bytes;
        }
    }

    /// The next bits; at most 32 right after a [`fetch`](Self::fetch).
    #[inline(always)]
    pub(super) const fn peek(&self, bits: u32) -> usize {
        (self.ahead >> (64 - bits)) as usize
    }

    /// Takes bits that [`fetch`](Self::fetch) made sure of.
    #[inline(always)]
    pub(super) fn take(&mut self, bits: u32) {
        self.ahead <<= bits;
        self.count = self.count.saturating_sub(bits);
    }

    /// How many bits were taken.
    pub(super) const fn position(&self) -> usize {
        8 * self.next - self.count as usize
    }
}

/// The eight bytes from this one on; zeros beyond the end.
#[inline(always)]
fn word(padded: &[u8], at: usize) -> u64 {
    let bytes = padded.get(at..).and_then(<[u8]>::first_chunk);
    bytes.map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

/// Writes entropy-coded data: bits, with a zero byte stuffed behind each byte of ones.
pub(super) struct BitWriter<'a> {
    out: &'a mut Vec<u8>,
    pending: u64,
    count: u32,
}

impl<'a> BitWriter<'a> {
    /// A writer that appends.
    pub(super) const fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, pending: 0, count: 0 }
    }

    /// Appends the lowest `bits` of `value`; at most 32.
    pub(super) fn put(&mut self, value: u32, bits: u32) {
        let value = u64::from(value) & ((1 << bits) - 1);
        self.pending = (self.pending << bits) | value;
        self.count += bits;
        while self.count >= 8 {
            self.count -= 8;
            let byte = (self.pending >> self.count) as u8;
            self.out.push(byte);
            if byte == 0xFF {
                self.out.push(0);
            }
        }
    }

    /// Appends the bits from `from` up to `to` of data that [`PADDING`] zeros follow.
    pub(super) fn copy(&mut self, padded: &[u8], from: usize, to: usize) {
        let mut at = from;
        while at < to {
            let bits = (to - at).min(32) as u32;
            let word = word(padded, at / 8) << (at % 8);
            self.put((word >> (64 - bits)) as u32, bits);
            at += bits as usize;
        }
    }

    /// Fills the last byte with ones, as ITU T.81, F.1.2.3 asks.
    pub(super) fn finish(mut self) {
        let open = (8 - self.count % 8) % 8;
        self.put(u32::MAX, open);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_copied_from_any_place_to_any_place_stay_the_same() {
        let data: Vec<u8> = (0..40_u8).map(|i| i.wrapping_mul(83)).chain([0; PADDING]).collect();
        let bit = |bytes: &[u8], at: usize| bytes[at / 8] >> (7 - at % 8) & 1;
        for from in 0..70 {
            for length in [0, 1, 31, 32, 33, 100] {
                let mut out = Vec::new();
                let mut writer = BitWriter::new(&mut out);
                writer.put(0b101, 3);
                writer.copy(&data, from, from + length);
                writer.finish();
                let plain: Vec<u8> = unstuffed(&out);
                assert_eq!(plain[0] >> 5, 0b101);
                for at in 0..length {
                    assert_eq!(bit(&plain, 3 + at), bit(&data, from + at), "{from} {length} {at}");
                }
            }
        }
    }

    fn unstuffed(bytes: &[u8]) -> Vec<u8> {
        let stuffed = |at: usize| at > 0 && bytes[at] == 0 && bytes[at - 1] == 0xFF;
        (0..bytes.len()).filter(|at| !stuffed(*at)).map(|at| bytes[at]).collect()
    }

    #[test]
    fn a_reader_knows_its_place_and_reads_zeros_beyond_the_end() {
        let data = [0xA5, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0];
        let mut reader = BitReader::at(0, &data);
        reader.fetch();
        assert_eq!(reader.peek(4), 0xA);
        reader.take(4);
        assert_eq!((reader.peek(8), reader.position()), (0x5F, 4));
        for _ in 0..100 {
            reader.fetch();
            reader.take(31);
        }
        assert_eq!((reader.peek(8), reader.position()), (0, 3104));
    }
}
