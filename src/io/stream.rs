//! npy files larger than memory, in blocks.

use super::header::{Kind, read_header};
use super::npy;
use super::place::{Place, tuple};
use crate::data::BlockReader;
use crate::linalg::require_finite;
use crate::{Error, Result, text};
use ndarray::ArrayView3;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Doubles in one block: 16 MiB.
const BLOCK_DOUBLES: usize = 1 << 21;

/// One npy file (n, p, q), or all npy files of a folder in the order of their names, one after
/// the other.
#[derive(Debug, Clone)]
pub struct NpyBlocks {
    path: PathBuf,
    parts: Vec<Part>,
    dim: (usize, usize, usize),
}

#[derive(Debug, Clone)]
struct Part {
    path: PathBuf,
    kind: Kind,
    big_endian: bool,
    offset: u64,
    n: usize,
}

impl NpyBlocks {
    /// Looks at the headers; the numbers are read when they are asked for.
    ///
    /// # Errors
    /// [`Error::File`] when something cannot be read, is not a row-major array (n, p, q), or when
    /// the files of a folder have matrices of different shapes.
    pub fn open(path: &Path) -> Result<Self> {
        let mut paths = vec![path.to_owned()];
        if path.is_dir() {
            paths = std::fs::read_dir(path)
                .and_then(|entries| entries.map(|e| e.map(|e| e.path())).collect())
                .map_err(|error: std::io::Error| Error::file(path, error))?;
            paths.retain(|p| p.extension().is_some_and(|e| e == "npy"));
            paths.sort();
        }
        let mut parts = Vec::new();
        let mut shape = None;
        for file in paths {
            let (part, p, q) = Part::open(file)?;
            let (first_p, first_q) = *shape.get_or_insert((p, q));
            if (p, q) != (first_p, first_q) {
                let reason = format!(
                    "holds {p} × {q} matrices, but the files before it {first_p} × {first_q}; keep \
                     only files of one shape in the folder"
                );
                return Err(Error::file(part.path, reason));
            }
            parts.push(part);
        }
        let Some((p, q)) = shape else {
            return Err(Error::file(path, "holds no .npy file; put the parts there"));
        };
        let n = parts.iter().map(|part| part.n).sum();
        Ok(Self { path: path.to_owned(), parts, dim: (n, p, q) })
    }
}

impl Part {
    fn open(path: PathBuf) -> Result<(Self, usize, usize)> {
        let place = Place::file(&path);
        let is_pipe = path.metadata().is_ok_and(|meta| !meta.is_file());
        if is_pipe || path == Path::new("-") {
            return Err(place.fault(
                "is not a regular file, and cannot be read again and again; save the data in a file",
            ));
        }
        let mut file = File::open(&path).map_err(|error| super::absent(&path, &error))?;
        let length = file.metadata().map_err(|error| place.unreadable(&error))?.len();
        let header = read_header(&mut file, &place)?;
        let kind = npy::numeric(&header, &place)?;
        npy::require_promise(&header, kind, length, &place)?;
        let [n, p, q] = header.shape[..] else {
            let reason = format!("has shape {}, but (n, p, q) is needed", tuple(&header.shape));
            return Err(place.fault(reason));
        };
        if n == 0 || p == 0 || q == 0 {
            return Err(
                place.fault(format!("has shape {} with an empty axis", tuple(&header.shape)))
            );
        }
        if header.fortran {
            return Err(place.fault(
                "is in column-major order and cannot be read in blocks of samples; save it with \
                 numpy.ascontiguousarray(x)",
            ));
        }
        let (big_endian, offset) = (header.big_endian, header.length);
        Ok((Self { kind, big_endian, offset, n, path }, p, q))
    }

    fn read(
        &self,
        (p, q): (usize, usize),
        (bytes, values): (&mut Vec<u8>, &mut Vec<f64>),
        visit: &mut dyn FnMut(ArrayView3<'_, f64>) -> Result<()>,
    ) -> Result<()> {
        let place = Place::file(&self.path);
        let mut file = File::open(&self.path).map_err(|error| super::absent(&self.path, &error))?;
        file.seek(SeekFrom::Start(self.offset)).map_err(|error| place.unreadable(&error))?;
        let block = (BLOCK_DOUBLES / (p * q)).max(1);
        let mut at = 0;
        while at < self.n {
            let m = block.min(self.n - at);
            bytes.resize(m * p * q * self.kind.width(), 0);
            file.read_exact(bytes).map_err(|error| place.unreadable(&error))?;
            values.clear();
            npy::decode(bytes, self.kind, self.big_endian, values);
            let view = ArrayView3::from_shape((m, p, q), values)
                .map_err(|_| place.fault("is cut short; copy or save it again"))?;
            let what = format!("the block of {} from sample {at} on", text::path(&self.path));
            require_finite(&what, &view)?;
            visit(view)?;
            at += m;
        }
        Ok(())
    }
}

impl BlockReader for NpyBlocks {
    fn dim(&self) -> (usize, usize, usize) {
        self.dim
    }

    fn name(&self) -> String {
        text::path(&self.path)
    }

    fn read(&self, visit: &mut dyn FnMut(ArrayView3<'_, f64>) -> Result<()>) -> Result<()> {
        let (mut bytes, mut values) = (Vec::new(), Vec::new());
        let (_, p, q) = self.dim;
        self.parts.iter().try_for_each(|part| part.read((p, q), (&mut bytes, &mut values), visit))
    }
}
