//! A pass takes no memory beyond what the first one took.

use kronfit::data::Sample;
use kronfit::family::{Gaussian, KroneckerT, Law, MatrixT};
use kronfit::linalg::Root;
use kronfit::model::{Pass, Point, SampleSource, Source, Want};
use ndarray::{Array2, Array3};

#[test]
fn passes_allocate_nothing() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a pool");
    let laws: [&dyn Law; 3] =
        [&Gaussian, &KroneckerT::new(4.0).expect("ν > 0"), &MatrixT::new(4.0).expect("ν > 0")];
    for (n, p, q) in [(1000, 7, 9), (5, 30, 20)] {
        let values = Array3::from_shape_fn((n, p, q), |(i, r, c)| ((i * r + c) as f64).sin());
        let sample = Sample::new(values).expect("a finite sample");
        let source = SampleSource::new(&sample);
        let root = |d: usize| Root::from_lower(Array2::eye(d) * 0.7);
        let point = Point { mean: Array2::zeros((p, q)), row: root(p), col: root(q) };
        for law in laws {
            let counted = pool.install(|| {
                let mut out = Pass::zeros(p, q);
                let wants = [Want::Both, Want::Row, Want::Col];
                let _ = wants.map(|want| source.pass(&point, law, want, &mut out));
                allocation_counter::measure(|| {
                    let _ = wants.map(|want| source.pass(&point, law, want, &mut out));
                })
            });
            assert_eq!(counted.count_total, 0, "{} ({n}, {p}, {q}): {counted:?}", law.name());
        }
    }
}
