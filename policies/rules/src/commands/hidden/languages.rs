//! Programs that are given code as words.

use super::super::Refusal;
use super::refuse;

/// Checks the words of an interpreter, by the options of its that are followed by code.
///
/// # Errors
///
/// If it is given code, or reads it from its input.
pub(super) fn interpreter(name: &str, words: &[&str], letters: &str, long: &[&str]) -> Result<(), Refusal> {
    for word in words {
        match word.strip_prefix('-') {
            // Its file; what follows is for that. Without one, or with `-`, it reads its input.
            None => return Ok(()),
            Some("") => break,
            Some("-version" | "-help" | "V" | "h") => return Ok(()),
            Some(option) if option.starts_with('-') => {
                let option = word.split_once('=').map_or(*word, |(option, _)| option);
                if long.iter().any(|known| known.starts_with(option)) {
                    return refuse(name, "is given code");
                }
            }
            // What follows `-m` is a module, and the rest is for that.
            Some(option) if option.starts_with('m') && letters == "c" => return Ok(()),
            Some(option) => {
                if option.contains(|letter| letters.contains(letter)) {
                    return refuse(name, "is given code");
                }
            }
        }
    }
    refuse(name, "reads its code from its input")
}

/// Takes only scripts of one address with `p`, `d`, `q` or `=`, and one substitution.
pub(super) fn sed(words: &[&str]) -> Result<(), Refusal> {
    let hidden = || refuse("sed", "is given a script that is not read here");
    let mut script = None;
    let mut at = 0;
    while let Some(word) = words.get(at) {
        at += 1;
        match *word {
            "-n" | "-E" | "-r" | "-u" | "-s" | "-z" | "--quiet" | "--silent" | "--posix" | "--debug"
            | "--sandbox" => {}
            "-i" | "-ni" | "-in" | "--in-place" => {}
            "-e" if script.is_none() => {
                script = words.get(at);
                at += 1;
            }
            option if option.starts_with('-') => return hidden(),
            _ if script.is_none() => script = Some(word),
            _ => break,
        }
    }
    // GNU takes options after the files, too.
    if words.get(at..).unwrap_or_default().iter().any(|word| word.starts_with('-')) {
        return hidden();
    }
    match script {
        Some(script) if sed_script(script) => Ok(()),
        _ => hidden(),
    }
}

fn sed_script(script: &str) -> bool {
    let address = script.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, ',' | '$' | ' '));
    let mut letters = address.chars();
    match (letters.next(), letters.as_str()) {
        (Some('p' | 'd' | 'q' | '='), "") => true,
        (Some('s'), rest) => {
            let Some(delimiter) =
                rest.chars().next().filter(|c| matches!(c, '/' | '|' | '#' | ',' | ':' | '@'))
            else {
                return false;
            };
            let mut parts = rest[1..].split(delimiter);
            let (_, _, flags, more) = (parts.next(), parts.next(), parts.next(), parts.next());
            // An escaped delimiter makes one part more, and is refused.
            more.is_none()
                && !rest.contains('\n')
                && flags.is_some_and(|flags| {
                    flags.chars().all(|c| matches!(c, 'g' | 'i' | 'I' | 'p' | '0'..='9'))
                })
        }
        _ => false,
    }
}

/// Takes scripts that cannot start anything.
pub(super) fn awk(name: &str, words: &[&str]) -> Result<(), Refusal> {
    let mut at = 0;
    while let Some(word) = words.get(at) {
        match *word {
            "-F" | "-v" => at += 2,
            "--" => return refuse(name, "is given a script that is not read here"),
            option if option.starts_with("-F") || option.starts_with("-v") => at += 1,
            option if option.starts_with('-') => {
                return refuse(name, "is given a script that is not read here");
            }
            _ => break,
        }
    }
    let starts = |script: &&str| {
        script.contains(['|', '>', '<', '@', '\\']) || script.contains("system") || script.contains("getline")
    };
    match words.get(at) {
        Some(script) if !starts(script) => Ok(()),
        _ => refuse(name, "is given a script that may start programs"),
    }
}
