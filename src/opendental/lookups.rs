//! The rows of the lookup tables, loaded once and then kept up to date by the log.

use std::collections::{BTreeMap, HashMap};

use super::{DefinitionCategory, LookupTable, RenderError, WatchTable, conversion};
use crate::row::{Field, Row, RowKey};

/// Names and lists that events show beside the numbers that point to them.
///
/// Only what the JSON needs is kept: definitions of other categories are not. An entry of `scheduleop` takes about
/// 60 bytes.
#[derive(Debug, Default)]
pub struct Lookups {
    definitions: HashMap<i64, (DefinitionCategory, Box<str>)>,
    providers: HashMap<i64, Box<str>>,
    clinics: HashMap<i64, Box<str>>,
    sites: HashMap<i64, Box<str>>,
    /// OperatoryNum by ScheduleNum and ScheduleOpNum.
    operatories: BTreeMap<(i64, i64), i64>,
    /// ScheduleNum by ScheduleOpNum: a deletion in the log may tell no more than the key.
    schedules: HashMap<i64, i64>,
}

/// What one change of a lookup table made stale.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LookupChange {
    /// The watch tables whose rendered JSON may show the old value; empty when nothing that is shown changed.
    pub stale: &'static [WatchTable],
    /// The schedule entries (ScheduleNum) whose list of operatories changed. Polling never tells of these, since
    /// `schedule.DateTStamp` stays as it is.
    pub schedules: Vec<i64>,
}

impl LookupChange {
    /// Whether anything that events show changed.
    pub fn changed(&self) -> bool {
        !self.stale.is_empty()
    }
}

impl Lookups {
    /// No rows at all: every name is "".
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes over a row as it is now: of the first load, an insert, or an update's after image.
    ///
    /// An update that changed the primary key also needs [`Lookups::remove`] of the old key. A column that the row
    /// does not hold keeps the value it had.
    ///
    /// # Errors
    /// The row has no primary key, or a value that its column cannot have.
    pub fn upsert(&mut self, table: LookupTable, row: &dyn Row) -> Result<LookupChange, RenderError> {
        let read = Reader { table, row };
        let key = read.key()?;
        match table {
            LookupTable::Definition => self.upsert_definition(key, &read),
            LookupTable::Provider => upsert_name(&mut self.providers, key, &read, "Abbr"),
            LookupTable::Clinic => upsert_name(&mut self.clinics, key, &read, "Abbr"),
            LookupTable::Site => upsert_name(&mut self.sites, key, &read, "Description"),
            LookupTable::ScheduleOp => self.upsert_schedule_op(key, &read),
        }
    }

    /// Forgets a deleted row.
    pub fn remove(&mut self, table: LookupTable, key: &RowKey) -> LookupChange {
        let key = match key {
            RowKey::Int(key) => *key,
            RowKey::UInt(key) => match i64::try_from(*key) {
                Ok(key) => key,
                Err(_) => return LookupChange::default(),
            },
            RowKey::Columns(_) => return LookupChange::default(),
        };
        match table {
            LookupTable::Definition => {
                let removed = self.definitions.remove(&key);
                stale(removed.map_or(&[], |(category, _)| category.shown_in()))
            }
            LookupTable::Provider => stale_if(self.providers.remove(&key).is_some(), table),
            LookupTable::Clinic => stale_if(self.clinics.remove(&key).is_some(), table),
            LookupTable::Site => stale_if(self.sites.remove(&key).is_some(), table),
            LookupTable::ScheduleOp => match self.schedules.remove(&key) {
                Some(schedule) => {
                    self.operatories.remove(&(schedule, key));
                    LookupChange { stale: table.shown_in(), schedules: vec![schedule] }
                }
                None => LookupChange::default(),
            },
        }
    }

    /// Forgets all rows of a table: TRUNCATE or DROP, or before it is loaded again.
    pub fn clear(&mut self, table: LookupTable) -> LookupChange {
        let had_rows = match table {
            LookupTable::Definition => !std::mem::take(&mut self.definitions).is_empty(),
            LookupTable::Provider => !std::mem::take(&mut self.providers).is_empty(),
            LookupTable::Clinic => !std::mem::take(&mut self.clinics).is_empty(),
            LookupTable::Site => !std::mem::take(&mut self.sites).is_empty(),
            LookupTable::ScheduleOp => {
                self.schedules.clear();
                let mut schedules: Vec<i64> =
                    std::mem::take(&mut self.operatories).into_keys().map(|(schedule, _)| schedule).collect();
                schedules.dedup();
                let stale = if schedules.is_empty() { &[] } else { table.shown_in() };
                return LookupChange { stale, schedules };
            }
        };
        stale_if(had_rows, table)
    }

    /// The name of a definition; "" if there is none with this number in this category. Hidden ones count.
    pub fn definition(&self, category: DefinitionCategory, def_num: i64) -> &str {
        match self.definitions.get(&def_num) {
            Some((its_category, name)) if *its_category == category => name,
            _ => "",
        }
    }

    /// A provider's abbreviation; "" if there is none with this number. Hidden and deleted ones count.
    pub fn provider(&self, prov_num: i64) -> &str {
        name(&self.providers, prov_num)
    }

    /// A clinic's abbreviation; "" if there is none with this number.
    pub fn clinic(&self, clinic_num: i64) -> &str {
        name(&self.clinics, clinic_num)
    }

    /// A site's description; "" if there is none with this number.
    pub fn site(&self, site_num: i64) -> &str {
        name(&self.sites, site_num)
    }

    /// The operatories (OperatoryNum) of a schedule entry, in the order of ScheduleOpNum.
    pub fn operatories(&self, schedule_num: i64) -> impl Iterator<Item = i64> + '_ {
        self.operatories.range((schedule_num, i64::MIN)..=(schedule_num, i64::MAX)).map(|(_, operatory)| *operatory)
    }

    fn upsert_definition(&mut self, key: i64, read: &Reader<'_>) -> Result<LookupChange, RenderError> {
        let before = self.definitions.get(&key).cloned();
        let category = match read.number("Category")? {
            Some(number) => DefinitionCategory::from_number(number),
            None => before.as_ref().map(|(category, _)| *category),
        };
        let name = match read.text("ItemName")? {
            Some(name) => name,
            None => before.as_ref().map(|(_, name)| name.clone()).unwrap_or_default(),
        };
        let after = category.map(|category| (category, name));
        let change = match (&before, &after) {
            (None, None) => LookupChange::default(),
            (Some(before), Some(after)) if before == after => LookupChange::default(),
            (Some((before, _)), Some((after, _))) if before != after => stale(LookupTable::Definition.shown_in()),
            (Some((category, _)), _) | (None, Some((category, _))) => stale(category.shown_in()),
        };
        match after {
            Some(after) => self.definitions.insert(key, after),
            None => self.definitions.remove(&key),
        };
        Ok(change)
    }

    fn upsert_schedule_op(&mut self, key: i64, read: &Reader<'_>) -> Result<LookupChange, RenderError> {
        let old_schedule = self.schedules.get(&key).copied();
        let old_operatory = old_schedule.and_then(|schedule| self.operatories.get(&(schedule, key)).copied());
        let schedule = read.number("ScheduleNum")?.or(old_schedule).unwrap_or(0);
        let operatory = read.number("OperatoryNum")?.or(old_operatory).unwrap_or(0);
        if old_schedule == Some(schedule) && old_operatory == Some(operatory) {
            return Ok(LookupChange::default());
        }
        let mut schedules = Vec::with_capacity(2);
        if let Some(old) = old_schedule.filter(|old| *old != schedule) {
            self.operatories.remove(&(old, key));
            schedules.push(old);
        }
        schedules.push(schedule);
        self.schedules.insert(key, schedule);
        self.operatories.insert((schedule, key), operatory);
        Ok(LookupChange { stale: LookupTable::ScheduleOp.shown_in(), schedules })
    }
}

fn name(names: &HashMap<i64, Box<str>>, key: i64) -> &str {
    names.get(&key).map_or("", |name| name)
}

fn upsert_name(
    names: &mut HashMap<i64, Box<str>>,
    key: i64,
    read: &Reader<'_>,
    column: &'static str,
) -> Result<LookupChange, RenderError> {
    let name = match read.text(column)? {
        Some(name) => name,
        None if names.contains_key(&key) => return Ok(LookupChange::default()),
        None => Box::default(),
    };
    let changed = names.get(&key).is_none_or(|old| **old != *name);
    names.insert(key, name);
    Ok(stale_if(changed, read.table))
}

fn stale(stale: &'static [WatchTable]) -> LookupChange {
    LookupChange { stale, schedules: Vec::new() }
}

fn stale_if(changed: bool, table: LookupTable) -> LookupChange {
    stale(if changed { table.shown_in() } else { &[] })
}

/// Reads a lookup table's row; an error names the table and the column.
struct Reader<'a> {
    table: LookupTable,
    row: &'a dyn Row,
}

impl Reader<'_> {
    fn key(&self) -> Result<i64, RenderError> {
        let column = self.table.key_column();
        self.number(column)?.ok_or(RenderError::Missing { table: self.table.table(), column })
    }

    /// `None`: the row does not hold the column. NULL is 0.
    fn number(&self, column: &'static str) -> Result<Option<i64>, RenderError> {
        match self.row.field(column) {
            Field::Absent => Ok(None),
            field => conversion::key(&field).map(Some).map_err(|expected| self.error(column, expected)),
        }
    }

    /// `None`: the row does not hold the column. NULL is "".
    fn text(&self, column: &'static str) -> Result<Option<Box<str>>, RenderError> {
        match self.row.field(column) {
            Field::Absent => Ok(None),
            field => match conversion::text(&field) {
                Ok(text) => Ok(Some(text.into())),
                Err(expected) => Err(self.error(column, expected)),
            },
        }
    }

    fn error(&self, column: &'static str, expected: &'static str) -> RenderError {
        RenderError::Value { table: self.table.table(), column, expected }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::sample::{SampleRow, text};
    use super::*;

    fn upsert(lookups: &mut Lookups, table: LookupTable, values: &[(&str, &str)]) -> LookupChange {
        let row = SampleRow::typed(table.table(), values);
        let mut twin = Lookups::default();
        let change = lookups.upsert(table, &row).unwrap();
        // As text it is the same row.
        twin.upsert(table, &row).unwrap();
        assert!(!twin.upsert(table, &row.to_text()).unwrap().changed());
        change
    }

    fn operatories(lookups: &Lookups, schedule: i64) -> Vec<i64> {
        lookups.operatories(schedule).collect()
    }

    #[test]
    fn w8_a_renamed_row_makes_stale_what_shows_it() {
        let mut lookups = Lookups::new();
        let name = [("ProvNum", "1"), ("Abbr", "DOC1"), ("LName", "Albert")];
        let change = upsert(&mut lookups, LookupTable::Provider, &name);
        assert_eq!(change.stale, [WatchTable::Appointment, WatchTable::AppointmentDeleted, WatchTable::Patient]);
        assert_eq!(lookups.provider(1), "DOC1");
        // Another column of the same row is nothing that events show.
        let other = [("ProvNum", "1"), ("Abbr", "DOC1"), ("LName", "Bently")];
        assert!(!upsert(&mut lookups, LookupTable::Provider, &other).changed());
        assert!(upsert(&mut lookups, LookupTable::Provider, &[("ProvNum", "1"), ("Abbr", "DOC2")]).changed());
        assert_eq!(lookups.provider(1), "DOC2");
        assert!(lookups.remove(LookupTable::Provider, &RowKey::Int(1)).changed());
        assert!(!lookups.remove(LookupTable::Provider, &RowKey::Int(1)).changed());
        assert_eq!(lookups.provider(1), "");
    }

    #[test]
    fn definitions_count_in_their_category_only() {
        let mut lookups = Lookups::new();
        let confirmed = [("DefNum", "19"), ("Category", "2"), ("ItemName", "Not Called"), ("IsHidden", "1")];
        let change = upsert(&mut lookups, LookupTable::Definition, &confirmed);
        assert_eq!(change.stale, [WatchTable::Appointment, WatchTable::AppointmentDeleted]);
        assert_eq!(lookups.definition(DefinitionCategory::ApptConfirmed, 19), "Not Called");
        assert_eq!(lookups.definition(DefinitionCategory::BillingTypes, 19), "");
        assert_eq!(lookups.definition(DefinitionCategory::ApptConfirmed, 0), "");
        // A category that no event shows is not even kept.
        let color = [("DefNum", "20"), ("Category", "17"), ("ItemName", "Red")];
        assert!(!upsert(&mut lookups, LookupTable::Definition, &color).changed());
        let moved = [("DefNum", "19"), ("Category", "4"), ("ItemName", "Not Called")];
        assert_eq!(
            upsert(&mut lookups, LookupTable::Definition, &moved).stale,
            LookupTable::Definition.shown_in(),
            "both categories are concerned"
        );
        let gone = [("DefNum", "19"), ("Category", "17"), ("ItemName", "Not Called")];
        assert_eq!(upsert(&mut lookups, LookupTable::Definition, &gone).stale, [WatchTable::Patient]);
        assert_eq!(lookups.definition(DefinitionCategory::BillingTypes, 19), "");
    }

    #[test]
    fn operatories_follow_a_row_to_another_schedule() {
        let mut lookups = Lookups::new();
        let row = |num: &'static str, schedule: &'static str, operatory: &'static str| {
            [("ScheduleOpNum", num), ("ScheduleNum", schedule), ("OperatoryNum", operatory)]
        };
        for (num, operatory) in [("11", "3"), ("10", "7"), ("12", "1")] {
            let change = upsert(&mut lookups, LookupTable::ScheduleOp, &row(num, "100", operatory));
            assert_eq!(change, LookupChange { stale: &[WatchTable::Schedule], schedules: vec![100] });
        }
        assert_eq!(operatories(&lookups, 100), [7, 3, 1], "in the order of their keys");
        assert!(!upsert(&mut lookups, LookupTable::ScheduleOp, &row("11", "100", "3")).changed());
        let moved = upsert(&mut lookups, LookupTable::ScheduleOp, &row("11", "101", "3"));
        assert_eq!(moved.schedules, [100, 101]);
        assert_eq!((operatories(&lookups, 100), operatories(&lookups, 101)), (vec![7, 1], vec![3]));
        // A deletion may tell no more than the key.
        assert_eq!(lookups.remove(LookupTable::ScheduleOp, &RowKey::Int(10)).schedules, [100]);
        assert_eq!(operatories(&lookups, 100), [1]);
        assert_eq!(lookups.clear(LookupTable::ScheduleOp).schedules, [100, 101]);
        assert!(!lookups.clear(LookupTable::ScheduleOp).changed());
        assert_eq!(operatories(&lookups, 100), [0; 0]);
    }

    #[test]
    fn r6_a_column_that_an_image_lacks_keeps_its_value() {
        let mut lookups = Lookups::new();
        upsert(&mut lookups, LookupTable::Site, &[("SiteNum", "9"), ("Description", "Oak School")]);
        let row = SampleRow::typed("site", &[("SiteNum", "9")]).with("Description", Field::Absent);
        assert!(!lookups.upsert(LookupTable::Site, &row).unwrap().changed());
        assert_eq!(lookups.site(9), "Oak School");
        let row = SampleRow::typed("definition", &[("DefNum", "1"), ("Category", "25"), ("ItemName", "Lunch")]);
        lookups.upsert(LookupTable::Definition, &row).unwrap();
        let row = row.with("Category", Field::Absent).with("ItemName", text("Dinner"));
        assert_eq!(lookups.upsert(LookupTable::Definition, &row).unwrap().stale, [WatchTable::Schedule]);
        assert_eq!(lookups.definition(DefinitionCategory::BlockoutTypes, 1), "Dinner");
    }

    #[test]
    fn d4_an_error_changes_nothing_and_shows_no_value() {
        let mut lookups = Lookups::new();
        upsert(&mut lookups, LookupTable::Definition, &[("DefNum", "1"), ("Category", "4"), ("ItemName", "Standard")]);
        let row = SampleRow::typed("definition", &[("DefNum", "1")]).with("Category", text("secret"));
        let error = lookups.upsert(LookupTable::Definition, &row).unwrap_err();
        assert!(error.to_string().starts_with("definition.Category:") && !error.to_string().contains("secret"));
        assert_eq!(lookups.definition(DefinitionCategory::BillingTypes, 1), "Standard");
        let row = SampleRow::typed("clinic", &[]).with("ClinicNum", Field::Absent);
        let missing = RenderError::Missing { table: "clinic", column: "ClinicNum" };
        assert_eq!(lookups.upsert(LookupTable::Clinic, &row), Err(missing));
    }
}
