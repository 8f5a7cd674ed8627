//! Characters to words and operators.

use std::iter::Peekable;
use std::str::Chars;

use super::{MOST_BYTES, Refusal, character, here, too_long};

/// Which shell reads the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Nobody knows, or one that knows `$'…'`.
    Any,
    /// One that may know nothing beyond POSIX.
    Posix,
}

/// A word, its quotes taken away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// What the program will see.
    pub(super) text: String,
    /// Whether nothing in it was quoted.
    pub(super) plain: bool,
    /// Where in `text` the `=` of an assignment stands, if it begins like one.
    pub(super) assigns: Option<usize>,
    /// Where in `text` the first `*` or `?` stands that the shell would fill in.
    pub(super) glob: Option<usize>,
}

/// What a line is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A word.
    Word(Word),
    /// `;`, `&` or the end of a line.
    Separator {
        /// Whether it is the end of a line, which may stand where nothing has to be separated.
        newline: bool,
    },
    /// `&&` or `||`.
    Then,
    /// `|`.
    Pipe,
    /// `(`.
    Open,
    /// `)`.
    Close,
    /// A redirection; its target is the word after it.
    Redirect(&'static str, u8),
}

/// Reads a line.
///
/// # Errors
///
/// The first thing in it that cannot be read, or not by every shell alike.
pub(super) fn tokens(line: &str, dialect: Dialect) -> Result<Vec<Token>, Refusal> {
    if line.len() > MOST_BYTES {
        return Err(too_long());
    }
    let mut lexer = Lexer { rest: line.chars().peekable(), dialect, after_blank: true };
    let mut tokens = Vec::new();
    while let Some(token) = lexer.token()? {
        tokens.push(token);
    }
    Ok(tokens)
}

struct Lexer<'t> {
    rest: Peekable<Chars<'t>>,
    dialect: Dialect,
    /// Whether a blank, or the beginning, stands before what comes next.
    after_blank: bool,
}

impl Lexer<'_> {
    fn next_if(&mut self, expected: char) -> bool {
        self.rest.next_if_eq(&expected).is_some()
    }

    fn token(&mut self) -> Result<Option<Token>, Refusal> {
        while let Some(symbol) = self.rest.peek().copied() {
            let after_blank = std::mem::replace(&mut self.after_blank, false);
            let token = match symbol {
                ' ' | '\t' => {
                    self.rest.next();
                    self.after_blank = true;
                    continue;
                }
                '\\' if self.continues() => {
                    if !after_blank {
                        return Err(Refusal::because("a line is continued within a word or an operator"));
                    }
                    self.rest.next();
                    self.rest.next();
                    self.after_blank = true;
                    continue;
                }
                '\n' | ';' | '&' | '|' | '(' | ')' => {
                    self.rest.next();
                    self.operator(symbol)?
                }
                '<' | '>' => self.redirect(u8::from(symbol == '>'))?,
                _ => self.word_or_redirect()?,
            };
            return Ok(Some(token));
        }
        Ok(None)
    }

    /// Tells whether a backslash before the end of the line is next.
    fn continues(&self) -> bool {
        let mut ahead = self.rest.clone();
        ahead.next();
        ahead.next() == Some('\n')
    }

    fn operator(&mut self, symbol: char) -> Result<Token, Refusal> {
        let next = self.rest.peek().copied();
        Ok(match (symbol, next) {
            ('&', Some('&')) | ('|', Some('|')) => {
                self.rest.next();
                Token::Then
            }
            ('&', Some('>')) => {
                return Err(Refusal::because("shells read `&>` differently; write `>file 2>&1`"));
            }
            ('|', Some('&')) => return Err(Refusal::because("shells read `|&` differently; write `2>&1 |`")),
            (';', Some(';' | '&' | '|')) => return Err(Refusal::because("it has parts of a `case`")),
            ('(', Some('(')) => {
                return Err(Refusal::because("`((` is read differently by shells, or arithmetic"));
            }
            ('\n', _) => {
                self.after_blank = true;
                Token::Separator { newline: true }
            }
            (';' | '&', _) => Token::Separator { newline: false },
            ('|', _) => Token::Pipe,
            ('(', _) => Token::Open,
            _ => Token::Close,
        })
    }

    fn redirect(&mut self, fd: u8) -> Result<Token, Refusal> {
        let op = match (self.rest.next(), self.rest.peek().copied()) {
            (Some('>'), Some('>')) => ">>",
            (Some('>'), Some('|')) => ">|",
            (Some('>'), Some('&')) => ">&",
            (_, Some('(')) => return Err(Refusal::because("a process substitution runs what it holds")),
            (Some('<'), Some('<')) => return Err(Refusal::because("a here-document is not read")),
            (Some('<'), Some('>' | '&')) => return Err(Refusal::because("`<>` and `<&` are not read")),
            (Some('>'), _) => return Ok(Token::Redirect(">", fd)),
            _ => return Ok(Token::Redirect("<", fd)),
        };
        self.rest.next();
        Ok(Token::Redirect(op, fd))
    }

    fn word_or_redirect(&mut self) -> Result<Token, Refusal> {
        let word = self.word()?;
        let digits = word.plain && word.text.bytes().all(|byte| byte.is_ascii_digit());
        if digits && let Some('<' | '>') = self.rest.peek() {
            let fd = word.text.parse::<u8>().ok().filter(|fd| *fd < 10);
            let fd =
                fd.ok_or_else(|| Refusal::because("shells read numbers above 9 before `>` differently"))?;
            return self.redirect(fd);
        }
        Ok(Token::Word(word))
    }

    fn word(&mut self) -> Result<Word, Refusal> {
        let mut word = Word { text: String::new(), plain: true, assigns: None, glob: None };
        // A bare character that means something by itself in some shell.
        let mut odd = None;
        while let Some(symbol) = self.rest.peek().copied() {
            match symbol {
                ' ' | '\t' | '\n' | ';' | '&' | '|' | '<' | '>' | ')' => break,
                '(' => {
                    return Err(Refusal::because(
                        "a `(` inside a word makes a function, a list or a pattern",
                    ));
                }
                _ => {}
            }
            self.rest.next();
            match symbol {
                '\'' => self.single(&mut word.text)?,
                '"' => self.double(&mut word.text)?,
                '\\' => self.escaped(&mut word.text)?,
                '$' => self.dollar(&mut word.text)?,
                _ => {
                    match symbol {
                        '=' if word.plain && word.assigns.is_none() && is_name(&word.text) => {
                            word.assigns = Some(word.text.len());
                        }
                        '*' | '?' if word.glob.is_none() => word.glob = Some(word.text.len()),
                        '{' if word.text.ends_with('@') => {}
                        '{' | '}' | '[' | ']' | '!' => odd = odd.or(Some(symbol)),
                        _ => {}
                    }
                    self.bare(symbol, &mut word.text)?;
                    continue;
                }
            }
            word.plain = false;
        }
        let whole =
            word.plain && matches!(word.text.as_str(), "{" | "}" | "{}" | "-I{}" | "[" | "]" | "!" | "!=");
        match odd {
            Some(symbol) if !whole => {
                Err(Refusal::because(format!("the shell may fill in a word that holds {symbol:?}")))
            }
            _ => Ok(word),
        }
    }

    /// Takes a character that nothing quotes.
    fn bare(&mut self, symbol: char, text: &mut String) -> Result<(), Refusal> {
        let last = text.chars().next_back();
        let after_letter = last.is_some_and(|last| last.is_ascii_alphanumeric());
        let fine = match symbol {
            '`' => return Err(Refusal::because("a command substitution runs what it holds")),
            '#' if last.is_none() => return Err(Refusal::because("a comment is not read")),
            '~' if !after_letter => {
                return Err(Refusal::because("`~` stands for a folder that is not known here"));
            }
            // Between the words of a test it is one.
            '=' if last.is_none() && !matches!(self.rest.peek(), None | Some(' ' | '\t' | '\n')) => {
                return Err(Refusal::because("a word that begins with `=` is read differently"));
            }
            '~' | '#' => after_letter,
            '^' => after_letter || matches!(last, Some('^' | '~')),
            // `@{u}` and `HEAD@{1}` of git; anything else is filled in.
            '{' if last == Some('@') => {
                text.push('{');
                while let Some(inner) = self.rest.next_if(char::is_ascii_alphanumeric) {
                    text.push(inner);
                }
                if !self.next_if('}') {
                    return Err(Refusal::because("braces are filled in by the shell"));
                }
                text.push('}');
                return Ok(());
            }
            // What they mean depends on the whole word.
            '=' | '*' | '?' | '{' | '}' | '[' | ']' | '!' => true,
            other => return character::plain(other).map(|()| text.push(other)),
        };
        if !fine {
            return Err(Refusal::because(format!("shells read {symbol:?} in this place differently")));
        }
        text.push(symbol);
        Ok(())
    }

    fn single(&mut self, text: &mut String) -> Result<(), Refusal> {
        let mut last = None;
        for symbol in self.rest.by_ref() {
            match (last.replace(symbol), symbol) {
                // Where fish reads the line, the quote goes on.
                (Some('\\'), '\'') => {
                    return Err(Refusal::because(
                        "shells read a backslash before the end of a quote differently",
                    ));
                }
                (_, '\'') => return Ok(()),
                _ => {}
            }
            character::in_quotes(symbol)?;
            text.push(symbol);
        }
        Err(Refusal::because("a quote is never closed"))
    }

    fn double(&mut self, text: &mut String) -> Result<(), Refusal> {
        while let Some(symbol) = self.rest.next() {
            match symbol {
                '"' => return Ok(()),
                '\\' => match self.rest.next() {
                    Some(escaped @ ('$' | '`' | '"' | '\\')) => text.push(escaped),
                    Some('\n') | None => return Err(Refusal::because("a line is continued within quotes")),
                    // Only some shells keep this backslash before an exclamation mark.
                    Some('!') => return Err(Refusal::because("`!` may stand for an earlier command")),
                    Some(other) => {
                        character::in_quotes(other)?;
                        text.push('\\');
                        text.push(other);
                    }
                },
                '`' => return Err(Refusal::because("a command substitution runs what it holds")),
                '$' if self.rest.peek() == Some(&'(') => text.push_str(&here::literal(&mut self.rest)?),
                '$' if self.rest.peek() != Some(&'"') => return Err(expansion()),
                '!' => return Err(Refusal::because("`!` may stand for an earlier command")),
                other => {
                    character::in_quotes(other)?;
                    text.push(other);
                }
            }
        }
        Err(Refusal::because("a quote is never closed"))
    }

    fn escaped(&mut self, text: &mut String) -> Result<(), Refusal> {
        match self.rest.next() {
            Some('\n') | None => Err(Refusal::because("a line is continued within a word or an operator")),
            // Of letters and digits, some shells make others (`\x65`), and nobody has to write them so.
            Some(symbol) if symbol.is_alphanumeric() => {
                Err(Refusal::because("shells read a backslash before a letter differently"))
            }
            Some(symbol) => {
                character::in_quotes(symbol)?;
                text.push(symbol);
                Ok(())
            }
        }
    }

    /// Takes what follows a dollar: `'…'`, or something that cannot be known.
    fn dollar(&mut self, text: &mut String) -> Result<(), Refusal> {
        if !self.next_if('\'') {
            return Err(expansion());
        }
        if self.dialect == Dialect::Posix {
            return Err(Refusal::because("`$'…'` is read differently by this shell"));
        }
        while let Some(symbol) = self.rest.next() {
            let symbol = match symbol {
                '\'' => return Ok(()),
                '\\' => self.escape_code()?,
                other => other,
            };
            character::in_quotes(symbol)?;
            text.push(symbol);
        }
        Err(Refusal::because("a quote is never closed"))
    }

    fn escape_code(&mut self) -> Result<char, Refusal> {
        let code = match self.rest.next() {
            Some('n') => u32::from('\n'),
            Some('t') => u32::from('\t'),
            Some(symbol @ ('\\' | '\'' | '"' | '?')) => u32::from(symbol),
            Some('x') => self.code(16, 2),
            Some('u') => self.code(16, 4),
            Some(digit @ '0'..='7') => {
                let first = digit.to_digit(8).unwrap_or_default();
                let mut code = first;
                for _ in 0..2 {
                    let Some(next) = self.rest.next_if(|next| next.is_digit(8)) else { break };
                    code = code * 8 + next.to_digit(8).unwrap_or_default();
                }
                code
            }
            _ => return Err(Refusal::because("an escape in `$'…'` is not known")),
        };
        // Beyond ASCII, `\x` and octal give bytes, and what the others give depends on the locale.
        match char::from_u32(code).filter(|symbol| symbol.is_ascii() && *symbol != '\0') {
            Some(symbol) => Ok(symbol),
            None => Err(Refusal::because("an escape in `$'…'` is not ASCII")),
        }
    }

    fn code(&mut self, radix: u32, most: usize) -> u32 {
        let mut code = 0;
        for _ in 0..most {
            let Some(digit) = self.rest.peek().and_then(|next| next.to_digit(radix)) else { break };
            self.rest.next();
            code = code * radix + digit;
        }
        code
    }
}

fn expansion() -> Refusal {
    Refusal::because("`$` stands for something that is not known here")
}

fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
