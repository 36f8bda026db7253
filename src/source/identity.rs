//! Which server, and which log of it, a position belongs to (rule W2).

use serde::{Deserialize, Serialize};

/// A server and its log. Two connections that find equal identities speak to the same server.
///
/// A server with a UUID is known by it alone, whatever its host is called today; one without (MariaDB before 11) is
/// known by its server_id, host name, port, data directory and log.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Identity {
    /// `@@server_id`.
    pub server_id: u32,
    /// MySQL's `@@server_uuid`, MariaDB's `@@server_uid`, if the server has one.
    pub uuid: Option<String>,
    /// `@@hostname`, `@@port`, `@@datadir` and `@@log_bin_basename`, as one text.
    pub host: String,
}

impl PartialEq for Identity {
    fn eq(&self, other: &Self) -> bool {
        match (&self.uuid, &other.uuid) {
            (Some(ours), Some(theirs)) => ours == theirs,
            (None, None) => self.server_id == other.server_id && self.host == other.host,
            _ => false,
        }
    }
}

impl Eq for Identity {}

impl Identity {
    /// Asks for what [`Identity::from_variables`] takes: rows of a name and a value. Every server knows this
    /// statement, and leaves out the variables that it does not have.
    pub const QUERY: &'static str = "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('server_id', 'server_uuid', \
         'server_uid', 'hostname', 'port', 'datadir', 'log_bin_basename')";

    /// The identity in the rows that [`Identity::QUERY`] returned; `None` if there is no `server_id` among them.
    pub fn from_variables<N: AsRef<str>, V: AsRef<str>>(variables: impl IntoIterator<Item = (N, V)>) -> Option<Self> {
        let (mut server_id, mut uuid) = (None, None);
        let mut host = ["hostname", "port", "datadir", "log_bin_basename"].map(|name| (name, String::new()));
        for (name, value) in variables {
            let (name, value) = (name.as_ref().to_ascii_lowercase(), value.as_ref());
            match name.as_str() {
                "server_id" => server_id = value.parse().ok(),
                "server_uuid" | "server_uid" if !value.is_empty() => uuid = Some(value.to_owned()),
                _ => {
                    if let Some((_, place)) = host.iter_mut().find(|(known, _)| *known == name) {
                        value.clone_into(place);
                    }
                }
            }
        }
        let host = host.map(|(_, value)| value).join(" ");
        Some(Self { server_id: server_id?, uuid, host })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn w2_a_uuid_decides_and_without_one_the_host_does() {
        let identity = |uuid, host| Identity::from_variables([("server_id", "7"), uuid, ("hostname", host)]).unwrap();
        assert_eq!(identity(("server_uuid", "u"), "a"), identity(("server_uuid", "u"), "b"));
        assert_ne!(identity(("server_uuid", "u"), "a"), identity(("server_uuid", "v"), "a"));
        assert_ne!(identity(("port", "1"), "a"), identity(("port", "1"), "b"));
        assert_ne!(identity(("server_uid", "u"), "a"), identity(("server_uid", ""), "a"));
        assert!(Identity::from_variables([("port", "1")]).is_none());
    }
}
