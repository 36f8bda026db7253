//! `opendental-cdc receive`: a webhook receiver that prints what arrives, for trying things out.

use std::convert::Infallible;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use clap::Args;
use secrecy::{ExposeSecret, SecretString};
use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;

use crate::delivery::{Secret, SecretError};
use crate::sandbox::receiver::{Behavior, ReceivedEvent, Receiver};

/// How far a signature's timestamp may be from our clock, as the Standard Webhooks libraries have it.
const TOLERANCE_SECONDS: u64 = 5 * 60;

/// Listens for events, prints them and answers them.
///
/// For each event one line with its time, Event-Type, webhook-id, number of elements and signature, then its
/// elements, one a line. That is patients' data, on purpose: it is what a receiver gets. Use --quiet to leave it out.
#[derive(Args, Clone, Debug)]
pub struct ReceiveArgs {
    /// Address and port to listen on; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:30225")]
    pub listen: String,
    /// Answer with this HTTP status.
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u16).range(200..=599))]
    pub status: u16,
    /// Wait this long before answering.
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = seconds)]
    pub delay: Duration,
    /// Check signatures by this secret (whsec_…); may be given several times.
    #[arg(long = "secret", value_name = "SECRET", value_parser = secret)]
    pub secrets: Vec<SecretString>,
    /// Print only the line of each event, without its elements.
    #[arg(long)]
    pub quiet: bool,
}

/// Why `receive` ended.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// A secret is not one: a mistake in the command, exit code 2.
    #[error("--secret, number {number}: {source}")]
    Secret {
        /// Which one, counted from 1.
        number: usize,
        /// What is wrong with it.
        source: SecretError,
    },
    /// The address cannot be listened on.
    #[error("--listen {listen}: cannot listen there: {source}; choose another port, or 0 for any free one")]
    Listen {
        /// The address given.
        listen: String,
        /// What the operating system says.
        source: io::Error,
    },
    /// The output cannot be written.
    #[error("cannot write to standard output: {0}")]
    Output(#[source] io::Error),
}

/// Listens and prints to `out` until `cancel`; the first line tells the address.
///
/// # Errors
/// A secret is none, the address cannot be listened on, or `out` cannot be written. A reader of `out` that goes away (`| head`) is an end,
/// not an error.
pub async fn receive(
    args: &ReceiveArgs,
    out: &mut (impl Write + Send),
    cancel: CancellationToken,
) -> Result<(), ReceiveError> {
    let secrets = parse(&args.secrets)?;
    let listening = Receiver::bind(&args.listen).await;
    let mut receiver = listening.map_err(|source| ReceiveError::Listen { listen: args.listen.clone(), source })?;
    receiver.behave(Behavior::Answer { status: args.status, headers: Vec::new(), delay: args.delay });
    let printed = print_all(&secrets, args.quiet, &mut receiver, out, &cancel).await;
    receiver.stop().await;
    match printed {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        printed => printed.map_err(ReceiveError::Output),
    }
}

fn parse(secrets: &[SecretString]) -> Result<Vec<Secret>, ReceiveError> {
    let parsed = secrets.iter().enumerate().map(|(index, secret)| {
        let parsed = secret.expose_secret().parse();
        parsed.map_err(|source| ReceiveError::Secret { number: index + 1, source })
    });
    parsed.collect()
}

async fn print_all(
    secrets: &[Secret],
    quiet: bool,
    receiver: &mut Receiver,
    out: &mut (impl Write + Send),
    cancel: &CancellationToken,
) -> io::Result<()> {
    print_address(receiver.local_addr(), out)?;
    loop {
        let event = tokio::select! {
            () = cancel.cancelled() => return Ok(()),
            event = receiver.next() => event,
        };
        let Some(event) = event else { return Ok(()) };
        print_event(&event, secrets, quiet, out)?;
    }
}

fn print_address(address: SocketAddr, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "listening on http://{address}/")?;
    out.flush()
}

fn print_event(event: &ReceivedEvent, secrets: &[Secret], quiet: bool, out: &mut impl Write) -> io::Result<()> {
    let elements = elements(&event.body);
    let count = match &elements {
        Some(elements) => format!("{} element{}", elements.len(), if elements.len() == 1 { "" } else { "s" }),
        None => format!("{} bytes that are not JSON", event.body.len()),
    };
    writeln!(
        out,
        "{}  {} {}  {}  {}  {count}  {}",
        event.at.to_rfc3339_opts(SecondsFormat::Millis, true),
        event.method,
        event.path,
        text(event, "event-type"),
        text(event, "webhook-id"),
        signature(event, secrets, event.at)
    )?;
    if !quiet {
        for element in elements.unwrap_or_default() {
            // As sent: the order of the names matters to those who look.
            writeln!(out, "  {}", element.get())?;
        }
    }
    out.flush()
}

/// A database event's elements, or a UI event's one object.
fn elements(body: &[u8]) -> Option<Vec<&RawValue>> {
    match serde_json::from_slice::<Vec<&RawValue>>(body) {
        Ok(elements) => Some(elements),
        Err(_) => serde_json::from_slice::<&RawValue>(body).ok().map(|value| vec![value]),
    }
}

/// A header as text, `-` if there is none. HTTP lets no control character through, so it can be printed.
fn text(event: &ReceivedEvent, name: &str) -> String {
    event
        .headers
        .get(name)
        .map_or_else(|| "-".to_owned(), |value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// What the event's signature is worth.
fn signature(event: &ReceivedEvent, secrets: &[Secret], now: DateTime<Utc>) -> &'static str {
    let signatures = event.header("webhook-signature");
    if signatures.is_empty() {
        return "not signed";
    }
    if secrets.is_empty() {
        return "signed, not checked (no --secret)";
    }
    let Ok(timestamp) = event.header("webhook-timestamp").parse::<i64>() else {
        return "SIGNATURE WITHOUT A TIMESTAMP";
    };
    let id = event.header("webhook-id");
    if !secrets.iter().any(|secret| secret.verifies(signatures, id, timestamp, &event.body)) {
        "WRONG SIGNATURE"
    } else if now.timestamp().abs_diff(timestamp) > TOLERANCE_SECONDS {
        "signature good, but its timestamp is more than five minutes off"
    } else {
        "signature good"
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "must be a number of seconds".to_owned())?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(delay) if delay <= Duration::from_secs(86_400) => Ok(delay),
        _ => Err("must be from 0 to 86400".to_owned()),
    }
}

/// Secrets are looked at later: clap's errors would show them.
fn secret(text: &str) -> Result<SecretString, Infallible> {
    Ok(SecretString::from(text))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
