//! What can be wrong with a row. No message carries a value: these are patients' data (rule D4).

use thiserror::Error;

/// A row of a watch table or of a lookup table does not fit what Open Dental's schema says.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum RenderError {
    /// The value is of a kind that the column's conversion cannot take.
    #[error(
        "{table}.{column}: a value is not {expected}; compare the column's type with the one that Open Dental creates"
    )]
    Value {
        /// The database table.
        table: Box<str>,
        /// Its column.
        column: Box<str>,
        /// What the value should have been, with its article.
        expected: &'static str,
    },
    /// The row does not hold a column that nothing can be done without.
    #[error("{table}.{column}: the row does not hold this column, so it has to be read again by its primary key")]
    Missing {
        /// The database table.
        table: Box<str>,
        /// Its column.
        column: Box<str>,
    },
}

/// A row of `apisubscription` cannot be understood.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum SubscriptionError {
    /// The value is of a kind that the column cannot have.
    #[error("apisubscription.{column}: a value is not {expected}; see the row in Open Dental's API setup")]
    Value {
        /// The column.
        column: &'static str,
        /// What the value should have been, with its article.
        expected: &'static str,
    },
    /// The row does not hold a column that every release since 22.1 has.
    #[error("apisubscription.{column}: the row does not hold this column; Open Dental 22.1 or later is needed")]
    Missing {
        /// The column.
        column: &'static str,
    },
}
