//! The command line: arguments → plan → command.
//!
//! Exit codes: 0 done (for fits: converged), 1 a fit did not converge (its report and JSON are
//! still written), 2 error, 130 stopped by Ctrl-C or a termination signal (what is done is kept).

mod classify;
mod compare;
mod core;
mod data;
mod derive;
mod explain;
mod fit;
mod model;
mod outliers;
mod progress;
mod robust;
mod score;
mod shrink;
mod simulate;
mod study;
mod test;

use crate::Result;
use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Matrix-variate Gaussian and t models with Kronecker covariance A ⊗ B.
#[derive(Debug, Parser)]
#[command(name = "kronfit", version, max_term_width = 100)]
#[command(after_help = "\
Samples, rows and columns without names are numbered from 0, everywhere.
Exit codes: 0 done (a fit: converged), 1 a fit did not converge, 2 error, 130 stopped.")]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Threads to use, at most four for each core [default: one for each core]. Results do not
    /// depend on it.
    #[arg(long, global = true, value_name = "N")]
    threads: Option<usize>,
    /// No progress bars, and no report on standard output.
    #[arg(long, short, global = true)]
    quiet: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Fit a model to a sample of matrices.
    Fit(Box<fit::FitArgs>),
    /// Fit a grid of models and list them by AIC or BIC.
    Compare(Box<compare::CompareArgs>),
    /// Shrink the unstructured covariance towards A ⊗ B: how separable do the data look?
    Core(core::CoreArgs),
    /// Test separability, a structure, the Gaussian, or that two samples share factors.
    Test(Box<test::TestArgs>),
    /// Find the samples that a model does not explain, and the cells behind them.
    Outliers(Box<outliers::OutliersArgs>),
    /// Fit the samples that lie closest together (matrix MCD), and find those that do not.
    Robust(robust::RobustArgs),
    /// Density, distance and p-value of new data under a saved fit.
    Score(score::ScoreArgs),
    /// Fit classes of matrices, validate the rule and predict (discriminant analysis).
    Classify(Box<classify::ClassifyArgs>),
    /// Simulate a sample from a known truth, or from a saved fit.
    Simulate(Box<simulate::SimulateArgs>),
    /// Run a simulation study: estimators against known truths.
    Study(Box<study::StudyArgs>),
    /// Show a derivation and check it numerically.
    Derive(derive::DeriveArgs),
    /// List the bundled datasets.
    Datasets,
}

/// How a command that worked ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Done {
    /// Everything asked for was done.
    Fully,
    /// A fit did not converge.
    NotConverged,
    /// Ctrl-C stopped the work; what is done is kept.
    Stopped,
}

/// Parses the arguments of the process, runs the command, and gives the exit code.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(help) => {
            // Help and version are "errors" to clap, on standard output and with code 0.
            let code = u8::try_from(help.exit_code()).unwrap_or(2);
            return if help.print().is_ok() { ExitCode::from(code) } else { ExitCode::from(2) };
        }
    };
    match run(&cli) {
        Ok(Done::Fully) => ExitCode::SUCCESS,
        Ok(Done::Stopped) => ExitCode::from(STOPPED),
        Ok(Done::NotConverged) if progress::was_interrupted() => ExitCode::from(STOPPED),
        Ok(Done::NotConverged) => ExitCode::from(1),
        Err(error) => {
            progress::complain(&format!("error: {error}"));
            ExitCode::from(if progress::was_interrupted() { STOPPED } else { 2 })
        }
    }
}

/// Exit code of work that was stopped from outside, as shells give it for Ctrl-C.
const STOPPED: u8 = 130;

/// Most threads for each core.
const MOST_THREADS: usize = 4;

/// Starts the threads that all commands share, and gives their number where it was asked for.
fn start_threads(wanted: Option<usize>) -> Result<Option<usize>> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let most = MOST_THREADS * cores;
    let threads = match wanted {
        Some(0) => return Err(crate::Error::domain("--threads", 0, "at least 1")),
        Some(wanted) if wanted > most => {
            progress::complain(&format!(
                "note: --threads {wanted} is more than {MOST_THREADS} for each of the {cores} \
                 cores; {most} are used"
            ));
            Some(most)
        }
        wanted => wanted,
    };
    rayon::ThreadPoolBuilder::new().num_threads(threads.unwrap_or(0)).build_global().map_err(
        |error| crate::Error::Unsupported {
            what: format!("the threads cannot be started ({error})"),
            remedy: "raise the limit of processes, or give a smaller --threads".to_owned(),
        },
    )?;
    Ok(threads)
}

fn run(cli: &Cli) -> Result<Done> {
    let threads = start_threads(cli.threads)?;
    match &cli.command {
        Command::Fit(args) => fit::run(args, cli.quiet),
        Command::Core(args) => core::run(args, cli.quiet),
        Command::Compare(args) => compare::run(args, cli.quiet),
        Command::Test(args) => test::run(args, cli.quiet),
        Command::Outliers(args) => outliers::run(args, cli.quiet),
        Command::Robust(args) => robust::run(args, cli.quiet),
        Command::Score(args) => score::run(args, cli.quiet),
        Command::Classify(args) => classify::run(args, cli.quiet),
        Command::Simulate(args) => simulate::run(args, cli.quiet),
        Command::Study(args) => study::run(args, threads, cli.quiet),
        Command::Derive(args) => derive::run(args),
        Command::Datasets => data::list(),
    }
}
