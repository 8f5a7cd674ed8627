//! A real terminal: `script` of util-linux makes one, a test reads its screen and types.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How long anything may take before the test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program on a terminal.
#[derive(Debug)]
pub struct Terminal {
    child: Child,
    keys: ChildStdin,
    screen: Arc<Mutex<Vec<u8>>>,
    seen: usize,
}

impl Terminal {
    /// Starts a program on a terminal that controls it, so that Ctrl-C is a signal. The command's environment must be
    /// its own.
    #[must_use]
    pub fn start(command: &Command) -> Self {
        Self::of_width(command, 80)
    }

    /// Starts a program on a terminal with so many columns.
    #[must_use]
    pub fn of_width(command: &Command, columns: u16) -> Self {
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        let quoted: Vec<_> =
            words.map(|word| format!("'{}'", word.to_string_lossy().replace('\'', "'\\''"))).collect();
        let line = format!("stty cols {columns} rows 24; exec {}", quoted.join(" "));
        let mut script = Command::new("script");
        script.args(["--quiet", "--flush", "--return", "--command", &line, "/dev/null"]).env_clear();
        script.current_dir(command.get_current_dir().expect("a test says where it works"));
        script.env("TERM", "xterm").env("SHELL", "/bin/sh");
        script.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let mut child = script
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("`script` of util-linux has to be on the PATH");
        let keys = child.stdin.take().expect("its input was asked for");
        let mut output = child.stdout.take().expect("its output was asked for");
        let screen = Arc::new(Mutex::new(Vec::new()));
        let written = Arc::clone(&screen);
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(length @ 1..) = output.read(&mut bytes) {
                written.lock().expect("nobody fails with the screen").extend_from_slice(&bytes[..length]);
            }
        });
        Self { child, keys, screen, seen: 0 }
    }

    /// Waits until a text is on the screen that was not there when the last one was found; gives what came before it.
    pub fn expect(&mut self, text: &str) -> String {
        let began = Instant::now();
        loop {
            let screen = self.all();
            let fresh = &screen[self.seen..];
            if let Some(at) = fresh.find(text) {
                let before = fresh[..at].to_owned();
                self.seen += at + text.len();
                return before;
            }
            assert!(began.elapsed() < PATIENCE, "no {text:?} on the screen:\n{screen}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Types a line.
    pub fn line(&mut self, text: &str) {
        self.keys(format!("{text}\r").as_bytes());
    }

    /// Types keys as they are.
    pub fn keys(&mut self, keys: &[u8]) {
        self.keys.write_all(keys).expect("the terminal listens");
    }

    /// Waits for the end; gives the exit status and everything that was ever on the screen.
    pub fn end(mut self) -> (Option<i32>, String) {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                return (status.code(), self.all());
            }
            assert!(began.elapsed() < PATIENCE, "the program has not ended:\n{}", self.all());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn all(&self) -> String {
        // Only whole characters: the rest of one may still come.
        let bytes = self.screen.lock().expect("nobody fails with the screen");
        match std::str::from_utf8(&bytes) {
            Ok(text) => text.to_owned(),
            Err(error) => String::from_utf8_lossy(&bytes[..error.valid_up_to()]).into_owned(),
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // A test that ended too early leaves nothing behind: the terminal goes, and with it what it controls.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
