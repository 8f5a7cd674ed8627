//! Make, which takes variables as words, and runs what some of them say.

use super::super::Refusal;
use super::{refuse, variable};

/// Checks the words of `make`.
///
/// # Errors
///
/// A variable among them that decides what runs, or a makefile that is read from the input.
pub(super) fn make(name: &str, words: &[&str]) -> Result<(), Refusal> {
    let mut before = "";
    for word in words {
        let file = match before {
            "-f" | "--file" | "--makefile" => Some(*word),
            _ => ["-f", "--file=", "--makefile="].iter().find_map(|option| word.strip_prefix(option)),
        };
        if file.is_some_and(|file| file == "-" || file.starts_with("/dev/") || file.starts_with("/proc/")) {
            return refuse(name, "reads its makefile from its input");
        }
        before = *word;
        let Some((variable_name, value)) = word.split_once('=').filter(|_| !word.starts_with('-')) else {
            continue;
        };
        // `X!=command` runs it, and `$(shell command)` wherever it stands; `:=`, `+=` and `?=` set as well.
        let plain = variable_name.trim_end_matches([':', '+', '?', ' ']);
        if plain.ends_with('!') || value.contains('$') {
            return refuse(name, "is given a variable that may start a program");
        }
        match plain.trim_start_matches('.') {
            "MAKE" | "SHELLFLAGS" => return refuse(name, "is given a variable that may start a program"),
            known => variable(known, value)?,
        }
    }
    Ok(())
}
