//! A table of aligned columns, for people.

/// `text` without what could move a terminal's cursor or break a line.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

/// The rows below `heads`, each column as wide as its widest cell. Numbers, in the columns that `right` tells, stand
/// at the right.
pub(super) fn aligned<const N: usize>(heads: [&str; N], right: [bool; N], rows: &[[String; N]]) -> String {
    let width = |text: &str| text.chars().count();
    let mut widths = heads.map(width);
    for row in rows {
        for (widest, cell) in widths.iter_mut().zip(row) {
            *widest = (*widest).max(width(cell));
        }
    }
    let line = |cells: [&str; N]| {
        let mut line = String::new();
        for ((cell, widest), right) in cells.into_iter().zip(widths).zip(right) {
            let gap = " ".repeat(widest.saturating_sub(width(cell)));
            let (before, behind) = if right { (gap.as_str(), "") } else { ("", gap.as_str()) };
            line.extend([before, cell, behind, "  "]);
        }
        line.trim_end().to_owned() + "\n"
    };
    let mut table = line(heads);
    table.extend(rows.iter().map(|row| line(row.each_ref().map(String::as_str))));
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let row = |num: &str, what: &str, note: &str| [num, what, note].map(str::to_owned);
        let rows = [row("4", "Patient", "Zähne"), row("140", "AppointmentDeleted", "")];
        let table = aligned(["NUM", "WATCHES", "NOTE"], [true, false, false], &rows);
        let expected =
            ["NUM  WATCHES             NOTE", "  4  Patient             Zähne", "140  AppointmentDeleted", ""];
        assert_eq!(table, expected.join("\n"));
        assert_eq!(aligned(["A"], [false], &[]), "A\n");
    }

    #[test]
    fn nothing_that_was_stored_moves_the_cursor() {
        assert_eq!(printable("a\u{1b}[2Jb\r\nc\u{9b}d"), "a [2Jb  c d");
    }
}
