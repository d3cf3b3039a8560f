//! Text that comes from outside, made fit to be shown.

use std::path::Path;

/// The text with every character that moves the cursor, colours the screen or turns the direction
/// of writing replaced by its escape: control characters, line and paragraph separators, bidi
/// marks, invisible spaces and joiners of width zero at places where only their number differs.
///
/// ```
/// assert_eq!(kronfit::text::shown("a\u{1b}[31mb\n"), "a\\u{1b}[31mb\\n");
/// assert_eq!(kronfit::text::shown("Zürich 漢 'x'"), "Zürich 漢 'x'");
/// ```
pub fn shown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unsafe(c) { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}

/// Does the character do something on a terminal, or stay unseen?
fn is_unsafe(c: char) -> bool {
    let unseen = matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}');
    c.is_control() || unseen
}

/// A path for a sentence.
pub fn path(path: &Path) -> String {
    shown(&path.display().to_string())
}

/// A name for a sentence: as it is where it is one plain word, in quotes otherwise, and not longer
/// than a sentence can bear.
///
/// ```
/// assert_eq!(kronfit::text::label("r3"), "r3");
/// assert_eq!(kronfit::text::label("left frontal"), "'left frontal'");
/// assert_eq!(kronfit::text::label(""), "''");
/// ```
pub fn label(name: &str) -> String {
    const LONGEST: usize = 60;
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | '+' | '/');
    if !name.is_empty() && name.chars().count() <= LONGEST && name.chars().all(plain) {
        return name.to_owned();
    }
    let mut short = shown(&name.chars().take(LONGEST).collect::<String>());
    if name.chars().nth(LONGEST).is_some() {
        short.push('…');
    }
    format!("'{short}'")
}
