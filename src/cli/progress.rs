//! What appears on the terminal while work goes on, and how it is stopped.

use crate::estimate::{Observer, Step};
use crate::study::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Writes a line to standard error; a closed pipe is nobody's problem.
pub(super) fn complain(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Writes text to standard output.
///
/// # Errors
/// When the pipe was closed or the disk is full.
pub(super) fn say(text: &str) -> crate::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // A reader who has seen enough (`| head`) is no failure.
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(crate::Error::file("standard output", e))
        }
        _ => Ok(()),
    }
}

/// A flag that Ctrl-C and termination signals set; the second signal ends the process.
pub(super) fn interrupted() -> &'static AtomicBool {
    static FLAG: AtomicBool = AtomicBool::new(false);
    static ONCE: OnceLock<()> = OnceLock::new();
    ONCE.get_or_init(|| {
        // Without a handler the default action (end at once) stays: nothing half-written either way.
        let _ = ctrlc::set_handler(|| {
            if FLAG.swap(true, Ordering::SeqCst) {
                std::process::exit(130);
            }
        });
    });
    &FLAG
}

/// A spinner on standard error that shows where a fit stands, and Ctrl-C.
pub(super) struct FitProgress {
    bar: ProgressBar,
    stop: &'static AtomicBool,
}

impl FitProgress {
    pub(super) fn new(quiet: bool) -> Self {
        let show = !quiet && std::io::stderr().is_terminal();
        let target = if show { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed_precise}  {msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        Self { bar, stop: interrupted() }
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// A bar on standard error that shows how far a read of a large file is, and Ctrl-C.
pub(super) struct ReadProgress {
    bar: ProgressBar,
    stop: &'static AtomicBool,
}

impl ReadProgress {
    pub(super) fn new(quiet: bool) -> Self {
        let show = !quiet && std::io::stderr().is_terminal();
        let target = if show { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(0), target);
        let template = "{bar:30} {percent:>3} % of {len} samples read  {elapsed_precise}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self { bar, stop: interrupted() }
    }

    /// `done` of `n` samples are read; `false` after Ctrl-C.
    pub(super) fn block(&self, done: usize, n: usize) -> bool {
        self.bar.set_length(n as u64);
        self.bar.set_position(done as u64);
        !self.stop.load(Ordering::SeqCst)
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Observer for FitProgress {
    fn step(&mut self, step: &Step) -> bool {
        let Step { iteration, log_likelihood, score, .. } = step;
        self.bar.set_message(format!(
            "iteration {iteration}   log-likelihood {log_likelihood:.6}   score {score:.1e}"
        ));
        !self.stop.load(Ordering::SeqCst)
    }
}

/// A bar on standard error that counts parts of a longer work, and Ctrl-C.
pub(super) struct CountProgress {
    bar: ProgressBar,
    stop: &'static AtomicBool,
}

impl CountProgress {
    pub(super) fn new(quiet: bool, total: usize, what: &str) -> Self {
        let show = !quiet && total > 0 && std::io::stderr().is_terminal();
        let target = if show { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(total as u64), target);
        let style = "{elapsed_precise} {wide_bar} {pos}/{len} {msg}, {eta} left";
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        bar.set_message(what.to_owned());
        Self { bar, stop: interrupted() }
    }

    /// So many are done; `false` when the work shall stop.
    pub(super) fn at(&self, done: usize) -> bool {
        if done as u64 > self.bar.position() {
            self.bar.set_position(done as u64);
        }
        !self.stop.load(Ordering::SeqCst)
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// A bar on standard error that shows how far a study is, with an estimate of the time left.
pub(super) struct StudyProgress {
    bar: ProgressBar,
}

impl StudyProgress {
    pub(super) fn new(quiet: bool) -> Self {
        let show = !quiet && std::io::stderr().is_terminal();
        let target = if show { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        let style = "{elapsed_precise} {wide_bar} {pos}/{len} replicates, {eta} left";
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        Self { bar }
    }

    pub(super) fn show(&mut self, now: Progress) {
        if now.done == now.before {
            self.bar.set_length(now.total as u64);
            // What was there before says nothing about the speed.
            self.bar.set_position(now.before as u64);
            self.bar.reset_eta();
        }
        self.bar.set_position(now.done as u64);
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
