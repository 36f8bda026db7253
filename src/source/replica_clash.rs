//! Whether our server_id is free. Two replicas with one id throw each other out, for ever.

use super::{
    identity::Identity,
    replica_facts::{ReplicaFacts, text},
    replica_id::ReplicaId,
    replica_session::{ReplicaSession, StatementError},
};

/// ER_PARSE_ERROR.
const SYNTAX: u16 = 1064;
/// ER_SPECIFIC_ACCESS_DENIED_ERROR.
const NO_RIGHT: u16 = 1227;

/// Who else has our server_id, as far as it can be seen; in words.
pub(super) async fn look(
    session: &mut impl ReplicaSession,
    facts: &ReplicaFacts,
    identity: &Identity,
    id: &ReplicaId,
) -> Result<Option<String>, StatementError> {
    let statements: &[&str] =
        if facts.mariadb { &["SHOW SLAVE HOSTS"] } else { &["SHOW REPLICAS", "SHOW SLAVE HOSTS"] };
    for statement in statements {
        let rows = match session.rows(statement).await {
            Ok(rows) => rows,
            // Another release's statement; and MariaDB 10.5 and later show this only to administrators: a clash is
            // then found when it happens.
            Err(StatementError::Refused { code: SYNTAX | NO_RIGHT, .. }) => continue,
            Err(error) => return Err(error),
        };
        let is = |row, name, ours: &str| text(row, name).unwrap_or_default() == ours;
        // Our own connection that broke may still be shown.
        let (number, host) = (id.server_id.to_string(), id.host_name());
        if rows.iter().any(|row| is(row, "server_id", &number) && !is(row, "host", &host)) {
            return Ok(Some(format!("{statement} shows another replica with this id")));
        }
        break;
    }
    Ok((identity.server_id == id.server_id).then(|| "it is the server's own id".to_owned()))
}
