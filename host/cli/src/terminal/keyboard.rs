//! What a person types, line by line.

use std::io::{self, ErrorKind, IsTerminal};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::termios::{
    LocalModes, OptionalActions, QueueSelector, Termios, tcflush, tcgetattr, tcgetpgrp, tcsetattr, ttyname,
};
use tokio::net::unix::pipe::Receiver;

/// A line is so long at most: the system's own bound of a typed line is 4096.
const LONGEST: usize = 64 * 1024;

/// The keyboard of the terminal that standard input is.
///
/// It is opened anew, so that waiting for it can be given up without changing how others read the terminal.
#[derive(Debug)]
pub(crate) struct Keyboard {
    // A pipe's end reads anything that can be waited for.
    terminal: Receiver,
    typed: Vec<u8>,
    /// How the terminal was before what is typed was hidden.
    shown: Option<Termios>,
}

/// Says whether a person sits there who can be asked: standard input and standard error are a terminal, and this
/// process is not in its background.
pub(crate) fn attended() -> bool {
    let foreground = match tcgetpgrp(io::stdin()) {
        Ok(group) => group == rustix::process::getpgrp(),
        // Not the terminal that controls this process: nobody could put it into the background.
        Err(_) => true,
    };
    io::stdin().is_terminal() && io::stderr().is_terminal() && foreground
}

impl Keyboard {
    /// Opens the keyboard. Must be called inside the runtime.
    pub(crate) fn open() -> io::Result<Self> {
        let name = ttyname(io::stdin(), Vec::new())?;
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let terminal = rustix::fs::open(name.as_c_str(), flags, Mode::empty())?;
        Ok(Self { terminal: Receiver::from_owned_fd_unchecked(terminal)?, typed: Vec::new(), shown: None })
    }

    /// Forgets what was typed before now: it cannot be an answer to what the person has not seen.
    pub(crate) fn forget(&mut self) {
        self.typed.clear();
        // A terminal that cannot be flushed is read as it is.
        let _ = tcflush(&self.terminal, QueueSelector::IFlush);
    }

    /// Shows what is typed from now on, or does not; only that a line has ended is seen then.
    ///
    /// # Errors
    ///
    /// If the terminal cannot be had otherwise: what must not be seen must not be typed then.
    pub(crate) fn hide(&mut self, hidden: bool) -> io::Result<()> {
        match (hidden, self.shown.take()) {
            (true, None) => {
                let before = tcgetattr(&self.terminal)?;
                let mut silent = before.clone();
                silent.local_modes.remove(LocalModes::ECHO);
                silent.local_modes.insert(LocalModes::ECHONL | LocalModes::ICANON);
                tcsetattr(&self.terminal, OptionalActions::Now, &silent)?;
                self.shown = Some(before);
            }
            (true, before) => self.shown = before,
            (false, Some(before)) => tcsetattr(&self.terminal, OptionalActions::Now, &before)?,
            (false, None) => {}
        }
        Ok(())
    }

    /// Waits for a line; `None` at the end of the input. May be given up at any time: nothing typed is lost.
    pub(crate) async fn line(&mut self) -> io::Result<Option<String>> {
        loop {
            if let Some(end) = self.typed.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.typed.drain(..=end).collect();
                return Ok(Some(String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']).to_owned()));
            }
            self.terminal.readable().await?;
            let mut bytes = [0; 4096];
            match self.terminal.try_read(&mut bytes) {
                Ok(0) => return Ok(None),
                Ok(length) => self.typed.extend_from_slice(bytes.get(..length).unwrap_or_default()),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                // The terminal is gone.
                Err(error) if Errno::from_io_error(&error) == Some(Errno::IO) => return Ok(None),
                Err(error) => return Err(error),
            }
            if self.typed.len() > LONGEST {
                self.typed.clear();
            }
        }
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        // A terminal that is gone shows nothing any more.
        let _gone = self.hide(false);
    }
}
