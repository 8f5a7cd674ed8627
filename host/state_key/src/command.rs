//! A key that a program prints.

use std::io::{Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use crate::parse::MOST;

/// How long it may take: it may ask a person to confirm.
const LIMIT: Duration = Duration::from_secs(60);
/// How often it is looked whether it has ended.
const LOOK: Duration = Duration::from_millis(5);
/// Characters of what it says about itself that are shown.
const SHOWN: usize = 500;

/// Runs a program and gives what it prints to standard output.
pub(crate) fn read(program: &str, args: &[String]) -> Result<Zeroizing<Vec<u8>>, String> {
    run(program, args, None, LIMIT)
}

/// Runs a program that reads a secret from standard input.
pub(crate) fn tell(program: &str, args: &[String], secret: &str) -> Result<(), String> {
    run(program, args, Some(secret), LIMIT).map(drop)
}

fn run(
    program: &str,
    args: &[String],
    input: Option<&str>,
    limit: Duration,
) -> Result<Zeroizing<Vec<u8>>, String> {
    let mut child = Command::new(program)
        .args(args)
        .stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("it cannot be started: {error}"))?;
    if let (Some(mut to), Some(input)) = (child.stdin.take(), input) {
        // Far less than a pipe holds. One that has ended already says why below.
        let _ = to.write_all(input.as_bytes());
    }
    let (printed, told) = (child.stdout.take(), child.stderr.take());
    // What it left running may keep the pipes open; so they are read by threads that nobody waits for too long.
    let (printed, told) = (follow(printed), follow(told));
    let begun = Instant::now();
    let ended = wait(&mut child, begun, limit);
    let left = limit.saturating_sub(begun.elapsed()).max(Duration::from_millis(100));
    let Some(status) = ended? else {
        return Err(format!("it did not end within {} s{}", limit.as_secs(), shown(&told, left)));
    };
    if !status.success() {
        return Err(format!("it ended with {status}{}", shown(&told, left)));
    }
    let printed = printed.recv_timeout(left).map_err(|_| "it ended, and its output did not".to_owned())?;
    if printed.len() > MOST {
        return Err(format!("it printed more than {MOST} bytes"));
    }
    Ok(printed)
}

/// Waits for the end; `None` if it had to be killed.
fn wait(child: &mut Child, begun: Instant, limit: Duration) -> Result<Option<ExitStatus>, String> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(Some(status)),
            Ok(None) if begun.elapsed() < limit => std::thread::sleep(LOOK),
            Ok(None) => {
                // It may end by itself at this very moment.
                let _ = child.kill();
                let _ = child.wait();
                return Ok(None);
            }
            Err(error) => return Err(format!("it cannot be waited for: {error}")),
        }
    }
}

/// Reads to the end, but keeps no more than one byte too many.
fn follow(from: Option<impl Read + Send + 'static>) -> mpsc::Receiver<Zeroizing<Vec<u8>>> {
    let (to, read) = mpsc::channel();
    std::thread::spawn(move || {
        let mut kept = Zeroizing::new(Vec::with_capacity(MOST + 1));
        if let Some(mut from) = from {
            // A pipe that breaks has ended.
            let _ = from.by_ref().take(MOST as u64 + 1).read_to_end(&mut kept);
            let _ = std::io::copy(&mut from, &mut std::io::sink());
        }
        // Nobody may wait any more.
        let _ = to.send(kept);
    });
    read
}

/// Gives what it said to standard error, fit for a line.
fn shown(told: &mpsc::Receiver<Zeroizing<Vec<u8>>>, left: Duration) -> String {
    let told = told.recv_timeout(left.min(Duration::from_secs(1))).unwrap_or_default();
    let told = String::from_utf8_lossy(&told);
    let line: String =
        told.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).take(SHOWN).collect();
    if line.is_empty() { String::new() } else { format!("; it says: {line}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Result<Zeroizing<Vec<u8>>, String> {
        run("sh", &["-c".to_owned(), script.to_owned()], None, Duration::from_secs(20))
    }

    #[test]
    fn what_it_prints_is_given_and_what_it_says_is_not() {
        assert_eq!(sh("echo hello; echo aside >&2").unwrap().to_vec(), b"hello\n");
    }

    #[test]
    fn why_it_failed_is_told() {
        let why = sh("echo s3cret; echo 'no such entry\u{1b}[2J' >&2; exit 3").unwrap_err();
        assert!(why.contains("exit status: 3; it says: no such entry [2J"), "{why}");
        assert!(!why.contains("s3cret"), "{why}");
        let why = sh("head -c 100000 /dev/zero | tr '\\0' e >&2; exit 1").unwrap_err();
        assert!(why.len() < 600, "{why}");
        let why = read("/nowhere/at-all", &[]).unwrap_err();
        assert!(why.contains("cannot be started"), "{why}");
    }

    #[test]
    fn it_prints_and_takes_no_more_than_a_key_may() {
        let why = sh("head -c 1000000 /dev/zero").unwrap_err();
        assert!(why.contains("more than 4096 bytes"), "{why}");
        let begun = Instant::now();
        let args = ["-c".to_owned(), "echo waiting for you >&2; sleep 600".to_owned()];
        let why = run("sh", &args, None, Duration::from_millis(300)).unwrap_err();
        assert!(why.contains("did not end within 0 s"), "{why}");
        assert!(begun.elapsed() < Duration::from_secs(60));
    }

    /// No shell: what looks like one is an argument.
    #[test]
    fn arguments_are_handed_on_as_they_are() {
        let found = read("printf", &["%s".to_owned(), "$HOME; `id`".to_owned()]).unwrap();
        assert_eq!(found.to_vec(), b"$HOME; `id`");
    }
}
