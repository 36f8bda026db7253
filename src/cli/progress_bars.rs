//! Bars for what takes long, beneath the log's lines on a terminal.

use std::{
    collections::HashMap,
    convert::Infallible,
    io::{self, IsTerminal},
    time::Duration,
};

use indicatif::{HumanCount, HumanDuration, MultiProgress, ProgressBar, ProgressStyle};

use super::failure::Failure;
use crate::{
    config::{LogConfig, LogFormat},
    progress::{Behind, Progress, TableScan},
};

/// How often the bars are drawn.
const EVERY: Duration = Duration::from_millis(200);

/// Where bars are drawn: standard error, if that is a terminal which shows lines of text.
pub(super) struct Bars {
    all: MultiProgress,
    with_end: ProgressStyle,
    without_end: ProgressStyle,
}

impl Bars {
    /// `None`: there is no place for them.
    pub(super) fn beside(log: &LogConfig) -> Result<Option<Self>, Failure> {
        if log.format != LogFormat::Text || !io::stderr().is_terminal() {
            return Ok(None);
        }
        let with_end = ProgressStyle::with_template("{bar:30} {msg}")?;
        let without_end = ProgressStyle::with_template("{spinner} {msg}")?;
        Ok(Some(Self { all: MultiProgress::new(), with_end, without_end }))
    }

    /// Writes lines to standard error, above the bars.
    pub(super) fn lines(&self) -> Lines {
        Lines(self.all.clone())
    }

    /// Draws what is under way, for ever.
    pub(super) async fn show(&self, progress: &Progress) -> Infallible {
        let mut shown: HashMap<String, ProgressBar> = HashMap::new();
        loop {
            let under_way = progress.under_way();
            let readings = [("the log", under_way.reading), ("the log, second reader", under_way.second_reading)];
            let readings = readings.into_iter().filter_map(|(name, behind)| Some(Line::reading(name, &behind?)));
            let lines: Vec<Line> = readings.chain(under_way.scans.iter().map(Line::scan)).collect();
            shown.retain(|name, bar| {
                let goes_on = lines.iter().any(|line| line.name == *name);
                if !goes_on {
                    bar.finish_and_clear();
                    self.all.remove(bar);
                }
                goes_on
            });
            for line in lines {
                let bar = shown.entry(line.name).or_insert_with(|| self.all.add(ProgressBar::no_length()));
                match line.of {
                    Some(of) => {
                        bar.set_style(self.with_end.clone());
                        bar.set_length(of.max(1));
                        bar.set_position(line.done.min(of));
                    }
                    None => bar.set_style(self.without_end.clone()),
                }
                bar.set_message(line.text);
                bar.tick();
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    /// Takes the bars away.
    pub(super) fn clear(&self) {
        // A terminal that is gone needs no clearing.
        let _ = self.all.clear();
    }
}

/// What is shown of one thing that is under way.
#[derive(Debug, PartialEq, Eq)]
struct Line {
    name: String,
    done: u64,
    /// Where it ends, if that is known.
    of: Option<u64>,
    text: String,
}

impl Line {
    fn scan(scan: &TableScan) -> Self {
        let (found, took) = (scan.rows.found(), scan.began.elapsed());
        let rate = found.checked_div(took.as_secs()).unwrap_or(found);
        let in_table =
            scan.rows.in_table().map(|rows| format!(" of about {} in the table", HumanCount(rows))).unwrap_or_default();
        let text = format!(
            "searching {}: {} rows found{in_table}, {}/s, {}",
            scan.table,
            HumanCount(found),
            HumanCount(rate),
            HumanDuration(took)
        );
        Self { name: scan.table.clone(), done: found, of: scan.rows.expected(), text }
    }

    fn reading(name: &str, behind: &Behind) -> Self {
        let age = behind.seconds.map(|seconds| format!(", {}", HumanDuration(Duration::from_secs(seconds))));
        let megabytes = HumanCount(behind.bytes / 1_000_000);
        let text = format!("reading {name}: behind by {megabytes} MB{}", age.unwrap_or_default());
        let done = behind.at_first.saturating_sub(behind.bytes);
        Self { name: name.to_owned(), done, of: Some(behind.at_first), text }
    }
}

/// Writes the log's lines so that they do not run into the bars.
#[derive(Clone, Debug)]
pub(super) struct Lines(MultiProgress);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.suspend(|| io::stderr().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::RowCount;

    #[test]
    fn a_search_has_an_end_only_where_all_rows_are_wanted() {
        for all in [false, true] {
            let rows = RowCount::default();
            let scan = TableScan {
                table: "appointment".to_owned(),
                subscriptions: 2,
                began: std::time::Instant::now(),
                rows: rows.clone(),
            };
            assert!(Line::scan(&scan).text.starts_with("searching appointment: 0 rows found, 0/s"));
            rows.set_in_table(1_500_000, all);
            rows.one_more();
            let line = Line::scan(&scan);
            assert_eq!((line.done, line.of), (1, all.then_some(1_500_000)));
            assert!(line.text.contains("1 rows found of about 1,500,000 in the table"), "{}", line.text);
        }
    }

    #[test]
    fn reading_is_shown_by_what_is_left_of_what_was_to_be_read() {
        let behind = Behind { bytes: 250_000_000, at_first: 1_000_000_000, seconds: Some(7_200) };
        let line = Line::reading("the log", &behind);
        assert_eq!((line.done, line.of), (750_000_000, Some(1_000_000_000)));
        assert_eq!(line.text, "reading the log: behind by 250 MB, 2 hours");
    }
}
