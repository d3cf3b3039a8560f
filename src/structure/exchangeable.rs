//! Groups of exchangeable entries: compound symmetry within and between groups.

use super::{IntervalScale, Parameter, ParameterKind, Shape, Unstructured, not_definite, usable};
use crate::linalg::Root;
use crate::{Error, Result};
use ndarray::{Array2, ArrayView2};

/// Entries of one group are alike: A_ij depends on the groups of i and j, and on whether i = j.
///
/// With Q the d × m matrix of unit indicator vectors of the groups, A = Σ_g a_g(I_g − J_g/n_g) +
/// QBQᵀ: the eigenvalue a_g of what sums to zero in a group of n_g ≥ 2, and any positive
/// definite B (m × m) for the sums. Coordinates: the ln a_g, then those of [`Unstructured`] for
/// B. The best for a scatter is its average over all exchanges within groups.
///
/// One group is compound symmetry, all groups of one entry are no structure. The matrices are
/// closed under geodesics: the likelihood has one maximum.
///
/// # References
/// Votaw (1948), Annals of Mathematical Statistics 19, 447–473.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchangeable {
    labels: Vec<String>,
    /// Group of every entry, counted in order of their first appearance, and sizes of the groups.
    group: Vec<usize>,
    sizes: Vec<usize>,
}

const WHAT: &str = "an exchangeable factor";

impl Exchangeable {
    /// From the label of every entry; entries with the same label are a group.
    pub fn new(labels: Vec<String>) -> Self {
        let mut seen: Vec<&String> = Vec::new();
        let mut sizes: Vec<usize> = Vec::new();
        let mut group = Vec::with_capacity(labels.len());
        for label in &labels {
            let at = seen.iter().position(|known| *known == label).unwrap_or_else(|| {
                seen.push(label);
                sizes.push(0);
                seen.len() - 1
            });
            sizes[at] += 1;
            group.push(at);
        }
        Self { group, sizes, labels }
    }

    /// Is every entry a group of its own?
    pub(super) fn is_trivial(&self) -> bool {
        self.sizes.len() == self.group.len()
    }

    /// Groups of two or more entries, which have an eigenvalue of their own.
    fn large(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.sizes.len()).filter(|g| self.sizes[*g] > 1)
    }

    fn n_large(&self) -> usize {
        self.large().count()
    }

    /// 1_gᵀ S 1_h/√(n_g n_h).
    fn sums(&self, matrix: ArrayView2<'_, f64>) -> Array2<f64> {
        let m = self.sizes.len();
        let mut out = Array2::zeros((m, m));
        for ((i, j), x) in matrix.indexed_iter() {
            out[[self.group[i], self.group[j]]] += x;
        }
        for ((g, h), x) in out.indexed_iter_mut() {
            *x /= ((self.sizes[g] * self.sizes[h]) as f64).sqrt();
        }
        out
    }

    /// tr(S_gg (I − J/n_g)) of the large groups, from differences: nothing cancels.
    fn spreads(&self, matrix: ArrayView2<'_, f64>) -> Vec<f64> {
        let mut all = vec![0.0; self.sizes.len()];
        for i in 0..matrix.nrows() {
            for j in (0..i).filter(|&j| self.group[i] == self.group[j]) {
                all[self.group[i]] +=
                    (matrix[[i, i]] - matrix[[i, j]]) + (matrix[[j, j]] - matrix[[j, i]]);
            }
        }
        self.large().map(|g| all[g] / self.sizes[g] as f64).collect()
    }

    /// (a, B) of the average over exchanges.
    fn parts(&self, matrix: ArrayView2<'_, f64>) -> Result<(Vec<f64>, Array2<f64>)> {
        let mut within = self.spreads(matrix);
        for (a, g) in within.iter_mut().zip(self.large()) {
            *a /= (self.sizes[g] - 1) as f64;
        }
        match within.iter().position(|a| !(*a > 0.0 && a.is_finite())) {
            Some(_) => Err(not_definite(WHAT, matrix.nrows())),
            None => Ok((within, self.sums(matrix))),
        }
    }

    /// A of any a and symmetric B.
    fn assemble(&self, within: &[f64], sums: ArrayView2<'_, f64>) -> Array2<f64> {
        let mut own = vec![0.0; self.sizes.len()];
        self.large().zip(within).for_each(|(g, a)| own[g] = *a);
        let entry = |i: usize, j: usize| {
            let (g, h) = (self.group[i], self.group[j]);
            let shared = sums[[g, h]] / ((self.sizes[g] * self.sizes[h]) as f64).sqrt();
            if g != h {
                return shared;
            }
            shared + own[g] * (f64::from(u8::from(i == j)) - 1.0 / self.sizes[g] as f64)
        };
        let d = self.group.len();
        Array2::from_shape_fn((d, d), |(i, j)| entry(i.max(j), i.min(j)))
    }
}

impl Shape for Exchangeable {
    fn name(&self) -> String {
        format!("exchangeable:{}", self.labels.join(","))
    }

    fn check(&self, d: usize) -> Result<()> {
        let breaks = |c: char| c == ',' || c == '+' || c.is_whitespace();
        if let Some(bad) = self.labels.iter().find(|x| x.is_empty() || x.contains(breaks)) {
            let allowed = "a text without spaces, commas and plus signs";
            return Err(Error::domain("the label of a group", format!("\"{bad}\""), allowed));
        }
        if self.labels.len() == d && d > 0 {
            return Ok(());
        }
        let found = format!("{} labels", self.labels.len());
        Err(Error::domain("the list of groups", found, format!("{d} labels, one for each entry")))
    }

    fn n_parameters(&self, _d: usize) -> usize {
        self.n_large() + Unstructured.n_parameters(self.sizes.len())
    }

    fn coordinates(&self, matrix: ArrayView2<'_, f64>) -> Result<Vec<f64>> {
        let (within, sums) = self.parts(matrix)?;
        let mut out: Vec<f64> = within.iter().map(|a| a.ln()).collect();
        out.extend(Unstructured.coordinates(sums.view())?);
        Ok(out)
    }

    fn matrix(&self, coordinates: &[f64], _d: usize) -> Result<Array2<f64>> {
        let (within, sums) = coordinates.split_at(self.n_large());
        let within: Vec<f64> = within.iter().map(|x| x.exp()).collect();
        let sums = Unstructured.matrix(sums, self.sizes.len())?;
        usable(WHAT, self.assemble(&within, sums.view()))
    }

    fn push_forward(
        &self,
        coordinates: &[f64],
        direction: &[f64],
        _d: usize,
    ) -> Result<Array2<f64>> {
        let (within, sums) = coordinates.split_at(self.n_large());
        let (grown, turned) = direction.split_at(self.n_large());
        let within: Vec<f64> = within.iter().zip(grown).map(|(x, t)| t * x.exp()).collect();
        let sums = Unstructured.push_forward(sums, turned, self.sizes.len())?;
        Ok(self.assemble(&within, sums.view()))
    }

    fn pull_back(&self, coordinates: &[f64], gradient: ArrayView2<'_, f64>) -> Result<Vec<f64>> {
        let (within, sums) = coordinates.split_at(self.n_large());
        let spreads = self.spreads(gradient);
        let mut out: Vec<f64> = within.iter().zip(spreads).map(|(x, s)| s * x.exp()).collect();
        out.extend(Unstructured.pull_back(sums, self.sums(gradient).view())?);
        Ok(out)
    }

    fn update(
        &self,
        scatter: ArrayView2<'_, f64>,
        _current: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>> {
        let (within, sums) = self.parts(scatter)?;
        usable(WHAT, self.assemble(&within, sums.view()))
    }

    /// One dimension for every group.
    fn required_rank(&self, _d: usize) -> usize {
        self.sizes.len()
    }

    fn tolerates_constants(&self) -> bool {
        self.sizes.iter().all(|n| *n > 1)
    }

    /// Variances and correlations of the groups: `rho[g,g]` within, `rho[g,h]` between.
    fn report(&self, matrix: ArrayView2<'_, f64>) -> Vec<Parameter> {
        let first = |g: usize, skip: usize| {
            let members = (0..self.group.len()).filter(|i| self.group[*i] == g);
            members.clone().nth(skip).unwrap_or(0)
        };
        let mean = matrix.diag().sum() / matrix.nrows() as f64;
        let mut out = Vec::new();
        for g in 0..self.sizes.len() {
            let own = first(g, 0);
            let (kind, share) = (ParameterKind::GroupVariance, matrix[[own, own]] / mean);
            out.push(Parameter::new(kind, share, IntervalScale::Log).at(g));
        }
        for g in 0..self.sizes.len() {
            for h in (0..=g).filter(|h| *h < g || self.sizes[g] > 1) {
                let (i, j) = (first(g, usize::from(g == h)), first(h, 0));
                let rho = matrix[[i, j]] / (matrix[[i, i]] * matrix[[j, j]]).sqrt();
                out.push(Parameter::correlation(rho).between(g, h));
            }
        }
        out
    }

    /// Averaging over exchanges commutes with products of such matrices: the projection is
    /// L⁻¹ avg(LWLᵀ) L⁻ᵀ.
    fn project(&self, root: &Root, whitened: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        let seen = root.unwhiten(whitened);
        let mut within = self.spreads(seen.view());
        for (a, g) in within.iter_mut().zip(self.large()) {
            *a /= (self.sizes[g] - 1) as f64;
        }
        Ok(root.whiten(self.assemble(&within, self.sums(seen.view()).view()).view()))
    }
}
