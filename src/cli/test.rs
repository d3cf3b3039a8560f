//! `kronfit test`: separability, and structures against unstructured factors.

use super::Done;
use super::data::{DataArgs, require_distinct};
use super::explain::ExplainArgs;
use super::model::{HowArgs, ModelArgs, at_flag};
use super::progress::{CountProgress, print, say};
use crate::estimate::Method;
use crate::family::LawName;
use crate::inference::{
    BootstrapOptions, SeparabilityOptions, Shared, TestResult, equal_factors, linear_hypothesis,
    nested_test, separability,
};
use crate::io;
use crate::model::ModelSpec;
use crate::model::spec::{mean_for, structure_for};
use crate::report::to_json;
use crate::structure::Structure;
use crate::{Error, Result};
use clap::Args;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// What is tested.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Hypothesis {
    Separability,
    Rows(String),
    Cols(String),
    Gaussian(String),
    Term(Vec<String>),
    SameAs(String, Shared),
}

impl FromStr for Hypothesis {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text.split_once('=') {
            None if text == "separability" => Ok(Self::Separability),
            Some(("rows", s)) => Ok(Self::Rows(s.to_owned())),
            Some(("cols", s)) => Ok(Self::Cols(s.to_owned())),
            Some(("gaussian", law)) => Ok(Self::Gaussian(law.to_owned())),
            Some(("term", names)) => Ok(Self::Term(names.split(',').map(str::to_owned).collect())),
            Some(("same", file)) => Ok(Self::SameAs(file.to_owned(), Shared::Both)),
            Some(("same-rows", file)) => Ok(Self::SameAs(file.to_owned(), Shared::Rows)),
            Some(("same-cols", file)) => Ok(Self::SameAs(file.to_owned(), Shared::Cols)),
            _ => Err("separability, rows=STRUCTURE, cols=STRUCTURE, gaussian=kronecker-t, \
                      gaussian=matrix-t, term=NAME,…, same=DATA, same-rows=DATA or same-cols=DATA is \
                      needed"
                .to_owned()),
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct TestArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The null hypothesis: separability (A ⊗ B against any covariance); rows=STRUCTURE or
    /// cols=STRUCTURE (against an unstructured factor); gaussian=kronecker-t or
    /// gaussian=matrix-t (ν = ∞ against ν estimated); term=NAME,… (the coefficients of these
    /// covariates are zero); same=DATA, same-rows=DATA or
    /// same-cols=DATA (both samples share A ⊗ B, A or B).
    #[arg(value_name = "HYPOTHESIS")]
    hypothesis: Hypothesis,
    #[command(flatten)]
    explain: ExplainArgs,
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    how: HowArgs,
    /// Simulate the null this many times for the p-value.
    #[arg(long, value_name = "B")]
    bootstrap: Option<usize>,
    /// Seed of the simulation.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Separability only: test the first A row and B column eigenvectors (needs --bootstrap).
    #[arg(long, value_name = "A,B", value_parser = two_numbers)]
    project: Option<(usize, usize)>,
    /// Write the result as JSON to a file, or to standard output with - (instead of the report).
    #[arg(long, value_name = "FILE|-")]
    json: Option<PathBuf>,
}

fn two_numbers(text: &str) -> std::result::Result<(usize, usize), String> {
    text.split_once(',')
        .and_then(|(a, b)| Some((a.trim().parse().ok()?, b.trim().parse().ok()?)))
        .ok_or_else(|| "two numbers like 2,3 are needed".to_owned())
}

pub(super) fn run(args: &TestArgs, quiet: bool) -> Result<Done> {
    let other = match &args.hypothesis {
        Hypothesis::SameAs(file, _) => Some(Path::new(file)),
        _ => None,
    };
    require_distinct(
        &args
            .data
            .file()
            .into_iter()
            .chain(other)
            .chain(args.model.files())
            .chain(args.explain.files())
            .collect::<Vec<_>>(),
        &[("--json", args.json.as_deref())],
    )?;
    let sample = args.data.load()?;
    let sample = match args.hypothesis {
        Hypothesis::Term(_) => args.explain.apply(sample, &args.data.data)?,
        _ if args.explain.is_empty() => args.data.load_alike()?,
        _ => {
            return Err(Error::Unsupported {
                what: "weights and covariates are for term=NAME".to_owned(),
                remedy: "leave them out".to_owned(),
            });
        }
    };
    let progress =
        CountProgress::new(quiet, Some(args.bootstrap.unwrap_or(0)), "simulated samples");
    let watch = |done: usize| progress.at(done);
    let simulation = args.bootstrap.map(|replicates| BootstrapOptions {
        replicates,
        seed: args.seed,
        progress: Some(&watch),
    });
    let result = test(args, &sample, simulation);
    progress.finish();
    let result = result?;
    let json_on_stdout = args.json.as_deref() == Some(Path::new("-"));
    if !quiet && !json_on_stdout {
        say(&result.to_string())?;
    }
    if let Some(path) = &args.json {
        let json = to_json(&result)?;
        if json_on_stdout { print(&json)? } else { io::write_text(path, &json)? }
    }
    Ok(Done::Fully)
}

fn test(
    args: &TestArgs,
    sample: &crate::data::Sample,
    simulation: Option<BootstrapOptions<'_>>,
) -> Result<TestResult> {
    let options = args.how.options(Method::default());
    if args.project.is_some() && args.hypothesis != Hypothesis::Separability {
        return Err(Error::Unsupported {
            what: "--project is for the separability test".to_owned(),
            remedy: "leave it out".to_owned(),
        });
    }
    let names = sample.names();
    let model = args.model.model(names)?;
    match &args.hypothesis {
        Hypothesis::Separability => {
            args.model.require_plain("the separability test")?;
            separability(
                sample,
                &SeparabilityOptions {
                    mean: at_flag("--mean", mean_for(args.model.mean_text(), names))?,
                    fit: options,
                    bootstrap: simulation,
                    projection: args.project,
                },
            )
        }
        Hypothesis::Rows(name) => {
            let model = model.clone().rows(Structure::Unstructured);
            let null = model.clone().rows(structure_for(name, &names.rows)?);
            nested_test(sample, &null, &model, &options, simulation.as_ref())
        }
        Hypothesis::Cols(name) => {
            let model = model.clone().cols(Structure::Unstructured);
            let null = model.clone().cols(structure_for(name, &names.cols)?);
            nested_test(sample, &null, &model, &options, simulation.as_ref())
        }
        Hypothesis::Gaussian(law) => {
            let law = at_flag("the law of gaussian=LAW", law.parse())?;
            let spec = args.model.spec(names)?;
            let with = |law| ModelSpec { law, dof: None, ..spec.clone() }.model();
            let (null, alternative) = (with(LawName::Gaussian)?, with(law)?);
            nested_test(sample, &null, &alternative, &options, simulation.as_ref())
        }
        Hypothesis::Term(terms) => {
            let terms: Vec<&str> = terms.iter().map(String::as_str).collect();
            linear_hypothesis(sample, &model, &terms, &options, simulation.as_ref())
        }
        Hypothesis::SameAs(file, shared) => {
            args.model.require_plain("the test of equal factors")?;
            let other = args.data.load_other(file)?;
            equal_factors(&[sample.clone(), other], *shared, &options, simulation.as_ref())
        }
    }
}
