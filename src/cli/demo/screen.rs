//! What the demo writes: time-stamped lines, coloured on a terminal only.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use chrono::Local;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const SENT: Style = AnsiColor::Cyan.on_default().bold();
const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();

/// Longer lines are cut, so that one line stays one line on most screens.
const WIDTH: usize = 118;

/// As wide as a time stamp.
const INDENT: usize = 14;

/// Writes to standard output; `NO_COLOR` and the like are honoured.
pub(super) struct Screen;

impl Screen {
    /// What comes next, and why it is worth looking at.
    pub(super) fn heading(&self, title: &str) -> io::Result<()> {
        writeln!(anstream::stdout(), "\n{BOLD}{title}{BOLD:#}")
    }

    /// Something happened.
    pub(super) fn line(&self, who: &str, what: &str) -> io::Result<()> {
        self.stamped(Style::new(), who, what)
    }

    /// An event arrived.
    pub(super) fn sent(&self, who: &str, what: &str) -> io::Result<()> {
        self.stamped(SENT, who, what)
    }

    fn stamped(&self, style: Style, who: &str, what: &str) -> io::Result<()> {
        let time = Local::now().format("%H:%M:%S%.3f");
        writeln!(anstream::stdout(), "{DIM}{time}{DIM:#}  {style}{who:<13} {what}{style:#}")
    }

    /// Below a line: an element, cut.
    pub(super) fn detail(&self, text: &str) -> io::Result<()> {
        let cut: String = text.chars().take(WIDTH - INDENT).collect();
        let more = if cut.len() < text.len() { "…" } else { "" };
        writeln!(anstream::stdout(), "{:INDENT$}{DIM}{cut}{more}{DIM:#}", "")
    }

    /// Somebody runs a statement: whole, on as many lines as it takes.
    pub(super) fn statement(&self, who: &str, sql: &str) -> io::Result<()> {
        let mut line = String::new();
        let mut who = Some(who);
        for word in sql.split_whitespace() {
            if INDENT + 14 + line.len() + word.len() > WIDTH {
                self.part(who.take(), &line)?;
                line.clear();
            }
            line.push_str(word);
            line.push(' ');
        }
        self.part(who, &line)
    }

    fn part(&self, who: Option<&str>, line: &str) -> io::Result<()> {
        match who {
            Some(who) => self.line(who, line.trim_end()),
            None => writeln!(anstream::stdout(), "{:28}{}", "", line.trim_end()),
        }
    }

    /// Plain text, not cut: for what is to be copied.
    pub(super) fn plain(&self, text: &str) -> io::Result<()> {
        writeln!(anstream::stdout(), "{text}")
    }

    /// One line of the summary.
    pub(super) fn verdict(&self, right: bool, what: &str) -> io::Result<()> {
        let (style, mark) = if right { (GOOD, "✓") } else { (BAD, "✗") };
        writeln!(anstream::stdout(), "  {style}{mark}{style:#} {what}")
    }
}
