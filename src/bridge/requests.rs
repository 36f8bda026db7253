//! What people and programs ask the engine for while it works.

use tracing::info;

use super::{engine::Engine, error::BridgeError};
use crate::{
    status::{Asked, Desk, Refused, Request, Stage},
    window::Phase,
};

impl Engine {
    /// Does as asked, and says whether it did.
    pub(super) fn asked(&mut self, asked: Asked, desk: &Desk) -> Result<(), BridgeError> {
        match asked {
            Asked::Status => desk.publish(self.status(Stage::Running)),
            Asked::Request(Request::RetryNow { subscription, answer }) => {
                let result = self.retry_now(subscription)?;
                // Who asked may not have waited.
                let _ = answer.send(result);
            }
            Asked::Request(Request::Skip { subscription, to, answer }) => self.skip(subscription, to, answer),
            Asked::Request(Request::PatientSelected { selected, answer }) => self.patient_selected(selected, answer),
        }
        Ok(())
    }

    /// Tries the event again that waits for it.
    fn retry_now(&mut self, num: i64) -> Result<Result<(), Refused>, BridgeError> {
        let Some(subscriber) = self.subscribers.get_mut(&num) else { return Ok(Err(Refused::NotServed)) };
        if !matches!(subscriber.phase, Phase::Retrying(_)) {
            return Ok(Err(Refused::NothingToRetry));
        }
        info!(subscription = num, "its event is tried again at once, as asked");
        subscriber.phase = Phase::Waiting;
        self.attend(num)?;
        Ok(Ok(()))
    }
}
