//! A real terminal: `script` of util-linux makes one, a test reads its screen and types.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::program::Home;

/// How long anything may take before the test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Terminal {
    child: Child,
    keys: ChildStdin,
    screen: Arc<Mutex<Vec<u8>>>,
    seen: usize,
}

impl Terminal {
    /// Starts the program on a terminal that controls it, so that Ctrl-C is a signal.
    pub(crate) fn start(home: &Home, args: &[&str], environment: &[(&str, &str)]) -> Self {
        let program = [&[env!("CARGO_BIN_EXE_pointsman")], args].concat();
        let quoted: Vec<_> = program.iter().map(|word| format!("'{word}'")).collect();
        let command = home.command(&[]);
        let mut script = std::process::Command::new("script");
        script.args([
            "--quiet",
            "--flush",
            "--return",
            "--command",
            &format!("exec {}", quoted.join(" ")),
            "/dev/null",
        ]);
        script.env_clear().current_dir(home.path());
        script.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        script.env("TERM", "xterm").env("SHELL", "/bin/sh").envs(environment.iter().copied());
        let mut child = script
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("`script` of util-linux has to be on the PATH");
        let (keys, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let screen = Arc::new(Mutex::new(Vec::new()));
        let written = Arc::clone(&screen);
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(length @ 1..) = output.read(&mut bytes) {
                written.lock().unwrap().extend_from_slice(&bytes[..length]);
            }
        });
        Self { child, keys, screen, seen: 0 }
    }

    /// Waits until a text is on the screen that was not there when the last one was found; gives what came before it.
    pub(crate) fn expect(&mut self, text: &str) -> String {
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
    pub(crate) fn line(&mut self, text: &str) {
        self.keys.write_all(format!("{text}\r").as_bytes()).unwrap();
    }

    /// Types keys as they are.
    pub(crate) fn keys(&mut self, keys: &[u8]) {
        self.keys.write_all(keys).unwrap();
    }

    /// Waits for the end; gives the exit status and everything that was ever on the screen.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return (status.code(), self.all());
            }
            assert!(began.elapsed() < PATIENCE, "the program has not ended:\n{}", self.all());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn all(&self) -> String {
        // Only whole characters: the rest of one may still come.
        let bytes = self.screen.lock().unwrap();
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
