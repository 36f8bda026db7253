//! A character set that `encoding_rs` decodes, but for some codes.

use std::borrow::Cow;

use encoding_rs::Encoding;

use super::difference::Run;

/// A character set with the encoding of the web that is nearest to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Encoded {
    pub(super) name: &'static str,
    pub(super) encoding: &'static Encoding,
    pub(super) lengths: Lengths,
    /// What the encoding has otherwise, in the order of the codes.
    pub(super) differences: &'static [Run],
}

/// How many bytes a character has, by its first ones.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lengths {
    One,
    Two,
    ShiftJis,
    Euc,
    Gb18030,
}

impl Lengths {
    fn of(self, character: &[u8]) -> usize {
        match (self, character) {
            (Self::Two, [0x81..=0xff, ..]) => 2,
            (Self::ShiftJis, [0x81..=0x9f | 0xe0..=0xfc, ..]) => 2,
            (Self::Euc, [0x8f, ..]) => 3,
            (Self::Euc, [0x8e | 0xa1..=0xff, ..]) => 2,
            (Self::Gb18030, [0x81..=0xff, 0x30..=0x39, ..]) => 4,
            (Self::Gb18030, [0x81..=0xff, ..]) => 2,
            _ => 1,
        }
    }
}

impl Encoded {
    /// The text; `None` if the server has no character for some of the bytes.
    pub(super) fn decode<'a>(&self, bytes: &'a [u8]) -> Option<Cow<'a, str>> {
        let decode = |bytes| self.encoding.decode_without_bom_handling_and_without_replacement(bytes);
        let ascii_differs = self.differences.first().is_some_and(|run| run.first < 0x80);
        if self.differences.is_empty() || (bytes.is_ascii() && !ascii_differs) {
            return decode(bytes);
        }
        let mut text = String::new();
        // What is not yet in the text, and how much of it has been seen.
        let (mut rest, mut seen) = (bytes, 0);
        while let Some(ahead @ [_, ..]) = rest.get(seen..) {
            let character = ahead.get(..self.lengths.of(ahead))?;
            let code = character.iter().fold(0, |code, byte| code << 8 | u32::from(*byte));
            match self.difference(code) {
                Some(run) => {
                    text.push_str(&decode(rest.get(..seen)?)?);
                    text.push(char::from_u32(u32::from(run.to?) + (code - run.first))?);
                    rest = ahead.get(character.len()..)?;
                    seen = 0;
                }
                None => seen += character.len(),
            }
        }
        if text.is_empty() {
            return decode(rest);
        }
        text.push_str(&decode(rest)?);
        Some(Cow::Owned(text))
    }

    fn difference(&self, code: u32) -> Option<&'static Run> {
        let at = self.differences.partition_point(|run| run.last < code);
        self.differences.get(at).filter(|run| run.first <= code)
    }
}
