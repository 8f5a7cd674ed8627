//! Programs of the table, and their versions.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use pointsman_capabilities::process::Resolution;
use pointsman_engine::Settings;
use pointsman_model::plugin::TestedProgram;
use pointsman_model::{Grant, Leaf};

use super::finding::{Finding, Health};

/// How long a program may think about its version.
const PATIENCE: Duration = Duration::from_secs(5);
/// How much of what it says is read.
const LISTENED: u64 = 4096;

/// Looks at programs that no backend was given by name: worth knowing, needed by nobody.
pub(super) fn unused(settings: &Settings) -> Vec<Finding> {
    let given = |id: &str| {
        let covers = |grant: &Grant| grant.leaf == Leaf::ProcessSpawn && grant.target == id;
        settings.backends.values().any(|backend| backend.grants.iter().any(covers))
    };
    let unused = settings.programs.iter().filter(|(id, _)| !given(id));
    unused
        .map(|(id, program)| {
            let detail = match program.resolution() {
                Resolution::Found(path) => format!("{}; no backend was given it", path.display()),
                Resolution::Missing(_) => "not found, and no backend was given it".to_owned(),
            };
            Finding::new(format!("program {id}"), Health::Note, detail)
        })
        .collect()
}

/// What is known of a program that a backend drives.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// It is there; what is said of it, and whether its version is one that was tested.
    There { detail: String, tested: bool },
    /// It is not there, and the line that mends it.
    Missing { detail: String, mend: String },
}

/// Looks at a program of the table, as a backend needs it.
pub(super) fn known(settings: &Settings, id: &str, tested: Option<&TestedProgram>) -> Known {
    let program = settings.programs.iter().find(|(known, _)| *known == id);
    let install = |place: String| match tested {
        Some(tested) => format!("{}    (or name its place: {place})", tested.install),
        None => place,
    };
    let path = match program.map(|(_, program)| program.resolution()) {
        Some(Resolution::Found(path)) => path,
        Some(Resolution::Missing(missing)) => {
            let place = format!("[programs.{id}] command = \"/path/to/{}\"", missing.command);
            return Known::Missing { detail: format!("program {id} is not found"), mend: install(place) };
        }
        None => {
            let place = format!("[programs.{id}] command = \"/path/to/{id}\"");
            return Known::Missing {
                detail: format!("the table of programs has no {id}"),
                mend: install(place),
            };
        }
    };
    let shown = path.display();
    let range = tested.map(|it| match it.oldest == it.newest {
        true => format!("tested with {}", it.oldest),
        false => format!("tested with {} to {}", it.oldest, it.newest),
    });
    // Only of agents one knows that they have the option and that it does nothing else.
    let Some(tested) = tested else { return Known::There { detail: shown.to_string(), tested: true } };
    let range = range.unwrap_or_default();
    match version(path).map(|said| number(&said).map(str::to_owned)) {
        Ok(Some(version)) => {
            let within = within(&version, &tested.oldest, &tested.newest);
            Known::There { detail: format!("{shown} {version}, {range}"), tested: within }
        }
        Ok(None) => Known::There { detail: format!("{shown} of an unknown version, {range}"), tested: false },
        Err(why) => Known::There {
            detail: format!("{shown}, which does not say its version ({why}); {range}"),
            tested: false,
        },
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
