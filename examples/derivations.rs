//! The three derivations at work: each gradient by several routes, and the checker on all of them.
//!
//! Run with `cargo run --example derivations`.

use kronfit::Result;
use kronfit::calculus::{
    Convention, Domain, KroneckerFisher, LogQuadratic, MatrixForm, MatrixFunction, RankOneSum,
    ScaleConstraint, TraceForm, VecOrder, blocks_by_function, check, log_quadratic_dense, routes,
    trace_product_convexity,
};
use kronfit::kronecker::{
    BlockShape, Kronecker, kronecker_product, rearrange, unvec_rows, vec_rows,
};
use kronfit::linalg::{Spd, symmetric_eigen};
use ndarray::{Array1, Array2, array};

fn main() -> Result<()> {
    log_quadratic()?;
    rank_of_the_sum()?;
    matrix_function()?;
    close_eigenvalues()?;
    layouts()?;
    convexity()?;
    fisher()
}

fn distance(a: &Array2<f64>, b: &Array2<f64>) -> f64 {
    let size = |m: &Array2<f64>| m.iter().map(|x| x * x).sum::<f64>().sqrt();
    size(&(a - b)) / size(b)
}

fn log_quadratic() -> Result<()> {
    println!("ln(α + wᵀ(A ⊗ B)⁻¹w), A and B not symmetric");
    // ANCHOR: log-quadratic
    let a = array![[3.0, 1.0], [-0.5, 2.0]];
    let b = array![[2.0, 0.5, 0.0], [0.25, 3.0, -1.0], [0.5, 0.0, 1.5]];
    let w = array![[1.0, -2.0, 0.5], [0.75, 0.5, 2.0]];
    let form = LogQuadratic::new(a.view(), b.view(), w.view(), 3.0)?;
    let gradient = form.gradient()?;

    // The 6 × 6 route agrees.
    let (_, dense) = log_quadratic_dense(a.view(), b.view(), w.view(), 3.0)?;
    println!("  closed form against dense: {:.1e}", distance(&gradient.rows, &dense.rows));

    // So do finite differences, which know nothing of either.
    let value = |v: &Array1<f64>| {
        let a = unvec_rows(v.view(), 2, 2)?;
        Ok(LogQuadratic::new(a.view(), b.view(), w.view(), 3.0)?.value())
    };
    let by_a = vec_rows(gradient.rows.view());
    let report = check::gradient(value, &by_a, &vec_rows(a.view()), &check::Settings::default())?;
    println!("{report}");
    // ANCHOR_END: log-quadratic
    Ok(())
}

fn rank_of_the_sum() -> Result<()> {
    println!("\nHow many Kronecker terms does S⁻ᵀwwᵀS⁻ᵀ need? (A 3 × 3, B 3 × 3)");
    // ANCHOR: rank
    let (a, b) = (Array2::<f64>::eye(3) * 2.0, Array2::<f64>::eye(3));
    for w in [
        array![[1.0, 2.0, -1.0], [2.0, 4.0, -2.0], [0.5, 1.0, -0.5]],
        array![[1.0, 0.0, 1.0], [0.0, 1.0, 1.0], [1.0, 1.0, 2.0]],
        array![[1.0, 0.0, 1.0], [0.0, 1.0, 1.0], [1.0, 1.0, 3.0]],
    ] {
        let form = LogQuadratic::new(a.view(), b.view(), w.view(), 1.0)?;
        let sum = RankOneSum::new(&form)?;
        let (by_a, _) = sum.gradient(a.view(), b.view())?;
        let error = distance(&by_a, &form.gradient()?.rows);
        println!("  {} terms (bound 9), gradient agrees to {error:.1e}", sum.len());
    }
    // ANCHOR_END: rank
    Ok(())
}

fn matrix_function() -> Result<()> {
    println!("\ntr(A eˣ): the default and the other roads");
    // ANCHOR: matrix-function
    let x = array![[0.5, -0.25, 1.0], [-0.25, -1.0, 0.5], [1.0, 0.5, 0.25]];
    let a = array![[2.0, 0.5, -0.25], [0.5, 1.0, 0.75], [-0.25, 0.75, 3.0]];
    let at = MatrixFunction::Exp.at("X", x.view())?;
    let gradient = at.trace_gradient(a.view())?;

    let exp = MatrixFunction::Exp;
    for (name, other) in [
        ("block exponential", routes::exp_gradient_block(x.view(), a.view())?),
        ("φ₁(ad_X)[A eˣ]", routes::exp_gradient_ad(x.view(), a.view())?),
        ("power series", routes::exp_gradient_series(x.view(), a.view())?),
        ("eigenvectors", routes::gradient_by_perturbation(&exp, x.view(), a.view())?),
        ("(I + X/N)^N, N = 2^20", routes::exp_gradient_limit(x.view(), a.view(), 20)?),
        ("A eˣ, a common guess", a.dot(&at.value())),
    ] {
        println!("  {name:<24} {:.1e}", distance(&other, &gradient));
    }
    // ANCHOR_END: matrix-function
    Ok(())
}

fn close_eigenvalues() -> Result<()> {
    println!(
        "\nClose eigenvalues: error of the eigenvector formula, with Daleckii–Krein as reference"
    );
    // ANCHOR: close
    let a = array![[2.0, 0.5], [0.5, 1.0]];
    for gap in [1e-2, 1e-6, 1e-10, 1e-14] {
        let x = array![[1.0, gap], [gap, 1.0]];
        let stable = MatrixFunction::Exp.at("X", x.view())?.trace_gradient(a.view())?;
        let naive = routes::gradient_by_perturbation(&MatrixFunction::Exp, x.view(), a.view())?;
        println!("  gap {:.0e}: {:.1e}", 2.0 * gap, distance(&naive, &stable));
    }
    // ANCHOR_END: close
    Ok(())
}

fn layouts() -> Result<()> {
    println!("\nF(X) = B tr(AX): the Jacobian and the block array");
    // ANCHOR: layouts
    let a = array![[1.0, 2.0], [-0.5, 3.0]];
    let b = array![[0.5, -1.0], [2.0, 1.5]];
    let form = MatrixForm::TraceTimes { a: a.clone(), b: b.clone() };
    let x = Array2::eye(2);
    let jacobian = form.jacobian(x.view(), VecOrder::Rows, Convention::Numerator)?;
    let blocks = blocks_by_function(a.view(), b.view());
    println!("J = vec(B) vec(Aᵀ)ᵀ =\n{jacobian}\nB ⊗ Aᵀ =\n{blocks}");
    // The same sixteen numbers, moved:
    assert_eq!(rearrange(blocks.view(), BlockShape::square(2, 2))?, jacobian);
    // ANCHOR_END: layouts
    Ok(())
}

fn convexity() -> Result<()> {
    println!("\ntr(AX) tr(BX) with positive definite A, B");
    // ANCHOR: convexity
    let (a, b) = (array![[7.0, 1.0], [1.0, 3.0]], array![[5.0, 2.0], [2.0, 1.0]]);
    let form = TraceForm::Product { a: a.clone(), b: b.clone() };
    let hessian = form.hessian(Array2::eye(2).view(), VecOrder::Rows)?;
    let blocks = kronecker_product(a.view(), b.view()) + kronecker_product(b.view(), a.view());
    println!("  Hessian:       {:.4}", symmetric_eigen("H", hessian.view())?.values);
    println!("  A ⊗ B + B ⊗ A: {:.4}", symmetric_eigen("E", blocks.view())?.values);
    let found = trace_product_convexity(a.view(), b.view(), Domain::Symmetric)?;
    println!("  convex: {}, smallest curvature {:.6}", found.is_convex, found.smallest);
    // ANCHOR_END: convexity
    Ok(())
}

fn fisher() -> Result<()> {
    println!("\nStandard errors of A under two constraints, n = 50");
    // ANCHOR: fisher
    let a = Spd::new("A", array![[2.0, 0.5], [0.5, 1.0]])?;
    let b = Spd::new("B", array![[1.0, 0.3], [0.3, 1.5]])?;
    let information = KroneckerFisher::new(&Kronecker::new(a, b), 50.0)?;
    for constraint in [ScaleConstraint::DetRows, ScaleConstraint::TraceRows] {
        let covariance = information.covariance(&constraint)?;
        let errors: Vec<f64> = (0..3).map(|k| covariance[[k, k]].sqrt()).collect();
        println!(
            "  {constraint:?}: A11 {:.4}, A21 {:.4}, A22 {:.4}",
            errors[0], errors[1], errors[2]
        );
    }
    let correlation = information.row_correlation_errors();
    println!("  correlation, under any constraint: {:.4}", correlation[[1, 0]]);
    // ANCHOR_END: fisher
    Ok(())
}
