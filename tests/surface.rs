//! The front page is a decision: a change of it is seen here.

/// The names that `src/lib.rs` re-exports, sorted.
fn front_page() -> Vec<String> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/lib.rs"))
        .expect("the crate's root");
    let mut names = Vec::new();
    for statement in text.split("\npub use ").skip(1) {
        let path = statement.split(';').next().unwrap_or_default();
        let list = path.rsplit("::").next().unwrap_or_default();
        let parts = list.trim_matches(|c| c == '{' || c == '}').split(',');
        names.extend(parts.map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()));
    }
    names.sort();
    names
}

#[test]
fn the_front_page_is_the_one_that_was_decided() {
    let decided: Vec<&str> = include_str!("surface.txt").lines().collect();
    assert_eq!(front_page(), decided, "write the new names to tests/surface.txt if they are meant");
    assert!(decided.len() < 90, "a front page is small");
}

/// The small programs of the book stay small, and need no hidden module.
#[test]
fn small_programs_are_small() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).expect("examples") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !name.starts_with("program_") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a program");
        let code = text.lines().filter(|l| !l.trim().is_empty() && !l.trim().starts_with("//"));
        assert!(code.count() <= 25, "{name} is longer than 25 lines");
        for hidden in ["linalg", "special", "cli", "text"] {
            assert!(!text.contains(&format!("kronfit::{hidden}")), "{name} uses {hidden}");
        }
        count += 1;
    }
    assert_eq!(count, 5);
}
