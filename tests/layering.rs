//! Imports between the top-level modules go one way: data → model → estimator → report.

use std::collections::BTreeMap;
use std::path::Path;

/// From the bottom up: a module may use what stands before it.
const LAYERS: [&str; 19] = [
    "text",
    "error",
    "linalg",
    "kronecker",
    "calculus",
    "special",
    "optim",
    "data",
    "io",
    "structure",
    "family",
    "model",
    "likelihood",
    "estimate",
    "inference",
    "study",
    "report",
    "cli",
    "main",
];

fn sources(dir: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(dir).expect("a source folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn imports_go_down_only() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    let rank: BTreeMap<&str, usize> = LAYERS.iter().enumerate().map(|(i, m)| (*m, i)).collect();
    let mut faults = Vec::new();
    for file in files {
        let relative = file.strip_prefix(&src).expect("below src");
        let first = relative.components().next().expect("a name").as_os_str().to_string_lossy();
        let own = first.trim_end_matches(".rs").to_owned();
        if own == "lib" {
            continue;
        }
        let Some(own_rank) = rank.get(own.as_str()) else {
            faults.push(format!("{own}: not in the list of layers"));
            continue;
        };
        let text = std::fs::read_to_string(&file).expect("source text");
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            for used in code.split("crate::").skip(1) {
                let names: Vec<String> = match used.strip_prefix('{') {
                    Some(list) => list.split([',', '}']).map(|n| n.trim().to_owned()).collect(),
                    None => vec![used.to_owned()],
                };
                for name in names {
                    let module: String =
                        name.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                    if rank.get(module.as_str()).is_some_and(|used_rank| used_rank > own_rank) {
                        faults.push(format!(
                            "{}:{}: uses {module}",
                            relative.display(),
                            number + 1
                        ));
                    }
                }
            }
        }
    }
    assert!(faults.is_empty(), "imports that go up:\n{}", faults.join("\n"));
}

/// Foreign numerical crates have one door each.
#[test]
fn foreign_crates_have_one_door() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    for (foreign, door) in
        [("ndarray_linalg", "linalg"), ("faer", "linalg"), ("argmin", "optim"), ("clap", "cli")]
    {
        for file in &files {
            let relative =
                file.strip_prefix(&src).expect("below src").to_string_lossy().into_owned();
            let text = std::fs::read_to_string(file).expect("source text");
            let used =
                text.lines().any(|l| l.trim_start().starts_with(&format!("use {foreign}::")));
            assert!(
                !used || relative.starts_with(door),
                "{relative} imports {foreign}; only {door}/ may"
            );
        }
    }
}

/// The names after a path prefix in the import lines of a text: `use super::{a::X, B}` gives `a`, `B`.
fn imported(text: &str, prefix: &str) -> Vec<String> {
    let code: String = text
        .split("#[cfg(test)]")
        .next()
        .unwrap_or_default()
        .lines()
        .fold(String::new(), |all, l| all + l.split("//").next().unwrap_or_default() + " ");
    let mut names = Vec::new();
    for part in code.split(prefix).skip(1) {
        let list = match part.strip_prefix('{') {
            Some(list) => list.split("};").next().unwrap_or_default(),
            None => part.split(';').next().unwrap_or_default(),
        };
        let mut depth = 0;
        let mut name = String::new();
        for c in list.chars().chain([',']) {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    let first = name.trim().split("::").next().unwrap_or_default();
                    names.push(first.split_whitespace().next().unwrap_or_default().to_owned());
                    name.clear();
                }
                c if depth == 0 => name.push(c),
                _ => {}
            }
        }
    }
    names
}

/// Which file of a room a re-exported name lives in, from the `pub use file::{names}` of its `mod.rs`.
fn owners(mod_text: &str, files: &[String]) -> BTreeMap<String, String> {
    let mut owners = BTreeMap::new();
    for file in files {
        let inside = imported(mod_text, &format!("use {file}::"));
        owners.extend(inside.into_iter().map(|name| (name, file.clone())));
        owners.insert(file.clone(), file.clone());
    }
    owners
}

/// Imports inside a room have no circles either.
#[test]
fn rooms_have_no_circles() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    let mut rooms: BTreeMap<std::path::PathBuf, Vec<String>> = BTreeMap::new();
    for file in &files {
        let stem = file.file_stem().expect("a name").to_string_lossy().into_owned();
        let room = file.parent().expect("a folder").to_path_buf();
        if stem != "mod" && room != src {
            rooms.entry(room).or_default().push(stem);
        }
    }
    let (mut seen, mut circles) = (0, Vec::new());
    for (room, names) in rooms {
        let mod_text = std::fs::read_to_string(room.join("mod.rs")).unwrap_or_default();
        let owners = owners(&mod_text, &names);
        let mut edges: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for name in &names {
            let text = std::fs::read_to_string(room.join(format!("{name}.rs"))).expect("source");
            let used = imported(&text, "use super::");
            let targets = used.iter().filter_map(|u| owners.get(u)).filter(|u| *u != name);
            edges.insert(name.clone(), targets.cloned().collect());
            seen += edges[name].len();
        }
        // Files that use nothing of the rest, or that nothing of the rest uses, can go: what never
        // goes is a circle.
        loop {
            let before = edges.len();
            let used: Vec<String> = edges.values().flatten().cloned().collect();
            edges.retain(|name, _| used.contains(name));
            let left: Vec<String> = edges.keys().cloned().collect();
            edges.values_mut().for_each(|targets| targets.retain(|t| left.contains(t)));
            edges.retain(|_, targets| !targets.is_empty());
            if edges.len() == before {
                break;
            }
        }
        if !edges.is_empty() {
            circles.push(format!("{}: {edges:?}", room.display()));
        }
    }
    assert!(circles.is_empty(), "circles:\n{}", circles.join("\n"));
    assert!(seen > 100, "imports are read: {seen}");
}
