//! The crate whose connections are tested: `mysql_cdc`.

use mysql_async::{Conn, Opts, prelude::Queryable};
use opendental_cdc::config::{BinlogClient, MysqlConfig};
use secrecy::ExposeSecret;

/// The configuration with this crate chosen, and where it has no password, which the crate needs, with an account that
/// has one.
pub async fn chosen(mut mysql: MysqlConfig) -> MysqlConfig {
    mysql.client = BinlogClient::MysqlCdc;
    let url = mysql.url.expose_secret().to_owned();
    if mysql.address().unwrap().password.expose_secret().is_empty() {
        let mut connection = Conn::new(Opts::from_url(&url).unwrap()).await.unwrap();
        connection.query_drop("SET SESSION sql_log_bin = 0").await.unwrap();
        // Another test may have made it.
        let _ = connection.query_drop("CREATE USER replica@'%' IDENTIFIED BY 'secret'").await;
        connection.query_drop("GRANT ALL ON *.* TO replica@'%'").await.unwrap();
        connection.disconnect().await.unwrap();
        mysql.url = url.replacen("root", "replica:secret", 1).into();
    }
    mysql
}
