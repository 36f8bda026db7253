//! The engine's side: what was asked of it, and where it puts its answer.

use chrono::Utc;
use tokio::sync::mpsc;

use super::{Board, Notice, Request, Stage, Status};

/// What the engine is asked through the board. There is one; it goes from one engine to the next that is started.
#[derive(Debug)]
pub struct Desk {
    board: Board,
    requests: mpsc::Receiver<Request>,
}

/// What somebody wants of the engine.
#[derive(Debug)]
pub enum Asked {
    /// A new [`Status`] on the board.
    Status,
    /// This.
    Request(Request),
}

impl Desk {
    pub(super) fn new(board: Board, requests: mpsc::Receiver<Request>) -> Self {
        Self { board, requests }
    }

    /// The board that it belongs to.
    pub fn board(&self) -> &Board {
        &self.board
    }

    /// What is asked next; waits for ever while nobody wants anything. Nothing is lost where the future is dropped.
    pub async fn next(&mut self) -> Asked {
        tokio::select! {
            biased;
            Some(request) = self.requests.recv() => Asked::Request(request),
            () = self.board.wanted() => Asked::Status,
        }
    }

    /// Puts `status` on the board.
    pub fn publish(&self, status: Status) {
        self.board.publish(status);
    }

    /// Adds what has happened to what was last told.
    pub fn tell(&self, notice: Notice) {
        let mut status = Status::clone(&self.board.latest());
        status.notices.push(notice);
        self.board.publish(status);
    }

    /// From now on the bridge is at this stage; all else is left as it was last told.
    pub fn enter(&self, stage: Stage) {
        let status = Status { stage, at: Utc::now(), ..Status::clone(&self.board.latest()) };
        self.board.publish(status);
    }
}
