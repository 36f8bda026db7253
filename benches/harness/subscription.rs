//! A subscription to appointments.

use mysql_async::{Conn, prelude::Queryable};

/// Inserts the row `num` of `apisubscription`, for changes from now on.
pub async fn subscribe(session: &mut Conn, num: u64, url: &str, polling_seconds: u64) {
    session
        .query_drop(format!(
            "INSERT INTO apisubscription (ApiSubscriptionNum, EndPointUrl, Workstation, CustomerKey, WatchTable, \
             PollingSeconds, UiEventType, DateTimeStart, Note) VALUES ({num}, '{url}', '', 'k', 'Appointment', \
             {polling_seconds}, '', NOW(), '')"
        ))
        .await
        .unwrap();
}
