//! The whole bridge against a real private server and real HTTP: what subscribers see.

#![allow(clippy::unwrap_used)]

mod api;
mod audit;
mod catch_up;
mod chaos;
#[cfg(unix)]
mod clocks;
mod command;
mod date_time_start;
mod deletions;
mod delivery;
mod documented;
mod doubt;
mod edits;
mod events;
#[cfg(debug_assertions)]
mod failpoints;
mod failure_columns;
mod guard;
mod keys;
mod large_log;
mod layouts;
mod meanwhile;
mod memory;
mod metrics;
mod mysql;
#[cfg(feature = "mysql-cdc")]
mod mysql_cdc;
mod office;
mod operations;
mod outage;
mod page;
mod parity;
mod places;
mod plain_tables;
mod polling;
mod privacy;
mod progress;
mod proxy;
mod restart;
mod row_image;
mod scale;
mod second_pass;
mod senders;
mod skipping;
mod starting;
mod state_file;
mod subscriptions;
#[cfg(target_os = "linux")]
mod systemd;
mod ui_events;
mod windows;
mod workload;
