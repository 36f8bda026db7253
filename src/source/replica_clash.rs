//! Whether our server_id is free. Two replicas with one id throw each other out, for ever.

use super::{
    connection::ConnectionError,
    direct_connection::DirectMaker,
    error::SourceError,
    identity::Identity,
    replica_facts::{ReplicaFacts, text},
    replica_id::ReplicaId,
    replica_session::{ReplicaSession, StatementError, no_server_id},
};
use crate::config::MysqlConfig;

/// ER_PARSE_ERROR.
const SYNTAX: u16 = 1064;
/// ER_SPECIFIC_ACCESS_DENIED_ERROR.
const NO_RIGHT: u16 = 1227;

/// Who has our id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Clash {
    /// The server itself.
    #[error("it is the server's own id")]
    Server,
    /// Another replica that is connected to the server.
    #[error("another replica of the server has this id")]
    Replica,
    /// Another replica has our UUID.
    #[error("another replica of the server has our UUID")]
    Uuid,
}

/// Our id among the server's replicas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaSeen {
    /// Our server_id.
    pub server_id: u32,
    /// Whether the server showed its replicas.
    pub shown: bool,
    /// Who has our id.
    pub clash: Option<Clash>,
}

impl ReplicaSeen {
    /// Looks for the id that `mysql.server_id` names or, where that is 0, that `seed` leads to first. A connection of our
    /// own is made for it: unlike the library's, it reads the rows of a server that leaves the last column out of some.
    ///
    /// # Errors
    /// The server cannot be asked.
    pub async fn look(config: &MysqlConfig, seed: &str) -> Result<Self, SourceError> {
        let address = config
            .address()
            .map_err(|error| SourceError::Configuration { key: "mysql.url", reason: error.to_string() })?;
        let server = address.endpoint.to_string();
        let id = ReplicaId::new(config.server_id, seed, 0);
        let asked = async {
            let mut session = DirectMaker::new(config, address).session().await?;
            let tell = |error: StatementError| error.tell(&server, "", "");
            let facts = ReplicaFacts::ask(&mut session).await.map_err(tell)?;
            let identity = facts.identity.clone().ok_or_else(|| no_server_id(&server))?;
            look(&mut session, &facts, &identity, &id).await.map_err(tell)
        };
        asked.await.map_err(|error| match error {
            ConnectionError::Final(error) => error,
            ConnectionError::Lost(reason) | ConnectionError::Unreadable(reason) | ConnectionError::Clash(reason) => {
                SourceError::Connection { server: server.clone(), reason }
            }
        })
    }
}

/// Who else has our server_id, as far as it can be seen.
pub(super) async fn look(
    session: &mut impl ReplicaSession,
    facts: &ReplicaFacts,
    identity: &Identity,
    id: &ReplicaId,
) -> Result<ReplicaSeen, StatementError> {
    let statements: &[&str] =
        if facts.mariadb { &["SHOW SLAVE HOSTS"] } else { &["SHOW REPLICAS", "SHOW SLAVE HOSTS"] };
    let mut seen = ReplicaSeen { server_id: id.server_id, shown: false, clash: None };
    for statement in statements {
        let rows = match session.rows(statement).await {
            Ok(rows) => rows,
            // Another release's statement; and MariaDB 10.5 and later show this only to administrators: a clash is
            // then found when it happens.
            Err(StatementError::Refused { code: SYNTAX | NO_RIGHT, .. }) => continue,
            Err(error) => return Err(error),
        };
        let is = |row, name, ours: &str| text(row, name).is_some_and(|theirs| theirs == ours);
        let (number, host) = (id.server_id.to_string(), id.host_name());
        // Our own connection that broke may still be shown.
        let mut others = rows.iter().filter(|row| !is(row, "host", &host));
        seen.shown = true;
        seen.clash = others.find_map(|row| {
            let same_uuid = is(row, "slave_uuid", &id.uuid) || is(row, "replica_uuid", &id.uuid);
            let same_number = is(row, "server_id", &number).then_some(Clash::Replica);
            same_number.or(same_uuid.then_some(Clash::Uuid))
        });
        break;
    }
    if identity.server_id == id.server_id {
        seen.clash = Some(Clash::Server);
    }
    Ok(seen)
}
