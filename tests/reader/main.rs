//! The reader against private servers (rules R1 to R7).
#![cfg(unix)]
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod accounts;
mod beyond;
mod client;
mod columns;
mod compressed;
mod connecting;
mod coverage;
mod coverage_page;
mod doubts;
mod every_value;
mod faults;
mod following;
mod heartbeat;
mod json;
mod large;
mod logins;
mod mysql_async;
mod releases;
mod rewriting;
mod row_image;
mod tail;
mod transactions;
mod types;
mod values;
