//! The identifier of an XA transaction, wherever it was read.

use super::sql_token::{Token, Tokens};

/// Which XA transaction.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct XaKey {
    format: u32,
    global: Vec<u8>,
    branch: Vec<u8>,
}

impl XaKey {
    /// From its parts: format, global and branch.
    pub(crate) fn new(format: u32, global: &[u8], branch: &[u8]) -> Self {
        Self { format, global: global.to_vec(), branch: branch.to_vec() }
    }

    /// From the text behind XA START, XA COMMIT or XA ROLLBACK: `X'6162',X'',1`, where branch and format may be left
    /// out, or strings.
    pub(super) fn read(mut tokens: Tokens<'_>) -> Option<Self> {
        let global = part(&mut tokens)?;
        let mut branch = Vec::new();
        let mut format = 1;
        if tokens.accept_sign(b',') {
            branch = part(&mut tokens)?;
            if tokens.accept_sign(b',') {
                let Token::Word(number) = tokens.next()? else { return None };
                format = std::str::from_utf8(number).ok()?.parse().ok()?;
            }
        }
        Some(Self { format, global, branch })
    }
}

impl std::fmt::Debug for XaKey {
    /// An application may put anything into an identifier.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("XaKey").field("format", &self.format).finish_non_exhaustive()
    }
}

fn part(tokens: &mut Tokens<'_>) -> Option<Vec<u8>> {
    match tokens.next()? {
        Token::Text(text) | Token::DoubleQuoted(text) => Some(unescape(text)),
        Token::Word(b"X" | b"x") => match tokens.next()? {
            Token::Text(digits) => hex::decode(digits).ok(),
            _ => None,
        },
        Token::Word(word) => hex::decode(word.strip_prefix(b"0x")?).ok(),
        Token::Name(_) | Token::Sign(_) => None,
    }
}

fn unescape(text: &[u8]) -> Vec<u8> {
    let mut bytes = text.iter().copied().peekable();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => out.extend(bytes.next()),
            b'\'' if bytes.peek() == Some(&b'\'') => {
                bytes.next();
                out.push(byte);
            }
            _ => out.push(byte),
        }
    }
    out
}
