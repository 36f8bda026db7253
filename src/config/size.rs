//! Sizes of memory and of files: a number of bytes, or a text such as `"256 MB"`.

use serde::{Deserialize, Deserializer, de};

/// A number of bytes. `kB`, `MB`, `GB` and `TB` count in thousands, `KiB`, `MiB`, `GiB` and `TiB` in 1024s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(u64);

const UNITS: [(&str, u64); 9] = [
    ("b", 1),
    ("kb", 1000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("tb", 1_000_000_000_000),
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("tib", 1 << 40),
];

impl ByteSize {
    /// So many bytes.
    pub const fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// In bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// In bytes, for what is held in memory.
    pub fn in_memory(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }

    /// Reads a text such as `256 MB`; upper and lower case and spaces do not count. `None` if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at_checked(digits)?;
        let unit = unit.trim_start().to_ascii_lowercase();
        let (_, bytes) = UNITS.iter().find(|(name, _)| *name == unit || (unit.is_empty() && *name == "b"))?;
        Some(Self(number.parse::<u64>().ok()?.checked_mul(*bytes)?))
    }
}

impl std::fmt::Display for ByteSize {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let exact = |(_, bytes): &&(&str, u64)| self.0 != 0 && self.0.is_multiple_of(*bytes);
        match UNITS[..5].iter().rev().find(exact) {
            Some((unit, bytes)) if *bytes > 1 => {
                let unit = if *unit == "kb" { "kB".to_owned() } else { unit.to_ascii_uppercase() };
                write!(formatter, "{} {unit}", self.0 / bytes)
            }
            _ => write!(formatter, "{} bytes", self.0),
        }
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Bytes(u64),
            Text(String),
        }
        match Written::deserialize(deserializer)? {
            Written::Bytes(bytes) => Ok(Self(bytes)),
            Written::Text(text) => Self::parse(&text).ok_or_else(|| de::Error::custom("no size")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        for (text, bytes) in [
            ("0", 0),
            ("123", 123),
            ("123 B", 123),
            ("256 MB", 256_000_000),
            (" 256mb ", 256_000_000),
            ("1 GB", 1_000_000_000),
            ("4 kB", 4000),
            ("64 KiB", 65_536),
            ("64MiB", 67_108_864),
            ("2 TiB", 2_199_023_255_552),
        ] {
            assert_eq!(ByteSize::parse(text), Some(ByteSize(bytes)), "{text}");
        }
        for text in ["", "MB", "-1", "1.5 GB", "1 M", "1 MB 2", "18446744073709551616", "20000000 TB"] {
            assert_eq!(ByteSize::parse(text), None, "{text}");
        }
    }

    #[test]
    fn sizes_are_shown_in_the_largest_unit_that_is_exact() {
        for (bytes, text) in [(256_000_000, "256 MB"), (4000, "4 kB"), (1_000_000_000, "1 GB"), (65_536, "65536 bytes")]
        {
            assert_eq!(ByteSize(bytes).to_string(), text);
        }
        assert_eq!(ByteSize(0).to_string(), "0 bytes");
    }
}
