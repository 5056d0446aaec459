//! Huffman tables as a walk over entropy-coded data needs them (ITU T.81, annexes C and F).

use super::bits::{BitReader, BitWriter};

/// Codes of up to so many bits are found with one look; longer ones are rare.
const LOOK: u32 = 11;

/// The zigzag place that an end-of-block code leads to: beyond every place that a run can reach.
const END: u32 = 128;

/// Places in a block.
const PLACES: u32 = 64;

/// The largest category of a DC difference with 8-bit samples.
const MAX_DC_CATEGORY: u8 = 11;

/// What the next bits mean; all zero for a code longer than [`LOOK`].
#[derive(Debug, Clone, Copy, Default)]
struct Step {
    /// Bits of the code.
    code: u8,
    /// Bits of the code and of the value behind it.
    whole: u8,
    /// By how many zigzag places an AC code moves on, or [`END`].
    places: u8,
}

impl Step {
    /// The meaning of a DC symbol: the category of a difference.
    const fn dc(symbol: u8, code: u8) -> Self {
        Self { code, whole: code + symbol, places: 0 }
    }

    /// The meaning of an AC symbol: a run of zeros and the size of the value that ends it.
    const fn ac(symbol: u8, code: u8) -> Self {
        let (run, size) = (symbol >> 4, symbol & 15);
        let places = match (run, size) {
            (15, 0) => 16,
            (_, 0) => END as u8,
            _ => run + 1,
        };
        Self { code, whole: code + size, places }
    }
}

/// Several AC codes that are known from one look; no bits at all where there are not even two.
#[derive(Debug, Clone, Copy, Default)]
struct Stride {
    /// Bits of all of them with their values.
    bits: u8,
    /// Places that all but the last move on; they must not fill the block.
    sure: u8,
    /// Places that all move on.
    places: u8,
}

/// One Huffman table.
pub(super) struct Table {
    steps: Box<[Step; 1 << LOOK]>,
    /// For AC tables.
    strides: Box<[Stride]>,
    /// For each length: the first number, filled up to 16 bits, that is beyond its codes.
    beyond: [u32; 17],
    /// For each length: what is added to a code to find its symbol.
    offset: [i32; 17],
    symbols: [u8; 256],
    meaning: fn(u8, u8) -> Step,
    /// For each symbol below 16: its code and the code's length, 0 if there is none.
    codes: [(u16, u8); 16],
}

impl Table {
    /// A table of DC codes from the 16 counts and the symbols of its DHT segment.
    pub(super) fn dc(counts: &[u8; 16], symbols: &[u8]) -> Option<Self> {
        symbols.iter().all(|category| *category <= MAX_DC_CATEGORY).then_some(())?;
        Self::new(counts, symbols, Step::dc)
    }

    /// A table of AC codes.
    pub(super) fn ac(counts: &[u8; 16], symbols: &[u8]) -> Option<Self> {
        let mut table = Self::new(counts, symbols, Step::ac)?;
        table.strides = (0..1 << LOOK).map(|ahead| table.stride(ahead)).collect();
        Some(table)
    }

    /// `None` when the counts leave no room for a code or do not fit the symbols.
    fn new(counts: &[u8; 16], listed: &[u8], meaning: fn(u8, u8) -> Step) -> Option<Self> {
        let mut symbols = [0; 256];
        symbols.get_mut(..listed.len())?.copy_from_slice(listed);
        let mut table = Self {
            steps: Box::new([Step::default(); 1 << LOOK]),
            strides: Box::default(),
            beyond: [0; 17],
            offset: [0; 17],
            symbols,
            meaning,
            codes: [(0, 0); 16],
        };
        let (mut code, mut index) = (0_u32, 0_usize);
        for (length, count) in (1_u32..).zip(counts) {
            table.offset[length as usize] = index as i32 - code as i32;
            for symbol in listed.get(index..index + usize::from(*count))? {
                table.enter(*symbol, code, length);
                code += 1;
            }
            // The code of nothing but ones stays free.
            if code >= 1 << length {
                return None;
            }
            index += usize::from(*count);
            table.beyond[length as usize] = code << (16 - length);
            code <<= 1;
        }
        (index == listed.len()).then_some(table)
    }

    fn enter(&mut self, symbol: u8, code: u32, length: u32) {
        if let Some(known) = self.codes.get_mut(usize::from(symbol)) {
            *known = (code as u16, length as u8);
        }
        if length <= LOOK {
            let step = (self.meaning)(symbol, length as u8);
            let first = (code as usize) << (LOOK - length);
            if let Some(steps) = self.steps.get_mut(first..first + (1 << (LOOK - length))) {
                steps.fill(step);
            }
        }
    }

    /// The codes that [`LOOK`] bits hold one behind the other.
    fn stride(&self, ahead: usize) -> Stride {
        let mut stride = Stride::default();
        let (mut bits, mut places, mut codes) = (0_u32, 0_u32, 0);
        while bits < LOOK {
            let window = (ahead << bits) & ((1 << LOOK) - 1);
            let step = self.steps[window];
            // What was shifted in is not known: a code that needs it does not count.
            if step.code == 0 || bits + u32::from(step.code) > LOOK {
                break;
            }
            let sure = places;
            (bits, places, codes) =
                (bits + u32::from(step.whole), places + u32::from(step.places), codes + 1);
            if sure >= PLACES {
                break;
            }
            stride = Stride { bits: bits as u8, sure: sure as u8, places: places as u8 };
            if u32::from(step.places) == END {
                break;
            }
        }
        if codes > 1 { stride } else { Stride::default() }
    }

    /// Finds what comes next without taking it; `None` if the bits are no code.
    #[inline(always)]
    fn step(&self, bits: &mut BitReader<'_>) -> Option<Step> {
        bits.fetch();
        let step = self.steps[bits.peek(LOOK) & ((1 << LOOK) - 1)];
        if step.code == 0 { self.long_step(bits) } else { Some(step) }
    }

    #[cold]
    fn long_step(&self, bits: &BitReader<'_>) -> Option<Step> {
        let ahead = bits.peek(16) as u32;
        let length = (LOOK + 1..=16).find(|length| ahead < self.beyond[*length as usize])?;
        let index = (ahead >> (16 - length)) as i32 + self.offset[length as usize];
        let symbol = self.symbols.get(usize::try_from(index).ok()?)?;
        Some((self.meaning)(*symbol, length as u8))
    }

    /// Reads a DC difference; `None` if the bits are no code.
    #[inline(always)]
    pub(super) fn read_difference(&self, bits: &mut BitReader<'_>) -> Option<i32> {
        let step = self.step(bits)?;
        let category = u32::from(step.whole - step.code);
        bits.take(step.code.into());
        if category == 0 {
            return Some(0);
        }
        let value = bits.peek(category) as i32;
        bits.take(category);
        // Values with a leading zero are negative (F.2.2.1).
        Some(if value >> (category - 1) == 0 { value - (1 << category) + 1 } else { value })
    }

    /// Passes over the AC coefficients of a block; `None` if the bits are no code or do not fit a block.
    #[inline(always)]
    pub(super) fn pass_coefficients(&self, bits: &mut BitReader<'_>) -> Option<()> {
        let mut place = 1;
        while place < PLACES {
            bits.fetch();
            let stride = self.strides.get(bits.peek(LOOK))?;
            if stride.bits > 0 && place + u32::from(stride.sure) < PLACES {
                bits.take(stride.bits.into());
                place += u32::from(stride.places);
            } else {
                let step = self.step(bits)?;
                bits.take(step.whole.into());
                place += u32::from(step.places);
            }
        }
        (place == PLACES || place > END).then_some(())
    }

    /// Writes a DC difference; `None` if the table has no code for one of its size.
    pub(super) fn write_difference(&self, out: &mut BitWriter<'_>, difference: i32) -> Option<()> {
        let category = i32::BITS - difference.unsigned_abs().leading_zeros();
        let (code, length) = *self.codes.get(category as usize)?;
        if length == 0 {
            return None;
        }
        out.put(code.into(), length.into());
        let value = if difference < 0 { difference - 1 } else { difference };
        out.put(value as u32, category);
        Some(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;
    use crate::vision::image::jpeg::bits::PADDING;

    /// The luminance DC table of ITU T.81, K.3.1.
    const COUNTS: [u8; 16] = [0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0];
    const CATEGORIES: [u8; 12] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];

    #[test]
    fn a_difference_is_read_as_it_was_written() {
        let table = Table::dc(&COUNTS, &CATEGORIES).unwrap();
        let differences = [0, 1, -1, 2, -3, 7, -8, 100, -155, 300, -700, 5];
        let mut data = Vec::new();
        let mut writer = BitWriter::new(&mut data);
        for difference in differences {
            table.write_difference(&mut writer, difference).unwrap();
        }
        writer.finish();
        assert!(!data.contains(&0xFF), "nothing is stuffed here");
        data.extend([0; PADDING]);
        let mut bits = BitReader::at(0, &data);
        for difference in differences {
            assert_eq!(table.read_difference(&mut bits), Some(difference));
        }
    }

    #[test]
    fn a_table_that_leaves_no_room_or_lists_too_few_symbols_is_none() {
        let full: [u8; 16] = std::array::from_fn(|i| if i == 0 { 2 } else { 0 });
        assert!(Table::ac(&full, &[1, 2]).is_none());
        assert!(Table::dc(&COUNTS, &CATEGORIES[..11]).is_none());
        assert!(Table::dc(&COUNTS, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12]).is_none());
    }

    #[test]
    fn a_run_beyond_the_block_and_bits_that_are_no_code_are_none() {
        // One code each of one to three bits: end of block, a run of 15 and a value, fifteen zeros.
        let counts: [u8; 16] = std::array::from_fn(|i| u8::from(i < 3));
        let table = Table::ac(&counts, &[0x00, 0xF1, 0xF0]).unwrap();
        let walk = |bytes: [u8; 3]| {
            let mut padded = bytes.to_vec();
            padded.extend([0; PADDING]);
            table.pass_coefficients(&mut BitReader::at(0, &padded))
        };
        assert_eq!(walk([0b0000_0000, 0, 0]), Some(()));
        assert_eq!(walk([0b1001_0010, 0b0000_0000, 0]), Some(()), "three runs and an end");
        assert_eq!(walk([0b1001_0010, 0b0100_1000, 0]), None, "more runs than a block holds");
        assert_eq!(walk([0xFF; 3]), None);
    }
}
