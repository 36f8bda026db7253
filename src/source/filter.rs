//! Which rows events are of watched tables (rule R2).

use std::collections::HashMap;

use super::{change::TableId, statement::TableName};
use crate::binlog::TableMap;

/// Tells watched tables from others.
///
/// Names compare without regard to case: servers on Windows and macOS log them in whatever case the statement used.
pub(super) struct Filter {
    schema: String,
    tables: Vec<String>,
    /// The table maps read in this file, by their number; `None`: of a table that is not watched.
    maps: HashMap<u64, Option<TableId>>,
    /// The last one of them that was asked for or set, since rows events follow their table map.
    last: Option<(u64, Option<TableId>)>,
}

impl Filter {
    pub(super) fn new(schema: String, tables: Vec<String>) -> Self {
        Self { schema, tables, maps: HashMap::new(), last: None }
    }

    /// The watched tables' names.
    pub(super) fn tables(&self) -> &[String] {
        &self.tables
    }

    /// A watched table's name.
    pub(super) fn name(&self, table: TableId) -> &str {
        self.tables.get(usize::from(table)).map_or("", String::as_str)
    }

    /// The ids of all watched tables.
    pub(super) fn ids(&self) -> impl Iterator<Item = TableId> + use<> {
        (0..self.tables.len()).filter_map(|index| TableId::try_from(index).ok())
    }

    /// Takes note of a table map; the watched table that it is of.
    pub(super) fn map(&mut self, map: &TableMap<'_>) -> Option<TableId> {
        let table = self.find(map.schema, map.table);
        if self.last != Some((map.table_id, table)) {
            self.maps.insert(map.table_id, table);
            self.last = Some((map.table_id, table));
        }
        table
    }

    /// The table of a rows event: `None` if there was no table map with this number, `Some(None)` if it is not watched.
    pub(super) fn table(&self, table_id: u64) -> Option<Option<TableId>> {
        match self.last {
            Some((last, table)) if last == table_id => Some(table),
            _ => self.maps.get(&table_id).copied(),
        }
    }

    /// Forgets the table maps: numbers begin anew where a server started.
    pub(super) fn forget_maps(&mut self) {
        self.maps.clear();
        self.last = None;
    }

    /// Whether this is the practice's database.
    pub(super) fn is_schema(&self, schema: &[u8]) -> bool {
        schema.eq_ignore_ascii_case(self.schema.as_bytes())
    }

    /// The watched table that a statement with this default schema names.
    pub(super) fn named(&self, default_schema: &[u8], name: &TableName) -> Option<TableId> {
        let schema = name.schema.as_ref().map_or(default_schema, |schema| schema.as_bytes());
        self.find(schema, name.table.as_bytes())
    }

    fn find(&self, schema: &[u8], table: &[u8]) -> Option<TableId> {
        if !self.is_schema(schema) {
            return None;
        }
        let index = self.tables.iter().position(|name| table.eq_ignore_ascii_case(name.as_bytes()))?;
        TableId::try_from(index).ok()
    }
}
