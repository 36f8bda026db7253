//! `check` on real servers that are set up wrongly: what it prints, and that what it prints mends it.

#![allow(clippy::unwrap_used)]

mod account;
mod beside;
mod command;
mod good;
mod practice;
mod releases;
mod replication;
mod server_settings;
mod stage;
mod surroundings;
