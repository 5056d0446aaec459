//! Cuts a part out of a JPEG without decoding it, so that only that part has to be decoded.
//!
//! Every code of the picture is walked, from the first to the last, as in decoding: codes that do not exist, runs
//! beyond a block, data that ends early or goes on too long are all noticed. What is saved is the arithmetic on
//! pixels that nobody looks at. The blocks of the part are copied bit by bit; only where a row of the part
//! begins is the first DC difference of each component written anew.
//!
//! Baseline pictures in one scan only, which is what cameras send. Anything else, and anything that is amiss, has
//! no excerpt: whether such a picture is whole is for the decoder to say.

use std::ops::Range;

use super::bits::{BitReader, BitWriter, PADDING};
use super::huffman::Table;
use super::layout::{Coding, Huffman, Layout, SOI, SOS, segment};
use super::tables::STANDARD_DHT;
use crate::domain::Size;
use crate::vision::image::Region;

const DHT: u8 = 0xC4;
const DRI: u8 = 0xDD;
const ADOBE: u8 = 0xEE;
const DQT: u8 = 0xDB;
const EOI: [u8; 2] = [0xFF, 0xD9];

/// The most components that are understood.
const COMPONENTS: usize = 3;

/// The side of a block in samples.
const BLOCK: u32 = 8;

/// A part of a picture as a JPEG of its own.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Excerpt {
    /// Where it lies in the picture, in pixels; a whole number of coding units but at the picture's edges.
    pub(super) placed: Region,
    /// The part of the picture that decodes to the same pixels as in the whole: without the units at the cut,
    /// whose colours lack their neighbours.
    pub(super) faithful: Region,
}

/// Cuts excerpts; keeps its memory from one to the next, and the tables, which a camera rarely changes.
#[derive(Default)]
pub(in crate::vision::image) struct Cutter {
    tables: Tables,
    /// The entropy-coded data without stuffed bytes.
    plain: Vec<u8>,
    /// Where in it each restart interval begins, in bytes.
    starts: Vec<usize>,
    /// The excerpt.
    pub(super) jpeg: Vec<u8>,
}

impl Cutter {
    /// Cuts out what decodes to at least the `wanted` part, into `self.jpeg`.
    pub(super) fn cut(&mut self, bytes: &[u8], layout: &Layout, wanted: Region) -> Option<Excerpt> {
        if layout.coding != Coding::OneScan {
            return None;
        }
        let Self { tables, plain, starts, jpeg } = self;
        jpeg.clear();
        jpeg.extend(SOI);
        let head = Head::read(bytes, layout, jpeg, tables)?;
        let grid = head.grid(layout.size);
        let (units, excerpt) = grid.around(wanted)?;
        head.announce(bytes, excerpt.placed.size, jpeg)?;
        jpeg.extend(bytes.get(head.scan.clone())?);
        let data = bytes.get(head.scan.end..layout.end.checked_sub(EOI.len())?)?;
        unstuff(data, plain, starts)?;
        Walk::new(head.scan(tables)?, head.interval, plain, starts, BitWriter::new(jpeg))?
            .all(&grid, &units)?;
        jpeg.extend(EOI);
        Some(excerpt)
    }
}

/// A component of the frame header with its tables from the scan header.
#[derive(Debug, Clone, Copy, Default)]
struct Component {
    across: u32,
    down: u32,
    dc: usize,
    ac: usize,
}

/// Huffman tables, and the segments that they were made from.
#[derive(Default)]
struct Tables {
    dc: [Option<Table>; 4],
    ac: [Option<Table>; 4],
    made_from: Vec<u8>,
}

impl Tables {
    /// Makes these the tables of the DHT segments' bodies, if they are not already.
    fn become_those_of(&mut self, bodies: &[&[u8]]) -> Option<()> {
        if !self.made_from.is_empty() && bodies.iter().copied().flatten().eq(&self.made_from) {
            return Some(());
        }
        *self = Self::default();
        bodies.iter().try_for_each(|body| self.add(body))?;
        self.made_from = bodies.concat();
        Some(())
    }

    fn add(&mut self, mut body: &[u8]) -> Option<()> {
        while let Some((head, rest)) = body.split_first_chunk::<17>() {
            let [place, counts @ ..] = head;
            let length = counts.iter().map(|count| usize::from(*count)).sum();
            let (symbols, rest) = rest.split_at_checked(length)?;
            let (tables, table) = match place >> 4 {
                0 => (&mut self.dc, Table::dc(counts, symbols)?),
                1 => (&mut self.ac, Table::ac(counts, symbols)?),
                _ => return None,
            };
            *tables.get_mut(usize::from(place & 15))? = Some(table);
            body = rest;
        }
        body.is_empty().then_some(())
    }
}

/// What stands before the entropy-coded data.
#[derive(Default)]
struct Head {
    /// Where the frame header lies.
    frame: Range<usize>,
    components: [Component; COMPONENTS],
    count: usize,
    /// Units from restart to restart; 0 without any.
    interval: u32,
    /// Where the scan's header lies.
    scan: Range<usize>,
}

impl Head {
    /// Reads the segments up to the scan, and copies those that decoding needs.
    fn read(
        bytes: &[u8],
        layout: &Layout,
        copy: &mut Vec<u8>,
        tables: &mut Tables,
    ) -> Option<Self> {
        let mut head = Self::default();
        // A camera sends one DHT segment or four.
        let (mut bodies, mut count) = ([&[][..]; 8], 0);
        if layout.huffman == Huffman::LeftOut {
            (bodies[0], count) = (&STANDARD_DHT[4..], 1);
            copy.extend(STANDARD_DHT);
        }
        let mut at = SOI.len();
        loop {
            let found = segment(bytes, at).ok()??;
            match found.marker {
                SOS => {
                    tables.become_those_of(bodies.get(..count)?)?;
                    head.scan = found.start..found.end;
                    let frame = bytes.get(head.frame.clone())?;
                    return head.understands(frame, found.body).then_some(head);
                }
                DHT => {
                    *bodies.get_mut(count)? = found.body;
                    count += 1;
                }
                DRI => head.interval = u16::from_be_bytes(found.body.try_into().ok()?).into(),
                0xC0 | 0xC1 => head.frame = found.start..found.end,
                _ => {}
            }
            if matches!(found.marker, DHT | DQT | ADOBE) {
                copy.extend(bytes.get(found.start..found.end)?);
            }
            at = found.end;
        }
    }

    /// Reads the components; tells whether the scan brings all of them, in the frame's order, at full depth.
    fn understands(&mut self, frame: &[u8], scan: &[u8]) -> bool {
        let [_, _, _, _, 8, _, _, _, _, count, listed @ ..] = frame else { return false };
        let (count, (listed, behind)) = (usize::from(*count), listed.as_chunks::<3>());
        let Some((chosen, [0, 63, 0])) = scan.split_last_chunk::<3>() else { return false };
        let [announced, chosen @ ..] = chosen else { return false };
        let (chosen, rest) = chosen.as_chunks::<2>();
        let fits = [listed.len(), chosen.len(), usize::from(*announced)] == [count; 3];
        if !fits || !matches!(count, 1 | COMPONENTS) || !behind.is_empty() || !rest.is_empty() {
            return false;
        }
        for ((slot, listed), chosen) in self.components.iter_mut().zip(listed).zip(chosen) {
            let ([id, sampling, _], [same_id, tables]) = (listed, chosen);
            let (across, down) = (u32::from(sampling >> 4), u32::from(sampling & 15));
            let (dc, ac) = (usize::from(tables >> 4), usize::from(tables & 15));
            *slot = Component { across, down, dc, ac };
            let known = (1..=2).contains(&across) && (1..=2).contains(&down);
            if id != same_id || !known || (count == 1 && across * down != 1) {
                return false;
            }
        }
        self.count = count;
        true
    }

    fn listed(&self) -> &[Component] {
        self.components.get(..self.count).unwrap_or_default()
    }

    /// How the picture is divided into coding units.
    fn grid(&self, size: Size) -> Grid {
        let most = |side: fn(&Component) -> u32| self.listed().iter().map(side).max().unwrap_or(1);
        let unit = Size::new(BLOCK * most(|c| c.across), BLOCK * most(|c| c.down));
        Grid { size, unit }
    }

    /// Writes the frame header for another size.
    fn announce(&self, bytes: &[u8], size: Size, jpeg: &mut Vec<u8>) -> Option<()> {
        let start = jpeg.len();
        jpeg.extend(bytes.get(self.frame.clone())?);
        let side = |length: u32| (length as u16).to_be_bytes();
        let sides = jpeg.get_mut(start + 5..start + 9)?;
        sides[..2].copy_from_slice(&side(size.height));
        sides[2..].copy_from_slice(&side(size.width));
        Some(())
    }

    /// The components with their tables, in the order of the scan.
    fn scan<'a>(&self, tables: &'a Tables) -> Option<Vec<Coded<'a>>> {
        let coded = |c: &Component| {
            let (dc, ac) = (tables.dc.get(c.dc)?.as_ref()?, tables.ac.get(c.ac)?.as_ref()?);
            Some(Coded { blocks: c.across * c.down, dc, ac })
        };
        self.listed().iter().map(coded).collect()
    }
}

/// A picture divided into coding units.
#[derive(Debug, Clone, Copy)]
struct Grid {
    size: Size,
    unit: Size,
}

/// The units of an excerpt.
#[derive(Debug)]
struct Units {
    rows: Range<u32>,
    columns: Range<u32>,
}

impl Grid {
    fn columns(&self) -> u32 {
        self.size.width.div_ceil(self.unit.width)
    }

    fn rows(&self) -> u32 {
        self.size.height.div_ceil(self.unit.height)
    }

    /// The units that a faithful copy of `wanted` needs: one more on each side where there is one.
    fn around(&self, wanted: Region) -> Option<(Units, Excerpt)> {
        let span = |from: u32, length: u32, unit: u32, count: u32, side: u32| {
            let to = from.checked_add(length).filter(|to| length > 0 && *to <= side)?;
            let inner = from / unit..to.div_ceil(unit);
            let outer = inner.start.saturating_sub(1)..(inner.end + 1).min(count);
            let pixels = |units: &Range<u32>| units.start * unit..(units.end * unit).min(side);
            Some((pixels(&inner), pixels(&outer), outer))
        };
        let (width, height) = (self.size.width, self.size.height);
        let across = span(wanted.x, wanted.size.width, self.unit.width, self.columns(), width)?;
        let down = span(wanted.y, wanted.size.height, self.unit.height, self.rows(), height)?;
        let region = |x: &Range<u32>, y: &Range<u32>| Region {
            x: x.start,
            y: y.start,
            size: Size::new(x.end - x.start, y.end - y.start),
        };
        let excerpt =
            Excerpt { placed: region(&across.1, &down.1), faithful: region(&across.0, &down.0) };
        Some((Units { rows: down.2, columns: across.2 }, excerpt))
    }
}

/// Copies entropy-coded data without its stuffed bytes and restart markers, and notes where each interval
/// begins; `None` for restart markers out of order.
fn unstuff(mut data: &[u8], plain: &mut Vec<u8>, starts: &mut Vec<usize>) -> Option<()> {
    plain.clear();
    plain.reserve(data.len() + PADDING);
    starts.clear();
    starts.push(0);
    while let Some(at) = data.iter().position(|byte| *byte == 0xFF) {
        match data.get(at + 1)? {
            0 => {
                plain.extend(&data[..=at]);
                data = &data[at + 2..];
            }
            restart @ 0xD0..=0xD7 => {
                if usize::from(restart - 0xD0) != (starts.len() - 1) % 8 {
                    return None;
                }
                plain.extend(&data[..at]);
                starts.push(plain.len());
                data = &data[at + 2..];
            }
            _ => return None,
        }
    }
    plain.extend(data);
    starts.push(plain.len());
    plain.extend([0; PADDING]);
    Some(())
}

/// A component with its tables.
struct Coded<'a> {
    blocks: u32,
    dc: &'a Table,
    ac: &'a Table,
}

/// The walk over all units.
struct Walk<'a> {
    scan: Vec<Coded<'a>>,
    /// Units from restart to restart; 0 without any.
    interval: u32,
    plain: &'a [u8],
    /// Where the restart intervals that are still to come begin, and the last one's end.
    starts: std::slice::Iter<'a, usize>,
    /// Where the interval ends that is walked.
    end: usize,
    reader: BitReader<'a>,
    writer: BitWriter<'a>,
    /// The DC value of each component at this place of the picture.
    read: [i32; COMPONENTS],
    /// The DC value of each component that the excerpt's next difference counts from.
    written: [i32; COMPONENTS],
    /// Since which bit everything belongs into the excerpt as it is.
    run: Option<usize>,
}

impl<'a> Walk<'a> {
    fn new(
        scan: Vec<Coded<'a>>,
        interval: u32,
        plain: &'a [u8],
        starts: &'a [usize],
        writer: BitWriter<'a>,
    ) -> Option<Self> {
        let mut starts = starts.iter();
        let first = *starts.next()?;
        let end = *starts.next()?;
        let reader = BitReader::at(first, plain);
        let (read, written) = ([0; COMPONENTS], [0; COMPONENTS]);
        Some(Self { scan, interval, plain, starts, end, reader, writer, read, written, run: None })
    }

    /// Walks the whole picture, which must fill the data, and writes the excerpt's units.
    fn all(mut self, grid: &Grid, units: &Units) -> Option<()> {
        let mut until_restart = self.interval;
        for row in 0..grid.rows() {
            let inside = units.rows.contains(&row);
            for column in 0..grid.columns() {
                if self.interval > 0 && until_restart == 0 {
                    self.restart()?;
                    until_restart = self.interval;
                }
                until_restart = until_restart.wrapping_sub(1);
                if !inside || !units.columns.contains(&column) {
                    self.close_run();
                    self.pass()?;
                } else if self.run.is_some() {
                    self.pass()?;
                } else if self.read == self.written {
                    self.run = Some(self.reader.position());
                    self.pass()?;
                } else {
                    self.rewrite()?;
                }
            }
            // Beyond the end there are only zeros, which must not pass for codes.
            (self.reader.position() <= 8 * self.end).then_some(())?;
        }
        self.close_run();
        self.close_interval()?;
        self.starts.next().is_none().then(|| self.writer.finish())
    }

    /// Passes over one unit.
    fn pass(&mut self) -> Option<()> {
        let mut bits = self.reader;
        for (coded, value) in self.scan.iter().zip(&mut self.read) {
            for _ in 0..coded.blocks {
                *value += coded.dc.read_difference(&mut bits)?;
                coded.ac.pass_coefficients(&mut bits)?;
            }
        }
        self.reader = bits;
        Some(())
    }

    /// Writes one unit such that it follows what was written last.
    fn rewrite(&mut self) -> Option<()> {
        for ((coded, value), written) in self.scan.iter().zip(&mut self.read).zip(self.written) {
            let mut from = self.reader.position();
            for block in 0..coded.blocks {
                *value += coded.dc.read_difference(&mut self.reader)?;
                if block == 0 {
                    coded.dc.write_difference(&mut self.writer, *value - written)?;
                    from = self.reader.position();
                }
                coded.ac.pass_coefficients(&mut self.reader)?;
            }
            self.writer.copy(self.plain, from, self.reader.position());
        }
        self.written = self.read;
        Some(())
    }

    /// Copies what was passed since the run began.
    fn close_run(&mut self) {
        if let Some(from) = self.run.take() {
            self.writer.copy(self.plain, from, self.reader.position());
            self.written = self.read;
        }
    }

    /// Goes on behind a restart marker, where all differences count from zero.
    fn restart(&mut self) -> Option<()> {
        self.close_run();
        self.close_interval()?;
        self.reader = BitReader::at(self.end, self.plain);
        self.end = *self.starts.next()?;
        self.read = [0; COMPONENTS];
        Some(())
    }

    /// Tells whether the interval was read to its end, but for the bits that fill its last byte.
    fn close_interval(&self) -> Option<()> {
        let left = (8 * self.end).checked_sub(self.reader.position())?;
        (left < 8).then_some(())
    }
}
