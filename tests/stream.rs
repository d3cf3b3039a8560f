//! Data read in blocks gives the fit of the same data in memory.

use kronfit::Error;
use kronfit::data::{BlockReader, Sample};
use kronfit::estimate::{FitOptions, Silent};
use kronfit::io::NpyBlocks;
use kronfit::model::{Dof, Model};
use ndarray::{Array3, ArrayView3, Axis};

fn values(n: usize, p: usize, q: usize) -> Array3<f64> {
    Array3::from_shape_fn((n, p, q), |(i, r, c)| {
        let t = (i * 97 + r * 11 + c * 5) as f64;
        let scale = 1.0 + (i % 7) as f64 * 0.3;
        scale * ((t * 0.7123).sin() + 0.6 * (t * t * 0.013).cos()) + 0.2 * (r as f64 - c as f64)
    })
}

/// An array in memory, handed out in blocks of 37.
struct Blocks(Array3<f64>);

impl BlockReader for Blocks {
    fn dim(&self) -> (usize, usize, usize) {
        self.0.dim()
    }

    fn name(&self) -> String {
        "the blocks".to_owned()
    }

    fn read(
        &self,
        visit: &mut dyn FnMut(ArrayView3<'_, f64>) -> kronfit::Result<()>,
    ) -> kronfit::Result<()> {
        self.0.axis_chunks_iter(Axis(0), 37).try_for_each(visit)
    }
}

fn compare(model: &Model, reader: &dyn BlockReader, sample: &Sample) {
    let options = FitOptions { tol: 1e-10, ..FitOptions::default() };
    let whole = model.fit_with(sample, &options, &mut Silent).expect("a fit");
    let fit = model.fit_stream(reader, &options, &mut Silent, &|_, _| true).expect("a fit");
    assert!(whole.is_converged() && fit.is_converged(), "{:?}", fit.termination());
    assert_eq!(whole.dim(), fit.dim());
    let off = fit.log_likelihood() / whole.log_likelihood() - 1.0;
    assert!(off.abs() < 1e-11, "{off:e}");
    let rows = (whole.row_cov() - fit.row_cov()).iter().fold(0.0, |m: f64, d| m.max(d.abs()));
    assert!(rows < 1e-7, "{rows:e}");
}

#[test]
fn every_law_agrees_with_the_fit_in_memory() {
    let values = values(400, 3, 4);
    let sample = Sample::new(values.clone()).expect("a finite sample");
    let reader = Blocks(values);
    for model in [
        Model::gaussian(),
        Model::kronecker_t(Dof::Fixed(4.0)),
        Model::matrix_t(Dof::Fixed(6.0)),
        Model::kronecker_t(Dof::Estimate),
    ] {
        compare(&model, &reader, &sample);
    }
}

#[test]
fn a_folder_is_one_sample() {
    let folder = tempfile::tempdir().expect("a folder");
    let values = values(300, 3, 4);
    let (head, tail) = values.view().split_at(Axis(0), 120);
    ndarray_npy::write_npy(folder.path().join("a.npy"), &head).expect("a file");
    ndarray_npy::write_npy(folder.path().join("b.npy"), &tail).expect("a file");
    let reader = NpyBlocks::open(folder.path()).expect("two files");
    assert_eq!(reader.dim(), (300, 3, 4));
    compare(&Model::gaussian(), &reader, &Sample::new(values.clone()).expect("a sample"));
    let other = Array3::<f64>::ones((5, 4, 4));
    ndarray_npy::write_npy(folder.path().join("c.npy"), &other).expect("a file");
    assert!(matches!(NpyBlocks::open(folder.path()), Err(Error::File { .. })));
}

#[test]
fn faults_end_the_fit_with_their_reason() {
    let mut bad = values(300, 3, 4);
    bad[[250, 1, 2]] = f64::NAN;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.npy");
    ndarray_npy::write_npy(&path, &bad).expect("a file");
    let reader = NpyBlocks::open(&path).expect("a header");
    let options = FitOptions::default();
    let fit = Model::gaussian().fit_stream(&reader, &options, &mut Silent, &|_, _| true);
    assert!(matches!(fit, Err(Error::NonFinite { .. })), "{fit:?}");
    // Stopped in a later read: the reason comes through the passes.
    let reads = std::sync::atomic::AtomicUsize::new(0);
    let stop = |done: usize, n: usize| {
        done < n || reads.fetch_add(1, std::sync::atomic::Ordering::Relaxed) < 2
    };
    let model = Model::kronecker_t(Dof::Fixed(4.0));
    let fit = model.fit_stream(&Blocks(values(300, 3, 4)), &options, &mut Silent, &stop);
    assert!(matches!(fit, Err(Error::Interrupted { .. })), "{fit:?}");
}
