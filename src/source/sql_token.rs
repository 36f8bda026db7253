//! SQL text cut into tokens, as far as telling statements apart needs it.

/// One token of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A keyword, an unquoted name or a number.
    Word(&'a [u8]),
    /// A name in backquotes, without them; doubled backquotes are still doubled.
    Name(&'a [u8]),
    /// What stands between double quotes: a string, or a name where `sql_mode` has ANSI_QUOTES.
    DoubleQuoted(&'a [u8]),
    /// What stands between single quotes.
    Text(&'a [u8]),
    /// Any other character.
    Sign(u8),
}

/// Cuts a statement into tokens. Comments are passed over, but what stands in `/*! … */` and `/*M! … */` is part of
/// the statement, whatever version it names: a server that does not run it does not log it as run either, and to
/// take too much for a statement is the safe side.
#[derive(Clone, Copy)]
pub(super) struct Tokens<'a> {
    rest: &'a [u8],
}

impl<'a> Tokens<'a> {
    pub(super) fn new(statement: &'a [u8]) -> Self {
        Self { rest: statement }
    }

    /// The token behind, left where it is.
    pub(super) fn peek(&self) -> Option<Token<'a>> {
        let mut ahead = *self;
        ahead.next()
    }

    /// Takes the next token if it is this keyword.
    pub(super) fn accept(&mut self, keyword: &str) -> bool {
        let is = matches!(self.peek(), Some(Token::Word(word)) if word.eq_ignore_ascii_case(keyword.as_bytes()));
        if is {
            self.next();
        }
        is
    }

    /// Takes all the tokens ahead that are one of these keywords.
    pub(super) fn accept_all(&mut self, keywords: &[&str]) {
        while keywords.iter().any(|keyword| self.accept(keyword)) {}
    }

    /// Takes the next token if it is this character.
    pub(super) fn accept_sign(&mut self, sign: u8) -> bool {
        let is = self.peek() == Some(Token::Sign(sign));
        if is {
            self.next();
        }
        is
    }

    /// Passes over white space and comments.
    fn skip_blank(&mut self) {
        loop {
            let rest = self.rest.trim_ascii_start();
            self.rest = match rest {
                [b'#', ..] => after_line(rest),
                [b'-', b'-', blank, ..] if *blank <= b' ' => after_line(rest),
                [b'-', b'-'] => &[],
                [b'/', b'*', b'!', inside @ ..] | [b'/', b'*', b'M', b'!', inside @ ..] => {
                    let version = inside.iter().take_while(|byte| byte.is_ascii_digit()).count();
                    inside.get(version..).unwrap_or_default()
                }
                [b'/', b'*', inside @ ..] => match inside.windows(2).position(|pair| pair == b"*/") {
                    Some(end) => inside.get(end + 2..).unwrap_or_default(),
                    None => &[],
                },
                [b'*', b'/', behind @ ..] => behind,
                _ => {
                    self.rest = rest;
                    return;
                }
            };
        }
    }

    /// Takes what stands before the closing `quote`; the opening one is taken already.
    fn quoted(&mut self, quote: u8, escapes: bool) -> &'a [u8] {
        let text = self.rest;
        let mut at = 0;
        while let Some(byte) = text.get(at) {
            if escapes && *byte == b'\\' {
                at += 2;
            } else if *byte != quote {
                at += 1;
            } else if text.get(at + 1) == Some(&quote) {
                at += 2;
            } else {
                break;
            }
        }
        self.rest = text.get(at + 1..).unwrap_or_default();
        text.get(..at).unwrap_or(text)
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        self.skip_blank();
        let (first, behind) = self.rest.split_first()?;
        if is_word(*first) {
            let length = self.rest.iter().take_while(|byte| is_word(**byte)).count();
            let (word, behind) = self.rest.split_at_checked(length)?;
            self.rest = behind;
            return Some(Token::Word(word));
        }
        self.rest = behind;
        Some(match first {
            b'`' => Token::Name(self.quoted(b'`', false)),
            b'"' => Token::DoubleQuoted(self.quoted(b'"', true)),
            b'\'' => Token::Text(self.quoted(b'\'', true)),
            sign => Token::Sign(*sign),
        })
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | 0x80..)
}

fn after_line(text: &[u8]) -> &[u8] {
    match text.iter().position(|byte| *byte == b'\n') {
        Some(end) => text.get(end + 1..).unwrap_or_default(),
        None => &[],
    }
}
