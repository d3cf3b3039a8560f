//! The text of a table: packed or not, in whatever encoding and with whatever separator.

use super::place::Place;
use crate::Result;
use csv::{Reader, ReaderBuilder, StringRecord, Trim};
use flate2::read::MultiGzDecoder;
use std::io::{Chain, Cursor, ErrorKind, Read};

/// Bytes that are looked at before the reading begins; the first line has to be in them.
const LOOK: u64 = 1 << 16;

/// Deflate cannot shrink anything by more than this factor (RFC 1951: 258 bytes in two bits).
pub(super) const MOST_DEFLATED: u64 = 1032;

/// Separators in the order in which they are tried.
const SEPARATORS: [u8; 5] = *b",;\t| ";

/// A table's text as UTF-8, with its beginning in memory.
pub(super) struct Text<'a> {
    start: Vec<u8>,
    rest: Box<dyn Read + 'a>,
    /// The separator that the file itself tells, in a first line `sep=;`.
    told: Option<u8>,
}

/// What reads the records of a table.
pub(super) type Records<'a> = Reader<Chain<Cursor<Vec<u8>>, Box<dyn Read + 'a>>>;

impl<'a> Text<'a> {
    /// Looks at the beginning of `length` bytes, and unpacks and decodes what follows.
    pub(super) fn open(reader: impl Read + 'a, length: u64, place: &Place<'_>) -> Result<Self> {
        let (start, rest) = look(Box::new(reader), place)?;
        if !start.starts_with(&[0x1f, 0x8b]) {
            return Self::decode(start, rest, place);
        }
        // No packed file holds more than this, so nothing is cut off.
        let limit = length.saturating_mul(MOST_DEFLATED);
        let unpacked = MultiGzDecoder::new(Cursor::new(start).chain(rest)).take(limit);
        let (start, rest) = look(Box::new(unpacked), place)?;
        Self::decode(start, rest, place)
    }

    fn decode(mut start: Vec<u8>, mut rest: Box<dyn Read + 'a>, place: &Place<'_>) -> Result<Self> {
        if let Some(what) = foreign(&start) {
            return Err(place.fault(format!("is {what}; save the table as csv text")));
        }
        if let Some(big_endian) = utf16(&start) {
            rest.read_to_end(&mut start).map_err(|error| place.unreadable(&error))?;
            start = from_utf16(&start, big_endian, place)?.into_bytes();
            rest = Box::new(std::io::empty());
        }
        if start.starts_with(b"\xef\xbb\xbf") {
            start.drain(..3);
        }
        let told = told_separator(&start);
        if told.is_some() {
            // An empty line is passed over, and the lines keep their numbers.
            start.drain(..5);
        }
        Ok(Self { start, rest, told })
    }

    /// The separator that makes of the first line something that is wanted; comma where none does.
    pub(super) fn separator(&self, wanted: impl Fn(&StringRecord) -> bool) -> u8 {
        let fits = |separator: &u8| self.first(*separator).is_some_and(|record| wanted(&record));
        self.told.or_else(|| SEPARATORS.into_iter().find(fits)).unwrap_or(b',')
    }

    /// The first of these separators that splits the first line; comma where none does.
    pub(super) fn splitting(&self, candidates: &[u8]) -> u8 {
        let splits = |s: &u8| self.first(*s).is_some_and(|record| record.len() > 1);
        self.told.or_else(|| candidates.iter().copied().find(splits)).unwrap_or(b',')
    }

    /// The first record with this separator.
    pub(super) fn first(&self, separator: u8) -> Option<StringRecord> {
        let mut record = StringRecord::new();
        let found = builder(separator)
            .has_headers(false)
            .from_reader(self.start.as_slice())
            .read_record(&mut record);
        matches!(found, Ok(true)).then_some(record)
    }

    /// The records; the first is the header or not, and all may have different lengths or not.
    pub(super) fn records(self, separator: u8, has_header: bool, flexible: bool) -> Records<'a> {
        builder(separator)
            .has_headers(has_header)
            .flexible(flexible)
            .from_reader(Cursor::new(self.start).chain(self.rest))
    }
}

fn builder(separator: u8) -> ReaderBuilder {
    let mut builder = ReaderBuilder::new();
    builder.trim(Trim::All).delimiter(separator);
    builder
}

/// The beginning of a stream, and the rest of it.
fn look<'a>(
    mut reader: Box<dyn Read + 'a>,
    place: &Place<'_>,
) -> Result<(Vec<u8>, Box<dyn Read + 'a>)> {
    let mut start = Vec::new();
    match reader.by_ref().take(LOOK).read_to_end(&mut start) {
        Ok(_) => Ok((start, reader)),
        Err(error) if error.kind() == ErrorKind::InvalidInput => {
            Err(place.fault("is packed with gzip, but damaged; pack or copy it again"))
        }
        Err(error) => Err(place.unreadable(&error)),
    }
}

/// Files that are no text, by their first bytes.
fn foreign(start: &[u8]) -> Option<&'static str> {
    let kinds: [(&[u8], &str); 8] = [
        (b"PK\x03\x04", "a zip archive (an Excel workbook, or npz)"),
        (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
        (b"\x93NUMPY", "an npy array with another extension"),
        (b"BZh", "packed with bzip2"),
        (b"\xfd7zXZ", "packed with xz"),
        (b"\x28\xb5\x2f\xfd", "packed with zstd"),
        (b"PAR1", "a Parquet file"),
        (b"\x89HDF", "an HDF5 file"),
    ];
    if start.starts_with(b"\xff\xfe\0\0") || start.starts_with(b"\0\0\xfe\xff") {
        return Some("text in the encoding UTF-32");
    }
    kinds.into_iter().find(|(magic, _)| start.starts_with(magic)).map(|(_, what)| what)
}

/// Is this UTF-16, and with the high byte first? By its mark, or by the zeros in ASCII text.
fn utf16(start: &[u8]) -> Option<bool> {
    match start {
        [0xff, 0xfe, ..] => Some(false),
        [0xfe, 0xff, ..] => Some(true),
        [a, 0, b, 0, ..] if *a != 0 && *b != 0 => Some(false),
        [0, a, 0, b, ..] if *a != 0 && *b != 0 => Some(true),
        _ => None,
    }
}

fn from_utf16(bytes: &[u8], big_endian: bool, place: &Place<'_>) -> Result<String> {
    let (pairs, odd) = bytes.as_chunks::<2>();
    let read = |&pair| if big_endian { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) };
    let units = pairs.iter().map(read);
    let text: std::result::Result<String, _> = char::decode_utf16(units).collect();
    match text {
        Ok(text) if odd.is_empty() => Ok(text.trim_start_matches('\u{feff}').to_owned()),
        _ => Err(place.fault("looks like UTF-16 text, but is damaged; save it as UTF-8")),
    }
}

/// The separator of a first line `sep=;`, which spreadsheets write.
fn told_separator(start: &[u8]) -> Option<u8> {
    match start {
        [b's', b'e', b'p', b'=', separator, b'\r' | b'\n', ..] => {
            Some(*separator).filter(|s| SEPARATORS.contains(s))
        }
        _ => None,
    }
}
