//! How programs that start other programs are called.

use super::lex::Dialect;
use super::resolve::Argument;
use super::{Refusal, runners};

/// What a program starts.
#[derive(Debug)]
pub(super) struct Starts {
    /// Whether it does something itself as well.
    pub(super) itself: bool,
    pub(super) inner: Vec<Inner>,
}

/// One thing that is started.
#[derive(Debug)]
pub(super) enum Inner {
    /// The line of a shell.
    Script { text: String, dialect: Dialect },
    /// A program.
    Words { env: Vec<(String, String)>, words: Vec<Argument>, fed: Fed },
}

/// Words that a program gets and that are not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fed {
    Nothing,
    /// Names of files that stand below a folder, so that none begins with a dash.
    Files,
    /// What is read from somewhere.
    Lines,
}

/// Tells what a program starts.
///
/// # Errors
///
/// A way of calling it that is not known here.
pub(super) fn starts(name: &str, arguments: &[Argument]) -> Result<Starts, Refusal> {
    let rest = match name {
        "bash" | "sh" | "zsh" | "dash" | "ash" => return shell(name, arguments),
        "find" => return find(arguments),
        "xargs" => return xargs(arguments),
        "sudo" | "doas" => return superuser(arguments),
        "env" => return environment(arguments),
        // These look a program up.
        "command" if matches!(arguments, [first, ..] if matches!(first.text.as_str(), "-v" | "-V")) => {
            return Ok(itself());
        }
        "busybox" | "toybox" | "command" | "exec" | "nohup" => arguments,
        "setsid" => options(name, arguments, &["-w", "-f", "-c", "--wait", "--fork"], &[])?,
        "time" => options(name, arguments, &["-p"], &[])?,
        "nice" => match arguments {
            [first, rest @ ..]
                if is_number(first.text.trim_start_matches('-')) && first.text.starts_with('-') =>
            {
                rest
            }
            _ => options(name, arguments, &[], &["-n", "--adjustment"])?,
        },
        "stdbuf" => options(
            name,
            arguments,
            &["-oL", "-o0", "-eL", "-e0", "-i0"],
            &["-o", "-e", "-i", "--output", "--error"],
        )?,
        "timeout" => {
            let flags = &["--foreground", "--preserve-status", "-v", "--verbose", "-f", "-p"];
            let rest = options(name, arguments, flags, &["-k", "-s", "--kill-after", "--signal"])?;
            match rest.split_first() {
                Some((duration, rest)) if is_duration(&duration.text) => rest,
                _ => return Err(Refusal::because("`timeout` is not told how long")),
            }
        }
        _ => return runners::starts(name, arguments),
    };
    match rest.first() {
        None => Err(Refusal::because(format!("`{name}` is not told what to start"))),
        Some(first) if first.text.starts_with('-') => Err(unknown(name, first)),
        Some(_) => Ok(Starts { itself: false, inner: vec![words(Vec::new(), rest, Fed::Nothing)] }),
    }
}

pub(super) fn itself() -> Starts {
    Starts { itself: true, inner: Vec::new() }
}

pub(super) fn words(env: Vec<(String, String)>, words: &[Argument], fed: Fed) -> Inner {
    Inner::Words { env, words: words.to_vec(), fed }
}

pub(super) fn unknown(name: &str, option: &Argument) -> Refusal {
    Refusal::because(format!("what `{}` means to `{name}` is not known here", option.text))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_duration(text: &str) -> bool {
    let number = text.trim_end_matches(['s', 'm', 'h', 'd']);
    text.len() - number.len() <= 1
        && number.starts_with(|first: char| first.is_ascii_digit())
        && number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// Skips options: flags, and those that take a value (`-n 5`, `-n5`, `--adjustment=5`).
fn options<'w>(
    name: &str,
    mut rest: &'w [Argument],
    flags: &[&str],
    valued: &[&str],
) -> Result<&'w [Argument], Refusal> {
    while let Some((first, after)) = rest.split_first() {
        let text = first.text.as_str();
        if !text.starts_with('-') {
            break;
        }
        let long = text
            .split_once('=')
            .is_some_and(|(option, _)| option.starts_with("--") && valued.contains(&option));
        // `-n5`.
        let short = text.get(2..).is_some_and(is_number)
            && text.get(..2).is_some_and(|option| valued.contains(&option));
        rest = if flags.contains(&text) || long || short {
            after
        } else if valued.contains(&text) {
            match after.split_first() {
                Some((value, after)) if !value.glob => after,
                _ => return Err(unknown(name, first)),
            }
        } else {
            return Err(unknown(name, first));
        };
    }
    Ok(rest)
}

fn shell(name: &str, arguments: &[Argument]) -> Result<Starts, Refusal> {
    let mut rest = arguments;
    let mut script = false;
    while let Some((first, after)) = rest.split_first() {
        let text = first.text.as_str();
        if !text.starts_with(['-', '+']) {
            break;
        }
        rest = after;
        if text == "--" {
            break;
        }
        if matches!(text, "--login" | "--norc" | "--noprofile" | "--posix") && name == "bash" {
            continue;
        }
        let Some(letters) = text.strip_prefix('-').filter(|letters| !letters.is_empty()) else {
            return Err(unknown(name, first));
        };
        for letter in letters.chars() {
            match letter {
                'c' => script = true,
                'l' | 'e' | 'u' | 'x' => {}
                // What it names stands in the next word.
                'o' if letters.ends_with('o') && letters.matches('o').count() == 1 => {
                    let known = ["pipefail", "errexit", "nounset", "xtrace"];
                    match rest.split_first() {
                        Some((option, after)) if known.contains(&option.text.as_str()) => rest = after,
                        _ => return Err(unknown(name, first)),
                    }
                }
                _ => return Err(unknown(name, first)),
            }
        }
    }
    let dialect = if matches!(name, "bash" | "zsh") { Dialect::Any } else { Dialect::Posix };
    match rest {
        [] => Err(Refusal::because(format!("`{name}` reads its commands from its input"))),
        [line] if script && !line.glob => {
            let inner = Inner::Script { text: line.text.clone(), dialect };
            Ok(Starts { itself: false, inner: vec![inner] })
        }
        [_, ..] if script => Err(Refusal::because("a script is given words of its own")),
        [file, ..]
            if file.text.starts_with("/dev/") || file.text.starts_with("/proc/") || file.text == "-" =>
        {
            Err(Refusal::because(format!("`{name}` reads its commands from its input")))
        }
        _ => Ok(itself()),
    }
}

fn environment(arguments: &[Argument]) -> Result<Starts, Refusal> {
    let mut env = Vec::new();
    let mut rest = arguments;
    while let Some((first, after)) = rest.split_first() {
        let Some((name, value)) = first.text.split_once('=') else { break };
        if first.glob || name.is_empty() || first.text.starts_with('-') {
            return Err(unknown("env", first));
        }
        env.push((name.to_owned(), value.to_owned()));
        rest = after;
    }
    match rest.first() {
        // It prints all variables.
        None if env.is_empty() => Ok(itself()),
        None => Err(Refusal::because("`env` is not told what to start")),
        Some(first) if first.text.starts_with('-') => Err(unknown("env", first)),
        Some(_) => Ok(Starts { itself: false, inner: vec![words(env, rest, Fed::Nothing)] }),
    }
}

fn superuser(arguments: &[Argument]) -> Result<Starts, Refusal> {
    let rest = options("sudo", arguments, &["-n", "-E", "-H", "-S"], &["-u", "-g", "--user", "--group"])?;
    let Starts { inner, .. } = environment(rest)?;
    if inner.is_empty() {
        return Err(Refusal::because("`sudo` is not told what to start"));
    }
    Ok(Starts { itself: true, inner })
}

fn xargs(arguments: &[Argument]) -> Result<Starts, Refusal> {
    let flags = &["-0", "-r", "-t", "-x", "--null", "--no-run-if-empty", "--verbose", "--exit", "-I{}"];
    let valued =
        &["-n", "-P", "-L", "-d", "-s", "-I", "--max-args", "--max-procs", "--max-lines", "--delimiter"];
    let rest = options("xargs", arguments, flags, valued)?;
    let skipped = &arguments[..arguments.len() - rest.len()];
    let replaced = skipped.iter().position(|word| word.text == "-I");
    // Another word than `{}` would have to be looked for in what follows.
    if replaced.is_some_and(|at| skipped.get(at + 1).is_none_or(|word| word.text != "{}")) {
        return Err(Refusal::because("`xargs` fills in something else than `{}`"));
    }
    if rest.is_empty() {
        return Ok(itself());
    }
    let mut started = rest.to_vec();
    if !skipped.iter().any(|word| matches!(word.text.as_str(), "-I" | "-I{}")) {
        started.push(Argument { text: "{}".to_owned(), glob: false });
    }
    Ok(Starts {
        itself: true,
        inner: vec![Inner::Words { env: Vec::new(), words: started, fed: Fed::Lines }],
    })
}

fn find(arguments: &[Argument]) -> Result<Starts, Refusal> {
    let mut inner = Vec::new();
    let mut rest = arguments;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if !matches!(first.text.as_str(), "-exec" | "-execdir" | "-ok" | "-okdir") {
            continue;
        }
        let ends = |(at, word): (usize, &Argument)| {
            let many = word.text == "+" && at > 0 && after[at - 1].text == "{}";
            (word.text == ";" || many).then_some(at)
        };
        match after.iter().enumerate().find_map(ends) {
            Some(end) if end > 0 => {
                inner.push(words(Vec::new(), &after[..end], Fed::Files));
                rest = &after[end + 1..];
            }
            _ => return Err(Refusal::because("what `find` starts has no end")),
        }
    }
    Ok(Starts { itself: true, inner })
}
