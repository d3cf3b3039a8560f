//! A study in a folder: design, journal, and the results when all is done.
//!
//! | file | what |
//! | --- | --- |
//! | `study.toml` | the study file, word for word |
//! | `design.txt` | version, seed, every scenario and estimator as run, the shard |
//! | `journal.csv` | finished replicates in the order they finished, with times and checksums |
//! | `results.csv` | every row in canonical order, without times: the same bytes however the study was run |
//! | `summary.csv` | means, standard errors and counts, without times |
//! | `timings.csv` | seconds of every estimation |

use super::design::Study;
use super::journal::{self, Journal};
use super::results::Results;
use super::row::Row;
use super::runner::{Progress, RunOptions, Shard};
use crate::io::{remove_leftovers, write_text};
use crate::{Error, Result};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const DESIGN: &str = "design.txt";
const STUDY: &str = "study.toml";
const JOURNAL: &str = "journal.csv";

/// How a run in a folder ended.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Ended {
    /// All replicates are there, and the results are written.
    Finished(Box<Results>),
    /// All replicates of the shard are there; [`merge`] makes the results.
    ShardFinished(Progress),
    /// It was stopped; run it again with `resume`.
    Stopped(Progress),
}

impl Study {
    /// Runs the study in a folder, which is made where it is missing, and tells how far it is
    /// after every replicate.
    ///
    /// Each finished replicate is kept at once: a sudden end of the process loses at most the
    /// replicates in flight (of the machine: those of the last two seconds as well).
    ///
    /// # Errors
    /// What [`Study::check`] says; [`Error::File`] when the folder holds something else, results
    /// that `resume` does not speak of, or cannot be written.
    pub fn run_in_folder(
        &self,
        folder: &Path,
        options: &RunOptions<'_>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Ended> {
        self.check()?;
        self.claim(folder, options)?;
        let (mut journal, mut rows) = Journal::open(&folder.join(JOURNAL), self)?;
        if options.resume {
            // The journal is locked: nobody else writes here.
            remove_leftovers(folder)?;
            remove_leftovers(&folder.join("figures"))?;
        }
        let mine = |job: &usize| options.shard.takes(*job);
        let total = (0..self.jobs()).filter(mine).count();
        let mut done = vec![false; self.jobs()];
        rows.iter().for_each(|row| done[self.job_of(row)] = true);
        let todo: Vec<usize> = (0..self.jobs()).filter(mine).filter(|job| !done[*job]).collect();
        let before = total - todo.len();
        let mut now = Progress { before, done: before, total };
        progress(now);
        self.run_jobs(&todo, options, |_, finished| {
            journal.append(&finished, self)?;
            rows.extend(finished);
            now.done += 1;
            progress(now);
            Ok(())
        })?;
        journal.sync()?;
        if now.done < total {
            return Ok(Ended::Stopped(now));
        }
        if !options.shard.is_whole() {
            return Ok(Ended::ShardFinished(now));
        }
        let results = Results::new(self, rows);
        write_results(folder, &results)?;
        Ok(Ended::Finished(Box::new(results)))
    }

    fn job_of(&self, row: &Row) -> usize {
        row.scenario * self.replicates + row.replicate
    }

    /// Makes the folder this study's own, or finds that it is.
    fn claim(&self, folder: &Path, options: &RunOptions<'_>) -> Result<()> {
        std::fs::create_dir_all(folder).map_err(|e| Error::file(folder, e))?;
        let design = folder.join(DESIGN);
        let own = self.design_text(options.shard);
        match std::fs::read_to_string(&design) {
            Ok(there) if there != own => {
                let reason =
                    format!("is of another study ({}); give another folder", differ(&there, &own));
                Err(Error::file(design, reason))
            }
            Ok(_) if !options.resume => Err(Error::file(
                folder,
                "holds results of this study; continue with --resume, or give another folder",
            )),
            Ok(_) => Ok(()),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                self.require_empty(folder)?;
                if !self.text.is_empty() {
                    write_text(&folder.join(STUDY), &self.text)?;
                }
                // Last, so that a folder with a design is complete.
                write_text(&design, &own)
            }
            Err(e) => Err(Error::file(design, e)),
        }
    }

    /// A journal or results without a design are somebody else's.
    fn require_empty(&self, folder: &Path) -> Result<()> {
        for name in [JOURNAL, "results.csv", "summary.csv", "timings.csv"] {
            if folder.join(name).exists() {
                let reason = "is there already, but not from a study; give another folder";
                return Err(Error::file(folder.join(name), reason));
            }
        }
        Ok(())
    }

    fn design_text(&self, shard: Shard) -> String {
        format!("{}shard {shard}\n", self.record())
    }

    /// Puts the shards in `folders` together in `out`, as one run would have left it.
    ///
    /// # Errors
    /// [`Error::File`] naming a folder of another study, two folders that disagree, or how many
    /// replicates are missing.
    pub fn merge(&self, folders: &[PathBuf], out: &Path) -> Result<Results> {
        self.check()?;
        let mut all: BTreeMap<(usize, usize, usize), Row> = BTreeMap::new();
        for folder in folders {
            for row in self.rows_of(folder)? {
                let (key, timeless) = (row.key(), Row { seconds: 0.0, ..row.clone() });
                match all.get(&key) {
                    Some(other) if (Row { seconds: 0.0, ..other.clone() }) != timeless => {
                        return Err(Error::file(
                            folder,
                            format!(
                                "disagrees with another folder on replicate {} of scenario {}; \
                                 one of the machines computes differently",
                                key.1, key.0
                            ),
                        ));
                    }
                    _ => all.insert(key, row),
                };
            }
        }
        let needed = self.jobs();
        let there = all.len() / self.estimators.len();
        if there < needed {
            let missing = needed - there;
            let reason = format!(
                "cannot be written yet: {missing} of {needed} replicates are missing; finish the \
                 shards with --resume, and name all of their folders"
            );
            return Err(Error::file(out, reason));
        }
        let whole = RunOptions { resume: true, ..RunOptions::default() };
        self.claim(out, &whole)?;
        let rows: Vec<Row> = all.into_values().collect();
        journal::write(&out.join(JOURNAL), &rows, self)?;
        let results = Results::new(self, rows);
        write_results(out, &results)?;
        Ok(results)
    }

    /// Finished rows of a shard's folder.
    fn rows_of(&self, folder: &Path) -> Result<Vec<Row>> {
        let path = folder.join(DESIGN);
        let there = std::fs::read_to_string(&path).map_err(|_| {
            Error::file(folder, "is not a folder of a study (it has no design.txt)")
        })?;
        let design = match there.trim_end().rsplit_once('\n') {
            Some((design, last)) if last.starts_with("shard ") => format!("{design}\n"),
            _ => there,
        };
        if design != self.record() {
            let reason = format!("is of another study ({})", differ(&design, &self.record()));
            return Err(Error::file(path, reason));
        }
        journal::read(&folder.join(JOURNAL), self)
    }
}

/// Puts shards together; the study is read from the first folder.
///
/// # Errors
/// As [`Study::merge`]; [`Error::File`] when the first folder holds no study file.
pub fn merge(folders: &[PathBuf], out: &Path) -> Result<Results> {
    let Some(first) = folders.first() else {
        return Err(Error::domain("the number of folders to merge", 0, "at least 1"));
    };
    Study::read(&first.join(STUDY))?.merge(folders, out)
}

fn write_results(folder: &Path, results: &Results) -> Result<()> {
    write_text(&folder.join("timings.csv"), &results.timings_csv()?)?;
    write_text(&folder.join("summary.csv"), &results.summary().to_csv()?)?;
    write_text(&folder.join("results.csv"), &results.to_csv()?)
}

/// The first line in which two designs differ, for people.
fn differ(there: &str, own: &str) -> String {
    let (mut a, mut b) = (there.lines(), own.lines());
    loop {
        match (a.next(), b.next()) {
            (Some(x), Some(y)) if x == y => {}
            (x, y) => {
                let show = |line: Option<&str>| line.unwrap_or("nothing").to_owned();
                return format!("it says \"{}\", this one \"{}\"", show(x), show(y));
            }
        }
    }
}
