//! Foreign keys by which the server changes rows of a table on its own.

use super::{
    database::{Database, Purpose},
    database_error::DatabaseError,
    sql_text::identifier,
};

const DOING: &str = "questions about a table's foreign keys";

/// What begins the part of a foreign key's declaration that makes the server write, and what follows.
const ACTIONS: [&str; 6] = [
    " ON DELETE CASCADE",
    " ON DELETE SET NULL",
    " ON DELETE SET DEFAULT",
    " ON UPDATE CASCADE",
    " ON UPDATE SET NULL",
    " ON UPDATE SET DEFAULT",
];

impl Database {
    /// The names of the foreign keys by which rows of `table` are changed or deleted when another table's are.
    ///
    /// Read from SHOW CREATE TABLE: MariaDB's `information_schema` hides them from accounts that may only SELECT.
    pub async fn cascading_keys(&self, table: &str) -> Result<Vec<String>, DatabaseError> {
        let sql = format!("SHOW CREATE TABLE {}", identifier(table));
        let (answers, _) = self.ask(Purpose::Rows, DOING, |_| sql.clone()).await?;
        let row = answers.first().and_then(|answer| answer.rows.first());
        // A view has another column.
        Ok(row.and_then(|row| row.text("Create Table")).map(cascading).unwrap_or_default())
    }
}

fn cascading(declaration: &str) -> Vec<String> {
    let name = |line: &str| {
        let (name, rest) = line.trim_start().strip_prefix("CONSTRAINT `")?.split_once("` FOREIGN KEY (")?;
        ACTIONS.iter().any(|action| rest.contains(action)).then(|| name.replace("``", "`"))
    };
    declaration.lines().filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_only_refuse_are_left_out() {
        let declaration = "CREATE TABLE `c` (\n  `a` int COMMENT 'FOREIGN KEY ( ON DELETE CASCADE',\n  \
            CONSTRAINT `one` FOREIGN KEY (`a`) REFERENCES `p` (`id`) ON DELETE CASCADE,\n  \
            CONSTRAINT `t``wo` FOREIGN KEY (`a`) REFERENCES `p` (`id`) ON DELETE NO ACTION ON UPDATE SET NULL,\n  \
            CONSTRAINT `three` FOREIGN KEY (`a`) REFERENCES `p` (`id`)\n) ENGINE=InnoDB";
        assert_eq!(cascading(declaration), ["one", "t`wo"]);
    }
}
