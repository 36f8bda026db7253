//! The tests of the reader once more, over connections that `mysql_cdc` makes, and what it refuses.
#![cfg(all(unix, feature = "mysql-cdc"))]
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod client;
#[path = "../reader/columns.rs"]
mod columns;
#[path = "../reader/compressed.rs"]
mod compressed;
#[path = "../reader/connecting.rs"]
mod connecting;
#[path = "../reader/doubts.rs"]
mod doubts;
#[path = "../reader/faults.rs"]
mod faults;
#[path = "../reader/following.rs"]
mod following;
#[path = "../reader/heartbeat.rs"]
mod heartbeat;
#[path = "../reader/large.rs"]
mod large;
mod logins;
#[path = "../reader/releases.rs"]
mod releases;
#[path = "../reader/rewriting.rs"]
mod rewriting;
#[path = "../reader/row_image.rs"]
mod row_image;
#[path = "../reader/transactions.rs"]
mod transactions;
#[path = "../reader/values.rs"]
mod values;
