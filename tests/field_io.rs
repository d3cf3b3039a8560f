//! Situations that users reported, whose right value is known: files and labels.
//!
//! The data are in `tests/field`, each with a README that says what is right and why.
#![cfg(feature = "cli")]
// Helpers of tests may stop a test, too.
#![allow(clippy::unwrap_used, clippy::panic)]

use kronfit::inference::{Shared, equal_factors};
use kronfit::io::{self, Columns, Entry, ReadOptions};
use kronfit::model::Model;
use serde_json::Value;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn field(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/field").join(name)
}

fn read(path: &Path) -> kronfit::data::Sample {
    io::read(path, &ReadOptions::default()).unwrap()
}

fn csv(text: &str) -> kronfit::data::Sample {
    io::read_csv_bytes(text.as_bytes(), "x.csv").unwrap()
}

fn kronfit(dir: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kronfit")).current_dir(dir).args(args).output().unwrap()
}

fn fed(dir: &Path, args: &[&str], bytes: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_kronfit"))
        .current_dir(dir)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    child.wait_with_output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap().trim().to_owned()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("no JSON: {}", stderr(output)))
}

/// Cells of a long csv.
fn long(cells: &[(&str, &str, &str, f64)]) -> String {
    let lines = cells.iter().map(|(s, r, c, x)| format!("{s},{r},{c},{x}\n"));
    format!("sample,row,col,value\n{}", lines.collect::<String>())
}

/// Fifteen samples of 3 × 2, wobbling, with these labels of rows and columns.
fn wobble(rows: [&str; 3], cols: [&str; 2]) -> Vec<(String, String, String, f64)> {
    let mut cells = Vec::new();
    for i in 0..15_u32 {
        for (r, row) in rows.iter().enumerate() {
            for (c, col) in cols.iter().enumerate() {
                let x = f64::from((i * i * 7 + 13 * r as u32 * i + 29 * c as u32 + 3) % 17);
                cells.push((format!("s{i}"), (*row).to_owned(), (*col).to_owned(), x));
            }
        }
    }
    cells
}

fn text(cells: &[(String, String, String, f64)]) -> String {
    let cells: Vec<_> = cells.iter().map(|(s, r, c, x)| (&**s, &**r, &**c, *x)).collect();
    long(&cells)
}

#[test]
fn case_04_groups_are_matched_by_name() {
    let group = |name: &str| read(&field("04-same-test-column-order").join(name));
    let (first, plain, swapped) =
        (group("group1.csv"), group("group2.csv"), group("group2_columns_swapped.csv"));
    assert_eq!(swapped.col_names(), ["y", "x"]);
    let p = |second: &kronfit::data::Sample| {
        let groups = [first.clone(), second.clone()];
        let options = kronfit::estimate::FitOptions::default();
        equal_factors(&groups, Shared::Both, &options, None).unwrap().p_value.unwrap()
    };
    assert!((p(&plain) - 0.2771).abs() < 5e-5, "{}", p(&plain));
    assert_eq!(p(&swapped), p(&plain));
    let dir = tempfile::tempdir().unwrap();
    let other = field("04-same-test-column-order/group2_columns_swapped.csv");
    let same = format!("same={}", other.display());
    let data = field("04-same-test-column-order/group1.csv");
    let output = kronfit(dir.path(), &["test", data.to_str().unwrap(), &same, "--json", "-"]);
    assert!((json(&output)["p_value"].as_f64().unwrap() - 0.2771).abs() < 5e-5);
}

#[test]
fn groups_with_other_names_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.csv"), text(&wobble(["a", "b", "c"], ["x", "y"]))).unwrap();
    fs::write(dir.path().join("b.csv"), text(&wobble(["a", "b", "d"], ["x", "y"]))).unwrap();
    let output = kronfit(dir.path(), &["test", "a.csv", "same=b.csv"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        stderr(&output),
        "error: the row names of b.csv do not agree with those of a.csv (only here: d; only there: \
         c); rename them, or leave the names out"
    );
}

#[test]
fn case_06_times_are_sorted_as_numbers() {
    let dir = tempfile::tempdir().unwrap();
    let fit = |name: &str| {
        let path = field("06-csv-time-order").join(name);
        let args = ["fit", path.to_str().unwrap(), "--rows", "ar1", "--json", "-"];
        json(&kronfit(dir.path(), &args))
    };
    let (ordered, shuffled) = (fit("in_order.csv"), fit("shuffled.csv"));
    for record in [&ordered, &shuffled] {
        assert!((record["log_likelihood"].as_f64().unwrap() + 1006.8084).abs() < 1e-4);
        assert!((record["row_parameters"][0][1].as_f64().unwrap() - 0.796466).abs() < 1e-6);
        assert_eq!(record["order"][0], "rows in the order 0.5, 1.0, 1.5, 2.0, 10.0, 11.5");
    }
    // The samples come in another order, and sums with them.
    let ell = |record: &Value| record["log_likelihood"].as_f64().unwrap();
    assert!((ell(&shuffled) - ell(&ordered)).abs() < 1e-10);
    let path = field("06-csv-time-order/shuffled.csv");
    let page = stdout(&kronfit(dir.path(), &["fit", path.to_str().unwrap(), "--rows", "ar1"]));
    assert!(page.contains("rows in the order 0.5, 1.0, 1.5, 2.0, 10.0, 11.5"), "{page}");
    for args in [&["compare", "--models", "gaussian"][..], &["test", "rows=ar1"]] {
        let args = [&[args[0], path.to_str().unwrap()], &args[1..]].concat();
        let page = stdout(&kronfit(dir.path(), &args));
        assert!(page.contains("rows in the order 0.5, 1.0, 1.5, 2.0, 10.0, 11.5"), "{page}");
    }
}

/// The order of the lines does not matter where labels are numbers or dates.
#[test]
fn shuffled_lines_are_the_same_sample() {
    for rows in [["-1.5", "2", "1e1"], ["2024-01-31", "2024-02-01", "2025"], ["9,5", "10,25", "11"]]
    {
        let rows =
            if rows[2] == "2025" { ["2024-01-31", "2024-02-01", "2025-01-01"] } else { rows };
        let quoted = rows.map(|r| format!("\"{r}\""));
        let rows = quoted.each_ref().map(String::as_str);
        let mut cells = wobble(rows, ["1", "2"]);
        let ordered = csv(&text(&cells));
        // A permutation without a fixed point: 37 and 90 have no common factor.
        cells = (0..90).map(|i| cells[(37 * i + 11) % 90].clone()).collect();
        let shuffled = csv(&text(&cells));
        assert_eq!(shuffled.row_names(), ordered.row_names());
        assert_eq!(shuffled.col_names(), ["1", "2"]);
        // Sample labels are words: first come, first.
        let sorted = |s: &kronfit::data::Sample| {
            let mut matrices: Vec<(String, Vec<f64>)> = s
                .sample_names()
                .iter()
                .cloned()
                .zip(s.values().outer_iter().map(|x| x.iter().copied().collect()))
                .collect();
            matrices.sort_by(|a, b| a.0.cmp(&b.0));
            matrices
        };
        assert_eq!(sorted(&shuffled), sorted(&ordered));
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    /// Whatever the order of the lines: rows by value, the same numbers in the same cells.
    #[test]
    fn lines_in_any_order(
        labels in proptest::collection::btree_set(-1000_i32..1000, 2..7),
        dates in proptest::prelude::any::<bool>(),
        seed in proptest::prelude::any::<u64>(),
    ) {
        let name = |label: i32| match dates {
            true => format!("{:04}-{:02}-{:02}", 2000 + label / 100, label.rem_euclid(12) + 1, 1),
            false => format!("{}", f64::from(label) / 8.0),
        };
        let mut rows: Vec<String> = labels.iter().map(|&label| name(label)).collect();
        rows.sort();
        rows.dedup();
        let cells = |row: &String| ["x", "y"].map(|col| (row.clone(), col));
        let mut lines: Vec<(String, &str)> = rows.iter().flat_map(cells).collect();
        // Fisher and Yates with a small generator.
        let mut state = seed | 1;
        for i in (1..lines.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            lines.swap(i, (state >> 33) as usize % (i + 1));
        }
        let value = |row: &str, col: &str| {
            row.bytes().chain(col.bytes()).fold(0.0, |h, b| (h * 31.0 + f64::from(b)) % 1009.0)
        };
        let cells: Vec<_> = lines.iter().map(|(r, c)| ("s", &**r, *c, value(r, c))).collect();
        let sample = csv(&long(&cells));
        let mut sorted = rows.clone();
        match dates {
            true => sorted.sort(),
            false => sorted.sort_by(|a, b| {
                a.parse::<f64>().unwrap().total_cmp(&b.parse::<f64>().unwrap())
            }),
        }
        proptest::prop_assert_eq!(sample.row_names(), &sorted[..]);
        for ((_, r, c), x) in sample.values().indexed_iter() {
            proptest::prop_assert_eq!(
                *x,
                value(&sample.row_names()[r], &sample.col_names()[c])
            );
        }
    }
}

#[test]
fn case_15_tables_of_other_programs() {
    let case = |name: &str| field("15-csv-messages").join(name);
    for name in ["pandas_nan.csv", "r_na.csv"] {
        let sample = read(&case(name));
        assert_eq!((sample.n_missing(), sample.first_missing()), (1, Some([0, 2, 1])));
        // The hole is part of the likelihood; what needs complete data names it.
        let fit = Model::gaussian().fit(&sample).unwrap();
        assert_eq!(fit.missing().map(|m| m.missing), Some(1));
        let said = "the value of sample 0, row r3, col c2 is missing";
        let dir = tempfile::tempdir().unwrap();
        for command in [&["compare"][..], &["outliers"], &["fit", "--missing", "refuse"]] {
            let path = case(name);
            let args = [&command[..1], &[path.to_str().unwrap()], &command[1..]].concat();
            let output = kronfit(dir.path(), &args);
            assert_eq!(output.status.code(), Some(2));
            assert!(stderr(&output).contains(said), "{}", stderr(&output));
        }
    }
    // The two complete files hold the same table as the two with a gap.
    let (semicolon, wide) = (read(&case("semicolon_comma.csv")), read(&case("utf16.csv")));
    let gap = read(&case("pandas_nan.csv"));
    assert_eq!(semicolon.values(), wide.values());
    assert_eq!(semicolon.names(), gap.names());
    for (a, b) in semicolon.values().iter().zip(gap.values()) {
        assert!(a == b || b.is_nan());
    }
}

#[test]
fn encodings_separators_and_packing() {
    let plain = text(&wobble(["a", "b", "c"], ["x", "é"]));
    let expected = csv(&plain);
    let read = |bytes: &[u8]| io::read_csv_bytes(bytes, "x.csv").unwrap();
    assert_eq!(read(plain.replace(',', "\t").as_bytes()), expected);
    assert_eq!(read(plain.replace(',', ";").as_bytes()), expected);
    assert_eq!(read(format!("sep=;\r\n{}", plain.replace(',', ";")).as_bytes()), expected);
    let utf16 = |mark: &str, bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
        format!("{mark}{plain}").encode_utf16().flat_map(bytes).collect()
    };
    assert_eq!(read(&utf16("\u{feff}", u16::to_le_bytes)), expected);
    assert_eq!(read(&utf16("\u{feff}", u16::to_be_bytes)), expected);
    assert_eq!(read(&utf16("", u16::to_le_bytes)), expected);
    assert_eq!(read(&utf16("", u16::to_be_bytes)), expected);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.csv.gz");
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(plain.as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    fs::write(&path, &packed).unwrap();
    assert_eq!(io::read(&path, &ReadOptions::default()).unwrap().values(), expected.values());
    let error = |bytes: &[u8]| io::read_csv_bytes(bytes, "x.csv").unwrap_err().to_string();
    assert!(error(&packed[..packed.len() / 2]).starts_with("x.csv: cannot be read ("));
    assert_eq!(
        error(b"PK\x03\x04rest"),
        "x.csv: is a zip archive (an Excel workbook, or npz); save the table as csv text"
    );
    let odd = utf16("\u{feff}", u16::to_le_bytes);
    assert_eq!(
        error(&odd[..odd.len() - 1]),
        "x.csv: looks like UTF-16 text, but is damaged; save it as UTF-8"
    );
    assert_eq!(
        error(b"sample;row;col;value\n1;a;u;1,5\n1;a;v;2.5\n"),
        "x.csv:3: decimal commas (line 2) and decimal points (line 3) are mixed; write all numbers \
         in one way"
    );
}

#[test]
fn wide_tables_and_other_column_names() {
    let options = |columns: Columns, wide| ReadOptions { key: None, columns, wide };
    let wide = "row,y,sample,x\nb,4,s1,3\na,2,s1,1\na,6,s2,5\n";
    let read = |text: &str, options: &ReadOptions| {
        io::read_csv_bytes_with(text.as_bytes(), options, "x.csv")
    };
    let sample = read(wide, &options(Columns::default(), true)).unwrap();
    assert_eq!(sample.dim(), (2, 2, 2));
    assert_eq!(sample.col_names(), ["y", "x"]);
    assert_eq!(sample.row_names(), ["b", "a"]);
    assert_eq!(sample.values()[[0, 0, 0]], 4.0);
    assert_eq!(sample.values()[[1, 1, 1]], 5.0);
    let error = sample.require_complete().unwrap_err().to_string();
    assert!(error.contains("the value of sample s2, row b, col y is missing (and 1 more)"));
    let columns = Columns {
        sample: Some("subject".to_owned()),
        row: Some("channel".to_owned()),
        ..Columns::default()
    };
    let text = "value,subject,channel,col,sample\n1,p,c1,u,9\n2,p,c1,v,9\n";
    let sample = read(text, &options(columns.clone(), false)).unwrap();
    assert_eq!(sample.sample_names(), ["p"]);
    assert_eq!(sample.row_names(), ["c1"]);
    let error = read(text, &options(Columns::default(), false)).unwrap_err().to_string();
    assert!(error.starts_with("x.csv:1: the header has no column 'row'"), "{error}");
    let dir = tempfile::tempdir().unwrap();
    let renamed = self::text(&wobble(["1", "2", "3"], ["x", "y"])).replacen(
        "sample,row",
        "subject,channel",
        1,
    );
    fs::write(dir.path().join("r.csv"), renamed).unwrap();
    let args =
        ["fit", "r.csv", "--columns", "sample=subject,row=channel", "--rows", "ar1", "--json", "-"];
    let output = kronfit(dir.path(), &args);
    assert_eq!(json(&output)["row_names"][2], "3", "{}", stderr(&output));
    let output = kronfit(dir.path(), &["fit", "r.csv", "--columns", "samples=subject"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn case_17_tables_for_other_programs() {
    let dir = tempfile::tempdir().unwrap();
    let data = text(&wobble(["a", "b", "c"], ["x", "y"]));
    fs::write(dir.path().join("d.csv"), data).unwrap();
    let args = ["compare", "d.csv", "--csv", "c.csv", "--json", "c.json", "--quiet"];
    assert!(matches!(kronfit(dir.path(), &args).status.code(), Some(0 | 1)));
    let rows: Value =
        serde_json::from_str(&fs::read_to_string(dir.path().join("c.json")).unwrap()).unwrap();
    let table = fs::read_to_string(dir.path().join("c.csv")).unwrap();
    let mut reader = ::csv::Reader::from_reader(table.as_bytes());
    let mut infinite = 0;
    for (record, row) in reader.records().zip(rows.as_array().unwrap()) {
        let (record, fit) = (record.unwrap(), &row["fit"]);
        for (at, key) in [
            (3, "dof"),
            (4, "log_likelihood"),
            (6, "aic"),
            (7, "aicc"),
            (8, "bic"),
            (9, "aic_weight"),
        ] {
            let value = fit.get(key).or_else(|| row.get(key)).unwrap_or(&Value::Null);
            match value.as_f64() {
                // All digits: the same bits.
                Some(x) => assert_eq!(record[at].parse::<f64>().unwrap(), x, "{key}"),
                None if key == "dof" && &record[0] != "gaussian" && !record[4].is_empty() => {
                    assert_eq!(&record[at], "inf");
                    infinite += 1;
                }
                None => assert_eq!(&record[at], "", "{key}"),
            }
        }
    }
    assert!(infinite > 0, "the data are light-tailed: {table}");
}

#[test]
fn case_19_absurd_sizes_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let study = field("19-study-sizes/fuzz_1_1.toml");
    let output = kronfit(dir.path(), &["study", study.to_str().unwrap(), "-o", "out"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output)
            .contains("fuzz_1_1.toml:9: design.n: a sample is 4294967296 × 3 × 2 numbers (206 GB)"),
        "{}",
        stderr(&output)
    );
    assert!(!dir.path().join("out").exists());
    let head = "name = \"x\"\nseed = 1\nreplicates = 2\n[design]\nn = 5\np = 3\nq = 2\n\
                [[estimator]]\nlaw = \"gaussian\"\n";
    for (from, to, said) in [
        ("p = 3", "p = [3, 200000]", "x.toml:6: design.p: a row factor is 200000 × 200000"),
        ("q = 2", "q = 1000000000000", "x.toml:7: design.q: a column factor is"),
        ("replicates = 2", "replicates = 1000000000000", "x.toml:3: replicates: the number of"),
        ("n = 5", "n = 9223372036854775807", "x.toml:5: design.n: a sample is"),
    ] {
        fs::write(dir.path().join("x.toml"), head.replace(from, to)).unwrap();
        let output = kronfit(dir.path(), &["study", "x.toml", "-o", "out"]);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(said), "{}", stderr(&output));
    }
    let simulate = ["simulate", "--seed", "1", "-o", "x.npz"];
    for (extra, said) in [
        (
            &["-n", "1000000000000", "--p", "2", "--q", "2"][..],
            "the simulated sample is 1000000000000",
        ),
        (
            &["-n", "3", "--p", "100000", "--q", "2", "--rows", "ar1:0.5"],
            "the factor ar1:0.5 of order",
        ),
        (&["-n", "3", "--p", "2", "--q", "18446744073709551615"], "the factor identity of order"),
    ] {
        let output = kronfit(dir.path(), &[&simulate[..], extra].concat());
        assert_eq!(output.status.code(), Some(2), "{extra:?}");
        assert!(stderr(&output).contains(said), "{}", stderr(&output));
        assert!(!dir.path().join("x.npz").exists());
    }
}

#[test]
fn case_24_labels_cannot_move_the_cursor() {
    let dir = tempfile::tempdir().unwrap();
    let path = field("24-extremes/esc.csv");
    let data = path.to_str().unwrap();
    let args = ["--json", "o.json", "--csv", "o.csv", "--plot", "figures"];
    let pages = [
        kronfit(dir.path(), &["fit", data, "--report", "r.html", "--se"]),
        kronfit(dir.path(), &[&["outliers", data][..], &args].concat()),
        kronfit(dir.path(), &["test", data, "rows=ar1"]),
        kronfit(dir.path(), &["fit", data, "--columns", "row=\u{1b}[31m"]),
    ];
    for output in &pages {
        for shown in [stdout(output), stderr(output)] {
            let bad =
                |c: &char| (c.is_control() && *c != '\n') || ('\u{202a}'..='\u{202e}').contains(c);
            assert!(!shown.chars().any(|c| bad(&c)), "{shown:?}");
        }
    }
    assert!(stdout(&pages[0]).contains("\\u{1b}[31mred"), "{}", stdout(&pages[0]));
    // Files for programs keep the labels.
    let record: Value =
        serde_json::from_str(&fs::read_to_string(dir.path().join("o.json")).unwrap()).unwrap();
    assert_eq!(record["row_names"][0], "\u{1b}[31mred");
    assert_eq!(record["row_names"][2], "a\nb");
    assert!(!fs::read_to_string(dir.path().join("r.html")).unwrap().contains("<script>alert"));
}

#[test]
fn sample_labels_are_shown() {
    let dir = tempfile::tempdir().unwrap();
    let data = text(&wobble(["a", "b", "c"], ["x", "y"]));
    fs::write(dir.path().join("d.csv"), &data).unwrap();
    let args = ["outliers", "d.csv", "--json", "o.json", "--csv", "o.csv"];
    let page = stdout(&kronfit(dir.path(), &args));
    let record: Value =
        serde_json::from_str(&fs::read_to_string(dir.path().join("o.json")).unwrap()).unwrap();
    assert_eq!(record["sample_names"][3], "s3");
    let worst = record["contributions"][0]["sample"].as_u64().unwrap();
    assert_eq!(record["contributions"][0]["name"], format!("s{worst}"));
    assert!(page.contains(&format!("\nSample s{worst}:")), "{page}");
    let table = fs::read_to_string(dir.path().join("o.csv")).unwrap();
    assert!(table.lines().nth(4).unwrap().starts_with("3,s3,"), "{table}");
    // Through an npz and back.
    let sample = csv(&data);
    let path = dir.path().join("d.npz");
    io::write_sample(&path, &sample).unwrap();
    assert_eq!(read(&path).names(), sample.names());
    // Without names: zero-based everywhere.
    let nameless = [("x", Entry::Array(sample.values().into_dyn()))];
    io::write_npz(&dir.path().join("n.npz"), &nameless).unwrap();
    let page = stdout(&kronfit(dir.path(), &["outliers", "n.npz"]));
    assert!(page.contains(&format!("\nSample {worst}:")), "{page}");
    let page = stdout(&kronfit(dir.path(), &["fit", "n.npz"]));
    let head = page.lines().skip_while(|l| *l != "A, rows").nth(1).unwrap();
    assert_eq!(head.split_whitespace().collect::<Vec<_>>(), ["0", "1", "2"]);
}

#[test]
fn known_matrices_are_matched_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
    write("d.csv", &text(&wobble(["a", "b", "c"], ["x", "y"])));
    // As pandas writes it, as R does, and in the order of the data without names.
    write("pandas.csv", ",c,a,b\nc,3,0.1,0.2\na,0.1,1,0.5\nb,0.2,0.5,2\n");
    write("r.csv", "\"\",\"b\",\"c\",\"a\"\n\"a\",0.5,0.1,1\n\"b\",2,0.2,0.5\n\"c\",0.2,3,0.1\n");
    write("table.txt", "\"a\" \"b\" \"c\"\n\"a\" 1 0.5 0.1\n\"b\" 0.5 2 0.2\n\"c\" 0.1 0.2 3\n");
    write("plain.csv", "1,0.5,0.1\n0.5,2,0.2\n0.1,0.2,3\n");
    write("semi.csv", ";a;b;c\na;1;0,5;0,1\nb;0,5;2;0,2\nc;0,1;0,2;3\n");
    let fit =
        |extra: &[&str]| kronfit(dir.path(), &[&["fit", "d.csv", "--json", "-"], extra].concat());
    let likelihood = |extra: &[&str]| json(&fit(extra))["log_likelihood"].as_f64().unwrap();
    let expected = likelihood(&["--rows", "known:plain.csv"]);
    for file in ["pandas.csv", "r.csv", "table.txt", "semi.csv"] {
        assert_eq!(likelihood(&["--rows", &format!("known:{file}")]), expected, "{file}");
    }
    write("other.csv", ",a,b,d\na,1,0,0\nb,0,1,0\nd,0,0,1\n");
    assert_eq!(
        stderr(&fit(&["--rows", "known:other.csv"])),
        "error: the row names of other.csv do not agree with those of the data (only here: d; only \
         there: c); rename them, or leave the names out"
    );
    write("mean.csv", "1,2\n3,4\n5,6\n");
    write("named.csv", "row,y,x\nc,6,5\na,2,1\nb,4,3\n");
    let mean = likelihood(&["--mean", "mean.csv"]);
    assert_eq!(likelihood(&["--mean", "named.csv"]), mean);
    // A truth from files with names: its sample has them, and so has one of its fit.
    let simulate = |extra: &[&str]| {
        let output =
            kronfit(dir.path(), &[&["simulate", "-n", "20", "--seed", "1"], extra].concat());
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    };
    simulate(&["--rows-cov", "pandas.csv", "--q", "2", "-o", "s.npz"]);
    assert_eq!(read(&dir.path().join("s.npz")).row_names(), ["c", "a", "b"]);
    simulate(&["--rows-cov", "pandas.csv", "--mean", "named.csv", "--q", "2", "-o", "t.npz"]);
    let sample = read(&dir.path().join("t.npz"));
    assert_eq!((sample.row_names()[1].as_str(), sample.col_names()[0].as_str()), ("a", "y"));
    let saved = kronfit(dir.path(), &["fit", "d.csv", "--json", "saved.json", "--quiet"]);
    assert_eq!(saved.status.code(), Some(0), "{}", stderr(&saved));
    simulate(&["--fit", "saved.json", "-o", "u.npz"]);
    assert_eq!(read(&dir.path().join("u.npz")).row_names(), ["a", "b", "c"]);
    // Numeric names, as of times.
    write("t.csv", &text(&wobble(["0.5", "1", "1.5"], ["x", "y"])));
    write("times.csv", ",1.5,0.5,1\n1.5,3,0.1,0.2\n0.5,0.1,1,0.5\n1,0.2,0.5,2\n");
    let output = kronfit(dir.path(), &["fit", "t.csv", "--rows", "known:times.csv", "--json", "-"]);
    assert_eq!(json(&output)["log_likelihood"].as_f64().unwrap(), expected);
}

#[test]
fn standard_input_and_the_array_that_was_taken() {
    let dir = tempfile::tempdir().unwrap();
    let data = text(&wobble(["a", "b", "c"], ["x", "y"]));
    fs::write(dir.path().join("d.csv"), &data).unwrap();
    let ell = |output: &Output| json(output)["log_likelihood"].as_f64().unwrap();
    let expected = ell(&kronfit(dir.path(), &["fit", "d.csv", "--json", "-"]));
    assert_eq!(ell(&fed(dir.path(), &["fit", "-", "--json", "-"], data.as_bytes())), expected);
    let sample = csv(&data);
    let path = dir.path().join("d.npz");
    let (x, y) = (sample.values().into_dyn(), sample.mean().insert_axis(ndarray::Axis(0)));
    let several =
        [("first", Entry::Array(x.view())), ("second", Entry::Array(y.view().into_dyn()))];
    io::write_npz(&path, &several).unwrap();
    let output = fed(dir.path(), &["fit", "-", "--json", "-"], &fs::read(&path).unwrap());
    assert_eq!(ell(&output), expected);
    assert_eq!(
        stderr(&output),
        "note: standard input holds several 3-d arrays: 'first' was taken, not 'second'; give the \
         key of another to have that"
    );
    let output = fed(dir.path(), &["fit", "-"], b"");
    assert_eq!(stderr(&output), "error: standard input: is empty (0 bytes); send the data to it");
}

#[test]
fn outputs_never_overwrite_inputs_or_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let data = text(&wobble(["a", "b", "c"], ["x", "y"]));
    fs::write(dir.path().join("d.csv"), &data).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink("d.csv", dir.path().join("link.csv")).unwrap();
    #[cfg(unix)]
    fs::hard_link(dir.path().join("d.csv"), dir.path().join("hard.csv")).unwrap();
    for args in [
        &["fit", "d.csv", "--json", "./d.csv"][..],
        #[cfg(unix)]
        &["fit", "d.csv", "--trace", "link.csv"],
        #[cfg(unix)]
        &["fit", "d.csv", "--trace", "hard.csv"],
        &["fit", "d.csv", "--json", "a", "--trace", "a"],
        &["compare", "d.csv", "--json", "a", "--csv", "./a"],
        &["outliers", "d.csv", "--csv", "d.csv"],
        &["test", "d.csv", "rows=ar1", "--json", "d.csv"],
    ] {
        let output = kronfit(dir.path(), args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(stderr(&output).contains("is both the "), "{}", stderr(&output));
        assert_eq!(fs::read_to_string(dir.path().join("d.csv")).unwrap(), data);
        assert!(!dir.path().join("a").exists());
    }
}

#[cfg(unix)]
#[test]
fn replaced_files_keep_their_permissions() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("r.txt");
    for mode in [0o600, 0o640, 0o755] {
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        io::write_text(&path, "new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode);
    }
}

#[test]
fn leftovers_of_a_killed_study_are_removed() {
    let dir = tempfile::tempdir().unwrap();
    let study = "name = \"x\"\nseed = 1\nreplicates = 2\n[design]\nn = 9\np = 2\nq = 2\n\
                 [[estimator]]\nlaw = \"gaussian\"\n";
    fs::write(dir.path().join("s.toml"), study).unwrap();
    assert_eq!(kronfit(dir.path(), &["study", "s.toml", "-o", "out"]).status.code(), Some(0));
    let left = dir.path().join("out/.kronfit-a1b2c3");
    let other = dir.path().join("out/notes.txt");
    fs::write(&left, "half").unwrap();
    fs::write(&other, "mine").unwrap();
    let args = ["study", "s.toml", "-o", "out", "--resume"];
    assert_eq!(kronfit(dir.path(), &args).status.code(), Some(0));
    assert!(!left.exists() && other.exists());
}

#[cfg(target_os = "linux")]
#[test]
fn pipes_full_disks_and_threads() {
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("p.npy");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let output = kronfit(dir.path(), &["fit", "p.npy", "--stream"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).starts_with("error: p.npy: is not a regular file"),
        "{}",
        stderr(&output)
    );
    let output = kronfit(dir.path(), &["fit", "us-macro", "--quiet", "--json", "/dev/full"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(stderr(&output).lines().count(), 1, "{}", stderr(&output));
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_kronfit"))
        .args(["fit", "us-macro"])
        .stdout(Stdio::from(full))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
        .wait_with_output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(stderr(&output).lines().count(), 1, "{}", stderr(&output));
    let output = kronfit(dir.path(), &["datasets", "--threads", "100000"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(stderr(&output).starts_with("note: --threads 100000 is more than 4 for each of the"));
}

#[cfg(target_os = "linux")]
#[test]
fn stopped_work_has_one_exit_code() {
    let dir = tempfile::tempdir().unwrap();
    let study = "name = \"x\"\nseed = 1\nreplicates = 100000\n[design]\nn = 60\np = 6\nq = 6\n\
                 [[estimator]]\nlaw = \"matrix-t\"\ndof = \"estimate\"\n";
    fs::write(dir.path().join("s.toml"), study).unwrap();
    for args in [
        &["test", "us-macro", "separability", "--bootstrap", "100000000"][..],
        &["study", "s.toml", "-o", "out"],
    ] {
        let child = Command::new(env!("CARGO_BIN_EXE_kronfit"))
            .current_dir(dir.path())
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(700));
        let id = child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{args:?}: {}", stderr(&output));
        assert_eq!(stderr(&output).lines().count(), 1, "{}", stderr(&output));
    }
}

#[test]
fn arrays_and_tables_beside_the_sample() {
    let dir = tempfile::tempdir().unwrap();
    let sample = csv(&text(&wobble(["a", "b", "c"], ["x", "y"])));
    let path = dir.path().join("d.npz");
    let weights = ndarray::Array1::from_shape_fn(15, |i| i as f64 + 1.0);
    let design = ndarray::Array2::from_shape_fn((15, 2), |(i, j)| (i * (j + 1)) as f64);
    let names = ["dose".to_owned(), "age".to_owned()];
    let entries = [
        ("x", Entry::Array(sample.values().into_dyn())),
        ("weights", Entry::Array(weights.view().into_dyn())),
        ("design", Entry::Array(design.view().into_dyn())),
        ("design_names", Entry::Text(&names)),
        ("group", Entry::Text(sample.sample_names())),
    ];
    io::write_npz(&path, &entries).unwrap();
    let data = path.to_str().unwrap();
    let beside = io::read_beside(data, 15).unwrap();
    assert_eq!(beside.weights.as_ref(), Some(&weights));
    assert_eq!((beside.precision_weights, beside.design), (None, Some(design)));
    assert_eq!(beside.design_names, names);
    assert_eq!(io::read_text_array(data, "group", 15).unwrap(), sample.sample_names());
    assert!(io::read_beside(data, 14).is_err());
    assert_eq!(io::read_beside("us-macro", 49).unwrap(), io::Beside::default());
    assert_eq!(io::read_text_array("digits", "labels", 1797).unwrap()[..3], ["0", "1", "2"]);
    // A table in another order, with a line too many, is matched by label.
    let mut lines: Vec<String> =
        (0..16).rev().map(|i| format!("{},s{i},g{}\n", 10 * i, i % 2)).collect();
    let sheet = |lines: &[String]| {
        let file = dir.path().join("c.csv");
        fs::write(&file, format!("dose,sample,group\n{}", lines.concat())).unwrap();
        io::read_sheet(&file).unwrap()
    };
    let table = sheet(&lines);
    assert_eq!(table.header(), ["dose", "group"]);
    let matched = table.matched(&sample).unwrap();
    let expected = ndarray::Array1::from_shape_fn(15, |i| 10.0 * i as f64);
    assert_eq!(matched.numbers("dose").unwrap(), expected);
    assert_eq!(matched.column("group").unwrap()[..3], ["g0", "g1", "g0"]);
    assert!(matched.is_numeric("dose") && !matched.is_numeric("group"));
    lines.remove(5);
    let error = sheet(&lines).matched(&sample).unwrap_err().to_string();
    assert!(error.contains("(only there: s10)"), "{error}");
}
