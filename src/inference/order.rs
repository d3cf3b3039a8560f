//! In which order the rows and columns were taken, for structures that depend on it.

use crate::structure::{Positions, Structure};
use crate::text::label;

/// "rows in the order 0.5, 1.5, …" for structures that depend on the order.
///
/// ```
/// use kronfit::{inference::order_used, structure::Structure};
/// let names = ["0.5", "1.5"].map(str::to_owned);
/// let order = order_used("rows", &Structure::Ar1, &names);
/// assert_eq!(order.as_deref(), Some("rows in the order 0.5, 1.5"));
/// assert_eq!(order_used("rows", &Structure::Diagonal, &names), None);
/// ```
pub fn order_used(side: &str, structure: &Structure, names: &[String]) -> Option<String> {
    const SHOWN: usize = 8;
    let depends = match structure {
        Structure::Het(correlations) => {
            return order_used(side, &correlations.plain(), names);
        }
        Structure::Ar1
        | Structure::Toeplitz
        | Structure::Antedependence
        | Structure::Block(_)
        | Structure::Exchangeable(_)
        | Structure::Spatial(_, Positions::Given(_)) => true,
        _ => false,
    };
    if !depends {
        return None;
    }
    if names.is_empty() {
        return Some(format!("{side} in the order of the data"));
    }
    let mut labels: Vec<String> = names.iter().take(SHOWN).map(|name| label(name)).collect();
    if let Some(last) = names.get(SHOWN..).and_then(<[String]>::last) {
        labels.extend(["…".to_owned(), label(last)]);
    }
    Some(format!("{side} in the order {}", labels.join(", ")))
}
