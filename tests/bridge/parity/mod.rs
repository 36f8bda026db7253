//! Polling and the bridge side by side, each with subscriptions of its own, while a practice is at work: whatever polling
//! sends, the bridge sends too, in the window that polling would have used or the next. What polling loses is counted.
//!
//! `scripts/parity SECONDS [SEED]` does it for long.

mod comparison;
mod sides;

use std::{sync::Arc, time::Duration};

use comparison::Comparison;
use opendental_cdc::{
    opendental::schema::Engine,
    sandbox::{MariaDb, MySql, Options, Release, Server},
};
use sides::Sides;

use crate::{
    office::Office,
    proxy::Proxy,
    workload::{Workload, seed},
};

fn options() -> Options {
    Options::default().zone("America/New_York").arg("--sql-mode=")
}

#[tokio::test(flavor = "multi_thread")]
async fn w2_whatever_polling_sends_the_bridge_sends_by_the_next_window_on_mariadb() {
    side_by_side(MariaDb::start(options()).await.unwrap(), seed(), Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w2_whatever_polling_sends_the_bridge_sends_by_the_next_window_on_mysql() {
    if !MySql::is_available() {
        println!("MySQL was NOT tested: scripts/fetch-servers has not brought it");
        return;
    }
    side_by_side(MySql::start(options()).await.unwrap(), seed(), Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes as long as it is told to: scripts/parity"]
async fn for_long() {
    let seconds = std::env::var("PARITY_SECONDS").ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(60);
    let releases: Vec<Release> = Release::ALL.into_iter().filter(|release| release.is_available()).collect();
    let share = Duration::from_secs(seconds) / u32::try_from(releases.len()).unwrap();
    let seed = seed();
    for (round, release) in (0..).zip(releases) {
        println!("{release}:");
        side_by_side(release.start(options()).await.unwrap(), seed.wrapping_add(round), share).await;
    }
}

async fn side_by_side(server: Server, seed: u64, long: Duration) {
    println!("SEED={seed}");
    let mut office = Office::on(Arc::new(server), Engine::MyIsam).await;
    let proxy = Proxy::before(office.server.port()).await;
    office.behind(proxy.port);
    let workload = Workload::new(seed);
    workload.prepare(&mut office.connect().await).await;
    let sides = Sides::start(&office).await;
    let writing = workload.start(&office.server.url(&office.database));
    let mut comparison = Comparison::new(office).await;
    comparison.go_on_for(long, &proxy).await;
    let written = writing.stop().await;
    comparison.come_to_rest().await;
    sides.stop().await;
    comparison.judge(&format!("seed {seed}, {} s", long.as_secs()), &written).await;
}
