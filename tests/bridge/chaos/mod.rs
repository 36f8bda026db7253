//! A practice at work while everything breaks that can break, in an order that a seed decides: in the end every
//! subscriber knows every row's last state, and every deletion.
//!
//! `scripts/chaos MINUTES [SEED]` does so for as long as one likes.

mod books;
mod fault;
mod mood;
mod stage;

use std::time::{Duration, Instant};

use opendental_cdc::sandbox::Release;

use crate::workload::seed;
use stage::{Report, Stage};

/// How long the faults of a short run go on, and of each part of the long one.
const SHORT: Duration = Duration::from_secs(15);
const LONG: Duration = Duration::from_secs(100);

/// Whether the server's log outlives everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Log {
    /// It does: everything that was committed arrives, deletions and all.
    Kept,
    /// It is purged, begun anew, or another server's: what has a new stamp arrives.
    Lost,
}

async fn run(release: Release, log: Log, seed: u64, faults_for: Duration) -> Option<Report> {
    if !release.is_available() {
        println!("NOT TESTED: there is no {release} here; scripts/fetch-servers gets it");
        return None;
    }
    println!("SEED={seed}: {release}, log {log:?}");
    let mut stage = Stage::open(release, log, seed).await;
    let until = Instant::now() + faults_for;
    while Instant::now() < until {
        stage.fault().await;
    }
    let report = stage.settle().await;
    println!("SEED={seed}: {release}, log {log:?}: {report}; 0 lost");
    Some(report)
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_while_the_log_is_kept() {
    run(Release::MariaDb10_11, Log::Kept, 1, SHORT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_with_a_stamp_is_lost_with_the_log() {
    run(Release::MariaDb10_11, Log::Lost, seed(), SHORT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_on_mysql() {
    let seed = seed();
    run(Release::MySql9_7, if seed.is_multiple_of(2) { Log::Kept } else { Log::Lost }, seed, SHORT).await;
}

/// `CHAOS_MINUTES` of it, by `SEED` or any.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "as long as one likes: scripts/chaos"]
async fn nothing_is_lost_in_the_long_run() {
    let minutes = std::env::var("CHAOS_MINUTES").ok().and_then(|text| text.parse().ok()).unwrap_or(10);
    let until = Instant::now() + Duration::from_secs(60 * minutes);
    let mut all = Report::default();
    let mut part = seed();
    while Instant::now() < until {
        let release = if part % 4 < 3 { Release::MariaDb10_11 } else { Release::MySql9_7 };
        let log = if (part / 4).is_multiple_of(2) { Log::Kept } else { Log::Lost };
        if let Some(report) = run(release, log, part, LONG).await {
            all.add(&report);
        }
        part = part.wrapping_add(1);
    }
    println!("in all: {all}; 0 lost");
}
