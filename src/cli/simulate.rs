//! `kronfit simulate`: a sample from a known truth, with the truth beside it.

use super::Done;
use super::data::require_distinct;
use super::model::law_names;
use super::progress::say;
use crate::data::Names;
use crate::estimate::Fit;
use crate::family::{Law, LawName};
use crate::io::{self, Entry};
use crate::study::{Contamination, FactorSpec, LawSpec, Truth};
use crate::{Error, Result};
use clap::Args;
use ndarray::{Array2, aview0};
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(super) struct SimulateArgs {
    /// Simulate from this fit, a file that `kronfit fit --json` wrote.
    #[arg(long, value_name = "FIT.json", conflicts_with_all =
          ["model", "dof", "rows_cov", "cols_cov", "p", "q", "rows", "cols", "mean"])]
    fit: Option<PathBuf>,
    /// Law of the observations.
    #[arg(long, value_name = "LAW", default_value = "gaussian", value_parser = law_names())]
    model: LawName,
    /// Degrees of freedom of a t law, greater than 0.
    #[arg(long, value_name = "V")]
    dof: Option<f64>,
    /// Number of matrices.
    #[arg(short, long = "n", value_name = "N")]
    n: usize,
    /// Row factor A, p × p, from a file (.csv or .npy).
    #[arg(long, alias = "row-cov", value_name = "FILE", conflicts_with_all = ["rows", "p"])]
    rows_cov: Option<PathBuf>,
    /// Column factor B, q × q, from a file (.csv or .npy).
    #[arg(long, alias = "col-cov", value_name = "FILE", conflicts_with_all = ["cols", "q"])]
    cols_cov: Option<PathBuf>,
    /// Rows of a matrix.
    #[arg(long, value_name = "P")]
    p: Option<usize>,
    /// Columns of a matrix.
    #[arg(long, value_name = "Q")]
    q: Option<usize>,
    /// Row factor A by structure: identity, ar1:RHO, compound-symmetry:RHO, diagonal:V1,…,
    /// toeplitz:R1,R2,…, correlation:R21,R31,R32,…, factor:L1,…,Ld or spread:CONDITION.
    #[arg(long, value_name = "STRUCT:PARAMS", default_value = "identity")]
    rows: FactorSpec,
    /// Column factor B by structure, as for --rows.
    #[arg(long, value_name = "STRUCT:PARAMS", default_value = "identity")]
    cols: FactorSpec,
    /// Mean, p × q, from a file (.csv or .npy) [default: zero].
    #[arg(long, value_name = "FILE")]
    mean: Option<PathBuf>,
    /// Outliers: shifted, scaled, cellwise or rowwise, with a fraction and a size in standard
    /// deviations (scaled: a factor).
    #[arg(long, value_name = "KIND:FRACTION[:SIZE]", default_value_t = Contamination::NONE)]
    contaminate: Contamination,
    /// Seed; the same seed gives the same numbers everywhere.
    #[arg(long, value_name = "S")]
    seed: u64,
    /// File to write: x, mean, row_cov (trace p), col_cov (trace q), sigma2, dof, contaminated,
    /// law, seed, version, and row_names, col_names of a fit that has them.
    #[arg(short, long, value_name = "FILE.npz")]
    output: PathBuf,
}

impl SimulateArgs {
    fn law(&self) -> Result<LawSpec> {
        if self.model.has_dof() && self.dof.is_none() {
            return Err(Error::Unsupported {
                what: "--dof is missing".to_owned(),
                remedy: "a t law is simulated with given degrees of freedom, for instance --dof 5"
                    .to_owned(),
            });
        }
        LawSpec::new(self.model, self.dof)
    }

    /// The truth, with the names of rows and columns that its files give.
    fn truth(&self) -> Result<(Truth, Names)> {
        if let Some(path) = &self.fit {
            let fit = Fit::load(path)?;
            let (rows, cols) = (fit.row_names().to_vec(), fit.col_names().to_vec());
            let names = Names { rows, cols, ..Names::default() };
            return Ok((Truth::fitted(&fit).contaminated(self.contaminate), names));
        }
        let (row, rows) =
            factor(self.rows_cov.as_deref(), &self.rows, ("p", self.p), "--rows-cov")?;
        let (col, cols) =
            factor(self.cols_cov.as_deref(), &self.cols, ("q", self.q), "--cols-cov")?;
        let mut names = Names { rows, cols, ..Names::default() };
        let mean = match &self.mean {
            Some(path) => {
                let mean = io::read_named_matrix(path)?;
                let values = mean.matched(&names.rows, &names.cols)?;
                if names.rows.is_empty() {
                    names.rows = mean.row_names;
                }
                if names.cols.is_empty() {
                    names.cols = mean.col_names;
                }
                values
            }
            None => Array2::zeros((row.nrows(), col.nrows())),
        };
        let truth = Truth::new(self.law()?.law()?, mean, row, col)?.contaminated(self.contaminate);
        Ok((truth, names))
    }
}

impl SimulateArgs {
    fn origin(&self, law: &dyn Law) -> String {
        let dof = law.dof().map_or(String::new(), |dof| format!("({dof})"));
        let fit = self.fit.as_ref().map_or(String::new(), |fit| format!(" of {}", fit.display()));
        format!("{}{dof}{fit}", law.name())
    }
}

fn factor(
    file: Option<&Path>,
    spec: &FactorSpec,
    (name, order): (&str, Option<usize>),
    option: &str,
) -> Result<(Array2<f64>, Vec<String>)> {
    match (file, order) {
        (Some(path), _) => {
            let matrix = io::read_named_matrix(path)?;
            let names = matrix.row_names.clone();
            // Rows and columns of a covariance are the same things.
            Ok((matrix.matched(&[], &names)?, names))
        }
        (None, Some(0)) => Err(Error::domain(format!("--{name}"), 0, "at least 1")),
        (None, Some(order)) => Ok((spec.matrix(order)?, Vec::new())),
        (None, None) => Err(Error::Unsupported {
            what: format!("the size {name} of a matrix is not known"),
            remedy: format!("give --{name}, or a factor from a file with {option}"),
        }),
    }
}

pub(super) fn run(args: &SimulateArgs, quiet: bool) -> Result<Done> {
    let is_npz = args.output.extension().is_some_and(|e| e.eq_ignore_ascii_case("npz"));
    if !is_npz {
        let reason = "holds data and truth together; give a name that ends in .npz";
        return Err(Error::file(&args.output, reason));
    }
    let inputs = [&args.rows_cov, &args.cols_cov, &args.mean, &args.fit];
    let inputs: Vec<&Path> = inputs.into_iter().filter_map(|path| path.as_deref()).collect();
    require_distinct(&inputs, &[("--output", Some(&args.output))])?;
    let (truth, names) = args.truth()?;
    let law = truth.law();
    let simulated = truth.simulate(args.n, args.seed)?;
    let factors = truth.factors();
    let (sigma2, dof) = (factors.sigma2, law.dof().unwrap_or(f64::INFINITY));
    let texts = [law.name().to_owned(), args.seed.to_string(), crate::VERSION.to_owned()];
    let contamination = [args.contaminate.to_string()];
    let mean = truth.mean();
    let mut entries = vec![
        ("x", Entry::Array(simulated.sample.values().into_dyn())),
        ("mean", Entry::Array(mean.into_dyn())),
        ("row_cov", Entry::Array(factors.row.view().into_dyn())),
        ("col_cov", Entry::Array(factors.col.view().into_dyn())),
        ("sigma2", Entry::Array(aview0(&sigma2).into_dyn())),
        ("law", Entry::Text(&texts[..1])),
        ("seed", Entry::Text(&texts[1..2])),
        ("version", Entry::Text(&texts[2..])),
    ];
    for (key, list) in [("row_names", &names.rows), ("col_names", &names.cols)] {
        if !list.is_empty() {
            entries.push((key, Entry::Text(list)));
        }
    }
    if law.dof().is_some() {
        entries.push(("dof", Entry::Array(aview0(&dof).into_dyn())));
    }
    if args.contaminate != Contamination::NONE {
        entries.push(("contaminated", Entry::Array(simulated.mask.view().into_dyn())));
        entries.push(("contamination", Entry::Text(&contamination)));
    }
    io::write_npz(&args.output, &entries)?;
    if !quiet {
        let (n, p, q) = simulated.sample.dim();
        say(&format!(
            "{}: n = {n} samples of {p} × {q} from {}, seed {}\n",
            args.output.display(),
            args.origin(law),
            args.seed
        ))?;
    }
    Ok(Done::Fully)
}
