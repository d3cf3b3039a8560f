//! Matrices whose memory comes back: what a step needs on its way is taken from a thread's own
//! store and returned when it goes out of scope, so that iterations allocate nothing.

use ndarray::{Array2, ArrayView2};
use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

thread_local! {
    static STORE: RefCell<Vec<Vec<f64>>> = const { RefCell::new(Vec::new()) };
}

/// Most pieces of memory that a thread keeps.
const KEPT: usize = 64;
/// Doubles of a piece that may be kept for ever.
const SMALL: usize = 8 * 1024;
/// Doubles of the largest piece that is kept at all: beyond, work of order d³ dwarfs what new
/// memory costs.
const LARGE: usize = 4 * 1024 * 1024;

/// A matrix on borrowed memory.
#[derive(Debug, PartialEq)]
pub struct Temp(Array2<f64>);

impl Temp {
    /// Zeros.
    pub fn zeros(dim: (usize, usize)) -> Self {
        let len = dim.0 * dim.1;
        let mut memory = take(len);
        memory.clear();
        memory.resize(len, 0.0);
        Self(Array2::from_shape_vec(dim, memory).unwrap_or_else(|_| Array2::zeros(dim)))
    }

    /// A copy in row-major order.
    pub fn of(matrix: ArrayView2<'_, f64>) -> Self {
        let mut out = Self::zeros(matrix.dim());
        out.assign(&matrix);
        out
    }

    /// All of it, row-major.
    pub fn flat(&mut self) -> &mut [f64] {
        self.0.as_slice_mut().unwrap_or_default()
    }
}

impl From<Array2<f64>> for Temp {
    fn from(matrix: Array2<f64>) -> Self {
        Self(matrix)
    }
}

impl Clone for Temp {
    fn clone(&self) -> Self {
        Self::of(self.view())
    }
}

impl Deref for Temp {
    type Target = Array2<f64>;

    fn deref(&self) -> &Array2<f64> {
        &self.0
    }
}

impl DerefMut for Temp {
    fn deref_mut(&mut self) -> &mut Array2<f64> {
        &mut self.0
    }
}

impl Drop for Temp {
    fn drop(&mut self) {
        let (memory, _) = std::mem::take(&mut self.0).into_raw_vec_and_offset();
        // At the end of a thread the store may be gone.
        let _ = STORE.try_with(|store| {
            if let Ok(mut store) = store.try_borrow_mut()
                && memory.capacity() <= LARGE
            {
                if store.len() == KEPT {
                    store.remove(0);
                }
                store.push(memory);
            }
        });
    }
}

/// The smallest piece that is large enough and not wastefully larger, or new memory.
fn take(len: usize) -> Vec<f64> {
    let found = STORE.try_with(|store| {
        let mut store = store.try_borrow_mut().ok()?;
        let fits = |memory: &Vec<f64>| (len..=2 * len).contains(&memory.capacity());
        let best =
            (0..store.len()).filter(|i| fits(&store[*i])).min_by_key(|i| store[*i].capacity())?;
        Some(store.swap_remove(best))
    });
    found.ok().flatten().unwrap_or_else(|| Vec::with_capacity(len))
}

/// Gives the large pieces of this thread's store back to the system.
pub fn release() {
    let _ = STORE.try_with(|store| {
        if let Ok(mut store) = store.try_borrow_mut() {
            store.retain(|memory| memory.capacity() <= SMALL);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_comes_back_clean() {
        let mut first = Temp::zeros((3, 4));
        first.fill(7.0);
        let place = first.as_ptr();
        drop(first);
        let second = Temp::zeros((4, 3));
        assert_eq!(second.as_ptr(), place);
        assert_eq!(second.dim(), (4, 3));
        assert!(second.iter().all(|x| *x == 0.0));
        // In use, so not given out again; too small a piece is not taken either.
        assert_ne!(Temp::of(second.view()).as_ptr(), place);
        assert_eq!(Temp::zeros((9, 9)).len(), 81);
    }

    #[test]
    fn large_pieces_are_given_back() {
        let kept = || STORE.with_borrow(|store| store.iter().map(Vec::capacity).max());
        drop((Temp::zeros((4, 4)), Temp::zeros((SMALL, 2))));
        assert!(kept() >= Some(2 * SMALL));
        release();
        assert!(kept() <= Some(SMALL));
    }
}
