//! The events that `mysql_async` hands out, with more and more done to them.

use std::collections::HashMap;

use futures_util::StreamExt;
use mysql_async::{
    BinlogStream, BinlogStreamRequest, Conn, OptsBuilder,
    binlog::events::{BinlogEventHeader, Event, EventData},
    prelude::Queryable,
};
use opendental_cdc::binlog::{Decoder, EventBody, TableColumns};

use crate::harness::load::Log;

/// The log from start to end, over the connection that the bridge makes too.
async fn stream(log: &Log) -> BinlogStream {
    let options = OptsBuilder::default().user(Some("root")).ip_or_hostname("127.0.0.1").tcp_port(log.server.port());
    let mut connection = Conn::new(options.prefer_socket(false)).await.unwrap();
    connection.query_drop("SET @mariadb_slave_capability = 4").await.unwrap();
    let request = BinlogStreamRequest::new(77).with_non_blocking();
    let request = request.with_filename(log.start.file.as_bytes()).with_pos(log.start.offset);
    connection.get_binlog_stream(request).await.unwrap()
}

/// Throws the events away: the limit of whoever reads over this connection.
pub async fn limit(log: &Log) -> u64 {
    let mut stream = stream(log).await;
    while let Some(event) = stream.next().await {
        event.unwrap();
    }
    0
}

/// Verifies checksums and gives events their types; with `walk`, walks their rows and compares images. The rows.
pub async fn decoded(log: &Log, walk: bool) -> u64 {
    let mut stream = stream(log).await;
    let (mut decoder, mut bytes) = (Decoder::new(), Vec::new());
    let mut tables: HashMap<u64, (Vec<u8>, TableColumns)> = HashMap::new();
    let mut rows = 0;
    while let Some(event) = stream.next().await {
        put_together(&event.unwrap(), &mut bytes);
        match decoder.decode(&bytes).unwrap().body {
            EventBody::TableMap(map)
                if walk && tables.get(&map.table_id).is_none_or(|(known, _)| known != map.body) =>
            {
                tables.insert(map.table_id, (map.body.to_vec(), map.columns().unwrap()));
            }
            EventBody::Rows(event) if walk => {
                let (_, columns) = &tables[&event.table_id];
                rows += event.iter(columns).unwrap().filter(|row| !row.as_ref().unwrap().is_no_op()).count() as u64;
            }
            _ => {}
        }
    }
    rows
}

/// The library's own rows; how many.
pub async fn rows(log: &Log) -> u64 {
    let mut stream = stream(log).await;
    let mut rows = 0;
    while let Some(event) = stream.next().await {
        if let Ok(Some(EventData::RowsEvent(event))) = event.unwrap().read_data() {
            let table = stream.get_tme(event.table_id()).unwrap();
            event.rows(table).for_each(|row| {
                row.unwrap();
                rows += 1;
            });
        }
    }
    rows
}

fn put_together(read: &Event, event: &mut Vec<u8>) {
    let header = read.header();
    event.clear();
    event.reserve(BinlogEventHeader::LEN + read.data().len() + 5);
    event.extend_from_slice(&header.timestamp().to_le_bytes());
    event.push(header.event_type_raw());
    event.extend_from_slice(&header.server_id().to_le_bytes());
    event.extend_from_slice(&header.event_size().to_le_bytes());
    event.extend_from_slice(&header.log_pos().to_le_bytes());
    event.extend_from_slice(&header.flags_raw().to_le_bytes());
    event.extend_from_slice(read.data());
    if header.event_type_raw() == 15 {
        event.push(1);
    }
    event.extend_from_slice(read.checksum().as_ref().map_or(&[], |checksum| checksum));
}
