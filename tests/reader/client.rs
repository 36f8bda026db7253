//! The crate whose connections are tested: `mysql_async`, as it is configured by default.

use opendental_cdc::config::MysqlConfig;

/// The configuration with this crate chosen.
pub async fn chosen(mysql: MysqlConfig) -> MysqlConfig {
    mysql
}
