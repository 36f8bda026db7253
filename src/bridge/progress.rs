//! What takes long is told while it goes on: searches of tables, and reading a log that lies far behind its end.

use tracing::info;

use super::{closing::BarrierStep, engine::Engine};
use crate::{
    binlog::LogPoint,
    progress::{Behind, LOG_TARGET, Progress, TableScan, UnderWay},
    source::LogFiles,
    window::Instant,
};

/// What is under way is looked at this often, and told in the log this often.
const LOOK_MILLIS: i64 = 1_000;
const TELL_MILLIS: i64 = 10_000;

/// Less than so many bytes are read before anyone looks.
const WORTH_TELLING: u64 = 1 << 20;

/// Since when something has been under way, and what was told of it.
pub(super) struct Telling {
    shown: Progress,
    /// The server's log, as far as its files are known.
    files: LogFiles,
    main: Reading,
    second: Reading,
    /// When it is looked at next and told next, by our clock in milliseconds; `None`: nothing is under way.
    next: Option<Next>,
}

#[derive(Clone, Copy, Debug)]
struct Next {
    look: i64,
    tell: i64,
}

/// One reader's way to the log's end.
#[derive(Debug, Default)]
struct Reading {
    /// When the last transaction was committed that it read, in microseconds UTC.
    committed: Option<i64>,
    /// While it is behind: since when by our clock in milliseconds, and by how many bytes it was then.
    since: Option<(i64, u64)>,
    /// That it is behind has been told.
    told: bool,
}

impl Telling {
    pub(super) fn new(shown: Progress, files: LogFiles) -> Self {
        shown.update(|under_way| *under_way = UnderWay::default());
        Self { shown, files, main: Reading::default(), second: Reading::default(), next: None }
    }

    /// The server's log has these files now.
    pub(super) fn log_has(&mut self, files: LogFiles) {
        self.files = files;
    }

    /// A transaction was read.
    pub(super) fn committed(&mut self, second_reader: bool, micros: i64) {
        let reading = if second_reader { &mut self.second } else { &mut self.main };
        reading.committed = Some(micros);
    }

    /// When what is under way is to be looked at again.
    pub(super) fn wake(&self) -> Option<i64> {
        self.next.map(|next| next.look)
    }

    /// How far the second reader is behind, as last looked at.
    pub(super) fn second_pass(&self) -> Option<Behind> {
        self.shown.under_way().second_reading
    }

    /// About how many bytes of the log lie between two points.
    pub(super) fn bytes_between(&self, from: LogPoint, to: LogPoint) -> u64 {
        if from >= to { 0 } else { self.files.bytes_between(from, to) }
    }
}

impl Reading {
    /// How far it is behind where `bytes` are left to be read; `None`: that is not worth telling.
    fn behind(&mut self, bytes: u64, clock: i64, server_now: Instant) -> Option<Behind> {
        if bytes < WORTH_TELLING {
            return None;
        }
        let (_, at_first) = *self.since.get_or_insert((clock, bytes));
        let age = self.committed.map(|micros| server_now.saturating_sub(micros.div_euclid(1_000_000)));
        let seconds = age.map(|age| u64::try_from(age).unwrap_or(0));
        Some(Behind { bytes, at_first: at_first.max(bytes), seconds })
    }

    /// It is not behind any more; since when and by how many bytes it was, if that was told.
    fn caught_up(&mut self) -> Option<(i64, u64)> {
        let since = self.since.take();
        since.filter(|_| std::mem::take(&mut self.told))
    }
}

impl Engine {
    /// Looks at what is under way, if it is time to, and tells of it.
    pub(super) fn tell_progress(&mut self) {
        let clock = self.now_millis();
        let busy = !self.scanning.is_empty()
            || self.second_pass.is_some()
            || matches!(self.barrier, BarrierStep::Reading { .. })
            || self.telling.main.since.is_some()
            || self.telling.second.since.is_some();
        if !busy {
            self.telling.next = None;
            return;
        }
        let first = Next { look: clock.saturating_add(LOOK_MILLIS), tell: clock.saturating_add(TELL_MILLIS) };
        let next = *self.telling.next.get_or_insert(first);
        if next.look > clock {
            return;
        }
        self.look_at_progress(next.tell <= clock);
        let tell = if next.tell <= clock { first.tell } else { next.tell };
        self.telling.next = Some(Next { look: first.look, tell });
    }

    fn look_at_progress(&mut self, tell: bool) {
        let (clock, server_now, read) = (self.now_millis(), self.server_now(), self.boundary.position.point());
        let left = match &self.barrier {
            BarrierStep::Reading { barrier, .. } if self.reading.is_some() => {
                self.telling.bytes_between(read, barrier.point)
            }
            _ => 0,
        };
        let second_left = self.second_pass.as_ref().map_or(0, |pass| self.telling.bytes_between(pass.read(), read));
        let Telling { main, second, shown, .. } = &mut self.telling;
        let reading = look(main, left, (clock, server_now), tell, "reading the server's log");
        let second_reading = look(second, second_left, (clock, server_now), tell, "the second reader reads the log");
        shown.update(|under_way| {
            (under_way.reading, under_way.second_reading) = (reading, second_reading);
        });
        for scan in self.scanning.values().filter(|_| tell) {
            info!(
                target: LOG_TARGET,
                table = scan.table,
                found = scan.rows.found(),
                in_table = scan.rows.in_table(),
                seconds = scan.began.elapsed().as_secs(),
                "searching a table for changes before the subscriptions' place in the log"
            );
        }
    }

    /// A search has begun or ended.
    pub(super) fn show_scans(&self) {
        let mut scans: Vec<TableScan> = self.scanning.values().cloned().collect();
        scans.sort_unstable_by_key(|scan| scan.began);
        self.telling.shown.update(|under_way| under_way.scans = scans);
    }
}

/// How far a reader is behind, and a line of it if it is time to `tell`.
fn look(
    reading: &mut Reading,
    bytes: u64,
    (clock, server_now): (i64, Instant),
    tell: bool,
    doing: &'static str,
) -> Option<Behind> {
    let behind = reading.behind(bytes, clock, server_now);
    match behind {
        Some(Behind { bytes, seconds, .. }) if tell => {
            reading.told = true;
            info!(target: LOG_TARGET, behind_mb = megabytes(bytes), behind_seconds = seconds, "{doing}");
        }
        Some(_) => {}
        None => {
            if let Some((since, at_first)) = reading.caught_up() {
                let seconds = clock.saturating_sub(since) / 1_000;
                info!(read_mb = megabytes(at_first), seconds, "{doing}: it has reached its end");
            }
        }
    }
    behind
}

fn megabytes(bytes: u64) -> u64 {
    bytes / 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: u64 = 1_000_000;

    #[test]
    fn a_reader_is_behind_from_when_it_was_first_until_nothing_worth_telling_is_left() {
        let mut reading = Reading::default();
        assert_eq!(reading.behind(1000, 0, 0), None);
        let behind = |bytes, seconds| Some(Behind { bytes, at_first: 90 * MB, seconds });
        assert_eq!(reading.behind(90 * MB, 1_000, 500), behind(90 * MB, None));
        reading.committed = Some(200_000_000);
        assert_eq!(reading.behind(40 * MB, 5_000, 500), behind(40 * MB, Some(300)));
        assert_eq!(reading.behind(10, 6_000, 500), None);
        assert_eq!(reading.caught_up(), None, "nothing was told of it");
        reading.behind(50 * MB, 7_000, 500);
        reading.told = true;
        assert_eq!(reading.caught_up(), Some((7_000, 50 * MB)));
        assert_eq!(reading.caught_up(), None, "told once");
    }

    #[test]
    fn the_age_of_what_was_read_is_never_below_zero() {
        let mut reading = Reading { committed: Some(900_000_000), ..Reading::default() };
        assert_eq!(reading.behind(2 * MB, 0, 500).and_then(|behind| behind.seconds), Some(0));
    }
}
