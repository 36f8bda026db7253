//! What a server's refusal of its log means.

use super::{connection::ConnectionError, error::SourceError};

/// What the error `code` with this text means, which the server sent while we logged in, prepared the session or read.
///
/// The texts are those of the servers' sources ("Could not find first log file name in binary log index file" and
/// others); the codes those of the manuals' "Server Error Message Reference" and "MariaDB Error Codes".
pub(super) fn of_server(code: u16, text: &str, server: &str, account: &str, position: &str) -> ConnectionError {
    let server = server.to_owned();
    match code {
        // MariaDB says ER_ACCESS_DENIED_ERROR for a missing right too; the account is only known once it is logged in.
        1044 | 1045 | 1142 | 1227 if !account.is_empty() => ConnectionError::Final(SourceError::Access {
            server,
            reason: text.to_owned(),
            grant: format!("GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO {account}"),
        }),
        // ER_ACCESS_DENIED_ERROR and its like, ER_HOST_NOT_PRIVILEGED, ER_MUST_CHANGE_PASSWORD(_LOGIN),
        // ER_ACCOUNT_HAS_BEEN_LOCKED.
        1044 | 1045 | 1130 | 1698 | 1820 | 1862 | 3118 | 4151 => ConnectionError::Final(SourceError::Access {
            server,
            reason: text.to_owned(),
            grant: "the user name and password of `mysql.url`, and CREATE USER for the host that it connects from"
                .to_owned(),
        }),
        // ER_MASTER_FATAL_ERROR_READING_BINLOG.
        1236 => fatal(text, position),
        // MariaDB: another replica took our server_id.
        4052 => ConnectionError::Clash(text.to_owned()),
        // ER_SECURE_TRANSPORT_REQUIRED.
        3159 => ConnectionError::Final(SourceError::Configuration {
            key: "mysql.tls",
            reason: format!(
                "{server} takes encrypted connections only; set it to \"required\", and `mysql.client` to \"direct\""
            ),
        }),
        // ER_NO_BINARY_LOGGING.
        1381 => ConnectionError::Final(SourceError::Dump {
            reason: format!(
                "{server} writes no binary log; put `log_bin` and `binlog_format=ROW` into its [mysqld] section and \
                 restart it"
            ),
        }),
        code => ConnectionError::Lost(format!("the server ended with error {code}")),
    }
}

fn fatal(text: &str, position: &str) -> ConnectionError {
    let lower = text.to_lowercase();
    let says = |parts: &[&str]| parts.iter().any(|part| lower.contains(part));
    if says(&["same server_id", "same server_uuid", "same server-id", "same server-uuid"]) {
        return ConnectionError::Clash(text.to_owned());
    }
    if says(&["max_allowed_packet", "max-allowed-packet"]) {
        return ConnectionError::Final(SourceError::Dump {
            reason: format!(
                "an event at {position} is larger than the server's limit for replicas: raise `max_allowed_packet` and \
                 `slave_max_allowed_packet` (MySQL: `replica_max_allowed_packet`) on the server"
            ),
        });
    }
    // Of a file that was deleted while the server was sending it (RESET MASTER), or a disk that fails.
    if says(&["i/o error reading log event", "did not pass"]) {
        return ConnectionError::Unreadable(format!("at {position}: {text}"));
    }
    let purged = [
        "purged",
        "could not find first log file name",
        "could not find gtid state",
        "which is not in the master's binlog",
        "more gtids than the",
        "start replication from position",
        "impossible position",
        "bogus data in log event",
        "log event entry exceeded",
        "could not find target log",
        "could not open log file",
        "binlog truncated in the middle",
        // GTIDs were turned on or off since.
        "cannot replicate anonymous transaction",
        "cannot replicate gtid-transaction",
    ];
    if says(&purged) {
        return ConnectionError::Final(SourceError::Purged { position: position.to_owned(), reason: text.to_owned() });
    }
    // The server checks what it reads of its files, if it is told to.
    if says(&["did not pass crc check", "decryption failure"]) {
        return ConnectionError::Unreadable(text.to_owned());
    }
    // The second: RESET MASTER came while it was sending; a new connection finds out.
    if says(&[
        "shutdown",
        "could not find next log",
        "killed",
        "i/o error reading log event",
        "memory allocation failed",
    ]) {
        return ConnectionError::Lost(text.to_owned());
    }
    ConnectionError::Final(SourceError::Dump { reason: format!("at {position}: {text}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_told_apart() {
        let of = |text| of_server(1236, text, "db:3306", "'cdc'@'%'", "mysql-bin.000001:4");
        assert!(matches!(
            of("A slave with the same server_uuid/server_id as this slave has connected to the master"),
            ConnectionError::Clash(_)
        ));
        for purged in [
            "Could not find first log file name in binary log index file",
            "Client requested master to start replication from position > file size",
            "Cannot replicate because the source purged required binary logs.",
            "Could not find GTID state requested by slave in any binlog files. Probably the slave state is too old",
            "Cannot replicate anonymous transaction when @@GLOBAL.GTID_MODE = ON, at file ./b.000001, position 4.",
        ] {
            assert!(matches!(of(purged), ConnectionError::Final(SourceError::Purged { .. })), "{purged}");
        }
        let reset =
            "could not find next log; the first event '.' at 4, the last event read from 'mysql-bin.000008' at 351";
        assert!(matches!(of(reset), ConnectionError::Lost(_)));
        let damaged = "event read from binlog did not pass crc check; the first event 'b.000001' at 4";
        assert!(matches!(of(damaged), ConnectionError::Unreadable(_)));
        let access = of_server(1227, "Access denied", "db:3306", "'cdc'@'%'", "");
        let ConnectionError::Final(access @ SourceError::Access { .. }) = access else { panic!("{access:?}") };
        assert!(access.to_string().contains("GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO 'cdc'@'%'"));
    }
}
