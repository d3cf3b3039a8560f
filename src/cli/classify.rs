//! `kronfit classify`: fit classes, say how good the rule is, and predict.

use super::Done;
use super::data::{DataArgs, require_distinct};
use super::model::ModelArgs;
use super::progress::{print, say};
use super::shrink::rule as shrink_rule;
use crate::data::{Sample, name_of};
use crate::estimate::FitOptions;
use crate::inference::{CrossValidation, Discriminant, Prediction, Priors, Rule, Shared};
use crate::io::{self, Entry};
use crate::report::{Align, Table, to_json};
use crate::{Error, Result};
use clap::{Args, ValueEnum};
use ndarray::{Array1, Array2};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(super) struct ClassifyArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The class of each sample: the name of an array in the .npz file (or bundled dataset) of the
    /// data, or a .csv table with a header and a column of labels (a column sample matches them by
    /// label), or a .npy file of numbers.
    #[arg(long, value_name = "FILE|NAME")]
    labels: String,
    #[command(flatten)]
    model: ModelArgs,
    /// What the classes' covariances have in common: both (A ⊗ B), proportional (up to a scale),
    /// rows (A), cols (B) or nothing.
    #[arg(long, value_name = "WHAT", default_value = "both")]
    share: Shared,
    /// How likely the classes are beforehand.
    #[arg(long, value_name = "WHAT", default_value = "shares")]
    priors: PriorChoice,
    /// Shrink the common A ⊗ B towards the identity: auto, evidence, oas, loo, cv, an intensity from
    /// 0 to 1, or none; for --share both.
    #[arg(long, value_name = "RULE", default_value = "none")]
    shrink: String,
    /// Cross-validate with this many folds, in each of which every class has its share.
    #[arg(long, value_name = "FOLDS")]
    cv: Option<usize>,
    /// Deals the samples to the folds.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Stop when the score max(|G_A − I|, |G_B − I|) is at most this.
    #[arg(long, value_name = "TOL", default_value_t = FitOptions::default().tol)]
    tol: f64,
    /// Most iterations.
    #[arg(long, value_name = "N", default_value_t = FitOptions::default().max_iter)]
    max_iter: usize,
    /// Predict the classes of other data, read like the first.
    #[arg(long, value_name = "NEW")]
    predict: Option<String>,
    /// Write the predictions: log_posterior (n × K), class (n), classes (K) and the p-value of the
    /// distance from the nearest class.
    #[arg(long, short, value_name = "FILE.npz", requires = "predict")]
    output: Option<PathBuf>,
    /// Write everything as JSON to a file, or to standard output with - (instead of the report).
    #[arg(long, value_name = "FILE|-")]
    json: Option<PathBuf>,
}

/// The priors that have a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PriorChoice {
    /// The classes' shares of the samples.
    Shares,
    /// All the same.
    Uniform,
}

/// Predictions that are printed; the file holds all of them.
const PRINTED: usize = 40;
/// A p-value below this is far from every class.
const FAR: f64 = 1e-3;

pub(super) fn run(args: &ClassifyArgs, quiet: bool) -> Result<Done> {
    let files = [Path::new(&args.labels)];
    let new = args.predict.as_deref().map(Path::new);
    require_distinct(
        &args
            .data
            .file()
            .into_iter()
            .chain(files)
            .chain(new)
            .chain(args.model.files())
            .collect::<Vec<_>>(),
        &[("--json", args.json.as_deref()), ("--output", args.output.as_deref())],
    )?;
    let sample = args.data.load_alike()?;
    let labels = labels(&args.labels, &args.data.data, &sample)?;
    let model = args.model.model(sample.names())?;
    let priors = match args.priors {
        PriorChoice::Shares => Priors::Shares,
        PriorChoice::Uniform => Priors::Uniform,
    };
    let options = FitOptions {
        tol: args.tol,
        max_iter: args.max_iter,
        shrink: shrink_rule(&args.shrink)?,
        ..FitOptions::default()
    };
    let classes = Discriminant::new(model, args.share).priors(priors.clone()).options(&options);
    let rule = classes.fit(&sample, &labels)?;
    let own = rule.judge(&sample, &labels)?;
    let validated = match args.cv {
        Some(folds) => Some(classes.cross_validate(&sample, &labels, folds, args.seed)?),
        None => None,
    };
    let predicted = match &args.predict {
        Some(data) => Some(Predicted::of(&rule, args.data.load_other(data)?)?),
        None => None,
    };
    let json_on_stdout = args.json.as_deref() == Some(Path::new("-"));
    if !quiet && !json_on_stdout {
        say(&report(&rule, &priors, &own, validated.as_ref()))?;
        if let Some(predicted) = &predicted {
            say(&predicted.report(&rule))?;
        }
    }
    if let (Some(path), Some(predicted)) = (&args.output, &predicted) {
        predicted.write(path, &rule)?;
    }
    if let Some(path) = &args.json {
        let json = to_json(&record(&rule, &priors, &own, validated.as_ref()))?;
        if json_on_stdout { print(&json)? } else { io::write_text(path, &json)? }
    }
    let all = rule.is_converged() && validated.is_none_or(|v| v.not_converged == 0);
    Ok(if all { Done::Fully } else { Done::NotConverged })
}

/// The label of every sample, from a file or from beside the data.
fn labels(text: &str, data: &str, sample: &Sample) -> Result<Vec<String>> {
    let file = Path::new(text);
    let n = sample.dim().0;
    let is = |end: &str| file.extension().is_some_and(|e| e.eq_ignore_ascii_case(end));
    if is("npy") || is("npz") {
        let labels: Vec<String> = io::read_vector(file)?.iter().map(f64::to_string).collect();
        if labels.len() != n {
            let expected = format!("one label for each of the {n} samples of {}", sample.source());
            return Err(Error::shape(text, expected, [labels.len()]));
        }
        return Ok(labels);
    }
    if !(is("csv") || is("tsv") || is("txt") || file.exists()) {
        return io::read_text_array(data, text, n);
    }
    let table = io::read_sheet(file)?.matched(sample)?;
    let columns: Vec<&String> = table.header().iter().filter(|head| *head != "sample").collect();
    match columns.as_slice() {
        [one] => Ok(table.column(one)?.into_iter().map(str::to_owned).collect()),
        all if all.iter().any(|head| *head == "label") => {
            Ok(table.column("label")?.into_iter().map(str::to_owned).collect())
        }
        _ => Err(Error::file(file, "needs one column of labels, or one that is called label")),
    }
}

fn report(
    rule: &Rule,
    priors: &Priors,
    own: &Prediction,
    validated: Option<&CrossValidation>,
) -> String {
    let (n, p, q) = rule.dim();
    let mut text = format!(
        "{}: {} classes of n = {n} samples of {p} × {q}, {}, sharing {}\n  log-likelihood {:.6} \
         ({} parameters, BIC {:.2})\n",
        rule.source(),
        rule.classes().len(),
        rule.model(),
        rule.shared().name(),
        rule.log_likelihood(),
        rule.n_parameters(),
        rule.bic(),
    );
    for warning in rule.warnings() {
        text.push_str(&format!("  note: {warning}\n"));
    }
    let heads = ["n", "prior", "σ²", "ν"].map(|head| (head, Align::Right));
    let mut table = Table::new([("class", Align::Left)].into_iter().chain(heads));
    for class in rule.classes() {
        table.row([
            class.name.clone(),
            class.n.to_string(),
            format!("{:.4}", class.prior),
            format!("{:.4}", class.factors.sigma2),
            class.dof.map_or_else(|| "–".to_owned(), |dof| format!("{dof:.3}")),
        ]);
    }
    text.push_str(&format!("\nClasses (priors: {})\n{table}", priors.name()));
    let heads = ["error", "log loss", "Brier score"].map(|head| (head, Align::Right));
    let mut table = Table::new([("", Align::Left)].into_iter().chain(heads));
    let mut row = |what: String, seen: &Prediction| {
        let numbers = [seen.error, seen.log_loss, seen.brier].map(|x| format!("{x:.4}"));
        table.row([what].into_iter().chain(numbers));
    };
    row("resubstitution (too good)".to_owned(), own);
    if let Some(seen) = validated {
        row(format!("{} folds, seed {}", seen.folds, seen.seed), &seen.prediction);
    }
    text.push_str(&format!("\nPredictions\n{table}"));
    if let Some(seen) = validated {
        let names = rule.classes().iter().map(|class| (class.name.clone(), Align::Right));
        let mut table = Table::new([(String::new(), Align::Left)].into_iter().chain(names));
        for (class, row) in rule.classes().iter().zip(&seen.prediction.confusion) {
            let counts = row.iter().map(usize::to_string);
            table.row([class.name.clone()].into_iter().chain(counts));
        }
        text.push_str(&format!(
            "\nLeft-out samples: true class (rows), predicted (columns)\n{table}"
        ));
    }
    text
}

fn record(
    rule: &Rule,
    priors: &Priors,
    own: &Prediction,
    validated: Option<&CrossValidation>,
) -> Value {
    let rows = |m: &Array2<f64>| m.outer_iter().map(|row| row.to_vec()).collect::<Vec<_>>();
    let maps = rule.weight_maps();
    let class = |(k, class): (usize, &crate::inference::Class)| {
        let map = maps.as_ref().and_then(|maps| maps.get(k));
        json!({
            "name": class.name,
            "n": class.n,
            "prior": class.prior,
            "mean": rows(&class.mean),
            "sigma2": class.factors.sigma2,
            "row_cov": rows(&class.factors.row),
            "col_cov": rows(&class.factors.col),
            "dof": class.dof,
            "weights": map.map(|map| rows(&map.weights)),
            "offset": map.map(|map| map.offset),
        })
    };
    let ((n, p, q), model) = (rule.dim(), rule.model());
    let (row_names, col_names) = rule.names();
    json!({
        "kronfit": crate::VERSION,
        "model": model.law().name(),
        "n": n,
        "p": p,
        "q": q,
        "rows": model.row_structure().to_string(),
        "cols": model.col_structure().to_string(),
        "mean_structure": model.mean_structure().name(),
        "share": rule.shared().name(),
        "priors": priors.name(),
        "log_likelihood": rule.log_likelihood(),
        "n_parameters": rule.n_parameters(),
        "bic": rule.bic(),
        "converged": rule.is_converged(),
        "score": rule.score(),
        "iterations": rule.iterations(),
        "classes": rule.classes().iter().enumerate().map(class).collect::<Vec<_>>(),
        "resubstitution": own,
        "cross_validation": validated,
        "warnings": rule.warnings(),
        "row_names": row_names,
        "col_names": col_names,
    })
}

/// New samples under the rule.
struct Predicted {
    sample: Sample,
    log_posterior: Array2<f64>,
    class: Vec<String>,
    nearest: Option<Array1<f64>>,
}

impl Predicted {
    fn of(rule: &Rule, sample: Sample) -> Result<Self> {
        let class = rule.predict(&sample)?.into_iter().map(str::to_owned).collect();
        let (log_posterior, nearest) = (rule.log_posterior(&sample)?, rule.nearest(&sample)?);
        Ok(Self { log_posterior, class, nearest, sample })
    }

    fn report(&self, rule: &Rule) -> String {
        let heads =
            [("class", Align::Left), ("posterior", Align::Right), ("p-value", Align::Right)];
        let mut table = Table::new([("sample", Align::Left)].into_iter().chain(heads));
        for (i, class) in self.class.iter().enumerate().take(PRINTED) {
            let largest = self.log_posterior.row(i).fold(f64::NEG_INFINITY, |m, x| m.max(*x));
            let p = self.nearest.as_ref().map(|all| all[i]);
            table.row([
                name_of(self.sample.sample_names(), i),
                class.clone(),
                format!("{:.6}", largest.exp()),
                p.map_or_else(|| "–".to_owned(), |p| format!("{p:.2e}")),
            ]);
        }
        let mut text = format!("\nPredicted classes of {}\n{table}", self.sample.source());
        let n = self.class.len();
        if n > PRINTED {
            text.push_str(&format!("({PRINTED} of {n} samples; --output holds all of them)\n"));
        }
        let far = self.nearest.iter().flatten().filter(|p| **p < FAR).count();
        if far > 0 {
            text.push_str(&format!(
                "note: {far} of {n} samples are far from each of the {} classes (p < {FAR} for the \
                 nearest): their posteriors mean little\n",
                rule.classes().len()
            ));
        }
        text
    }

    fn write(&self, path: &Path, rule: &Rule) -> Result<()> {
        let names: Vec<String> = rule.classes().iter().map(|class| class.name.clone()).collect();
        let mut entries = vec![
            ("log_posterior", Entry::Array(self.log_posterior.view().into_dyn())),
            ("class", Entry::Text(&self.class)),
            ("classes", Entry::Text(&names)),
        ];
        if let Some(nearest) = &self.nearest {
            entries.push(("p_value", Entry::Array(nearest.view().into_dyn())));
        }
        io::write_npz(path, &entries)
    }
}
