//! Replicates in parallel: each worker is one thread that takes the next job and does all of it.

use super::coverage::coverage;
use super::design::Study;
use super::estimator::Estimate;
use super::measures::{ERRORS, Yardstick};
use super::results::Results;
use super::row::{Row, one_line};
use super::simulate::Truth;
use crate::data::Sample;
use crate::family::random::{DATA, OUTLIERS};
use crate::family::stream;
use crate::{Error, Result};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Instant;

/// Part `index` of `count` of a study, from 1: the jobs whose number is index − 1 modulo count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    index: usize,
    count: usize,
}

impl Shard {
    /// The whole study.
    pub const WHOLE: Self = Self { index: 1, count: 1 };

    /// Part `index` (from 1) of `count`.
    ///
    /// # Errors
    /// [`Error::Domain`] unless 1 ≤ index ≤ count.
    pub fn new(index: usize, count: usize) -> Result<Self> {
        if index == 0 || index > count {
            let allowed = "i/k with 1 ≤ i ≤ k, for instance 2/3";
            return Err(Error::domain("the shard", format!("{index}/{count}"), allowed));
        }
        Ok(Self { index, count })
    }

    /// Is this the whole study?
    pub fn is_whole(self) -> bool {
        self.count == 1
    }

    pub(super) fn takes(self, job: usize) -> bool {
        job % self.count == self.index - 1
    }
}

impl std::fmt::Display for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

impl std::str::FromStr for Shard {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parts =
            text.split_once('/').and_then(|(i, k)| Some((i.parse().ok()?, k.parse().ok()?)));
        let Some((index, count)) = parts else {
            let allowed = "i/k with 1 ≤ i ≤ k, for instance 2/3";
            return Err(Error::domain("the shard", format!("\"{text}\""), allowed));
        };
        Self::new(index, count)
    }
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Replicates that were there when the run began.
    pub before: usize,
    /// Replicates done, with those.
    pub done: usize,
    /// Replicates of this run (of this shard).
    pub total: usize,
}

/// Most workers for each processor; more would only wait.
const MOST_PER_CORE: usize = 4;

/// How to run a study.
#[derive(Debug, Clone, Copy)]
pub struct RunOptions<'a> {
    /// Worker threads, at most four per processor; 0: one per processor. Results do not depend on it.
    pub threads: usize,
    /// Which part to do.
    pub shard: Shard,
    /// Continue a folder that holds a part of the results.
    pub resume: bool,
    /// When this becomes true, replicates in flight are finished and no more are begun.
    pub stop: Option<&'a AtomicBool>,
}

impl Default for RunOptions<'_> {
    fn default() -> Self {
        Self { threads: 0, shard: Shard::WHOLE, resume: false, stop: None }
    }
}

impl RunOptions<'_> {
    pub(super) fn stopped(&self) -> bool {
        self.stop.is_some_and(|flag| flag.load(Ordering::SeqCst))
    }

    fn workers(&self, jobs: usize) -> usize {
        let all = std::thread::available_parallelism().map_or(1, usize::from);
        let wanted = if self.threads == 0 { all } else { self.threads.min(MOST_PER_CORE * all) };
        wanted.min(jobs).max(1)
    }
}

/// A study with everything prepared that replicates share.
struct Prepared<'a> {
    study: &'a Study,
    truths: Vec<(Truth, Yardstick)>,
}

impl Study {
    /// Runs the study and keeps the results in memory only.
    ///
    /// # Errors
    /// What [`Study::check`] says; [`Error::Interrupted`] when it was stopped.
    pub fn run_in_memory(&self, options: &RunOptions<'_>) -> Result<Results> {
        let jobs = (0..self.jobs()).filter(|job| options.shard.takes(*job)).collect::<Vec<_>>();
        let mut rows = Vec::new();
        self.run_jobs(&jobs, options, |_, finished| {
            rows.extend(finished);
            Ok(())
        })?;
        if options.stopped() {
            return Err(Error::Interrupted { reason: "the study is not finished".to_owned() });
        }
        Ok(Results::new(self, rows))
    }

    /// Does jobs in parallel and hands each finished one, in any order, to `keep` on this thread.
    pub(super) fn run_jobs(
        &self,
        jobs: &[usize],
        options: &RunOptions<'_>,
        mut keep: impl FnMut(usize, Vec<Row>) -> Result<()>,
    ) -> Result<()> {
        self.check()?;
        let truths = self.scenarios.iter().map(|scenario| {
            let truth = scenario.truth()?;
            let yardstick = Yardstick::new(&truth, self.target)?;
            Ok((truth, yardstick))
        });
        let prepared = Prepared { study: self, truths: truths.collect::<Result<_>>()? };
        let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
        let (send, receive) = mpsc::channel();
        let work = |send: mpsc::Sender<(usize, Vec<Row>)>| {
            while !options.stopped() && !failed.load(Ordering::SeqCst) {
                let Some(job) = jobs.get(next.fetch_add(1, Ordering::SeqCst)) else { break };
                if send.send((*job, prepared.replicate(*job))).is_err() {
                    break;
                }
            }
        };
        std::thread::scope(|scope| {
            let mut outcome = Ok(());
            for number in 0..options.workers(jobs.len()) {
                let send = send.clone();
                let work = &work;
                let worker = std::thread::Builder::new();
                let started = worker.spawn_scoped(scope, move || alone(|| work(send)));
                if let (Err(error), 0) = (started, number) {
                    // With one worker the study goes on, with none it would wait for ever.
                    outcome = Err(Error::Unsupported {
                        what: format!("no thread can be started ({error})"),
                        remedy: "raise the limit of processes of this account".to_owned(),
                    });
                    break;
                }
            }
            drop(send);
            for (job, rows) in receive {
                if outcome.is_ok() {
                    outcome = keep(job, rows);
                    failed.store(outcome.is_err(), Ordering::SeqCst);
                }
            }
            outcome
        })
    }
}

/// Runs a worker in a pool of its own single thread: a fit's parallel loops stay on it, so
/// workers neither wait for each other nor start a second replicate while in a first.
fn alone(work: impl FnOnce() + Send) {
    match rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build() {
        Ok(pool) => pool.install(work),
        Err(_) => work(),
    }
}

impl Prepared<'_> {
    /// All estimators on one sample.
    fn replicate(&self, job: usize) -> Vec<Row> {
        let (scenario, replicate) = (job / self.study.replicates, job % self.study.replicates);
        let (truth, yardstick) = &self.truths[scenario];
        let generator =
            |purpose| stream(self.study.seed, scenario as u64, purpose, replicate as u64);
        let n = self.study.scenarios[scenario].n;
        let sample = truth.replicate(n, generator(DATA), generator(OUTLIERS));
        (0..self.study.estimators.len())
            .map(|estimator| {
                let blank = Row::blank(scenario, replicate, estimator);
                match &sample {
                    Ok(sample) => self.one(blank, sample, yardstick),
                    Err(error) => blank.failed(error),
                }
            })
            .collect()
    }

    fn one(&self, blank: Row, sample: &Sample, yardstick: &Yardstick) -> Row {
        let clock = Instant::now();
        let estimate = self.study.estimators[blank.estimator].estimate(sample);
        let seconds = clock.elapsed().as_secs_f64();
        let (_, p, q) = sample.dim();
        let row = match estimate {
            Ok(e) if e.factors.row.dim() != (p, p) || e.factors.col.dim() != (q, q) => {
                let found = (e.factors.row.dim(), e.factors.col.dim());
                blank.failed(&Error::shape(
                    "the estimate",
                    format!("({p}, {p}) and ({q}, {q})"),
                    found,
                ))
            }
            Ok(estimate) => match yardstick.measure(&estimate) {
                Ok(measured) => {
                    let row = Row {
                        status: estimate.status.to_owned(),
                        iterations: estimate.iterations,
                        measured,
                        ..blank
                    };
                    self.with_coverage(row, &estimate, sample, yardstick)
                }
                Err(error) => blank.failed(&error),
            },
            Err(error) => blank.failed(&error),
        };
        Row { seconds, ..row }
    }

    /// The row with its coverage, if the study wants it and the estimate is a likelihood fit.
    fn with_coverage(
        &self,
        mut row: Row,
        estimate: &Estimate,
        sample: &Sample,
        yardstick: &Yardstick,
    ) -> Row {
        if let (Some(level), Some(fit)) = (self.study.coverage, &estimate.fit) {
            match coverage(yardstick, level, fit, estimate.errors, sample) {
                Ok(shares) => {
                    row.measured.iter_mut().skip(ERRORS).zip(shares).for_each(|(to, x)| *to = x);
                }
                Err(error) => row.message = one_line(&format!("no intervals: {error}")),
            }
        }
        row
    }
}
