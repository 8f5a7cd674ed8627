//! A state folder with a log in it.

use std::fs;
use std::path::{Path, PathBuf};

use pointsman_audit::{Draft, Fact, Keep, Log, Options, Report, verify};
use pointsman_model::{Digest, HostId, Timestamp};

pub(crate) const SMALL: Options = Options { rotate: 1500, keep: Keep::Forever };

pub(crate) struct Place {
    pub(crate) state: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { state: tempfile::tempdir().unwrap() }
    }

    /// A log of several files, written by several hosts' lives.
    pub(crate) fn filled() -> Self {
        let place = Self::new();
        for life in 0..3u8 {
            let mut log = place.log(SMALL);
            for number in 0..4u8 {
                log.append(&[draft(life * 10 + number), draft(life * 10 + number + 100)]).unwrap();
            }
        }
        assert!(place.files().len() >= 3, "{:?}", place.files());
        place
    }

    /// The same log at another place.
    pub(crate) fn copy(&self) -> Self {
        let copy = Self::new();
        fs::create_dir(copy.path().join("audit")).unwrap();
        for file in self.files() {
            fs::copy(&file, copy.path().join("audit").join(file.file_name().unwrap())).unwrap();
        }
        fs::copy(self.head(), copy.head()).unwrap();
        copy
    }

    /// What stands in all files.
    pub(crate) fn bytes(&self) -> Vec<Vec<u8>> {
        self.files().iter().map(|file| fs::read(file).unwrap()).collect()
    }

    pub(crate) fn log(&self, options: Options) -> Log {
        Log::open(self.path(), options).unwrap()
    }

    pub(crate) fn path(&self) -> &Path {
        self.state.path()
    }

    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let files = fs::read_dir(self.path().join("audit")).unwrap().map(|file| file.unwrap().path());
        let mut files: Vec<_> =
            files.filter(|path| path.extension().is_some_and(|it| it == "jsonl")).collect();
        files.sort();
        files
    }

    pub(crate) fn head(&self) -> PathBuf {
        self.path().join("audit.head")
    }

    pub(crate) fn verify(&self) -> Report {
        verify(self.path(), &[]).unwrap()
    }

    /// Says what is wrong.
    pub(crate) fn faults(&self) -> Vec<String> {
        let told = |fault: &pointsman_audit::Fault| {
            format!("{}:{}: {}", fault.file.file_name().unwrap().display(), fault.line, fault.what)
        };
        self.verify().faults.iter().map(told).collect()
    }

    /// All lines, in order, with the file they stand in.
    pub(crate) fn lines(&self) -> Vec<(PathBuf, String)> {
        let mut lines = Vec::new();
        for file in self.files() {
            let text = fs::read_to_string(&file).unwrap();
            lines.extend(text.lines().map(|line| (file.clone(), line.to_owned())));
        }
        lines
    }

    /// Puts lines back into their files.
    pub(crate) fn put(&self, lines: &[(PathBuf, String)]) {
        for file in self.files() {
            let text: String =
                lines.iter().filter(|(of, _)| *of == file).map(|(_, line)| format!("{line}\n")).collect();
            fs::write(file, text).unwrap();
        }
    }
}

pub(crate) fn draft(byte: u8) -> Draft {
    let fact = Fact::PolicyLoaded {
        module: format!("module \"{byte}\" äöü"),
        component: Digest::of(b"component"),
        rules: Digest::of(&[byte]),
        before: byte.is_multiple_of(2).then(|| Digest::of(b"before")),
    };
    Draft { at: Timestamp::from_millis(u64::from(byte)), host: HostId::from_random([byte; 16]), fact }
}
