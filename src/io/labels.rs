//! Labels of one axis, and the order that they ask for.

use std::cmp::Ordering;
use std::collections::HashMap;

/// Labels in order of first appearance.
#[derive(Default)]
pub(super) struct Labels {
    position: HashMap<String, usize>,
    names: Vec<String>,
}

impl Labels {
    /// Position of a label, which is added where it is new.
    pub(super) fn intern(&mut self, label: &str) -> usize {
        if let Some(&position) = self.position.get(label) {
            return position;
        }
        let position = self.names.len();
        self.position.insert(label.to_owned(), position);
        self.names.push(label.to_owned());
        position
    }

    /// Final names, and the final position of each label: by value when all are numbers, by time
    /// when all are ISO dates or times, else as they came.
    pub(super) fn ordered(self) -> (Vec<String>, Vec<usize>) {
        let order = order(&self.names);
        let mut rank = vec![0; order.len()];
        for (new, &old) in order.iter().enumerate() {
            rank[old] = new;
        }
        (order.into_iter().map(|old| self.names[old].clone()).collect(), rank)
    }
}

/// Positions of the names in their order.
fn order(names: &[String]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..names.len()).collect();
    // Labels of one value, as 1 and 1.0, keep an order that does not depend on the file's.
    let mut sort = |compare: &dyn Fn(usize, usize) -> Ordering| {
        order.sort_by(|&a, &b| compare(a, b).then_with(|| names[a].cmp(&names[b])));
    };
    if let Some(keys) = all(names, |name| name.parse::<i128>().ok()) {
        sort(&|a, b| keys[a].cmp(&keys[b]));
    } else if let Some(keys) = all(names, number) {
        sort(&|a, b| keys[a].total_cmp(&keys[b]));
    } else if let Some(keys) = all(names, instant) {
        sort(&|a, b| keys[a].cmp(&keys[b]));
    }
    order
}

/// The keys of all names, if all have one.
fn all<T>(names: &[String], key: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    names.iter().map(|name| key(name)).collect()
}

/// A finite number, with a decimal point or comma.
fn number(text: &str) -> Option<f64> {
    let value = text.parse().or_else(|_| text.replacen(',', ".", 1).parse::<f64>()).ok()?;
    // Minus zero is zero.
    Some(value + 0.0).filter(|value| value.is_finite())
}

/// Nanoseconds since 1970-01-01 UTC of an ISO 8601 date (`2024-03-01`, `2024-03`, `2024-W09-5`),
/// date and time (`2024-03-01T12:30:00.5+02:00`, also with a space), or time of day (`12:30`).
fn instant(text: &str) -> Option<i128> {
    const DAY: i128 = 86_400_000_000_000;
    let (date, time) = match text.split_once(['T', ' ']) {
        Some(parts) => parts,
        None if text.contains(':') => ("1970-01-01", text),
        None => (text, ""),
    };
    let nanos = if time.is_empty() { 0 } else { time_of_day(time)? };
    Some(i128::from(day(date)?) * DAY + nanos)
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar.
fn day(text: &str) -> Option<i64> {
    let (sign, body) = match text.strip_prefix('-') {
        Some(body) => (-1, body),
        None => (1, text),
    };
    let mut parts = body.split('-');
    let (year, second) = (parts.next()?, parts.next()?);
    if year.len() < 4 {
        return None;
    }
    let year = sign * i64::from(digits(year)?);
    let third = parts.next();
    if parts.next().is_some() {
        return None;
    }
    if let Some(week) = second.strip_prefix('W') {
        let (week, weekday) = (two(week)?, third.map_or(Some(1), digits)?);
        // Week 1 is the one with January 4th; days are counted from Monday, as 1970-01-05 was.
        let fourth = days_from_civil(year, 1, 4);
        let monday = fourth - (fourth + 3).rem_euclid(7);
        let good = (1..=53).contains(&week) && (1..=7).contains(&weekday);
        return good.then_some(monday + 7 * i64::from(week - 1) + i64::from(weekday - 1));
    }
    let (month, day) = (two(second)?, third.map_or(Some(1), two)?);
    let good = (1..=12).contains(&month) && (1..=31).contains(&day);
    good.then(|| days_from_civil(year, month, day))
}

/// Days since 1970-01-01: whole 400-year cycles, then years that begin in March, whose months
/// have 153 days in every five.
fn days_from_civil(year: i64, month: u32, day: u32) -> i64 {
    let (month, day) = (i64::from(month), i64::from(day));
    let year = if month > 2 { year } else { year - 1 };
    let (cycle, of_cycle) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    cycle * 146_097 + of_cycle * 365 + of_cycle / 4 - of_cycle / 100 + of_year - 719_468
}

/// Nanoseconds after midnight UTC of `12:30`, `12:30:01.25`, with `Z` or an offset `+02:00`.
fn time_of_day(text: &str) -> Option<i128> {
    let (clock, offset) = match text.strip_suffix('Z') {
        Some(clock) => (clock, 0),
        None => match text.rfind(['+', '-']) {
            Some(at) => (&text[..at], offset(&text[at..])?),
            None => (text, 0),
        },
    };
    let mut parts = clock.split(':');
    let (hours, minutes) = (two(parts.next()?)?, two(parts.next()?)?);
    let (seconds, fraction) = match parts.next() {
        Some(text) => text.split_once(['.', ',']).unwrap_or((text, "")),
        None => ("00", ""),
    };
    let nanos = if fraction.is_empty() { 0 } else { digits(&format!("{fraction:0<9.9}"))? };
    let seconds = two(seconds)?;
    if parts.next().is_some() || hours > 24 || minutes > 59 || seconds > 60 {
        return None;
    }
    let minutes = i128::from(60 * hours + minutes) - i128::from(offset);
    Some((minutes * 60 + i128::from(seconds)) * 1_000_000_000 + i128::from(nanos))
}

/// Minutes east of Greenwich of `+02:00`, `+0200` or `+02`.
fn offset(text: &str) -> Option<i32> {
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let body = text.get(1..)?.replace(':', "");
    let (hours, minutes) = match body.len() {
        2 => (two(&body)?, 0),
        4 => (two(body.get(..2)?)?, two(body.get(2..)?)?),
        _ => return None,
    };
    Some(sign * (60 * hours + minutes) as i32)
}

fn two(text: &str) -> Option<u32> {
    digits(text).filter(|_| text.len() == 2)
}

fn digits(text: &str) -> Option<u32> {
    if text.bytes().all(|b| b.is_ascii_digit()) { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(names: &[&str]) -> Vec<String> {
        let mut labels = Labels::default();
        names.iter().for_each(|name| {
            labels.intern(name);
        });
        labels.ordered().0
    }

    #[test]
    fn numbers_by_value() {
        assert_eq!(sorted(&["10", "9.5", "-1e2", "9"]), ["-1e2", "9", "9.5", "10"]);
        assert_eq!(sorted(&["10,5", "9,5", "1"]), ["1", "9,5", "10,5"]);
        assert_eq!(sorted(&["1.0", "0", "1", "-0"]), ["-0", "0", "1", "1.0"]);
        let large = ["100000000000000000001", "100000000000000000000"];
        assert_eq!(sorted(&large), [large[1], large[0]]);
    }

    #[test]
    fn others_as_they_came() {
        assert_eq!(sorted(&["t10", "t9", "1"]), ["t10", "t9", "1"]);
        assert_eq!(sorted(&["2", "1", "nan"]), ["2", "1", "nan"]);
        assert_eq!(sorted(&["2024-02-01", "2024-01-01", "x"]), ["2024-02-01", "2024-01-01", "x"]);
        assert_eq!(sorted(&["2024-13-01", "2024-01-01"]), ["2024-13-01", "2024-01-01"]);
    }

    #[test]
    fn dates_by_time() {
        let dates =
            ["2024-01-01T00:30+01:00", "2023-12-31", "2023-12-31 23:29:59.5Z", "2023-W52-7T01:00"];
        assert_eq!(sorted(&dates), [dates[1], dates[3], dates[2], dates[0]]);
        assert_eq!(sorted(&["10:00", "9:00"]), ["10:00", "9:00"]);
        assert_eq!(sorted(&["10:00", "09:00:01"]), ["09:00:01", "10:00"]);
        // Known days: 1970-01-01 is 0, 2000-03-01 is 11017, 1969-12-31 is -1.
        assert_eq!(day("1970-01-01"), Some(0));
        assert_eq!(day("2000-03-01"), Some(11_017));
        assert_eq!(day("1969-12-31"), Some(-1));
        assert_eq!(day("1970-01"), Some(0));
        // 2009-W01-1 is 2008-12-29, and 2009-W53-7 is 2010-01-03 (ISO 8601's own examples).
        assert_eq!(day("2009-W01-1"), day("2008-12-29"));
        assert_eq!(day("2009-W53-7"), day("2010-01-03"));
    }
}
