//! The server among others: what it replicates itself, and whether our id is free among its replicas.

use super::{Finding, Mend};
use crate::{
    config::Config,
    source::{Clash, Database, ReplicaSeen, Replication, ServerFacts},
};

const SOURCE: &str = "primary server";
const ID: &str = "server_id";

/// Whether DateTimeStart can be written here. On a replica it would be lost.
pub(super) async fn primary(database: &Database, facts: &ServerFacts) -> Finding {
    let replication = match database.replication().await {
        Ok(replication) => replication,
        Err(error) => return Finding::unanswered(SOURCE, &error),
    };
    judged(facts, replication)
}

fn judged(facts: &ServerFacts, replication: Option<Replication>) -> Finding {
    let read_only = facts.is_on(&["read_only"]);
    let primary = || Mend::Config("mysql.url = \"mysql://<user>:<password>@<primary server>/<database>\"".to_owned());
    let running = facts.replications_running.is_some_and(|count| count > 0);
    match replication {
        Some(Replication::Running) | None if replication.is_some() || running => match several_primaries(facts) {
            true if !read_only => Finding::ok(
                SOURCE,
                "one of several that replicate from each other (auto_increment_increment is more than 1)",
            ),
            _ => {
                let found = "it is a replica: DateTimeStart must be written on the primary server, or it is lost";
                Finding::wrong(SOURCE, found).mend(primary()).refused()
            }
        },
        _ if read_only => Finding::wrong(SOURCE, "it is read-only, so DateTimeStart cannot be written")
            .mend(facts.set("read_only", "OFF"))
            .mend(facts.setting("read_only = OFF")),
        Some(Replication::Stopped) => {
            let found = "it is set up as a replica, which is stopped: as one it would lose DateTimeStart";
            let forget = match facts.mariadb {
                true => "STOP ALL SLAVES; RESET SLAVE ALL;",
                false if facts.version >= (8, 0, 22) => "RESET REPLICA ALL;",
                false => "RESET SLAVE ALL;",
            };
            Finding::warning(SOURCE, found).mend(Mend::Sql(forget.to_owned()))
        }
        Some(_) => Finding::ok(SOURCE, "it replicates from no other"),
        None if facts.variable(&["gtid_slave_pos"]).is_none_or(str::is_empty) => {
            Finding::ok(SOURCE, "no replication runs into it")
        }
        None => {
            let found =
                "no replication runs into it, but one has: whether it is set up as a replica is not shown to us";
            Finding::not_seen(SOURCE, found).mend(facts.grant(facts.replication_right(), "*.*"))
        }
    }
}

/// Where rows are made on several servers, their numbers are kept apart so.
fn several_primaries(facts: &ServerFacts) -> bool {
    facts.number("auto_increment_increment").is_some_and(|step| step > 1.0)
}

/// Whether what it replicates is in its own log.
pub(super) fn replicated_changes(facts: &ServerFacts) -> Option<Finding> {
    const LOOK: &str = "replicated changes";
    let name = facts.log_replica_updates();
    if facts.is_on(&[name]) {
        return Some(Finding::ok(LOOK, format!("logged ({name})")));
    }
    // Who replicates nothing has nothing to log.
    (several_primaries(facts) && facts.replications_running != Some(0)).then(|| {
        let found = format!("not logged ({name} is off): what is changed on the other servers is never seen");
        Finding::wrong(LOOK, found)
            .mend(facts.setting(format!("{name} = ON")))
            .mend(Mend::Do("restart the server".to_owned()))
    })
}

/// Whether the server has an id, and ours is no one else's. `seed` is what ours is made from, as far as it is known.
pub(super) async fn server_id(config: &Config, facts: &ServerFacts, seed: Option<String>) -> Finding {
    if facts.variable(&["server_id"]) == Some("0") {
        return Finding::wrong(ID, "the server's own is 0: it sends its log to nobody")
            .mend(facts.set("server_id", "1"))
            .mend(facts.setting("server_id = 1"));
    }
    let configured = config.mysql.server_id;
    let Some(seed) = seed.or((configured != 0).then(String::new)) else {
        return Finding::ok(ID, "ours is made when the bridge first runs, and made anew where another replica has it");
    };
    let derived = || Mend::Config("mysql.server_id = 0".to_owned());
    let seen = match ReplicaSeen::look(&config.mysql, &seed).await {
        Ok(seen) => seen,
        Err(error) => return Finding::not_seen(ID, error.to_string()),
    };
    let id = seen.server_id;
    match (seen.clash, seen.shown) {
        // Another is made where it is not free.
        (Some(_), _) if configured == 0 => {
            Finding::ok(ID, format!("ours is {id}; another has it, and we take the next"))
        }
        (Some(Clash::Server), _) => Finding::wrong(ID, format!("ours is {id}, the server's own")).mend(derived()),
        (Some(Clash::Replica), _) => {
            Finding::wrong(ID, format!("ours is {id}, and so is that of another replica")).mend(derived())
        }
        (Some(Clash::Uuid), _) => {
            Finding::wrong(ID, "another replica has the UUID that ours is: another bridge's state file was copied")
                .mend(Mend::Do("remove the copied state file".to_owned()))
        }
        (None, true) => Finding::ok(ID, format!("ours is {id}, and no replica has it")),
        (None, false) => Finding::not_seen(ID, format!("ours is {id}; whether a replica has it is not shown to us"))
            .mend(facts.grant(facts.replicas_right(), "*.*")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Outcome;

    #[test]
    fn a_replica_is_refused_unless_it_is_one_of_several_primaries() {
        let facts = |step, read_only, running| {
            let variables = [("auto_increment_increment", step), ("read_only", read_only)];
            let mut facts = ServerFacts::of(true, (10, 11, 0), &variables);
            facts.replications_running = running;
            facts
        };
        for (facts, replication, outcome, refused) in [
            (facts("1", "OFF", Some(0)), Some(Replication::None), Outcome::Ok, false),
            (facts("1", "OFF", Some(0)), None, Outcome::Ok, false),
            (facts("1", "OFF", Some(1)), None, Outcome::Wrong, true),
            (facts("1", "OFF", None), Some(Replication::Running), Outcome::Wrong, true),
            (facts("2", "OFF", Some(1)), Some(Replication::Running), Outcome::Ok, false),
            (facts("2", "ON", Some(1)), Some(Replication::Running), Outcome::Wrong, true),
            (facts("1", "OFF", Some(0)), Some(Replication::Stopped), Outcome::Warning, false),
            (facts("1", "ON", Some(0)), Some(Replication::None), Outcome::Wrong, false),
        ] {
            let finding = judged(&facts, replication);
            assert_eq!((finding.outcome(), finding.is_refused()), (outcome, refused), "{finding:?}");
        }
    }

    #[test]
    fn a_ring_without_log_slave_updates_is_wrong() {
        let ring = |value| {
            ServerFacts::of(true, (10, 11, 0), &[("auto_increment_increment", "2"), ("log_slave_updates", value)])
        };
        assert_eq!(replicated_changes(&ring("OFF")).map(|finding| finding.outcome()), Some(Outcome::Wrong));
        assert_eq!(replicated_changes(&ring("ON")).map(|finding| finding.outcome()), Some(Outcome::Ok));
        let alone =
            ServerFacts::of(true, (10, 11, 0), &[("auto_increment_increment", "1"), ("log_slave_updates", "OFF")]);
        assert_eq!(replicated_changes(&alone), None);
    }
}
