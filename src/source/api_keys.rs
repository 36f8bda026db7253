//! The customer keys of Open Dental's API, of which the practice's table `apikey` has a copy.

use secrecy::SecretString;

use super::{
    database::{Database, Purpose},
    database_error::DatabaseError,
};

const READING: &str = "reading the API's customer keys";

impl Database {
    /// The keys in `apikey`; none where there is no such table (before Open Dental 22.1).
    pub async fn customer_keys(&self) -> Result<Vec<SecretString>, DatabaseError> {
        let sql = "SELECT `CustApiKey` FROM `apikey` WHERE `CustApiKey` <> ''";
        match self.ask(Purpose::People, READING, |_| sql.to_owned()).await {
            Ok((answers, _)) => {
                let rows = answers.first().map_or(&[][..], |answer| &answer.rows);
                Ok(rows.iter().filter_map(|row| row.text_at(0)).map(SecretString::from).collect())
            }
            Err(DatabaseError::Missing { .. }) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }
}
