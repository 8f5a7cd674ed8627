//! Building processes.

use super::{Argument, ErrorStream, Exit, Framing, HandleId, Process, ScratchFile, Value};

impl Process {
    /// Begins with a program's id in the operator's table, lines as framing, and the tail of standard error.
    #[must_use]
    pub fn new(id: HandleId, program: impl Into<String>) -> Self {
        Self {
            id,
            program: program.into(),
            args: Vec::new(),
            env: Vec::new(),
            framing: Framing::Lines,
            errors: ErrorStream::Tail,
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, text: impl Into<String>) -> Self {
        self.args.push(Argument::Plain(text.into()));
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<T: Into<String>>(mut self, texts: impl IntoIterator<Item = T>) -> Self {
        self.args.extend(texts.into_iter().map(|text| Argument::Plain(text.into())));
        self
    }

    /// Adds the path of a file with this content as an argument.
    #[must_use]
    pub fn file(mut self, name: &str, content: impl Into<Vec<u8>>) -> Self {
        self.args.push(Argument::File(ScratchFile { name: name.to_owned(), content: content.into() }));
        self
    }

    /// Adds a variable; its name must be in the operator's list for this program.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.env.push((name.to_owned(), Value::Plain(value.into())));
        self
    }

    /// Adds a variable with a secret that only the host knows.
    #[must_use]
    pub fn secret(mut self, name: &str, secret: &str) -> Self {
        self.env.push((name.to_owned(), Value::Secret(secret.to_owned())));
        self
    }

    /// Hands standard error over line by line as well.
    #[must_use]
    pub fn error_lines(mut self) -> Self {
        self.errors = ErrorStream::Lines;
        self
    }
}

impl Exit {
    /// Says it in words: `exited with status 1`, `was ended by signal 15`.
    #[must_use]
    pub fn in_words(self) -> String {
        match self {
            Self::Code(code) => format!("exited with status {code}"),
            Self::Signal(signal) => format!("was ended by signal {signal}"),
        }
    }
}
