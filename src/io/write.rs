//! Writers: a file is written whole or not at all.

use super::place::Place;
use crate::data::Sample;
use crate::{Error, Result};
use ndarray::{ArrayBase, ArrayViewD, Data, Dimension};
use ndarray_npy::WriteNpyExt;
use std::fs::File;
use std::io::{self, BufWriter, Seek, Write};
use std::path::{Path, PathBuf};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// Writes a file whole or not at all.
///
/// The bytes go to a temporary file in the same folder, which is flushed to the disk and then
/// takes the name of `path` in one step; on an error, or when the process dies, a file that was
/// there stays as it was. A path that exists but is not a regular file (a pipe, `/dev/stdout`) is
/// written to directly.
///
/// # Errors
/// [`Error::File`] with what the system said.
///
/// ```
/// use std::io::Write;
/// # let folder = tempfile::tempdir().unwrap();
/// let path = folder.path().join("a.txt");
/// kronfit::io::write_atomically(&path, |out| writeln!(out, "whole"))?;
/// assert_eq!(std::fs::read_to_string(&path).unwrap(), "whole\n");
/// # Ok::<(), kronfit::Error>(())
/// ```
pub fn write_atomically(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<()> {
    // A link keeps pointing at its target, which is what gets replaced.
    let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let done = match target.metadata() {
        Ok(meta) if meta.is_dir() => {
            return Err(Error::file(path, "is a folder; give the name of a file in it"));
        }
        Ok(meta) if !meta.is_file() => write_directly(&target, write),
        _ => replace(&target, write),
    };
    done.map_err(|error| unwritable(path, &error))
}

fn write_directly(
    target: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<()> {
    let mut out = BufWriter::new(File::options().write(true).open(target)?);
    write(&mut out)?;
    out.flush()
}

/// How the names of temporary files begin.
const TEMPORARY: &str = ".kronfit-";

/// Removes the temporary files that a killed process left in a folder where nobody else writes.
///
/// # Errors
/// [`Error::File`] when one cannot be removed.
pub fn remove_leftovers(folder: &Path) -> Result<()> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(()) };
    for entry in entries.flatten() {
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if is_file && entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
            let path = entry.path();
            std::fs::remove_file(&path).map_err(|error| Error::file(path, error))?;
        }
    }
    Ok(())
}

fn replace(
    target: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<()> {
    let folder = folder_of(target);
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY);
    // The default of a temporary file is to be closed to others; a result is an ordinary file.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let temporary = builder.tempfile_in(&folder)?;
    // A file that is replaced keeps who may read it.
    if let Ok(meta) = target.metadata() {
        temporary.as_file().set_permissions(meta.permissions())?;
    }
    let mut out = BufWriter::new(temporary.as_file().try_clone()?);
    write(&mut out)?;
    out.flush()?;
    drop(out);
    temporary.as_file().sync_all()?;
    temporary.persist(target).map_err(|error| error.error)?;
    // The new name itself reaches the disk with the folder; not every file system can do this.
    #[cfg(unix)]
    let _ = File::open(&folder).and_then(|folder| folder.sync_all());
    Ok(())
}

fn folder_of(target: &Path) -> PathBuf {
    match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn unwritable(path: &Path, error: &io::Error) -> Error {
    let folder = folder_of(path);
    let reason = match error.kind() {
        io::ErrorKind::NotFound if !folder.is_dir() => {
            format!("cannot be written: there is no folder {}; create it first", folder.display())
        }
        io::ErrorKind::PermissionDenied => {
            "cannot be written (permission denied); choose a folder that you may write to"
                .to_owned()
        }
        _ => format!("cannot be written ({error}); nothing was left behind"),
    };
    Error::file(path, reason)
}

/// Writes text, whole or not at all.
///
/// # Errors
/// As [`write_atomically`].
pub fn write_text(path: &Path, text: &str) -> Result<()> {
    write_atomically(path, |out| out.write_all(text.as_bytes()))
}

/// Writes an array of any rank as npy (float64, in its own memory order).
///
/// # Errors
/// As [`write_atomically`].
pub fn write_npy<S, D>(path: &Path, array: &ArrayBase<S, D>) -> Result<()>
where
    S: Data<Elem = f64>,
    D: Dimension,
{
    write_atomically(path, |out| array.write_npy(out).map_err(io::Error::other))
}

/// One member of an npz file.
#[derive(Debug, Clone)]
pub enum Entry<'a> {
    /// Numbers (float64).
    Array(ArrayViewD<'a, f64>),
    /// A list of text (`<U`).
    Text(&'a [String]),
}

/// Writes named arrays and lists of text as a compressed npz.
///
/// # Errors
/// As [`write_atomically`]; [`Error::File`] when a name comes twice.
pub fn write_npz(path: &Path, entries: &[(&str, Entry<'_>)]) -> Result<()> {
    for (position, (name, _)) in entries.iter().enumerate() {
        if entries[..position].iter().any(|(earlier, _)| earlier == name) {
            return Err(Place::file(path).array(name).fault("is given twice; rename one of them"));
        }
    }
    write_atomically(path, |out| write_entries(out, entries))
}

fn write_entries(out: &mut (impl Write + Seek), entries: &[(&str, Entry<'_>)]) -> io::Result<()> {
    let mut archive = ZipWriter::new(out);
    for (name, entry) in entries {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .large_file(true);
        archive.start_file(format!("{name}.npy"), options)?;
        match entry {
            Entry::Array(array) => {
                array.write_npy(BufWriter::new(&mut archive)).map_err(io::Error::other)?;
            }
            Entry::Text(names) => archive.write_all(&text_npy(names))?,
        }
    }
    archive.finish()?;
    Ok(())
}

/// A list of text as an npy array of little-endian UTF-32.
fn text_npy(names: &[String]) -> Vec<u8> {
    // NumPy does not like text of width 0.
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(1);
    let mut dictionary =
        format!("{{'descr': '<U{width}', 'fortran_order': False, 'shape': ({},), }}", names.len());
    // Data start at a multiple of 64 bytes; the header ends with a line feed.
    let unpadded = 10 + dictionary.len() + 1;
    dictionary.push_str(&" ".repeat(unpadded.next_multiple_of(64) - unpadded));
    dictionary.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((dictionary.len() as u16).to_le_bytes());
    bytes.extend(dictionary.as_bytes());
    for name in names {
        let units = name.chars().map(u32::from).chain(std::iter::repeat(0)).take(width);
        bytes.extend(units.flat_map(u32::to_le_bytes));
    }
    bytes
}

/// Writes a sample as `.npy` (numbers) or `.npz` (array `x`, and `sample_names`, `row_names`,
/// `col_names` where there are any), by the extension of `path`.
///
/// # Errors
/// As [`write_atomically`]; [`Error::File`] for another extension.
pub fn write_sample(path: &Path, sample: &Sample) -> Result<()> {
    match super::Format::of(path)? {
        super::Format::Npy => write_npy(path, &sample.values()),
        super::Format::Npz => {
            let mut entries = vec![("x", Entry::Array(sample.values().into_dyn()))];
            for (key, names) in [
                ("sample_names", sample.sample_names()),
                ("row_names", sample.row_names()),
                ("col_names", sample.col_names()),
            ] {
                if !names.is_empty() {
                    entries.push((key, Entry::Text(names)));
                }
            }
            write_npz(path, &entries)
        }
        super::Format::Csv => Err(Error::file(
            path,
            "samples are not written as csv; give a name that ends in .npy or .npz",
        )),
    }
}
