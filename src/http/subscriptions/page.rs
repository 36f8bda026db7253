//! `Limit` and `Offset`, as all lists of Open Dental's API have them.

use url::form_urlencoded;

use crate::http::refusal::Refusal;

/// The most elements of one answer, and the number without a Limit: as Open Dental's API Service has it.
const MOST: usize = 1000;

/// A part of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Page {
    limit: usize,
    offset: usize,
}

impl Page {
    /// What a query asks for; other parameters than the two do no harm.
    pub(super) fn of(query: &str) -> Result<Self, Refusal> {
        let mut page = Self { limit: MOST, offset: 0 };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if name.eq_ignore_ascii_case("Limit") {
                page.limit = number("Limit", &value, 1)?.min(MOST);
            } else if name.eq_ignore_ascii_case("Offset") {
                page.offset = number("Offset", &value, 0)?;
            }
        }
        Ok(page)
    }

    /// The part of `all`.
    pub(super) fn take<T>(self, all: impl Iterator<Item = T>) -> impl Iterator<Item = T> {
        all.skip(self.offset).take(self.limit)
    }
}

fn number(name: &str, value: &str, least: u32) -> Result<usize, Refusal> {
    match value.parse::<u32>() {
        Ok(number) if number >= least => Ok(usize::try_from(number).unwrap_or(usize::MAX)),
        _ => Err(Refusal::Invalid(format!("{name} must be a whole number from {least} to {}.", u32::MAX))),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_a_thousand_long_unless_less_is_asked_for() {
        let part = |query| Page::of(query).unwrap().take(0..1500).collect::<Vec<usize>>();
        assert_eq!(part(""), (0..1000).collect::<Vec<_>>());
        assert_eq!(part("Limit=2&Offset=3&Other=x"), [3, 4]);
        assert_eq!(part("limit=5000&offset=1498"), [1498, 1499]);
        assert_eq!(part("Offset=4294967295"), [0; 0]);
        for refused in ["Limit=0", "Limit=-1", "Limit=", "Limit=x", "Offset=-1", "Offset=4294967296", "Limit=1.5"] {
            assert!(matches!(Page::of(refused), Err(Refusal::Invalid(_))), "{refused}");
        }
    }
}
