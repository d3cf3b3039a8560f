//! The journal: finished replicates, in the order they finished, safe against any sudden end.
//!
//! One line per row, written with one call per replicate; each line ends with a checksum of what
//! stands before it. A replicate counts when the lines of all estimators are there and whole; what
//! a sudden end left behind is cut off before the run goes on.

use super::design::Study;
use super::row::{CsvText, Row};
use crate::io::write_text;
use crate::{Error, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Time after which finished replicates are forced to the disk.
const SYNC: Duration = Duration::from_secs(2);

/// An open journal; only one process can hold it.
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    synced: Instant,
    _lock: File,
}

impl Journal {
    /// Opens the journal, cuts off what is not whole, and gives the rows of whole replicates.
    pub(super) fn open(path: &Path, study: &Study) -> Result<(Self, Vec<Row>)> {
        let fault = |e: std::io::Error| Error::file(path, e);
        // The lock is on a file of its own, because the journal may be replaced below.
        let lock = path.with_extension("lock");
        let held = File::options().create(true).append(true).open(&lock).map_err(fault)?;
        if matches!(held.try_lock(), Err(TryLockError::WouldBlock)) {
            return Err(Error::file(
                path,
                "another process is writing to this folder; wait for it, or give another folder",
            ));
        }
        let old = read_text(path)?;
        let rows = whole(&old, study);
        let text = lines(&rows, study)?;
        if text != old {
            write_text(path, &text)?;
        }
        let file = File::options().create(true).append(true).open(path).map_err(fault)?;
        Ok((Self { path: path.to_owned(), file, synced: Instant::now(), _lock: held }, rows))
    }

    /// Adds a finished replicate.
    pub(super) fn append(&mut self, rows: &[Row], study: &Study) -> Result<()> {
        let text = lines(rows, study)?;
        self.file.write_all(text.as_bytes()).map_err(|e| {
            let kept = "what is done is kept; make room and continue with --resume";
            Error::file(&self.path, format!("cannot be written ({e}); {kept}"))
        })?;
        if self.synced.elapsed() > SYNC {
            self.sync()?;
        }
        Ok(())
    }

    /// Forces everything to the disk.
    pub(super) fn sync(&mut self) -> Result<()> {
        self.synced = Instant::now();
        self.file.sync_data().map_err(|e| Error::file(&self.path, e))
    }
}

/// The text of a journal; empty where there is none. Bytes that are not text spoil their line only.
fn read_text(path: &Path) -> Result<String> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(e) => Err(Error::file(path, e)),
    }
}

/// The rows of whole replicates in a journal that nobody writes to.
pub(super) fn read(path: &Path, study: &Study) -> Result<Vec<Row>> {
    Ok(whole(&read_text(path)?, study))
}

/// Writes rows as a whole journal.
pub(super) fn write(path: &Path, rows: &[Row], study: &Study) -> Result<()> {
    write_text(path, &lines(rows, study)?)
}

fn lines(rows: &[Row], study: &Study) -> Result<String> {
    let measures = study.measures().len();
    let mut text = String::new();
    for row in rows {
        let mut table = CsvText::new();
        let key = [row.scenario, row.replicate, row.estimator].map(|x| x.to_string());
        let fields = key.into_iter().chain(row.fields(measures)).chain([row.seconds.to_string()]);
        table.push(fields)?;
        let line = table.finish()?;
        let line = line.trim_end_matches(['\r', '\n']);
        text.push_str(&format!("{line},{:016x}\n", checksum(line)));
    }
    Ok(text)
}

/// FNV-1a, 64 bits: finds torn and zeroed lines.
fn checksum(line: &str) -> u64 {
    line.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn parse(line: &str, measures: usize) -> Option<Row> {
    let (body, check) = line.rsplit_once(',')?;
    if u64::from_str_radix(check, 16).ok()? != checksum(body) {
        return None;
    }
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(body.as_bytes());
    let record = reader.records().next()?.ok()?;
    let fields: Vec<&str> = record.iter().collect();
    let [scenario, replicate, estimator, middle @ .., seconds] = fields.as_slice() else {
        return None;
    };
    let key = (scenario.parse().ok()?, replicate.parse().ok()?, estimator.parse().ok()?);
    Row::parse(key, middle, seconds.parse().ok()?, measures)
}

/// Rows of the replicates that have all their estimators, by replicate in the order of the file.
fn whole(text: &str, study: &Study) -> Vec<Row> {
    let complete = match text.rfind('\n') {
        Some(end) => &text[..end],
        None => return Vec::new(),
    };
    let (scenarios, replicates) = (study.scenarios.len(), study.replicates);
    let estimators = study.estimators.len();
    let mut found: BTreeMap<(usize, usize), Vec<Row>> = BTreeMap::new();
    let mut order = Vec::new();
    let mut seen = BTreeSet::new();
    let measures = study.measures().len();
    for row in complete.lines().filter_map(|line| parse(line, measures)) {
        let known = row.scenario < scenarios && row.replicate < replicates;
        if !known || row.estimator >= estimators || !seen.insert(row.key()) {
            continue;
        }
        let job = (row.scenario, row.replicate);
        let rows = found.entry(job).or_default();
        rows.push(row);
        if rows.len() == estimators {
            order.push(job);
        }
    }
    order.into_iter().filter_map(|job| found.remove(&job)).flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::{ModelEstimator, RunOptions, Scenario};
    use std::sync::Arc;

    fn study() -> Study {
        Study::new("s", 1, 4)
            .scenario(Scenario::gaussian(6, 2, 2))
            .scenario(Scenario::gaussian(1, 2, 3))
            .estimator(Arc::new(ModelEstimator::gaussian("a")))
            .estimator(Arc::new(ModelEstimator::gaussian("b, \"quoted\"")))
    }

    /// Cut after any byte, damaged at any byte: what is read is right, and only one replicate is
    /// lost.
    #[test]
    fn torn_journals_lose_only_the_torn_replicate() {
        let study = study();
        let rows = study.run_in_memory(&RunOptions::default()).unwrap().rows().to_vec();
        let text = lines(&rows, &study).unwrap();
        assert_eq!(whole(&text, &study), rows);
        assert!(rows.iter().any(|r| r.status == "failed" && r.message.contains("too few")));
        for cut in 0..text.len() {
            let Some(head) = text.get(..cut) else { continue };
            let kept = whole(head, &study);
            let lines = head.matches('\n').count();
            assert_eq!(kept.as_slice(), &rows[..lines / 2 * 2], "cut at {cut}");
        }
        for at in (0..text.len()).step_by(7) {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = 0;
            let kept = whole(&String::from_utf8_lossy(&bytes), &study);
            assert!(kept.len() >= rows.len() - 4 && kept.iter().all(|r| rows.contains(r)), "{at}");
        }
    }
}
