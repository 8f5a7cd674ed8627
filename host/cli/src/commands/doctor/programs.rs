//! The programs of the table, and their versions.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use pointsman_capabilities::process::Resolution;
use pointsman_engine::Settings;
use pointsman_model::Leaf;

use super::finding::{Finding, Health};

/// How long a program may think about its version.
const PATIENCE: Duration = Duration::from_secs(5);
/// How much of what it says is read.
const LISTENED: u64 = 4096;

/// Versions that this release was tested with, from and up to, and how one gets the program.
const TESTED: &[(&str, &str, &str, &str)] = &[
    ("codex", "0.145.0", "0.169.0", "npm install --global @openai/codex"),
    ("claude", "2.1.195", "2.1.329", "npm install --global @anthropic-ai/claude-code"),
];

/// Looks at every program. One is needed if a backend was given it by name.
pub(super) fn check(settings: &Settings) -> Vec<Finding> {
    settings.programs.iter().map(|(id, program)| one(settings, id, program.resolution())).collect()
}

fn one(settings: &Settings, id: &str, resolution: &Resolution) -> Finding {
    let subject = format!("program {id}");
    let given = |backend: &pointsman_engine::BackendSettings| {
        backend.grants.iter().any(|grant| grant.leaf == Leaf::ProcessSpawn && grant.target == id)
    };
    let users: Vec<_> = settings
        .backends
        .iter()
        .filter(|(_, backend)| given(backend))
        .map(|(name, _)| name.as_str())
        .collect();
    let path = match resolution {
        Resolution::Found(path) => path,
        Resolution::Missing(_) if users.is_empty() => {
            return Finding::new(subject, Health::Note, "not found, and no backend uses it");
        }
        Resolution::Missing(missing) => {
            let known = TESTED.iter().find(|(name, ..)| *name == id);
            let detail = format!("not found, and backend {} uses it", users.join(", "));
            let place = format!("[programs.{id}] command = \"/path/to/{}\"", missing.command);
            return Finding::new(subject, Health::Missing, detail).mend(match known {
                Some((.., install)) => format!("{install}    (or name its place: {place})"),
                None => place,
            });
        }
    };
    let shown = path.display();
    match version(path) {
        Err(why) => {
            Finding::new(subject, Health::Note, format!("{shown}, which does not say its version: {why}"))
        }
        Ok(said) => {
            let range = TESTED.iter().find(|(name, ..)| *name == id);
            match (range, number(&said)) {
                (Some((_, from, to, _)), Some(version)) if !within(version, from, to) => {
                    let detail = format!("{shown} {version}; tested with {from} to {to}");
                    Finding::new(subject, Health::Note, detail)
                }
                (_, Some(version)) => Finding::new(subject, Health::Good, format!("{shown} {version}")),
                (_, None) => Finding::new(subject, Health::Good, shown.to_string()),
            }
        }
    }
}

/// Asks a program for its version; it is killed when it takes too long.
fn version(path: &Path) -> Result<String, String> {
    let mut child = Command::new(path)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| error.to_string())?;
    let Some(stdout) = child.stdout.take() else { return Err("it has no standard output".to_owned()) };
    let (said, heard) = mpsc::channel();
    std::thread::spawn(move || {
        let mut text = Vec::new();
        let read = stdout.take(LISTENED).read_to_end(&mut text);
        // Nobody listens any more if it took too long.
        let _ = said.send(read.map(|_| String::from_utf8_lossy(&text).into_owned()));
    });
    let answer = heard.recv_timeout(PATIENCE);
    // It has said what it had to say, or never will.
    let _ = child.kill();
    let _ = child.wait();
    match answer {
        Ok(Ok(text)) => Ok(text),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
    }
}

/// Finds the version in what a program says of itself.
fn number(said: &str) -> Option<&str> {
    said.split_whitespace()
        .map(|word| word.trim_start_matches('v'))
        .find(|word| word.contains('.') && word.starts_with(|c: char| c.is_ascii_digit()))
}

fn within(version: &str, from: &str, to: &str) -> bool {
    let parts = |text: &str| -> Vec<u64> {
        text.split(['.', '-', '+']).map_while(|part| part.parse().ok()).take(3).collect()
    };
    let version = parts(version);
    parts(from) <= version && version <= parts(to)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("codex-cli 0.169.0\n", Some("0.169.0"))]
    #[case("2.1.329 (Claude Code)", Some("2.1.329"))]
    #[case("tool v1.2", Some("1.2"))]
    #[case("no idea", None)]
    fn a_version_is_found_in_a_sentence(#[case] said: &str, #[case] version: Option<&str>) {
        assert_eq!(number(said), version);
    }

    #[rstest]
    #[case("0.145.0", true)]
    #[case("0.150.3-alpha.1", true)]
    #[case("0.144.9", false)]
    #[case("0.170.0", false)]
    #[case("1.0.0", false)]
    fn versions_are_compared_by_number(#[case] version: &str, #[case] tested: bool) {
        assert_eq!(within(version, "0.145.0", "0.169.0"), tested);
    }

    #[test]
    fn a_program_that_says_nothing_is_not_waited_for() {
        assert_eq!(
            version(Path::new("/nowhere/at/all")).unwrap_err(),
            "No such file or directory (os error 2)"
        );
    }
}
