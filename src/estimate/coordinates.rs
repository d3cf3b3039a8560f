//! Coordinates of one factor for the joint search: unconstrained numbers ↔ a root of A, gradients
//! pulled back, directions pushed forward, and the curvature of the map itself.

use super::frame::Frame;
use crate::calculus::{MatrixFunction, Spectral};
use crate::linalg::{Root, matmul};
use crate::structure::Shape;
use crate::{Error, Result};
use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// How an unstructured factor is written as free numbers; structured factors have coordinates of
/// their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Coordinates {
    /// A = L exp(S) Lᵀ around the current point, re-centred now and then: conditioning does not
    /// matter.
    #[default]
    Geodesic,
    /// A = exp S.
    LogEuclidean,
    /// A = L Lᵀ with L_ii = exp θ_ii.
    LogCholesky,
}

impl Coordinates {
    const ALL: [Self; 3] = [Self::Geodesic, Self::LogEuclidean, Self::LogCholesky];

    /// Name as the command line writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Geodesic => "geodesic",
            Self::LogEuclidean => "log-euclidean",
            Self::LogCholesky => "log-cholesky",
        }
    }
}

impl fmt::Display for Coordinates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Coordinates {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|one| one.name() == text).ok_or_else(|| {
            let allowed = "geodesic, log-euclidean or log-cholesky";
            Error::domain("the coordinates", format!("\"{text}\""), allowed)
        })
    }
}

/// Coordinates of one factor, with the unit that makes the likelihood's curvature about 1.
pub(super) struct Chart {
    kind: Kind,
    order: usize,
    unit: f64,
}

enum Kind {
    /// A = C exp(S) Cᵀ with a fixed root C (the identity for the log-Euclidean ones).
    Exponential { centre: Option<Box<Root>>, name: &'static str },
    /// The structure's own coordinates, straightened around the current point.
    Own(Arc<dyn Shape>, Frame),
}

/// One point of a chart, with what its derivatives need.
pub(super) struct Spot {
    /// The structure's own coordinates, or those of the exponential.
    theta: Vec<f64>,
    spectral: Option<Spectral>,
    pub(super) root: Root,
}

impl Chart {
    /// The chart for a factor whose current value is `root`.
    ///
    /// # Errors
    /// When the factor has no coordinates.
    pub(super) fn new(
        shape: &Arc<dyn Shape>,
        coordinates: Coordinates,
        root: &Root,
    ) -> Result<Self> {
        let order = root.order();
        // −ℓ/npq has curvature 1/2d on X in A = L exp(X) Lᵀ.
        let unit = (2.0 * order as f64).sqrt();
        let exponential = |centre, name| Kind::Exponential { centre, name };
        let own = || Ok(Kind::Own(shape.clone(), Frame::new(&**shape, root)?));
        let kind = match coordinates {
            _ if !shape.is_unstructured() => own()?,
            Coordinates::Geodesic => {
                exponential(Some(Box::new(root.clone())), "a step of a factor")
            }
            Coordinates::LogEuclidean => exponential(None, "the logarithm of a factor"),
            Coordinates::LogCholesky => own()?,
        };
        Ok(Self { kind, order, unit })
    }

    /// Coordinates of the factor that the chart was made for.
    pub(super) fn coordinates(&self, root: &Root) -> Result<Vec<f64>> {
        match &self.kind {
            Kind::Own(_, frame) => Ok(vec![0.0; frame.len()]),
            Kind::Exponential { centre, name } => {
                let seen = match centre {
                    Some(centre) => centre.whiten(root.matrix().view()),
                    None => root.matrix(),
                };
                Ok(svec(MatrixFunction::Log.at(name, seen.view())?.value().view(), 1.0 / self.unit))
            }
        }
    }

    /// The direction in which the factor grows: d coordinates(eᶜA)/dc at c = 0, up to directions
    /// that hardly move it.
    pub(super) fn scale_direction(&self) -> Result<Vec<f64>> {
        match &self.kind {
            Kind::Exponential { .. } => Ok(svec(Array2::eye(self.order).view(), 1.0 / self.unit)),
            Kind::Own(_, frame) => Ok(frame.growth().to_vec()),
        }
    }

    /// The factor at θ.
    pub(super) fn at(&self, theta: &[f64]) -> Result<Spot> {
        match &self.kind {
            Kind::Own(shape, frame) => {
                let theta = frame.theta(theta);
                let root = shape.root_at("a factor", &theta, self.order)?;
                Ok(Spot { theta, spectral: None, root })
            }
            Kind::Exponential { centre, name } => {
                let theta = theta.to_vec();
                let s = smat(&theta, self.order, self.unit);
                let spectral = MatrixFunction::Exp.at(name, s.view())?;
                let root = match centre {
                    Some(centre) => {
                        let mut root = Root::clone(centre);
                        root.advance("a factor", spectral.value().view())?;
                        root
                    }
                    None => Root::of("a factor", spectral.value().view())?,
                };
                Ok(Spot { theta, spectral: Some(spectral), root })
            }
        }
    }

    /// The gradient in θ of a function whose gradient along L exp(X) Lᵀ is W.
    pub(super) fn pull_back(&self, spot: &Spot, whitened: ArrayView2<'_, f64>) -> Result<Vec<f64>> {
        let inverse = spot.root.inverse();
        let gradient = turned(inverse.t(), whitened);
        self.pull_back_euclidean(spot, &spot.theta, gradient.view())
    }

    fn pull_back_euclidean(
        &self,
        spot: &Spot,
        theta: &[f64],
        gradient: ArrayView2<'_, f64>,
    ) -> Result<Vec<f64>> {
        match (&self.kind, &spot.spectral) {
            (Kind::Own(shape, frame), _) => Ok(frame.gradient(shape.pull_back(theta, gradient)?)),
            (Kind::Exponential { centre, .. }, Some(spectral)) => {
                let seen = centred(centre.as_deref(), gradient);
                Ok(svec(spectral.derivative(seen.view())?.view(), self.unit))
            }
            (Kind::Exponential { .. }, None) => Ok(Vec::new()),
        }
    }

    /// L⁻¹ dA L⁻ᵀ for a direction in θ.
    pub(super) fn push_forward(&self, spot: &Spot, direction: &[f64]) -> Result<Array2<f64>> {
        let tangent = match (&self.kind, &spot.spectral) {
            (Kind::Own(shape, frame), _) => {
                shape.push_forward(&spot.theta, &frame.direction(direction), self.order)?
            }
            (Kind::Exponential { centre, .. }, spectral) => {
                let s = smat(direction, self.order, self.unit);
                let moved = match spectral {
                    Some(spectral) => spectral.derivative(s.view())?,
                    None => s,
                };
                match centre {
                    Some(centre) => turned(centre.lower(), moved.view()),
                    None => moved,
                }
            }
        };
        Ok(spot.root.whiten(tangent.view()))
    }

    /// The derivative of [`Chart::pull_back`] along a direction for a gradient that stays the
    /// same (in A, not in whitened coordinates): the curvature of the map, without the data.
    pub(super) fn bend(
        &self,
        spot: &Spot,
        direction: &[f64],
        whitened: ArrayView2<'_, f64>,
    ) -> Result<Vec<f64>> {
        let gradient = turned(spot.root.inverse().t(), whitened);
        match (&self.kind, &spot.spectral) {
            (Kind::Exponential { centre, .. }, Some(spectral)) => {
                let seen = centred(centre.as_deref(), gradient.view());
                let s = smat(direction, self.order, self.unit);
                Ok(svec(spectral.second_derivative(s.view(), seen.view())?.view(), self.unit))
            }
            (Kind::Exponential { .. }, None) => Ok(Vec::new()),
            (Kind::Own(_, frame), _) => {
                let direction = frame.direction(direction);
                let length = direction.iter().map(|t| t * t).sum::<f64>().sqrt();
                if length == 0.0 {
                    return Ok(vec![0.0; direction.len()]);
                }
                let h = 2e-3 / length;
                let at = |t: f64| {
                    let moved: Vec<f64> =
                        spot.theta.iter().zip(&direction).map(|(x, d)| x + t * d).collect();
                    self.pull_back_euclidean(spot, &moved, gradient.view())
                };
                let (a, b, c, d) = (at(h)?, at(-h)?, at(2.0 * h)?, at(-2.0 * h)?);
                let slope = |i: usize| (8.0 * (a[i] - b[i]) - (c[i] - d[i])) / (12.0 * h);
                Ok((0..direction.len()).map(slope).collect())
            }
        }
    }
}

/// P W Pᵀ.
fn turned(p: ArrayView2<'_, f64>, w: ArrayView2<'_, f64>) -> Array2<f64> {
    matmul(matmul(p, w).view(), p.t())
}

/// Cᵀ G C: a gradient by A as one by exp(S) in A = C exp(S) Cᵀ.
fn centred(centre: Option<&Root>, gradient: ArrayView2<'_, f64>) -> Array2<f64> {
    let mut seen = match centre {
        Some(centre) => turned(centre.lower().t(), gradient),
        None => gradient.to_owned(),
    };
    crate::linalg::symmetrise(&mut seen);
    seen
}

/// Lower triangle row by row, off-diagonals times √2, all times `unit`.
///
/// With S = unit · smat(θ) the coordinates of S are svec(S, 1/unit), and a gradient G by S becomes
/// svec(G, unit).
fn svec(s: ArrayView2<'_, f64>, unit: f64) -> Vec<f64> {
    let root = std::f64::consts::SQRT_2;
    let entry = |i: usize, j: usize| s[[i, j]] * if i == j { unit } else { root * unit };
    (0..s.nrows()).flat_map(|i| (0..=i).map(move |j| (i, j))).map(|(i, j)| entry(i, j)).collect()
}

/// S = unit · smat(θ).
fn smat(theta: &[f64], d: usize, unit: f64) -> Array2<f64> {
    let mut s = Array2::zeros((d, d));
    let mut values = theta.iter();
    for i in 0..d {
        for j in 0..=i {
            let value = values.next().copied().unwrap_or(0.0) * unit;
            s[[i, j]] = if i == j { value } else { value * std::f64::consts::FRAC_1_SQRT_2 };
            s[[j, i]] = s[[i, j]];
        }
    }
    s
}
