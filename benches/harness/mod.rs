//! What the benchmarks share: servers with a log of appointments, how time is taken, other programs.

#![allow(dead_code, reason = "not every benchmark needs all of it")]

pub mod load;
pub mod measure;
pub mod program;
pub mod subscription;
