//! Programs and variables behind which something runs that the line does not show.
//!
//! A rule looks at names and words. Here is what would make them say too little: builtins that change what later words
//! mean, programs that are given code or commands as words, options and variables that name a program. A line with one
//! of them is refused as a whole. The list cannot be complete (any program may do anything), so rules should name what
//! they allow, not what they do not.

mod git;
mod languages;
mod make;
mod tables;
mod variables;

use git::git;
use languages::{awk, interpreter, sed};
use make::make;
use tables::{BUILTINS, INTERPRETERS, LAUNCHERS, OPTIONS, SHELLS};
pub(super) use variables::variable;

use super::Refusal;
use super::resolve::Argument;

fn refuse(name: &str, why: &str) -> Result<(), Refusal> {
    Err(Refusal::because(format!("`{name}` {why}")))
}

/// Checks a program, by its name in lower case, and its words.
///
/// # Errors
///
/// If something would run that nobody sees.
pub(super) fn program(name: &str, arguments: &[Argument]) -> Result<(), Refusal> {
    let texts: Vec<&str> = arguments.iter().map(|argument| argument.text.as_str()).collect();
    if BUILTINS.contains(&name) {
        return refuse(name, "changes what the shell does, or runs its words");
    }
    // With numbers: `python3.12`, `lua5.4`, `ksh93`.
    let family = name.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-'));
    let renamed = family != name && SHELLS.contains(&family);
    if renamed || LAUNCHERS.contains(&name) || LAUNCHERS.contains(&family) || name.starts_with("ld-linux") {
        return refuse(name, "runs what is not read here");
    }
    if [".exe", ".com", ".bat", ".cmd", ".ps1"].iter().any(|ending| name.ends_with(ending)) {
        return refuse(name, "is a program of Windows, whose words are not read here");
    }
    if let Some((_, letters, long)) = INTERPRETERS.iter().find(|(known, ..)| *known == family) {
        return interpreter(name, &texts, letters, long);
    }
    if let Some((_, refused)) = OPTIONS.iter().find(|(known, _)| *known == name || *known == family)
        && texts.iter().any(|word| refused.iter().any(|option| is_option(name, word, option)))
    {
        return refuse(name, "is told to start a program, or to read settings that may");
    }
    // Its first word may be a bundle of options without a dash.
    if matches!(name, "tar" | "bsdtar" | "gtar")
        && texts.first().is_some_and(|first| first.contains(['I', 'F']))
    {
        return refuse(name, "is told to start a program");
    }
    match name {
        "git" => git(&texts),
        // These stand for themselves; any other would be a part of git that is called past `git`.
        "git-absorb" | "git-cliff" | "git-lfs" => Ok(()),
        part if part.starts_with("git-") => refuse(part, "is a part of git, which is called past it"),
        "cargo"
            if texts.contains(&"watch")
                && texts.iter().any(|word| word.starts_with("-s") || word.starts_with("--s")) =>
        {
            refuse(name, "is given commands")
        }
        "go" if texts.iter().any(|word| word.contains("extld")) => refuse(name, "is told to start a program"),
        "make" | "gmake" => make(name, &texts),
        // Without a statement it reads its commands from its input.
        "sqlite3" if texts.iter().filter(|word| !word.starts_with('-')).count() < 2 => {
            refuse(name, "reads its commands from its input")
        }
        "sed" | "gsed" => sed(&texts),
        "awk" | "gawk" | "mawk" | "nawk" => awk(name, &texts),
        // With `-v` it sets a variable; what looks like arithmetic may be evaluated.
        "printf" | "test" | "[" | "wait" | "kill" | "ulimit" | "shift" | "exit" | "return" => {
            let hides = |word: &&str| word.contains(['$', '`']) || *word == "-v" || word.starts_with("-v");
            if texts.iter().any(hides) { refuse(name, "may evaluate its words") } else { Ok(()) }
        }
        "set" => {
            let known = ["-e", "-u", "-x", "-eu", "-ex", "-eux", "-euo", "-o", "+e", "+x", "pipefail"];
            if texts.is_empty() || !texts.iter().all(|word| known.contains(word)) {
                return refuse(name, "changes what the shell does");
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Tells whether a word is an option, or begins one: `--pre`, `--pre=x`, `--pr`, and of short ones also `-xe` for `-e`.
fn is_option(name: &str, word: &str, option: &str) -> bool {
    if word.starts_with(option) {
        return true;
    }
    let mut letters = option.chars();
    match (letters.next(), letters.next(), letters.next()) {
        (Some('-'), Some('-'), _) => {
            let written = word.split_once('=').map_or(word, |(written, _)| written);
            written.len() > 2 && option.starts_with(written)
        }
        // Of these, one dash begins whole words.
        (Some('-'), Some(letter), None) if !matches!(name, "clang" | "gcc" | "docker" | "go") => {
            word.starts_with('-') && !word.starts_with("--") && word.contains(letter)
        }
        _ => false,
    }
}
