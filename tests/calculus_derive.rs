//! The derivation texts: every route in them agrees, on many examples, and bad input is refused.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop")]

use kronfit::Error;
use kronfit::calculus::derive::{Example, Topic, derive};
use ndarray::{Array2, array};

/// (name, difference, finite differences) of every table row.
fn rows(text: &str) -> Vec<(String, f64, f64)> {
    let number = |s: &str| if s == "–" { f64::NAN } else { s.parse().unwrap() };
    let mut out = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        if line.trim_start().starts_with("route ") {
            inside = true;
        } else if line.trim_start().starts_with("difference:") {
            inside = false;
        } else if inside {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let n = fields.len();
            let name = fields[..n - 4].join(" ");
            out.push((name, number(fields[n - 3]), number(fields[n - 2])));
        }
    }
    out
}

#[test]
fn routes_agree_in_every_text() -> Result<(), Error> {
    for topic in Topic::ALL {
        for (seed, (p, q)) in [(4, 3), (1, 1), (2, 5), (5, 2)].into_iter().enumerate() {
            let example = Example { seed: seed as u64, rows: p, cols: q, ..Example::default() };
            let text = derive(topic, &example)?;
            let rows = rows(&text);
            assert!(rows.len() >= 3, "{text}");
            for (name, difference, finite) in rows {
                let exact = !name.contains("N = 2^") && !name.contains("wrong");
                let tol = match topic {
                    // There the difference is from finite differences too.
                    Topic::TraceForms => 1e-8,
                    _ if ["log", "square root", "inverse", "x^-0.5", "x^2.5"].contains(&&*name) => {
                        1e-8
                    }
                    _ => 1e-12,
                };
                if exact {
                    assert!(difference <= tol, "{topic} {p} × {q}, {name}: {difference:e}\n{text}");
                    assert!(finite <= 1e-8, "{topic} {p} × {q}, {name}: {finite:e}\n{text}");
                }
            }
        }
    }
    Ok(())
}

#[test]
fn the_wrong_guess_is_shown_to_be_wrong() -> Result<(), Error> {
    let text = derive(Topic::MatrixFunction, &Example::default())?;
    let wrong = rows(&text).into_iter().find(|(name, ..)| name.contains("wrong"));
    assert!(wrong.is_some_and(|(_, difference, _)| difference > 1e-3), "{text}");
    let text = derive(Topic::TraceForms, &Example::default())?;
    assert!(text.contains("-3.16636") && text.contains("0.98603"), "{text}");
    Ok(())
}

#[test]
fn rank_deficient_residuals_need_fewer_terms() -> Result<(), Error> {
    let x = array![[1.0, 2.0, -1.0], [2.0, 4.0, -2.0], [0.5, 1.0, -0.5]];
    let example = Example { rows: 3, cols: 3, x: Some(x), ..Example::default() };
    let text = derive(Topic::LogQuadratic, &example)?;
    assert!(text.contains("rank 1: 1 Kronecker terms"), "{text}");
    Ok(())
}

#[test]
fn given_matrices_are_used_or_refused() {
    assert!(matches!("nonsense".parse::<Topic>(), Err(Error::Domain { .. })));
    for topic in Topic::ALL {
        assert_eq!(topic.name().parse::<Topic>().unwrap(), topic);
        assert!(!topic.summary().is_empty());
        let large = Example { rows: 13, ..Example::default() };
        assert!(matches!(derive(topic, &large), Err(Error::Domain { .. })));
        let shape = Example { a: Some(Array2::eye(7)), ..Example::default() };
        assert!(matches!(derive(topic, &shape), Err(Error::Shape { .. })));
        let nan = Example { a: Some(Array2::from_elem((4, 4), f64::NAN)), ..Example::default() };
        assert!(matches!(derive(topic, &nan), Err(Error::NonFinite { .. })));
    }
    let singular = Example { a: Some(Array2::zeros((4, 4))), ..Example::default() };
    assert!(derive(Topic::LogQuadratic, &singular).is_err());
    assert!(derive(Topic::Fisher, &singular).is_err());
    // Zero weights are a legal example of the others.
    assert!(derive(Topic::MatrixFunction, &singular).is_ok());
    assert!(derive(Topic::TraceForms, &singular).is_ok());
}
