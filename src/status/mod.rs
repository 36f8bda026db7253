//! What a bridge tells of itself and what it can be asked: plain values, which know nothing of HTTP.
//!
//! The engine holds the [`Desk`], whoever wants to know something holds a [`Board`]. Nothing is written on the board
//! while nobody looks, so that it costs nothing then.

mod board;
mod counts;
mod desk;
mod health;
mod history;
mod notice;
mod overview;
mod request;
mod subscription;

pub use board::Board;
pub use counts::{ACCEPTED, AttemptCount, Counts, Durations};
pub use desk::{Asked, Desk};
pub use health::Health;
pub use history::History;
pub use notice::{Notice, NoticeKind, Progress, Remedy};
pub use overview::{Attempted, EngineKind, Memory, Place, ReadTotals, Reading, ServerFacts, Stage, Status};
pub use request::{Answer, NotTold, Refused, Request, Skipped};
pub use subscription::{LastEvent, Pending, SubscriptionStatus, Trouble, WindowState};
