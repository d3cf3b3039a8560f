//! The header of an npy array: element type, memory order, shape.
//!
//! Reference: NumPy Enhancement Proposal 1, "A simple file format for NumPy arrays". The header is
//! read here rather than by a library because a promise must be weighed against the bytes that
//! are there *before* anything is allocated, and because text arrays carry the names.

use super::place::{Place, shorten};
use crate::{Error, Result};
use std::io::Read;

/// A header is one small Python dictionary; NumPy itself refuses more than 10 000 bytes.
const LONGEST: u32 = 1 << 16;

/// Type of one element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Float32,
    Float64,
    Signed(usize),
    Unsigned(usize),
    Bool,
    /// UTF-32 code units.
    Unicode(usize),
    Bytes(usize),
}

/// What the header promises.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Header {
    /// `None`: the type is not one that can be read here.
    pub kind: Option<Kind>,
    pub big_endian: bool,
    pub fortran: bool,
    pub shape: Vec<usize>,
    /// The type in NumPy's words.
    pub dtype: String,
    /// Bytes of the header, the magic string included.
    pub length: u64,
}

impl Header {
    /// Number of elements, saturating.
    pub(super) fn count(&self) -> u128 {
        self.shape.iter().fold(1, |product: u128, &d| product.saturating_mul(d as u128))
    }

    pub(super) fn is_number(&self) -> bool {
        !matches!(self.kind, None | Some(Kind::Unicode(_) | Kind::Bytes(_)))
    }
}

impl Kind {
    /// Bytes of one element.
    pub(super) fn width(self) -> usize {
        match self {
            Self::Float32 => 4,
            Self::Float64 => 8,
            Self::Bool => 1,
            Self::Signed(width) | Self::Unsigned(width) | Self::Bytes(width) => width,
            Self::Unicode(length) => length.saturating_mul(4),
        }
    }
}

/// Reads magic string, version, length and dictionary.
pub(super) fn read_header(reader: &mut impl Read, place: &Place<'_>) -> Result<Header> {
    let mut magic = [0; 8];
    let got = read_up_to(reader, &mut magic, place)?;
    if got < 6 || &magic[..6] != b"\x93NUMPY" {
        return Err(place.fault(
            "not an npy array (it does not start with the bytes \\x93NUMPY); write it with numpy.save",
        ));
    }
    let width = match magic[6] {
        _ if got < 8 => return Err(cut(place)),
        1 => 2,
        2 | 3 => 4,
        other => {
            return Err(place.fault(format!(
                "npy format version {other} is not known (1, 2 and 3 are); write it with numpy.save"
            )));
        }
    };
    let mut length = [0; 4];
    if read_up_to(reader, &mut length[..width], place)? < width {
        return Err(cut(place));
    }
    let length = u32::from_le_bytes(length);
    if length > LONGEST {
        return Err(place.fault(format!(
            "the npy header claims to be {length} bytes long (at most {LONGEST} make sense); \
             write it with numpy.save"
        )));
    }
    let mut text = vec![0; length as usize];
    if read_up_to(reader, &mut text, place)? < text.len() {
        return Err(cut(place));
    }
    let mut header = Dictionary { text: &text, at: 0 }.header().ok_or_else(|| {
        place.fault(format!(
            "the npy header {} is not understood; write it with numpy.save",
            shorten(&String::from_utf8_lossy(&text))
        ))
    })?;
    header.length = 8 + width as u64 + u64::from(length);
    Ok(header)
}

fn cut(place: &Place<'_>) -> Error {
    place.fault("ends within the npy header; copy or save it again")
}

/// Fills as much of the buffer as there is.
fn read_up_to(reader: &mut impl Read, buffer: &mut [u8], place: &Place<'_>) -> Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(got) => filled += got,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(place.unreadable(&error)),
        }
    }
    Ok(filled)
}

/// The dictionary `{'descr': '<f8', 'fortran_order': False, 'shape': (49, 4, 8), }`.
struct Dictionary<'a> {
    text: &'a [u8],
    at: usize,
}

impl Dictionary<'_> {
    /// `None` for anything that NumPy would not write.
    fn header(&mut self) -> Option<Header> {
        let (mut descr, mut fortran, mut shape) = (None, None, None);
        self.expect(b'{')?;
        while self.peek()? != b'}' {
            let key = self.string()?;
            self.expect(b':')?;
            match key.as_str() {
                "descr" if self.peek()? == b'[' => {
                    // A record type: its inside does not matter, but the rest cannot be found
                    // without parsing it, and no record can be read anyway.
                    return Some(foreign("a record"));
                }
                "descr" => descr = Some(self.string()?),
                "fortran_order" => fortran = Some(self.truth()?),
                "shape" => shape = Some(self.tuple()?),
                _ => return None,
            }
            if self.peek()? == b',' {
                self.at += 1;
            } else if self.peek()? != b'}' {
                return None;
            }
        }
        let (kind, big_endian, dtype) = element(&descr?);
        Some(Header { kind, big_endian, fortran: fortran?, shape: shape?, dtype, length: 0 })
    }

    fn peek(&mut self) -> Option<u8> {
        while self.text.get(self.at)?.is_ascii_whitespace() {
            self.at += 1;
        }
        self.text.get(self.at).copied()
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn string(&mut self) -> Option<String> {
        let quote = self.peek().filter(|q| matches!(q, b'\'' | b'"'))?;
        let rest = self.text.get(self.at + 1..)?;
        let end = rest.iter().position(|&b| b == quote)?;
        self.at += end + 2;
        String::from_utf8(rest[..end].to_vec()).ok()
    }

    fn truth(&mut self) -> Option<bool> {
        self.peek()?;
        let rest = self.text.get(self.at..)?;
        for (word, value) in [("True", true), ("False", false)] {
            if rest.starts_with(word.as_bytes()) {
                self.at += word.len();
                return Some(value);
            }
        }
        None
    }

    fn tuple(&mut self) -> Option<Vec<usize>> {
        let mut items = Vec::new();
        self.expect(b'(')?;
        while self.peek()? != b')' {
            items.push(self.integer()?);
            if self.peek()? == b',' {
                self.at += 1;
            } else if self.peek()? != b')' {
                return None;
            }
        }
        self.at += 1;
        Some(items)
    }

    fn integer(&mut self) -> Option<usize> {
        self.peek()?;
        let rest = self.text.get(self.at..)?;
        let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
        let value = std::str::from_utf8(&rest[..digits]).ok()?.parse().ok()?;
        // Python 2 wrote long integers as 4L.
        self.at += digits + usize::from(rest.get(digits) == Some(&b'L'));
        Some(value)
    }
}

fn foreign(dtype: &str) -> Header {
    Header {
        kind: None,
        big_endian: false,
        fortran: false,
        shape: Vec::new(),
        dtype: dtype.to_owned(),
        length: 0,
    }
}

/// Element type, byte order and NumPy's name of a type descriptor such as `<f8`.
fn element(descr: &str) -> (Option<Kind>, bool, String) {
    let (big_endian, code) = match descr.as_bytes().first() {
        Some(b'>') => (true, &descr[1..]),
        Some(b'<' | b'|' | b'=') => (false, &descr[1..]),
        _ => (false, descr),
    };
    let letter = code.chars().next().unwrap_or(' ');
    let width: Option<usize> = code.get(letter.len_utf8()..).and_then(|w| w.parse().ok());
    let kind = match (letter, width) {
        ('f', Some(4)) => Some(Kind::Float32),
        ('f', Some(8)) => Some(Kind::Float64),
        ('i', Some(width @ (1 | 2 | 4 | 8))) => Some(Kind::Signed(width)),
        ('u', Some(width @ (1 | 2 | 4 | 8))) => Some(Kind::Unsigned(width)),
        ('b', Some(1)) => Some(Kind::Bool),
        ('U', Some(length)) => Some(Kind::Unicode(length)),
        ('S', Some(length)) => Some(Kind::Bytes(length)),
        _ => None,
    };
    let bits = width.map_or_else(String::new, |w| w.saturating_mul(8).to_string());
    let dtype = match letter {
        'f' => format!("float{bits}"),
        'i' => format!("int{bits}"),
        'u' => format!("uint{bits}"),
        'c' => format!("complex{bits}"),
        'b' => "bool".to_owned(),
        'O' => "object".to_owned(),
        'M' => "datetime64".to_owned(),
        'm' => "timedelta64".to_owned(),
        'U' | 'S' => "text".to_owned(),
        _ => shorten(descr),
    };
    (kind, big_endian, dtype)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn parse(dictionary: &str) -> Result<Header> {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((dictionary.len() as u16).to_le_bytes());
        bytes.extend(dictionary.as_bytes());
        read_header(&mut bytes.as_slice(), &Place::file(Path::new("x.npy")))
    }

    #[test]
    fn reads_what_numpy_writes() {
        let text = "{'descr': '>f4', 'fortran_order': True, 'shape': (49, 4, 8), }   \n";
        let header = parse(text).unwrap();
        assert_eq!(header.kind, Some(Kind::Float32));
        assert!(header.big_endian && header.fortran);
        assert_eq!(header.shape, [49, 4, 8]);
        assert_eq!(header.length, 10 + text.len() as u64);
        assert_eq!(header.dtype, "float32");
        let scalar = parse("{'descr': '|b1', 'fortran_order': False, 'shape': ()}").unwrap();
        assert_eq!((scalar.shape, scalar.kind), (Vec::new(), Some(Kind::Bool)));
        let long = parse("{\"shape\": (2L,), 'fortran_order': False, 'descr': '<U7'}").unwrap();
        assert_eq!((long.shape, long.kind), (vec![2], Some(Kind::Unicode(7))));
    }

    #[test]
    fn refuses_what_numpy_does_not_write() {
        for bad in [
            "",
            "{",
            "{'descr': '<f8'}",
            "{'descr': '<f8', 'fortran_order': False, 'shape': (1, -2)}",
            "{'descr': '<f8', 'fortran_order': 0, 'shape': (1,)}",
            "{'descr': '<f8', 'fortran_order': False, 'shape': (1,), 'x': 1}",
            "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999999,)}",
            "((((((((((((((((((((((((((((((((((((((((((((",
        ] {
            let error = parse(bad).unwrap_err().to_string();
            assert!(error.contains("is not understood; write it with numpy.save"), "{error}");
        }
    }

    #[test]
    fn saturates_instead_of_overflowing() {
        let header = parse(
            "{'descr': '<U99999999999', 'fortran_order': False, 'shape': (9999999999999999999, 9999999999999999999, 9999999999999999999)}",
        )
        .unwrap();
        assert_eq!(header.count(), u128::MAX);
    }
}
