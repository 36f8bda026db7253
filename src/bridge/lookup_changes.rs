//! What changes of the lookup tables mean: names that are shown anew, and schedules whose operatories changed.

use tracing::warn;

use super::{engine::Engine, error::BridgeError};
use crate::{
    binlog::LogPoint,
    opendental::{LookupChange, LookupTable, RenderError},
    row::{Field, Row, RowKey},
    source::{Change, ChangeKind, ImageRow, SourceError},
};

impl Engine {
    /// Applies a change to the lookups; returns the schedules whose operatories it changed.
    pub(super) fn lookup_changed(&mut self, table: LookupTable, change: &Change) -> Result<Vec<i64>, BridgeError> {
        let mut schedules = Vec::new();
        if let Some(old_key) = &change.old_key {
            let removed = self.lookups.remove(table, old_key);
            self.forget_rendered(&removed.stale);
            schedules.extend(removed.schedules);
        }
        match self.applied(table, change) {
            Ok(Ok(Some(changed))) => {
                self.forget_rendered(&changed.stale);
                schedules.extend(changed.schedules);
            }
            Ok(Ok(None)) => self.reload = true,
            Ok(Err(error)) => {
                warn!(%error, "a row does not have its table's shape; reading the whole table");
                self.reload = true;
            }
            Err(error) => {
                warn!(%error, "a row's image cannot be read; reading the whole table");
                self.reload = true;
            }
        }
        Ok(schedules)
    }

    /// `None` if the log does not tell all of the row and the rest is not known.
    fn applied(
        &mut self,
        table: LookupTable,
        change: &Change,
    ) -> Result<Result<Option<LookupChange>, RenderError>, SourceError> {
        if change.kind == ChangeKind::Delete {
            return Ok(Ok(Some(self.lookups.remove(table, &change.key))));
        }
        if let Some(image) = &change.image {
            let row = ImageRow::new(image, &change.layout, &self.zone)?;
            return Ok(self.lookups.upsert(table, &row).map(Some));
        }
        let Some(image) = &change.partial else { return Ok(Ok(None)) };
        let row = ImageRow::partial(&image.bytes, &image.present, &change.layout, &self.zone)?;
        let is_told = |column: &&str| row.field(column) != Field::Absent;
        if table.columns().iter().all(is_told) {
            return Ok(self.lookups.upsert(table, &row).map(Some));
        }
        match (change.kind, &change.old_key) {
            (ChangeKind::Update, None) => Ok(self.lookups.update(table, &change.key, &row)),
            _ => Ok(Ok(None)),
        }
    }

    /// A change of `scheduleop`: the schedules that its row belonged and belongs to have changed, though neither their
    /// rows nor their stamps did. Polling cannot see it.
    pub(super) fn schedule_op_changed(
        &mut self,
        change: &Change,
        point: LogPoint,
        committed: i64,
    ) -> Result<(), BridgeError> {
        let mut schedules = self.schedules_of(change);
        if self.is_news(point) {
            schedules.extend(self.lookup_changed(LookupTable::ScheduleOp, change)?);
        } else if schedules.is_empty() {
            warn!(
                "a change of a schedule's operatories is logged in part, and which schedule it was is not known any more"
            );
        }
        schedules.sort_unstable();
        schedules.dedup();
        self.schedules_changed(&schedules, point, committed);
        Ok(())
    }

    /// The schedules that a row of `scheduleop` belonged and belongs to, as far as its images or the lookups tell.
    fn schedules_of(&self, change: &Change) -> Vec<i64> {
        let whole = [&change.image, &change.before].into_iter().flatten();
        let mut rows: Vec<_> =
            whole.filter_map(|image| ImageRow::new(image, &change.layout, &self.zone).ok()).collect();
        if let Some(image) = &change.partial {
            rows.extend(ImageRow::partial(&image.bytes, &image.present, &change.layout, &self.zone));
        }
        let told = rows.iter().filter_map(|row| match row.field("ScheduleNum") {
            Field::Int(schedule) => Some(schedule),
            _ => None,
        });
        let schedules: Vec<i64> = told.collect();
        if schedules.is_empty() {
            return self.lookups.schedule_of(change.old_key.as_ref().unwrap_or(&change.key)).into_iter().collect();
        }
        schedules
    }

    /// Schedules whose operatories were found to have changed by reading the lookups anew.
    pub(super) fn tell_moved_schedules(&mut self) {
        let schedules = std::mem::take(&mut self.moved_schedules);
        let committed = self.server_now().saturating_mul(1_000_000);
        self.schedules_changed(&schedules, self.boundary.position.point(), committed);
        if let Some((watch, _)) = self.tables.find("Schedule").filter(|_| self.schedule_operatories) {
            schedules.iter().for_each(|schedule| self.remember_untold(watch, &RowKey::Int(*schedule)));
        }
    }

    fn schedules_changed(&mut self, schedules: &[i64], point: LogPoint, committed: i64) {
        if !self.schedule_operatories {
            return;
        }
        let Some((schedule, _)) = self.tables.find("Schedule") else { return };
        if let Some(watched) = self.watched.get_mut(&schedule).filter(|watched| watched.cursors > 0) {
            for key in schedules.iter().copied().map(RowKey::Int) {
                self.row_cache.forget(schedule, &key);
                watched.log.record(key, point, committed, None);
            }
        }
    }
}
