//! Many models on one sample, side by side.

use crate::data::Sample;
use crate::estimate::{FitOptions, Observer, Step};
use crate::model::Model;
use crate::{Error, Result};
use serde::Serialize;
use std::str::FromStr;
use std::time::Instant;

/// One model of a comparison.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Compared {
    /// Law.
    pub model: String,
    /// Row structure.
    pub rows: String,
    /// Column structure.
    pub cols: String,
    /// Mean structure.
    pub mean: String,
    /// The fit, where there is one.
    #[serde(flatten)]
    pub fit: Option<ComparedFit>,
    /// Why there is no fit, or none that converged.
    pub reason: Option<String>,
    /// Seconds.
    pub seconds: f64,
}

/// What a comparison says of a fit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ComparedFit {
    /// Maximised log-likelihood, all constants included.
    pub log_likelihood: f64,
    /// Free parameters.
    pub n_parameters: usize,
    /// ν̂; `None` for the Gaussian and ν̂ = ∞.
    pub dof: Option<f64>,
    /// Is ν̂ infinite?
    pub dof_at_infinity: bool,
    /// −2ℓ + 2k.
    pub aic: f64,
    /// Small-sample AIC; `None` where n ≤ k + 1.
    pub aicc: Option<f64>,
    /// −2ℓ + k ln n, n = number of matrices.
    pub bic: f64,
    /// exp(−ΔAIC/2), summing to 1 over the models that converged; zero for the others.
    pub aic_weight: f64,
    /// exp(−ΔBIC/2), likewise.
    pub bic_weight: f64,
    /// Is it a maximum?
    pub converged: bool,
}

/// Fits every model; one that fails is a row with its reason.
///
/// `progress` is told how many models are done, and stops the comparison by `false` (also inside
/// a fit); what was not fitted by then has that as its reason.
pub fn compare(
    sample: &Sample,
    models: &[Model],
    options: &FitOptions,
    progress: &mut dyn FnMut(usize) -> bool,
) -> Vec<Compared> {
    let mut rows: Vec<Compared> = Vec::new();
    let mut going = progress(0);
    for (i, model) in models.iter().enumerate() {
        let mut row = Compared {
            model: model.law().name().to_owned(),
            rows: model.row_structure().to_string(),
            cols: model.col_structure().to_string(),
            mean: model.mean_structure().name().to_owned(),
            fit: None,
            reason: None,
            seconds: 0.0,
        };
        if going {
            let clock = Instant::now();
            let mut watch = Watch { progress: &mut *progress, done: i };
            fill(&mut row, sample, model, options, &mut watch);
            row.seconds = clock.elapsed().as_secs_f64();
            going = progress(i + 1);
        } else {
            row.reason = Some("stopped before it was fitted".to_owned());
        }
        rows.push(row);
    }
    weigh(&mut rows);
    rows
}

struct Watch<'a> {
    progress: &'a mut dyn FnMut(usize) -> bool,
    done: usize,
}

impl Observer for Watch<'_> {
    fn step(&mut self, _step: &Step) -> bool {
        (self.progress)(self.done)
    }
}

fn fill(
    row: &mut Compared,
    sample: &Sample,
    model: &Model,
    options: &FitOptions,
    observer: &mut dyn Observer,
) {
    match model.fit_with(sample, options, observer) {
        Ok(fit) => {
            if !fit.is_converged() {
                row.reason = Some(format!("not converged ({})", fit.termination().name()));
            }
            row.fit = Some(ComparedFit {
                log_likelihood: fit.log_likelihood(),
                n_parameters: fit.n_parameters(),
                dof: fit.dof(),
                dof_at_infinity: fit.dof_at_infinity(),
                aic: fit.aic(),
                aicc: fit.aicc(),
                bic: fit.bic(),
                aic_weight: 0.0,
                bic_weight: 0.0,
                converged: fit.is_converged(),
            });
        }
        Err(error) => row.reason = Some(error.to_string()),
    }
}

/// Akaike and Schwarz weights among the models that converged.
fn weigh(rows: &mut [Compared]) {
    let mut fits: Vec<&mut ComparedFit> = rows
        .iter_mut()
        .filter_map(|row| row.fit.as_mut())
        .filter(|fit| fit.converged && fit.aic.is_finite())
        .collect();
    let best = |value: fn(&ComparedFit) -> f64, fits: &[&mut ComparedFit]| {
        fits.iter().map(|fit| value(fit)).fold(f64::INFINITY, f64::min)
    };
    let (aic, bic) = (best(|f| f.aic, &fits), best(|f| f.bic, &fits));
    let (mut sum_aic, mut sum_bic) = (0.0, 0.0);
    for fit in &mut fits {
        fit.aic_weight = (-0.5 * (fit.aic - aic)).exp();
        fit.bic_weight = (-0.5 * (fit.bic - bic)).exp();
        sum_aic += fit.aic_weight;
        sum_bic += fit.bic_weight;
    }
    for fit in &mut fits {
        fit.aic_weight /= sum_aic;
        fit.bic_weight /= sum_bic;
    }
}

/// Order of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// By AIC.
    #[default]
    Aic,
    /// By BIC.
    Bic,
    /// As the models were given.
    Grid,
}

impl FromStr for Order {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "aic" => Ok(Self::Aic),
            "bic" => Ok(Self::Bic),
            "grid" => Ok(Self::Grid),
            other => Err(Error::domain("the order", format!("\"{other}\""), "aic, bic or grid")),
        }
    }
}

/// Best first; rows without a converged fit last.
pub fn sort_compared(rows: &mut [Compared], order: Order) {
    let key = |row: &Compared| match &row.fit {
        Some(fit) if fit.converged => match order {
            Order::Bic => fit.bic,
            _ => fit.aic,
        },
        _ => f64::INFINITY,
    };
    if order != Order::Grid {
        rows.sort_by(|a, b| key(a).total_cmp(&key(b)));
    }
}
