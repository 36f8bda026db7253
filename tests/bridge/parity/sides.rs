//! The two that are compared: each polls or reads for a Workstation of its own.

use opendental_cdc::{
    bridge::Bridge,
    config::{Config, Engine},
    polling::Polling,
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{office::Office, workload::watched};

/// Who sends a subscription's events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Polling,
    Bridge,
}

/// Subscriptions of the bridge are numbered from here on, those of polling from 1.
const BRIDGE: i64 = 100;

impl Side {
    pub(super) const BOTH: [Self; 2] = [Self::Polling, Self::Bridge];

    /// The number of its subscription to the table at `index` of [`watched::ALL`].
    pub(super) fn subscription(self, index: usize) -> i64 {
        let first = if self == Self::Polling { 1 } else { BRIDGE };
        first + i64::try_from(index).unwrap()
    }

    /// Whose subscription this is, and to which of [`watched::ALL`].
    pub(super) fn of(subscription: i64) -> (Self, usize) {
        let (side, first) = if subscription < BRIDGE { (Self::Polling, 1) } else { (Self::Bridge, BRIDGE) };
        (side, usize::try_from(subscription - first).unwrap())
    }

    fn workstation(self) -> &'static str {
        match self {
            Self::Polling => "POLLING",
            Self::Bridge => "BRIDGE",
        }
    }

    fn config(self, office: &Office) -> Config {
        let engine = if self == Self::Polling { Engine::Polling } else { Engine::Binlog };
        Config { workstation: self.workstation().to_owned(), engine, ..Config::from_toml(&office.toml()).unwrap() }
    }
}

/// Both at work.
pub(super) struct Sides {
    stop: CancellationToken,
    tasks: [JoinHandle<()>; 2],
}

impl Sides {
    /// Subscribes each to every table, from before the first rows on, and starts them. Returns when each has served all
    /// of its subscriptions: of what was written before, a catch-up would miss rows with older stamps, as polling does.
    pub(super) async fn start(office: &Office) -> Self {
        for side in Side::BOTH {
            for (index, table) in watched::ALL.into_iter().enumerate() {
                let num = side.subscription(index);
                let (url, seconds) = (office.receiver.url(&format!("/{num}/")), 1 + index % 3);
                let row = format!(
                    "INSERT INTO apisubscription (ApiSubscriptionNum, EndPointUrl, Workstation, CustomerKey, \
                     WatchTable, PollingSeconds, UiEventType, DateTimeStart, Note) VALUES ({num}, '{url}', '{}', \
                     'key', '{}', {seconds}, '', NOW() - INTERVAL 1 HOUR, '')",
                    side.workstation(),
                    table.watch
                );
                office.exec(&row).await;
            }
        }
        let stop = CancellationToken::new();
        let polling = Polling::new(Side::Polling.config(office)).run(stop.clone());
        let bridge = Bridge::new(Side::Bridge.config(office)).run(stop.clone());
        let polling = tokio::spawn(async move { polling.await.unwrap() });
        let bridge = tokio::spawn(async move { bridge.await.unwrap() });
        for num in
            Side::BOTH.into_iter().flat_map(|side| (0..watched::ALL.len()).map(move |index| side.subscription(index)))
        {
            let start = "SELECT 1 FROM apisubscription WHERE DateTimeStart > NOW() - INTERVAL 10 MINUTE";
            let query = format!("{start} AND ApiSubscriptionNum={num}");
            office.until("both serve their subscriptions", async || office.value(&query).await).await;
        }
        Self { stop, tasks: [polling, bridge] }
    }

    pub(super) async fn stop(self) {
        self.stop.cancel();
        for task in self.tasks {
            task.await.unwrap();
        }
    }
}
