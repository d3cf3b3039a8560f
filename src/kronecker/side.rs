//! The two sides of a matrix: rows, where A acts, and columns, where B acts.

use serde::{Deserialize, Serialize};
use std::ops::{Index, IndexMut};

/// One side of a p × q matrix: one mode of a two-way array.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// Rows, of which there are p; A (p × p) acts on them.
    Rows,
    /// Columns, of which there are q; B (q × q) acts on them.
    Cols,
}

impl Side {
    /// Both, rows first.
    pub const BOTH: [Self; 2] = [Self::Rows, Self::Cols];

    /// The side across.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Rows => Self::Cols,
            Self::Cols => Self::Rows,
        }
    }

    /// Name as the command line writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rows => "rows",
            Self::Cols => "cols",
        }
    }

    /// What one of them is called in a sentence.
    pub fn singular(self) -> &'static str {
        match self {
            Self::Rows => "row",
            Self::Cols => "column",
        }
    }

    /// The letter of the factor that acts here.
    pub fn letter(self) -> &'static str {
        match self {
            Self::Rows => "A",
            Self::Cols => "B",
        }
    }
}

/// One thing for each side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BySide<T>([T; 2]);

impl<T> BySide<T> {
    /// One for the rows, one for the columns.
    pub fn new(rows: T, cols: T) -> Self {
        Self([rows, cols])
    }

    /// What `make` gives for each side.
    pub fn of(mut make: impl FnMut(Side) -> T) -> Self {
        Self([make(Side::Rows), make(Side::Cols)])
    }

    /// What `make` gives for each side, or the first failure.
    ///
    /// # Errors
    /// That of `make`.
    pub fn try_of<E>(mut make: impl FnMut(Side) -> Result<T, E>) -> Result<Self, E> {
        Ok(Self([make(Side::Rows)?, make(Side::Cols)?]))
    }

    /// Both, rows first.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }

    /// Both, rows first.
    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, T> {
        self.0.iter_mut()
    }

    /// The rows' and the columns'.
    pub fn into_pair(self) -> (T, T) {
        let [rows, cols] = self.0;
        (rows, cols)
    }
}

impl<T> Index<Side> for BySide<T> {
    type Output = T;

    fn index(&self, side: Side) -> &T {
        &self.0[side as usize]
    }
}

impl<T> IndexMut<Side> for BySide<T> {
    fn index_mut(&mut self, side: Side) -> &mut T {
        &mut self.0[side as usize]
    }
}
