//! `kronfit derive`: a derivation, step by step, checked on numbers.

use super::Done;
use super::progress::say;
use crate::Result;
use crate::calculus::derive::{Example, Topic, derive};
use crate::io;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct DeriveArgs {
    /// log-quadratic, matrix-function, trace-forms or fisher [default: list them].
    #[arg(value_name = "TOPIC")]
    topic: Option<Topic>,
    /// Seed of the random example.
    #[arg(long, value_name = "S", default_value_t = Example::default().seed)]
    seed: u64,
    /// Order of A [default: 4, or that of --row-matrix].
    #[arg(long, value_name = "P")]
    p: Option<usize>,
    /// Order of B [default: 3, or that of --col-matrix].
    #[arg(long, value_name = "Q")]
    q: Option<usize>,
    /// A (.csv or .npy) instead of a random one.
    #[arg(long, value_name = "FILE")]
    row_matrix: Option<PathBuf>,
    /// B (.csv or .npy) instead of a random one.
    #[arg(long, value_name = "FILE")]
    col_matrix: Option<PathBuf>,
    /// The argument X or residual W (.csv or .npy) instead of a random one.
    #[arg(long, value_name = "FILE")]
    argument: Option<PathBuf>,
}

pub(super) fn run(args: &DeriveArgs) -> Result<Done> {
    let Some(topic) = args.topic else {
        let lines = Topic::ALL.map(|t| format!("  {:16} {}\n", t.name(), t.summary()));
        say(&format!("Derivations: kronfit derive TOPIC\n\n{}", lines.concat()))?;
        return Ok(Done::Fully);
    };
    let read = |path: &Option<PathBuf>| path.as_deref().map(io::read_matrix).transpose();
    let (a, b, x) = (read(&args.row_matrix)?, read(&args.col_matrix)?, read(&args.argument)?);
    let default = Example::default();
    let order = |given: Option<usize>, matrix: &Option<ndarray::Array2<f64>>, usual| {
        given.or(matrix.as_ref().map(|m| m.nrows())).unwrap_or(usual)
    };
    let (rows, cols) = (order(args.p, &a, default.rows), order(args.q, &b, default.cols));
    say(&derive(topic, &Example { seed: args.seed, rows, cols, a, b, x })?)?;
    Ok(Done::Fully)
}
