//! Kronecker products: the two vec layouts, A ⊗ B as an operator, the Van Loan–Pitsianis
//! rearrangement, nearest Kronecker products and sums of Kronecker products.
//!
//! Nothing outside of this module flattens a matrix by hand. With [`vec_rows`] (rows stacked)
//!
//! ```text
//! vec_rows(P X Qᵀ) = (P ⊗ Q) vec_rows(X),        Cov(vec_rows X) = A ⊗ B
//! ```
//!
//! and with [`vec_cols`] (columns stacked, the order of R, Matlab and most papers) the two
//! factors change places: Cov(vec_cols X) = B ⊗ A.

mod layout;
mod nearest;
mod operator;
mod power;
mod rearrange;
mod side;

pub use layout::{
    duplication, kvec, smat, svec, unkvec, unvec_cols, unvec_rows, unvech, vec_cols, vec_rows, vech,
};
pub use nearest::{KroneckerSum, NearestKronecker, Truncation, nearest_kronecker};
pub use operator::{Kronecker, kronecker_product};
pub use power::{MapNearest, PowerIteration, nearest_kronecker_of_map};
pub use rearrange::{BlockShape, rearrange, rearrange_back};
pub use side::{BySide, Side};
