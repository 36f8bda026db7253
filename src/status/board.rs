//! Where those look who want to know what a bridge does, and through which they ask it for something.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    sync::{Notify, mpsc, oneshot, watch},
    time::timeout,
};

use super::{Answer, Desk, Health, NotTold, Notice, Refused, Request, Skipped, Stage, Status};
use crate::opendental::PatientSelected;

/// A status is made anew for whoever looks when the last one is older than this.
const FRESH: Duration = Duration::from_millis(900);

/// An engine is never busy for so long; one that is being started again has nobody to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the server must be asked for takes so many times as long.
const WAITS_FOR_SERVER: u32 = 10;

/// Requests that wait to be taken; more are refused.
const REQUESTS: usize = 64;

/// What a bridge tells of itself, for those who serve it to others. Cheap to clone, clones share one.
#[derive(Clone, Debug)]
pub struct Board {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    health: Health,
    latest: watch::Sender<Latest>,
    wanted: Notify,
    requests: mpsc::Sender<Request>,
    patience: Duration,
}

#[derive(Clone, Debug)]
struct Latest {
    status: Arc<Status>,
    made: Instant,
    /// What looks at the set-up found; the engine knows nothing of it.
    of_set_up: Arc<[Notice]>,
}

impl Latest {
    fn new(status: Status) -> Self {
        Self { status: Arc::new(status), made: Instant::now(), of_set_up: Arc::default() }
    }

    /// Shows `status`, and behind what it tells what was found of the set-up.
    fn show(&mut self, mut status: Status) {
        status.notices.retain(|notice| !notice.kind.is_of_set_up());
        status.notices.extend_from_slice(&self.of_set_up);
        self.status = Arc::new(status);
    }

    /// Whether nothing newer is to be had: it is fresh, or nobody is there to make another.
    fn will_do(&self) -> bool {
        self.made.elapsed() < FRESH || self.status.stage != Stage::Running
    }
}

impl Board {
    /// A board that shows `first`, and the desk of the engine that is to be started. `health` is updated by the engine
    /// on its own account.
    pub fn new(first: Status, health: Health) -> (Self, Desk) {
        Self::with_patience(first, health, PATIENCE)
    }

    fn with_patience(first: Status, health: Health, patience: Duration) -> (Self, Desk) {
        let (requests, receiver) = mpsc::channel(REQUESTS);
        let latest = watch::Sender::new(Latest::new(first));
        let inner = Inner { health, latest, wanted: Notify::new(), requests, patience };
        let board = Self { inner: Arc::new(inner) };
        (board.clone(), Desk::new(board, receiver))
    }

    /// Whether the bridge does its work; needs no answer of the engine.
    pub fn health(&self) -> &Health {
        &self.inner.health
    }

    /// What was last told, however old: its [`Status::at`] tells.
    pub fn latest(&self) -> Arc<Status> {
        self.inner.latest.borrow().status.clone()
    }

    /// What is so now, no older than a second. All who ask within a second are told the same, so that many who look cost
    /// no more than one. If the engine does not answer in two seconds: what was last told.
    pub async fn status(&self) -> Arc<Status> {
        let mut latest = self.inner.latest.subscribe();
        let known = latest.borrow_and_update().clone();
        if known.will_do() {
            return known.status;
        }
        self.inner.wanted.notify_one();
        // Dropping the answer is right: what was last told is told then.
        let _ = timeout(self.inner.patience, latest.changed()).await;
        self.latest()
    }

    /// Has the event of `subscription` that waits to be tried again tried at once.
    ///
    /// # Errors
    /// Why not.
    pub async fn retry_now(&self, subscription: i64) -> Result<(), Refused> {
        self.ask(self.inner.patience, |answer| Request::RetryNow { subscription, answer }).await
    }

    /// Skips what `subscription` has not been sent: it goes on from now (rule W7). Rows stamped since the instant `to`,
    /// in seconds since 1970 UTC, are sent all the same. Waits until the server has told where now is in its log.
    ///
    /// # Errors
    /// Why not. [`Refused::Busy`] also if it takes too long; it may be done then all the same.
    pub async fn skip(&self, subscription: i64, to: Option<i64>) -> Result<Skipped, Refused> {
        let patience = self.inner.patience.saturating_mul(WAITS_FOR_SERVER);
        self.ask(patience, |answer| Request::Skip { subscription, to, answer }).await
    }

    /// Tells the subscriptions that want to know that a patient was selected; returns how many are told. Waits until the
    /// patient has been read.
    ///
    /// # Errors
    /// Why none is.
    pub async fn patient_selected(&self, selected: PatientSelected) -> Result<usize, NotTold> {
        let patience = self.inner.patience.saturating_mul(WAITS_FOR_SERVER);
        self.ask(patience, |answer| Request::PatientSelected { selected, answer }).await
    }

    async fn ask<T, E: From<Refused>>(
        &self,
        patience: Duration,
        request: impl FnOnce(Answer<T, E>) -> Request,
    ) -> Result<T, E> {
        let (answer, answered) = oneshot::channel();
        self.inner.requests.try_send(request(answer)).map_err(|_| Refused::Busy)?;
        match timeout(patience, answered).await {
            Ok(Ok(result)) => result,
            _ => Err(Refused::Busy.into()),
        }
    }

    pub(super) fn publish(&self, status: Status) {
        self.inner.latest.send_modify(|latest| {
            latest.made = Instant::now();
            latest.show(status);
        });
    }

    /// Tells what looks at the set-up found, in the place of what they found before.
    pub fn tell_of_set_up(&self, notices: Vec<Notice>) {
        self.inner.latest.send_modify(|latest| {
            latest.of_set_up = notices.into();
            latest.show(Status::clone(&latest.status));
        });
    }

    pub(super) async fn wanted(&self) {
        self.inner.wanted.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use chrono::Utc;

    use super::*;
    use crate::status::{Asked, EngineKind, NoticeKind};

    fn board(patience: Duration) -> (Board, Desk) {
        let status = Status::starting(EngineKind::Binlog, "W", Utc::now());
        Board::with_patience(status, Health::new(Duration::from_secs(30)), patience)
    }

    /// Makes what was last told as old as it takes.
    fn age(board: &Board) {
        board.inner.latest.send_modify(|latest| {
            latest.made = latest.made.checked_sub(FRESH).unwrap_or(latest.made);
        });
    }

    #[tokio::test]
    async fn an_engine_writes_when_somebody_looks_and_once_for_all_who_do() {
        let (board, mut desk) = board(PATIENCE);
        desk.enter(Stage::Running);
        assert_eq!(board.status().await.stage, Stage::Running, "it is fresh");
        age(&board);
        let engine = async {
            assert!(matches!(desk.next().await, Asked::Status));
            let status = Status { workstation: "NEW".to_owned(), ..Status::clone(&board.latest()) };
            desk.publish(status);
            desk
        };
        let (first, second, mut desk) = tokio::join!(board.status(), board.status(), engine);
        assert_eq!((first.workstation.as_str(), second.workstation.as_str()), ("NEW", "NEW"));
        let more = timeout(Duration::ZERO, desk.next()).await;
        assert!(more.is_err(), "nobody wants more");
    }

    #[test]
    fn what_looks_found_stays_whatever_the_engine_tells_until_they_find_it_mended() {
        let (board, desk) = board(PATIENCE);
        let notice = |kind| Notice::new(kind, Utc::now(), String::new());
        let kinds = || board.latest().notices.iter().map(|notice| notice.kind.name()).collect::<Vec<_>>();
        board.tell_of_set_up(vec![notice(NoticeKind::SetUpWrong)]);
        desk.tell(notice(NoticeKind::Doubt));
        assert_eq!(kinds(), ["doubt", "set-up-wrong"]);
        let old = Status::clone(&board.latest());
        board.tell_of_set_up(vec![notice(NoticeKind::SetUpWarning)]);
        desk.publish(old);
        assert_eq!(kinds(), ["doubt", "set-up-warning"]);
        board.tell_of_set_up(Vec::new());
        desk.enter(Stage::Running);
        assert_eq!(kinds(), ["doubt"]);
    }

    #[tokio::test]
    async fn an_engine_that_does_not_answer_holds_nobody_up() {
        let (board, desk) = board(Duration::from_millis(1));
        age(&board);
        assert!(matches!(board.status().await.stage, Stage::Starting { .. }), "nobody is there to be asked");
        desk.enter(Stage::Running);
        age(&board);
        assert_eq!(board.status().await.stage, Stage::Running);
        assert_eq!(board.retry_now(1).await, Err(Refused::Busy));
        for _ in 1..REQUESTS {
            let (answer, _) = oneshot::channel();
            let _ = board.inner.requests.try_send(Request::Skip { subscription: 1, to: None, answer });
        }
        assert_eq!(board.skip(1, None).await, Err(Refused::Busy), "no room for more");
        drop(desk);
        assert_eq!(board.skip(1, None).await, Err(Refused::Busy));
    }

    #[tokio::test]
    async fn a_request_is_answered() {
        let (board, mut desk) = board(PATIENCE);
        let engine = async {
            let Asked::Request(Request::RetryNow { subscription: 7, answer }) = desk.next().await else {
                panic!("another request")
            };
            answer.send(Err(Refused::NothingToRetry)).ok();
        };
        let (answer, ()) = tokio::join!(board.retry_now(7), engine);
        assert_eq!(answer, Err(Refused::NothingToRetry));
    }
}
