//! The command line: arguments → plan → command.
//!
//! Exit codes: 0 done (for fits: converged), 1 a fit did not converge (its report and JSON are
//! still written), 2 error.

mod compare;
mod data;
mod derive;
mod fit;
mod model;
mod outliers;
mod progress;
mod score;
mod simulate;
mod study;
mod test;

use crate::Result;
use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Matrix-variate Gaussian and t models with Kronecker covariance A ⊗ B.
#[derive(Debug, Parser)]
#[command(name = "kronfit", version, max_term_width = 100)]
#[command(after_help = "Exit codes: 0 done (a fit: converged), 1 a fit did not converge, 2 error.")]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Threads to use [default: all]. Results do not depend on it.
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
    /// Test separability, a structure, the Gaussian, or that two samples share factors.
    Test(Box<test::TestArgs>),
    /// Find the samples that a model does not explain, and the cells behind them.
    Outliers(Box<outliers::OutliersArgs>),
    /// Density, distance and p-value of new data under a saved fit.
    Score(score::ScoreArgs),
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
        Ok(Done::NotConverged | Done::Stopped) => ExitCode::from(1),
        Err(error) => {
            progress::complain(&format!("error: {error}"));
            ExitCode::from(2)
        }
    }
}

fn run(cli: &Cli) -> Result<Done> {
    if let Some(threads) = cli.threads {
        if threads == 0 {
            return Err(crate::Error::domain("--threads", 0, "at least 1"));
        }
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build_global()
            .map_err(|e| crate::Error::domain("--threads", threads, format!("possible ({e})")))?;
    }
    match &cli.command {
        Command::Fit(args) => fit::run(args, cli.quiet),
        Command::Compare(args) => compare::run(args, cli.quiet),
        Command::Test(args) => test::run(args, cli.quiet),
        Command::Outliers(args) => outliers::run(args, cli.quiet),
        Command::Score(args) => score::run(args, cli.quiet),
        Command::Simulate(args) => simulate::run(args, cli.quiet),
        Command::Study(args) => study::run(args, cli.threads, cli.quiet),
        Command::Derive(args) => derive::run(args),
        Command::Datasets => data::list(),
    }
}
