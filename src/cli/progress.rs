//! What appears on the terminal while work goes on, and how it is stopped.

use crate::estimate::{Observer, Step};
use crate::study::Progress;
use crate::text::shown;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Writes a line to standard error; a closed pipe is nobody's problem.
pub(super) fn complain(line: &str) {
    let _ = writeln!(std::io::stderr(), "{}", shown(line));
}

/// Writes text for people to standard output: what would move the cursor or colour the screen is
/// shown as its escape.
///
/// # Errors
/// When the disk is full.
pub(super) fn say(text: &str) -> crate::Result<()> {
    print(&shown_lines(text))
}

/// Writes text for programs to standard output, as it is.
///
/// # Errors
/// When the disk is full.
pub(super) fn print(text: &str) -> crate::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // A reader who has seen enough (`| head`) is no failure.
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(crate::Error::file("standard output", format!("cannot be written ({e})")))
        }
        _ => Ok(()),
    }
}

fn shown_lines(text: &str) -> String {
    text.split('\n').map(shown).collect::<Vec<_>>().join("\n")
}

/// Was the work asked to stop?
pub(super) fn was_interrupted() -> bool {
    interrupted().load(Ordering::SeqCst)
}

/// A flag that Ctrl-C and termination signals set; the second signal ends the process.
pub(super) fn interrupted() -> &'static AtomicBool {
    static FLAG: AtomicBool = AtomicBool::new(false);
    static ONCE: OnceLock<()> = OnceLock::new();
    ONCE.get_or_init(|| {
        // Without a handler the default action (end at once) stays: nothing half-written either way.
        let _ = ctrlc::set_handler(|| {
            if FLAG.swap(true, Ordering::SeqCst) {
                std::process::exit(super::STOPPED.into());
            }
        });
    });
    &FLAG
}

/// What is drawn on standard error, or nothing where nobody looks.
fn drawn(show: bool, total: Option<usize>, template: &str) -> ProgressBar {
    let show = show && std::io::stderr().is_terminal();
    let target = if show { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(total.map(|total| total as u64), target);
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

/// A spinner on standard error that shows where a fit stands, and Ctrl-C.
pub(super) struct FitProgress {
    bar: ProgressBar,
    stop: &'static AtomicBool,
}

impl FitProgress {
    pub(super) fn new(quiet: bool) -> Self {
        let bar = drawn(!quiet, None, "{spinner} {elapsed_precise}  {msg}");
        if !bar.is_hidden() {
            bar.enable_steady_tick(Duration::from_millis(120));
        }
        Self { bar, stop: interrupted() }
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

/// A bar on standard error that counts parts of a longer work, with an estimate of the time left,
/// and Ctrl-C.
pub(super) struct CountProgress {
    bar: ProgressBar,
    stop: &'static AtomicBool,
}

impl CountProgress {
    /// For `total` parts; `None` where that is told later.
    pub(super) fn new(quiet: bool, total: Option<usize>, what: &'static str) -> Self {
        let template = "{elapsed_precise} {wide_bar} {pos}/{len} {msg}, {eta} left";
        let bar = drawn(!quiet && total != Some(0), total, template);
        bar.set_message(what);
        Self { bar, stop: interrupted() }
    }

    /// So many are done, whatever order the threads tell it in; `false` when the work shall stop.
    pub(super) fn at(&self, done: usize) -> bool {
        if done as u64 > self.bar.position() {
            self.bar.set_position(done as u64);
        }
        self.goes_on()
    }

    /// `done` of `total` are done, in this round; `false` when the work shall stop.
    pub(super) fn of(&self, done: usize, total: usize) -> bool {
        self.bar.set_length(total as u64);
        self.bar.set_position(done as u64);
        self.goes_on()
    }

    /// Where a study is.
    pub(super) fn study(&self, now: Progress) {
        self.of(now.done, now.total);
        if now.done == now.before {
            // What was there before says nothing about the speed.
            self.bar.reset_eta();
        }
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::SeqCst)
    }
}
