//! What the server at the other end of a replica's connection says about itself.

use mysql_async::{Row, Value};

use super::{
    identity::Identity,
    replica_session::{ReplicaSession, StatementError},
};
use crate::binlog::MariadbGtid;

/// What the server says about itself.
pub(super) struct ReplicaFacts {
    pub(super) mariadb: bool,
    /// MySQL's `gtid_mode = ON`.
    pub(super) gtid_mode: bool,
    /// MariaDB's `gtid_binlog_state`: the last GTID of each domain and server in its log.
    logged: Vec<MariadbGtid>,
    /// As a GRANT names it.
    pub(super) account: String,
    pub(super) identity: Option<Identity>,
}

impl ReplicaFacts {
    pub(super) async fn ask(session: &mut impl ReplicaSession) -> Result<Self, StatementError> {
        let about = session.rows("SELECT VERSION(), CURRENT_USER()").await?;
        let about = |index| about.first().and_then(|row| text_at(row, index)).unwrap_or_default();
        let mariadb = about(0).contains("MariaDB");
        let account = about(1).replacen('@', "'@'", 1);
        let variables = session.rows(Identity::QUERY).await?;
        let identity =
            Identity::from_variables(variables.iter().filter_map(|row| Some((text_at(row, 0)?, text_at(row, 1)?))));
        let (mut gtid_mode, mut logged) = (false, Vec::new());
        if mariadb {
            let state = session.rows("SELECT @@GLOBAL.gtid_binlog_state").await?;
            let state = state.first().and_then(|row| text_at(row, 0)).unwrap_or_default();
            logged.extend(state.split(',').filter_map(|gtid| gtid.parse::<MariadbGtid>().ok()));
        } else {
            let mode = session.rows("SHOW GLOBAL VARIABLES LIKE 'gtid_mode'").await?;
            gtid_mode =
                mode.first().and_then(|row| text_at(row, 1)).is_some_and(|mode| mode.eq_ignore_ascii_case("on"));
        }
        Ok(Self { mariadb, gtid_mode, logged, account: format!("'{account}'"), identity })
    }

    /// Whether MariaDB has ever logged this transaction in its present log.
    pub(super) fn has_logged(&self, gtid: MariadbGtid) -> bool {
        let later = |logged: &MariadbGtid| {
            (logged.domain, logged.server) == (gtid.domain, gtid.server) && logged.sequence >= gtid.sequence
        };
        self.logged.iter().any(later)
    }
}

/// The text in a column, by its name.
pub(super) fn text(row: &Row, name: &str) -> Option<String> {
    let index = row.columns_ref().iter().position(|column| column.name_str().eq_ignore_ascii_case(name))?;
    text_at(row, index)
}

fn text_at(row: &Row, index: usize) -> Option<String> {
    match row.as_ref(index)? {
        Value::Bytes(bytes) => String::from_utf8(bytes.clone()).ok(),
        _ => None,
    }
}
