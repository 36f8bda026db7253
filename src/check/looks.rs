//! The looks in their order.

use super::{
    Report, clock, connection, endpoints, listening, log_sample, replication, retention, rights,
    running::{self, Running},
    senders, server_log, state_file, subscriptions, tables, unlogged, write_back,
};
use crate::{
    config::{Config, Engine},
    opendental::WatchTables,
    source::{Database, DatabaseError, ServerFacts},
    state::StateSight,
};

/// Looks at everything that the bridge depends on. Takes seconds: it connects to all endpoints, and may watch
/// DateTimeStart for a while.
pub async fn check(config: &Config) -> Report {
    let mut report = Report::default();
    let connected = connection::look(config, &mut report).await;
    let mut after = Report::default();
    let state = match config.engine {
        Engine::Binlog => state_file::look(&config.state.path, &mut after).await,
        Engine::Polling => None,
    };
    let running = running::look(config, state.as_ref()).await;
    after.push(listening::look(&config.http.listen, running).await);
    if let Some((database, facts)) = connected {
        let look = Look { config, database: &database, facts: &facts };
        look.whole(state.as_ref(), running, &mut report).await;
        database.close().await;
    }
    report.extend(after.findings);
    report
}

/// The looks that are made beside a bridge or polling that runs: all but those at what it opens itself.
pub(super) async fn at_start(config: &Config, database: &Database) -> Result<Report, DatabaseError> {
    let mut report = Report::default();
    let facts = database.server_facts().await?;
    let look = Look { config, database, facts: &facts };
    look.server(None, &mut report).await;
    let watches = tables::look(config, database, &mut report).await;
    look.practice(&watches, &mut report).await;
    let ours = subscriptions::look(config, database, &watches, &mut report).await;
    report.push(write_back::look(&ours));
    report.extend(endpoints::look(config, &ours).await);
    Ok(report)
}

/// What is looked at, and with what.
struct Look<'a> {
    config: &'a Config,
    database: &'a Database,
    facts: &'a ServerFacts,
}

impl Look<'_> {
    async fn whole(&self, state: Option<&StateSight>, running: Running, report: &mut Report) {
        let Self { config, database, facts } = *self;
        let has_log = self.server(state, report).await;
        let mut after = Report::default();
        let watches = tables::look(config, database, &mut after).await;
        if has_log {
            match tables::names(database, &watches).await {
                Ok(names) => log_sample::look(config, facts, &names, report).await,
                Err(error) => report.push(super::Finding::unanswered(rights::look("REPLICATION SLAVE"), &error)),
            }
        }
        report.extend(after.findings);
        self.practice(&watches, report).await;
        let ours = subscriptions::look(config, database, &watches, report).await;
        let (sender, endpoints) =
            tokio::join!(senders::look(config, database, &ours, running), endpoints::look(config, &ours));
        report.push(sender);
        report.push(write_back::look(&ours));
        report.extend(endpoints);
    }

    /// The server itself; whether it has a log that we may ask for.
    async fn server(&self, state: Option<&StateSight>, report: &mut Report) -> bool {
        let Self { config, database, facts } = *self;
        report.push(connection::encryption(&config.mysql, facts));
        report.push(replication::primary(database, facts).await);
        report.push(clock::offset(database).await);
        report.push(clock::zone(&config.mysql, database).await);
        if config.engine == Engine::Polling || !server_log::look(config, facts, report) {
            return false;
        }
        report.push(retention::look(&config.delivery, facts));
        report.extend(replication::replicated_changes(facts));
        let seed = state.and_then(StateSight::instance_id).map(|id| format!("{} {id}", config.workstation));
        report.push(replication::server_id(config, facts, seed).await);
        report.push(unlogged::filters(database, facts).await);
        unlogged::sessions(config, database, facts, report).await;
        rights::position(database, facts, report).await
    }

    /// The practice's tables, and what may be done with them.
    async fn practice(&self, watches: &WatchTables, report: &mut Report) {
        let Self { config, database, facts } = *self;
        let tables = watches.tables();
        rights::tables(database, facts, &tables, report).await;
        if config.engine == Engine::Binlog {
            report.push(unlogged::cascades(database, facts, &tables).await);
        }
    }
}
