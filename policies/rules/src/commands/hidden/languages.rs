//! Programs that are given code as words.

use super::super::Refusal;
use super::refuse;
use super::tables::PYTHON_MODULES;

/// Checks the words of an interpreter, by the options of its that are followed by code.
///
/// # Errors
///
/// If it is given code, or reads it from its input.
pub(super) fn interpreter(name: &str, words: &[&str], letters: &str, long: &[&str]) -> Result<(), Refusal> {
    let input = |word: &&str| *word == "-" || word.starts_with("/dev/") || word.starts_with("/proc/");
    match words.first() {
        Some(first) if input(first) => return refuse(name, "reads its code from its input"),
        // A file, or a module of Python; what follows is for that.
        Some(first) if !first.starts_with('-') || first.starts_with("-m") && name.contains("py") => {
            return if runs_a_module_with_code(words) { refuse(name, "is given code") } else { Ok(()) };
        }
        Some(&("--version" | "-version" | "-V" | "--help" | "-h")) if words.len() == 1 => return Ok(()),
        _ => {}
    }
    if name.contains("py") && runs_a_module_with_code(words) {
        return refuse(name, "is given code");
    }
    // Which options take the next word is not known here, so all of them are looked at, those of a file, too.
    for word in words.iter().filter(|word| word.starts_with('-')) {
        let option = word.split_once('=').map_or(*word, |(option, _)| option);
        let code = match option.strip_prefix("--") {
            Some(_) => long.iter().any(|known| known.starts_with(option)),
            None => word.contains(|letter| letters.contains(letter)),
        };
        if code {
            return refuse(name, "is given code");
        }
    }
    if words.iter().any(input) || words.iter().all(|word| word.starts_with('-')) {
        return refuse(name, "reads its code from its input");
    }
    Ok(())
}

/// Tells whether `-m`, alone or in a bundle, names a module of Python that runs what its words or its input say.
fn runs_a_module_with_code(words: &[&str]) -> bool {
    let options =
        words.iter().zip(words.iter().skip(1).chain([&""])).take_while(|(word, _)| word.starts_with('-'));
    options.filter(|(word, _)| !word.starts_with("--")).any(|(word, next)| {
        let Some((_, joined)) = word.split_once('m') else { return false };
        let module = if joined.is_empty() { *next } else { joined };
        PYTHON_MODULES.contains(&module.split('.').next().unwrap_or_default())
    })
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
