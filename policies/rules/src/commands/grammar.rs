//! Lists, pipes and groups to simple commands.

use super::lex::{Token, Word};
use super::{MOST_COMMANDS, MOST_DEPTH, MOST_EXTRAS, Redirect, Refusal};

/// A program with its words, as it stands in the line.
#[derive(Debug, Default)]
pub(super) struct Simple {
    pub(super) env: Vec<(String, String)>,
    pub(super) words: Vec<Word>,
    pub(super) redirects: Vec<Redirect>,
}

/// Words that begin something else than a program, in some shell; quoted or not, to be sure.
const RESERVED: &[&str] = &[
    "!",
    "-",
    "[[",
    "]]",
    "{",
    "}",
    "{}",
    "always",
    "case",
    "coproc",
    "do",
    "done",
    "elif",
    "else",
    "end",
    "esac",
    "fi",
    "for",
    "foreach",
    "function",
    "if",
    "in",
    "nocorrect",
    "noglob",
    "repeat",
    "select",
    "then",
    "until",
    "while",
];

/// Takes a line apart.
///
/// # Errors
///
/// What in it is more than lists, pipes and groups of programs, or not complete.
pub(super) fn simple_commands(tokens: Vec<Token>) -> Result<Vec<Simple>, Refusal> {
    let mut parser = Parser { rest: tokens.into_iter().peekable(), depth: 0, found: Vec::new() };
    parser.list(None)?;
    match parser.rest.peek() {
        None => Ok(parser.found),
        Some(_) => Err(unexpected()),
    }
}

fn unexpected() -> Refusal {
    Refusal::because("an operator stands where none can")
}

struct Parser {
    rest: std::iter::Peekable<std::vec::IntoIter<Token>>,
    depth: usize,
    found: Vec<Simple>,
}

/// How a group ends.
#[derive(Clone, Copy, PartialEq)]
enum End {
    Bracket,
    Brace,
}

impl Parser {
    fn next_if(&mut self, matches: impl FnOnce(&Token) -> bool) -> bool {
        self.rest.next_if(|token| matches(token)).is_some()
    }

    fn skip_newlines(&mut self) {
        while self.next_if(|token| *token == Token::Separator { newline: true }) {}
    }

    fn at_end(&mut self, end: Option<End>) -> bool {
        match (self.rest.peek(), end) {
            (None, _) => true,
            (Some(Token::Close), Some(End::Bracket)) => true,
            (Some(Token::Word(word)), Some(End::Brace)) => is_plain(word, "}"),
            _ => false,
        }
    }

    fn list(&mut self, end: Option<End>) -> Result<(), Refusal> {
        loop {
            self.skip_newlines();
            if self.at_end(end) {
                return Ok(());
            }
            self.pipeline()?;
            while self.next_if(|token| *token == Token::Then) {
                self.skip_newlines();
                self.pipeline()?;
            }
            if !self.next_if(|token| matches!(token, Token::Separator { .. })) {
                // A brace closes a group only where a command could begin.
                let closed = self.rest.peek().is_none() || (end == Some(End::Bracket) && self.at_end(end));
                return if closed { Ok(()) } else { Err(unexpected()) };
            }
        }
    }

    fn pipeline(&mut self) -> Result<(), Refusal> {
        self.next_if(|token| matches!(token, Token::Word(word) if is_plain(word, "!")));
        self.command()?;
        while self.next_if(|token| *token == Token::Pipe) {
            self.skip_newlines();
            self.command()?;
        }
        Ok(())
    }

    fn command(&mut self) -> Result<(), Refusal> {
        let end = match self.rest.peek() {
            Some(Token::Open) => End::Bracket,
            Some(Token::Word(word)) if is_plain(word, "{") => End::Brace,
            Some(Token::Word(_) | Token::Redirect(..)) => return self.simple(),
            _ => return Err(unexpected()),
        };
        self.rest.next();
        self.depth += 1;
        if self.depth > MOST_DEPTH {
            return Err(Refusal::because(format!("groups are nested deeper than {MOST_DEPTH}")));
        }
        let first = self.found.len();
        self.list(Some(end))?;
        if self.found.len() == first || self.rest.next().is_none() {
            return Err(Refusal::because("a group is empty or never closed"));
        }
        self.depth -= 1;
        while let Some(redirect) = self.redirect()? {
            for inside in self.found.iter_mut().skip(first) {
                push(&mut inside.redirects, redirect.clone())?;
            }
        }
        Ok(())
    }

    fn redirect(&mut self) -> Result<Option<Redirect>, Refusal> {
        let Some(&Token::Redirect(op, fd)) = self.rest.peek() else { return Ok(None) };
        self.rest.next();
        let Some(Token::Word(word)) = self.rest.next() else {
            return Err(Refusal::because("a redirection has no target"));
        };
        let number = word.plain && (word.text == "-" || word.text.bytes().all(|byte| byte.is_ascii_digit()));
        if op == ">&" && !number {
            return Err(Refusal::because("shells read `>&` before a file differently"));
        }
        // `>! file` overwrites in one shell what is two words in the others.
        let odd = word.plain && word.text == "!";
        if odd || word.glob.is_some() || word.text.is_empty() || (op != ">&" && word.text == "-") {
            return Err(Refusal::because("the target of a redirection is not known here"));
        }
        Ok(Some(Redirect { op, fd, target: word.text }))
    }

    fn simple(&mut self) -> Result<(), Refusal> {
        let mut simple = Simple::default();
        loop {
            if let Some(redirect) = self.redirect()? {
                push(&mut simple.redirects, redirect)?;
                continue;
            }
            let Some(Token::Word(word)) = self.rest.next_if(|token| matches!(token, Token::Word(_))) else {
                break;
            };
            match word.assigns {
                Some(at) if simple.words.is_empty() => {
                    if word.glob.is_some() {
                        return Err(Refusal::because("what a variable is set to is not known here"));
                    }
                    let (name, value) = (word.text[..at].to_owned(), word.text[at + 1..].to_owned());
                    push(&mut simple.env, (name, value))?;
                }
                _ => {
                    check(&word, simple.words.is_empty())?;
                    simple.words.push(word);
                }
            }
        }
        if simple.words.is_empty() {
            return Err(Refusal::because("a variable is set, or a file opened, without a program"));
        }
        if self.rest.peek() == Some(&Token::Open) {
            return Err(Refusal::because("it defines a function"));
        }
        if self.found.len() == MOST_COMMANDS {
            return Err(Refusal::because(format!("it runs more than {MOST_COMMANDS} commands")));
        }
        self.found.push(simple);
        Ok(())
    }
}

/// Adds to a list that is short.
pub(super) fn push<T>(list: &mut Vec<T>, more: T) -> Result<(), Refusal> {
    if list.len() == MOST_EXTRAS {
        let why = format!("a command has more than {MOST_EXTRAS} redirections or variables");
        return Err(Refusal::because(why));
    }
    list.push(more);
    Ok(())
}

fn is_plain(word: &Word, text: &str) -> bool {
    word.plain && word.text == text
}

fn check(word: &Word, first: bool) -> Result<(), Refusal> {
    if first && RESERVED.contains(&word.text.as_str()) {
        return Err(Refusal::because(format!("`{}` is more than a program with its words", word.text)));
    }
    if word.plain && matches!(word.text.as_str(), "{" | "}") {
        return Err(Refusal::because("shells read a lone brace differently"));
    }
    let Some(at) = word.glob else { return Ok(()) };
    // A name of a file may begin with `-`, so a pattern could give an option; and some shells let `.*` name `..`.
    let before = &word.text[..at];
    let safe = !first
        && !before.is_empty()
        && !before.starts_with('-')
        && !before.rsplit('/').next().unwrap_or_default().starts_with('.')
        && !word.text[at..].contains("/.");
    if safe { Ok(()) } else { Err(Refusal::because("a pattern may stand for anything")) }
}
