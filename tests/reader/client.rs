//! Whose connections are tested: those of `mysql.client`, which is "direct" by default.

use opendental_cdc::config::MysqlConfig;

/// The configuration with this client chosen.
pub async fn chosen(mysql: MysqlConfig) -> MysqlConfig {
    mysql
}
