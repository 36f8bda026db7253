//! Sends Open Dental's API events from the binary log of the practice's MySQL or MariaDB server.
//!
//! Data flows one way through the modules, each of which knows only those above it in this list:
//! [`binlog`] (bytes to typed events), [`row`] (a row, wherever it was read), [`packed`] (many keys in little memory),
//! [`progress`] (what takes long, and how far it has come), [`source`] (the server and the practice's database), [`opendental`] (watch tables and their JSON), [`window`]
//! (change log, cursors, windows), [`delivery`] (one event to one endpoint), [`state`] (what survives a restart),
//! [`status`] (what is told of it all), [`http`] (API, health), [`check`] (looks at all that the bridge depends on),
//! [`polling`] (the same events without the log), [`bridge`] (all of them wired together) and [`cli`].
//! `ARCHITECTURE.md` follows a change through them.

pub mod binlog;
pub mod bridge;
pub mod check;
pub mod cli;
pub mod config;
mod configured_tables;
pub mod delivery;
mod failpoint;
pub mod http;
pub mod opendental;
pub mod packed;
pub mod polling;
pub mod progress;
pub mod row;
pub mod sandbox;
pub mod source;
pub mod state;
pub mod status;
mod subscription_edits;
pub mod window;
