//! Weights and covariates from the command line.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kronfit")).args(arguments).output().expect("kronfit runs")
}

fn fails(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn json(arguments: &[&str]) -> serde_json::Value {
    let output = run(arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn golden(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/covariates");
    folder.join(name).to_str().expect("a path").to_owned()
}

fn write(name: &str, text: &str) -> (PathBuf, String) {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let path = folder.join(name);
    std::fs::write(&path, text).expect("a file");
    let text = path.to_str().expect("a path").to_owned();
    (path, text)
}

/// 40 doses, and groups that change every third sample.
fn table() -> String {
    let mut text = String::from("dose,drug\n");
    for i in 0..40 {
        text.push_str(&format!("{},{}\n", 0.25 * (i % 7) as f64, ["a", "b", "c"][i % 3]));
    }
    text
}

#[test]
fn fits_with_a_design_and_with_a_formula() {
    let (data, design) = (golden("lin_40_3_4.npy"), golden("lin_40_3_4.design.npy"));
    let fit = json(&["fit", &data, "--covariates", &design, "--json", "-"]);
    let gap = fit["log_likelihood"].as_f64().expect("ℓ") + 1259.9624455225667;
    assert!(gap.abs() < 1e-6, "{gap}");
    let coefficients = fit["coefficients"].as_array().expect("coefficients");
    assert_eq!(coefficients.len(), 2);
    let error = coefficients[0]["standard_error"][0][0].as_f64().expect("an error");
    assert!((error - 0.812147657674874).abs() < 1e-6, "{error}");
    let (_, table) = write("table.csv", &table());
    let (path, csv) = write("coefficients.csv", "");
    let formula = "1 + dose*drug";
    let arguments = ["fit", &data, "--covariates", &table, "--formula", formula, "--json", "-"];
    let fit = json(&[&arguments[..], &["--coefficients", &csv]].concat());
    let names: Vec<&str> = fit["coefficients"]
        .as_array()
        .expect("coefficients")
        .iter()
        .map(|term| term["name"].as_str().expect("a name"))
        .collect();
    assert_eq!(names, ["1", "dose", "drug=b", "drug=c", "dose:drug=b", "dose:drug=c"]);
    let text = std::fs::read_to_string(path).expect("a csv");
    assert_eq!(text.lines().count(), 1 + 6 * 12);
    assert!(text.contains("dose:drug=c,2,3,"));
    let (path, npy) = write("residuals.npy", "");
    json(&[&arguments[..], &["--residuals", &npy]].concat());
    let residuals: ndarray::Array3<f64> = ndarray_npy::read_npy(path).expect("residuals");
    assert_eq!(residuals.dim(), (40, 3, 4));
    // G_A = I: the rows have mean square 1 over columns and samples.
    let square = residuals.iter().map(|z| z * z).sum::<f64>() / 480.0;
    assert!((square - 1.0).abs() < 1e-6, "{square}");
    let report = run(&arguments[..6]);
    let report = String::from_utf8_lossy(&report.stdout).into_owned();
    assert!(report.contains("Coefficients") && report.contains("drug=b"), "{report}");
}

#[test]
fn weights_are_of_two_kinds() {
    let data = golden("freq_25_3_3.npy");
    let (design, weights) = (golden("freq_25_3_3.design.npy"), golden("freq_25_3_3.weights.npy"));
    let with =
        |flag: &str| json(&["fit", &data, "--covariates", &design, flag, &weights, "--json", "-"]);
    let frequency = with("--weights");
    assert_eq!(frequency["weights"], "frequency");
    let gap = frequency["log_likelihood"].as_f64().expect("ℓ") + 1392.9379462497302;
    assert!(gap.abs() < 1e-6, "{gap}");
    let precision = with("--precision-weights");
    assert_eq!(precision["weights"], "precision");
    assert!(precision["log_likelihood"] != frequency["log_likelihood"]);
    let both = ["fit", &data, "--weights", &weights, "--precision-weights", &weights];
    assert!(fails(&both).contains("cannot be used with"));
}

#[test]
fn terms_are_tested() {
    let data = golden("groups3_45_4_3.npy");
    let path = golden("groups3_45_4_3.design.npy");
    let design: ndarray::Array2<f64> = ndarray_npy::read_npy(path).expect("a design");
    let mut text = String::from("group,x\n");
    for (i, z) in design.outer_iter().enumerate() {
        let group = if z[1] == 1.0 {
            "b"
        } else if z[2] == 1.0 {
            "c"
        } else {
            "a"
        };
        text.push_str(&format!("{group},{}\n", (i * i) % 11));
    }
    let (_, table) = write("groups.csv", &text);
    let test = |extra: &[&str]| {
        let base = ["test", &data, "term=group", "--covariates", &table, "--json", "-"];
        json(&[&base[..], extra].concat())
    };
    let one_way = test(&["--formula", "1 + group"]);
    assert_eq!(one_way["df"], 24);
    let statistic = one_way["statistic"].as_f64().expect("T");
    assert!((statistic - 419.67144067833124).abs() < 1e-5, "{statistic}");
    assert!(one_way["corrected"]["p_value"].as_f64().expect("p") < 1e-6);
    let simulated = test(&["--formula", "1 + group", "--bootstrap", "99", "--seed", "3"]);
    assert_eq!(simulated["bootstrap"]["exact"], true);
    let wrong = ["test", &data, "term=dose", "--covariates", &table, "--formula", "1 + group"];
    assert!(fails(&wrong).contains("one of 1, group"), "{}", fails(&wrong));
}

#[test]
fn bad_covariates_are_one_sentence() {
    let data = golden("lin_40_3_4.npy");
    let (_, table) = write("good.csv", &table());
    let with = |formula: &str| fails(&["fit", &data, "--covariates", &table, "--formula", formula]);
    assert!(with("1 + size").contains("no column 'size'"), "{}", with("1 + size"));
    assert!(with("1 + ").contains("--formula"), "{}", with("1 + "));
    let twice: String = (0..40).map(|i| format!("{i},{}\n", 2 * i)).collect();
    let (_, twice) = write("twice.csv", &format!("x,y\n{twice}"));
    let collinear = fails(&["fit", &data, "--covariates", &twice]);
    assert!(collinear.contains("explained by the others"), "{collinear}");
    let (_, short) = write("short.csv", "x\n1\n2\n");
    let short = fails(&["fit", &data, "--covariates", &short]);
    assert!(short.contains("40"), "{short}");
    let (_, negative) = write("negative.csv", &format!("w\n-1\n{}", "1\n".repeat(39)));
    let negative = fails(&["fit", &data, "--weights", &negative]);
    assert!(negative.contains("sample 0") && negative.lines().count() == 1, "{negative}");
}
