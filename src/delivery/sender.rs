//! One attempt to send an event.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::header::HeaderValue;
use reqwest::{Request, Response};
use secrecy::ExposeSecret;
use tokio::time::{Instant, timeout, timeout_at};

use super::client::Clients;
use super::error::DeliveryError;
use super::event::{Attempt, Event, Outcome};
use super::failure::{Failure, FailureKind, failure, is_broken};
use super::guard::Guard;
use super::request::{Target, request, target, workstation_value};
use super::retry::retry_after;
use super::signature::Secret;
use super::slots::{Slot, Slots};
use super::tls::{Tls, platform_tls};
use crate::config::{Config, DeliveryConfig};

/// Sends events to endpoints; cheap to clone, clones share connections and slots.
#[derive(Clone)]
pub struct Sender {
    inner: Arc<Inner>,
    limits: Limits,
}

struct Inner {
    guard: Guard,
    clients: Clients,
    has_authorities: bool,
    workstation: HeaderValue,
    secrets: Vec<Secret>,
    healthy: Slots,
    troubled: Slots,
}

/// How long things may take and how big they may be.
#[derive(Clone, Copy, Debug)]
struct Limits {
    /// From the start of the request to the answer's status.
    answer: Duration,
    /// From the answer's status on, for its body.
    drain: Duration,
    /// Bytes of an answer's body that are read.
    drain_bytes: usize,
}

impl Limits {
    /// An answer's body says nothing that we use. It is read only so that the connection can be used again, which is
    /// worth 64 KiB and two seconds; a longer or slower body costs its connection.
    fn new(answer: Duration) -> Self {
        Self { answer, drain: answer.min(Duration::from_secs(2)), drain_bytes: 64 * 1024 }
    }
}

impl Sender {
    /// A sender by the configuration.
    ///
    /// Proxies named by the environment (`HTTP_PROXY` and the like) are not used, redirects are not followed.
    ///
    /// # Errors
    /// A secret or the workstation's name that cannot be used; TLS that cannot be set up.
    pub fn new(config: &Config) -> Result<Self, DeliveryError> {
        let tls = platform_tls().map_err(DeliveryError::Tls)?;
        let limits = Limits::new(Duration::from_secs(config.delivery.timeout_seconds));
        Self::with(&config.delivery, &config.workstation, Guard::new(config), tls, limits)
    }

    fn with(
        config: &DeliveryConfig,
        workstation: &str,
        guard: Guard,
        tls: Tls,
        limits: Limits,
    ) -> Result<Self, DeliveryError> {
        let workstation = workstation_value(workstation).ok_or(DeliveryError::Workstation)?;
        let secrets = config
            .secrets
            .iter()
            .enumerate()
            .map(|(index, secret)| {
                let parsed = secret.expose_secret().parse();
                parsed.map_err(|source| DeliveryError::Secret { number: index + 1, source })
            })
            .collect::<Result<_, _>>()?;
        let clients = Clients::new(&guard, &tls.config, config.concurrency_per_host, limits.answer)?;
        let slots = || Slots::new(config.concurrency, config.concurrency_per_host);
        let inner = Inner {
            guard,
            clients,
            has_authorities: tls.has_authorities,
            workstation,
            secrets,
            healthy: slots(),
            troubled: slots(),
        };
        Ok(Self { inner: Arc::new(inner), limits })
    }

    /// The same sender for events that are soon of no use any more: its answers must come within `answer`, if
    /// `delivery.timeout_seconds` is not shorter.
    pub fn hasty(&self, answer: Duration) -> Self {
        Self { inner: self.inner.clone(), limits: Limits::new(answer.min(self.limits.answer)) }
    }

    /// Waits for a slot, sends `event` once and says how that ended, within `delivery.timeout_seconds` from getting the
    /// slot. `now` is the time of the call; signatures and `Retry-After` dates count from it.
    ///
    /// Accepted is any 2xx status in time, whatever body follows (rule D2). Dropping the future leaves the queue, or
    /// aborts the request.
    pub async fn attempt(&self, event: &Event, now: DateTime<Utc>) -> Attempt {
        let attempt = self.attempt_unless(event, now, std::future::pending()).await;
        attempt.unwrap_or_else(|| failed(Failure::new(FailureKind::Request, "not tried"), Duration::ZERO))
    }

    /// As [`Sender::attempt`], but leaves the queue for a slot when `given_up` is ready, and then returns `None`. A
    /// request that was begun is ended.
    pub async fn attempt_unless(
        &self,
        event: &Event,
        now: DateTime<Utc>,
        given_up: impl Future<Output = ()>,
    ) -> Option<Attempt> {
        let called = Instant::now();
        let target = match target(&event.url) {
            Ok(target) => target,
            Err(error) => return Some(unsendable(error.to_string())),
        };
        let slot = tokio::select! {
            biased;
            () = given_up => return None,
            slot = self.slot(event, &target.host) => slot,
        };
        let attempt = self.send(event, target, now, called).await;
        drop(slot);
        Some(attempt)
    }

    async fn send(&self, event: &Event, target: Target, now: DateTime<Utc>, called: Instant) -> Attempt {
        let started = Instant::now();
        let clock = |at: Instant| now + TimeDelta::from_std(at - called).unwrap_or_default();
        let request = match request(event, target.url, &self.inner.workstation, &self.inner.secrets, clock(started)) {
            Ok(request) => request,
            Err(error) => return unsendable(error.to_string()),
        };
        let https = request.url().scheme() == "https";
        if https && !self.inner.has_authorities {
            let reason = "this machine has no certificate authorities, so https cannot be used; install them \
                          (Debian and Ubuntu: apt-get install ca-certificates) and start again";
            return failed(Failure::new(FailureKind::Tls, reason), Duration::ZERO);
        }
        let limits = self.limits;
        let answer = timeout_at(started + limits.answer, self.exchange(request, event)).await;
        let answered = Instant::now();
        let took = answered - started;
        match answer {
            Ok(Ok(response)) => {
                let outcome = outcome(&response, clock(answered));
                drain(response, limits).await;
                Attempt { outcome, took }
            }
            Ok(Err(failure)) => failed(failure, took),
            Err(_) => {
                let reason = format!("no answer within {} s", limits.answer.as_secs_f64());
                failed(Failure::new(FailureKind::TimeOut, reason), took)
            }
        }
    }

    /// Sends `request` if it may go where it is for.
    async fn exchange(&self, request: Request, event: &Event) -> Result<Response, Failure> {
        self.inner.guard.look_at(request.url()).await?;
        self.execute(request, event).await.map_err(failure)
    }

    /// Sends `request`, and once more at once if its connection breaks before an answer: a receiver that closes idle
    /// connections may close one just as it is used. It knows the repeat by its `webhook-id`. Where the last attempt
    /// failed too, that is no explanation.
    async fn execute(&self, request: Request, event: &Event) -> Result<Response, reqwest::Error> {
        let repeat = if event.troubled { None } else { request.try_clone() };
        let client = self.inner.clients.client_for(request.url());
        match (client.execute(request).await, repeat) {
            (Err(error), Some(repeat)) if is_broken(&error) => client.execute(repeat).await,
            (result, _) => result,
        }
    }

    async fn slot(&self, event: &Event, host: &str) -> Slot {
        let slots = if event.troubled { &self.inner.troubled } else { &self.inner.healthy };
        slots.acquire(host).await
    }
}

fn failed(failure: Failure, took: Duration) -> Attempt {
    Attempt { outcome: Outcome::Failed(failure), took }
}

/// An attempt that ended before it began.
fn unsendable(reason: String) -> Attempt {
    failed(Failure::new(FailureKind::Request, reason), Duration::ZERO)
}

fn outcome(response: &Response, now: DateTime<Utc>) -> Outcome {
    let status = response.status();
    if status.is_success() {
        return Outcome::Accepted { status: status.as_u16() };
    }
    let redirect = if status.is_redirection() { ", a redirect, which is not followed" } else { "" };
    let reason = format!("answered {status}{redirect}");
    let kind = FailureKind::Status(status.as_u16());
    Outcome::Failed(Failure { kind, reason, retry_after: retry_after(response.headers(), now) })
}

/// Reads the answer's body, within limits, and throws it away; what goes wrong costs the connection and nothing else.
async fn drain(mut response: Response, limits: Limits) {
    let body = async {
        let mut left = limits.drain_bytes;
        while let Ok(Some(chunk)) = response.chunk().await {
            match left.checked_sub(chunk.len()) {
                Some(rest) => left = rest,
                None => break,
            }
        }
    };
    let _ = timeout(limits.drain, body).await;
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
