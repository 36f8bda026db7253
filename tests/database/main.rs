//! The SQL side of the source against real private servers, with an account that has the documented grants alone.
#![allow(clippy::unwrap_used)]

mod clock;
mod connecting;
mod failure_columns;
mod many_rows;
mod practice;
mod rows;
mod snapshot;
mod subscription_rows;
mod table_facts;
mod write_back;
