//! The approver's secret, typed at the terminal: never read from an argument, a variable or a pipe.

use std::fs::OpenOptions;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::Path;

use pointsman_approver::{Secret, is_set};
use pointsman_engine::{Error, Host};
use pointsman_model::ApprovalId;
use rustix::termios::{LocalModes, OptionalActions, QueueSelector, Termios, tcflush, tcgetattr, tcsetattr};

use crate::failure::Failure;

/// The terminal of this process, whatever its standard input is.
pub(crate) const TERMINAL: &str = "/dev/tty";

/// Asks for the secret if the state has one.
pub(crate) fn ask_approver(state: &Path) -> Result<Option<Secret>, Failure> {
    if is_set(state) { ask("The approver's secret: ").map(Some) } else { Ok(None) }
}

/// Asks for the secret answer to a question of an agent's, and shows nothing of what is typed.
pub(crate) fn ask_answer(prompt: &str) -> Result<String, Failure> {
    type_in(prompt).map_err(|error| {
        Failure::error(format!("a secret answer cannot be asked for: {error}"))
            .help("it is typed at a terminal: an argument is seen by others and kept by the shell")
    })
}

/// Asks for a secret, and shows nothing of what is typed.
pub(crate) fn ask(prompt: &str) -> Result<Secret, Failure> {
    type_in(prompt).map(Secret::new).map_err(|error| {
        Failure::error(format!("the approver's secret cannot be asked for: {error}"))
            .help("it is typed at a terminal, and taken from nowhere else")
    })
}

/// Asks whoever sits at this terminal for the secret if there is one, and has the host check it.
pub(crate) async fn admit(host: &Host, approval: ApprovalId, by: &str) -> Result<(), Error> {
    let state = host.settings().state.clone();
    let asked = tokio::task::spawn_blocking(move || ask_approver(&state)).await;
    let secret = match asked {
        Ok(Ok(secret)) => secret,
        Ok(Err(failure)) => return Err(Error::Approver(failure.message)),
        Err(error) => return Err(Error::Approver(error.to_string())),
    };
    host.admit_approver(secret, approval, by).await
}

fn type_in(prompt: &str) -> io::Result<String> {
    let mut terminal = OpenOptions::new().read(true).write(true).open(TERMINAL)?;
    let before = tcgetattr(&terminal)?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    silent.local_modes.insert(LocalModes::ICANON | LocalModes::ISIG);
    let typed = {
        let _shown_again = Restored { terminal: terminal.try_clone()?, before };
        tcsetattr(&terminal, OptionalActions::Flush, &silent)?;
        terminal.write_all(prompt.as_bytes())?;
        let mut line = String::new();
        BufReader::new(&terminal).read_line(&mut line)?;
        if !line.ends_with('\n') {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
        }
        let end = line.trim_end_matches(['\n', '\r']).len();
        line.truncate(end);
        line
    };
    terminal.write_all(b"\n")?;
    Ok(typed)
}

/// Puts the terminal back, however reading ended.
struct Restored {
    terminal: std::fs::File,
    before: Termios,
}

impl Drop for Restored {
    fn drop(&mut self) {
        // A terminal that is gone shows nothing any more.
        let _gone = tcflush(&self.terminal, QueueSelector::IFlush);
        let _gone = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
    }
}
