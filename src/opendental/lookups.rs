//! The rows of the lookup tables, loaded once and then kept up to date by the log.

use std::collections::{BTreeMap, HashMap};

use super::{DefinitionCategory, LookupTable, RenderError, Shown, conversion};
use crate::row::{Field, Row, RowKey};

/// What an entry takes, about, in bytes: a name, an operatory of a schedule in a tree, and the schedule of that.
const NAME_BYTES: usize = 80;
const OPERATORY_BYTES: usize = 36;
const SCHEDULE_BYTES: usize = 17;

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
    medications: HashMap<i64, Box<str>>,
    /// OperatoryNum by ScheduleNum and ScheduleOpNum.
    operatories: BTreeMap<(i64, i64), i64>,
    /// ScheduleNum by ScheduleOpNum: a deletion in the log may tell no more than the key.
    schedules: HashMap<i64, i64>,
}

/// What one change of a lookup table made stale.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LookupChange {
    /// Of what rendered JSON may show the old value; empty when nothing that is shown changed.
    pub stale: Vec<Shown>,
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

    /// About how many bytes of memory they take.
    pub fn bytes(&self) -> usize {
        let names = [&self.providers, &self.clinics, &self.sites, &self.medications];
        let names = names.iter().map(|names| names.len()).sum::<usize>() + self.definitions.len();
        names * NAME_BYTES + self.operatories.len() * OPERATORY_BYTES + self.schedules.capacity() * SCHEDULE_BYTES
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
        self.take(key, &read)
    }

    /// Takes over what an update's row image holds of the row `key` (rule R6); other columns keep the value they had.
    /// `None`: one of those is not known, so the table must be read.
    ///
    /// # Errors
    /// A value that its column cannot have.
    pub fn update(
        &mut self,
        table: LookupTable,
        key: &RowKey,
        row: &dyn Row,
    ) -> Result<Option<LookupChange>, RenderError> {
        let read = Reader { table, row };
        match number(key) {
            Some(key) if self.can_merge(key, &read)? => self.take(key, &read).map(Some),
            _ => Ok(None),
        }
    }

    fn take(&mut self, key: i64, read: &Reader<'_>) -> Result<LookupChange, RenderError> {
        match read.table {
            LookupTable::Definition => self.upsert_definition(key, read),
            LookupTable::Provider => upsert_name(&mut self.providers, key, read, "Abbr", Shown::Provider),
            LookupTable::Clinic => upsert_name(&mut self.clinics, key, read, "Abbr", Shown::Clinic),
            LookupTable::Site => upsert_name(&mut self.sites, key, read, "Description", Shown::Site),
            LookupTable::Medication => upsert_name(&mut self.medications, key, read, "MedName", Shown::Medication),
            LookupTable::ScheduleOp => self.upsert_schedule_op(key, read),
        }
    }

    /// Whether what the row does not hold is known.
    fn can_merge(&self, key: i64, read: &Reader<'_>) -> Result<bool, RenderError> {
        let whole = read.table.columns().iter().skip(1).all(|column| read.row.field(column) != Field::Absent);
        Ok(whole
            || match read.table {
                // A definition of no category that is shown is not kept; only another category makes it one that is.
                LookupTable::Definition => {
                    let category = read.number("Category")?.and_then(DefinitionCategory::from_number);
                    category.is_none() || self.definitions.contains_key(&key)
                }
                LookupTable::Provider => self.providers.contains_key(&key),
                LookupTable::Clinic => self.clinics.contains_key(&key),
                LookupTable::Site => self.sites.contains_key(&key),
                LookupTable::Medication => self.medications.contains_key(&key),
                LookupTable::ScheduleOp => self.schedules.contains_key(&key),
            })
    }

    /// Forgets a deleted row.
    pub fn remove(&mut self, table: LookupTable, key: &RowKey) -> LookupChange {
        let Some(key) = number(key) else { return LookupChange::default() };
        match table {
            LookupTable::Definition => {
                let removed = self.definitions.remove(&key);
                stale(removed.map(|(category, _)| Shown::Definition(category)))
            }
            LookupTable::Provider => stale(self.providers.remove(&key).map(|_| Shown::Provider)),
            LookupTable::Clinic => stale(self.clinics.remove(&key).map(|_| Shown::Clinic)),
            LookupTable::Site => stale(self.sites.remove(&key).map(|_| Shown::Site)),
            LookupTable::Medication => stale(self.medications.remove(&key).map(|_| Shown::Medication)),
            LookupTable::ScheduleOp => match self.schedules.remove(&key) {
                Some(schedule) => {
                    self.operatories.remove(&(schedule, key));
                    LookupChange { stale: vec![Shown::Operatories], schedules: vec![schedule] }
                }
                None => LookupChange::default(),
            },
        }
    }

    /// The schedule entries (ScheduleNum) whose operatories differ from those in `other`.
    pub fn schedules_that_differ(&self, other: &Self) -> Vec<i64> {
        let differs = |left: &Self, right: &Self| {
            let entries =
                left.operatories.iter().filter(|(key, operatory)| right.operatories.get(key) != Some(operatory));
            entries.map(|((schedule, _), _)| *schedule).collect::<Vec<_>>()
        };
        let mut schedules = differs(self, other);
        schedules.append(&mut differs(other, self));
        schedules.sort_unstable();
        schedules.dedup();
        schedules
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

    /// A medication's name; "" if there is none with this number.
    pub fn medication(&self, medication_num: i64) -> &str {
        name(&self.medications, medication_num)
    }

    /// The schedule entry (ScheduleNum) that a row of `scheduleop` belongs to, if there is such a row.
    pub fn schedule_of(&self, schedule_op: &RowKey) -> Option<i64> {
        self.schedules.get(&number(schedule_op)?).copied()
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
        let mut change = LookupChange::default();
        if before != after {
            let categories = [&before, &after].into_iter().flatten().map(|(category, _)| Shown::Definition(*category));
            change.stale.extend(categories);
            change.stale.dedup();
        }
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
        Ok(LookupChange { stale: vec![Shown::Operatories], schedules })
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
    shown: Shown,
) -> Result<LookupChange, RenderError> {
    let name = match read.text(column)? {
        Some(name) => name,
        None if names.contains_key(&key) => return Ok(LookupChange::default()),
        None => Box::default(),
    };
    let changed = names.get(&key).is_none_or(|old| **old != *name);
    names.insert(key, name);
    Ok(stale(changed.then_some(shown)))
}

fn stale(stale: impl IntoIterator<Item = Shown>) -> LookupChange {
    LookupChange { stale: stale.into_iter().collect(), schedules: Vec::new() }
}

/// The number in a lookup table's key: all of them are one BIGINT.
fn number(key: &RowKey) -> Option<i64> {
    match key {
        RowKey::Int(number) => Some(*number),
        RowKey::UInt(number) => i64::try_from(*number).ok(),
        RowKey::Columns(_) => None,
    }
}

/// Reads a lookup table's row; an error names the table and the column.
struct Reader<'a> {
    table: LookupTable,
    row: &'a dyn Row,
}

impl Reader<'_> {
    fn key(&self) -> Result<i64, RenderError> {
        let column = self.table.key_column();
        self.number(column)?.ok_or(RenderError::Missing { table: self.table.table().into(), column: column.into() })
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
        RenderError::Value { table: self.table.table().into(), column: column.into(), expected }
    }
}

#[cfg(test)]
mod tests;
