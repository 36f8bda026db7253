//! What `mysql.client = "mysql_cdc"` cannot do.

use secrecy::ExposeSecret;

use super::{MysqlConfig, MysqlEndpoint, TlsMode};

impl MysqlConfig {
    /// As [`MysqlConfig::client_refusal`], for `mysql_cdc`.
    pub(super) fn mysql_cdc_refusal(&self) -> Option<&'static str> {
        if !matches!(self.tls, TlsMode::Disabled | TlsMode::Preferred) {
            return Some("cannot encrypt; set mysql.tls to \"disabled\" or \"preferred\", or use \"direct\"");
        }
        let address = self.address().ok()?;
        if matches!(address.endpoint, MysqlEndpoint::Socket(_)) {
            return Some("connects by TCP only; take ?socket= out of mysql.url, or use \"direct\"");
        }
        if address.password.expose_secret().is_empty() {
            return Some("cannot log in without a password; give mysql.url one, or use \"direct\"");
        }
        None
    }
}
