//! Which server, and which log of it, a position belongs to (rule W2).

use serde::{Deserialize, Serialize};

/// A server and its log. Two connections that find equal identities speak to the same server.
///
/// MySQL is known by its UUID alone, whatever its host is called today: the UUID lives beside the data. MariaDB has
/// none, so it is known by its server_id and by all that tells its host and its log; a change of these that leaves the
/// log the same is taken for another server, which costs a catch-up and loses nothing.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Identity {
    /// `@@server_id`.
    pub server_id: u32,
    /// MySQL's `@@server_uuid`.
    pub uuid: Option<String>,
    /// `@@hostname`, `@@port`, `@@datadir`, `@@log_bin_basename` and MariaDB's `@@server_uid`, which is made from the
    /// network card's address and the port, as one text.
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

    /// As text, for the state file.
    pub fn stored(&self) -> String {
        // Numbers and texts cannot fail to become JSON.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The identity in the rows that [`Identity::QUERY`] returned; `None` if there is no `server_id` among them.
    pub fn from_variables<N: AsRef<str>, V: AsRef<str>>(variables: impl IntoIterator<Item = (N, V)>) -> Option<Self> {
        let (mut server_id, mut uuid) = (None, None);
        let mut host =
            ["hostname", "port", "datadir", "log_bin_basename", "server_uid"].map(|name| (name, String::new()));
        for (name, value) in variables {
            let (name, value) = (name.as_ref().to_ascii_lowercase(), value.as_ref());
            match name.as_str() {
                "server_id" => server_id = value.parse().ok(),
                "server_uuid" if !value.is_empty() => uuid = Some(value.to_owned()),
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
        assert_ne!(identity(("server_uid", "u"), "a"), identity(("server_uid", "v"), "a"));
        assert_ne!(identity(("server_uuid", "u"), "a"), identity(("server_uid", "u"), "a"));
        assert!(Identity::from_variables([("port", "1")]).is_none());
    }
}
