//! What each side told, and whether the bridge told what polling did, in time.

use std::{
    collections::{HashMap, VecDeque},
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher},
    time::{Duration, Instant},
};

use mysql_async::{Conn, prelude::Queryable};
use serde_json::Value;

use super::sides::Side;
use crate::{
    office::{Event, Office},
    proxy::{Fate, Proxy},
    workload::{
        Told, Written,
        watched::{self, State},
    },
};

/// Longest wait for something that must happen; on a busy machine it takes seconds, never this long.
const PATIENCE: Duration = Duration::from_secs(90);

/// How often the two are looked at.
const LOOK: Duration = Duration::from_millis(50);

pub(super) struct Comparison {
    office: Office,
    session: Conn,
    told: Told,
    /// What polling sent and the bridge must have sent by a certain window, in the order of arrival.
    due: [VecDeque<Sent>; watched::ALL.len()],
    /// Elements of polling whose rows were gone when the bridge's window closed, or left it for the next.
    gone: usize,
    left: usize,
    /// What the bridge did not send.
    lost: Vec<String>,
    /// A digest of the JSON of each state of a row.
    shown: HashMap<(usize, i64, i64), u64>,
    events: [usize; 2],
    elements: [usize; 2],
    /// DateTimeStart of each subscription, in seconds since 1970.
    starts: HashMap<i64, i64>,
}

/// An element of polling.
struct Sent {
    key: i64,
    state: State,
    /// When it had arrived, in seconds since 1970, rounded up; later when it had left a window.
    by: i64,
    /// Windows of the bridge that it has left.
    windows: i64,
}

impl Comparison {
    pub(super) async fn new(office: Office) -> Self {
        let session = office.connect().await;
        Self {
            office,
            session,
            told: Told::default(),
            due: Default::default(),
            gone: 0,
            left: 0,
            lost: Vec::new(),
            shown: HashMap::new(),
            events: [0; 2],
            elements: [0; 2],
            starts: HashMap::new(),
        }
    }

    /// Half of the time the log comes late: no window may close over what is still under way (rule W2).
    pub(super) async fn go_on_for(&mut self, long: Duration, proxy: &Proxy) {
        let began = Instant::now();
        while began.elapsed() < long {
            let is_late = began.elapsed().as_secs() % 4 >= 2;
            proxy.dumps(if is_late { Fate::Silent } else { Fate::Forwarded });
            self.look().await;
        }
        proxy.dumps(Fate::Forwarded);
    }

    /// Goes on until both sides have told all that they will of what was written before.
    pub(super) async fn come_to_rest(&mut self) {
        let now: i64 = self.session.query_first("SELECT UNIX_TIMESTAMP()").await.unwrap().unwrap();
        let until = Instant::now() + PATIENCE;
        // A poll that ends later than this second has seen all of it, and sent what it ever will.
        while self.starts.values().any(|start| *start <= now + 1) || self.due.iter().any(|due| !due.is_empty()) {
            assert!(Instant::now() < until, "DateTimeStart does not move: {:?}, now {now}", self.starts);
            self.look().await;
        }
    }

    /// Looks at DateTimeStart, then takes in what arrived: all events of a window arrive before its end is written.
    async fn look(&mut self) {
        tokio::time::sleep(LOOK).await;
        let starts = "SELECT ApiSubscriptionNum, UNIX_TIMESTAMP(DateTimeStart) FROM apisubscription";
        let starts: Vec<(i64, i64)> = self.session.query(starts).await.unwrap();
        while let Some(received) = self.office.receiver.try_next() {
            self.learn(&Event::new(received));
        }
        self.starts = starts.into_iter().collect();
        for index in 0..watched::ALL.len() {
            self.check(index).await;
        }
    }

    fn learn(&mut self, event: &Event) {
        let (side, index) = Side::of(event.subscription());
        let table = watched::ALL[index];
        self.told.learn(event.subscription(), table, &event.elements);
        self.events[side as usize] += 1;
        self.elements[side as usize] += event.elements.len();
        let by = event.received.at.timestamp() + 1;
        for element in &event.elements {
            let (key, state) = table.row(element);
            self.compare(index, key, &state, element);
            if side == Side::Polling {
                self.due[index].push_back(Sent { key, state, by, windows: 0 });
            }
        }
    }

    /// The same state of a row is the same JSON, whoever tells it, but for what has no part in the state.
    fn compare(&mut self, index: usize, key: i64, state: &State, element: &Value) {
        let mut element = element.clone();
        // Names that begin so are of other tables.
        element.as_object_mut().unwrap().retain(|name, _| !name.starts_with(|first: char| first.is_lowercase()));
        let digest = BuildHasherDefault::<DefaultHasher>::default().hash_one(element.to_string());
        let known = *self.shown.entry((index, key, state.count)).or_insert(digest);
        assert_eq!(known, digest, "{} {key} was told in another way before: {element}", watched::ALL[index]);
    }

    /// A window of the bridge that ends after an element of polling arrived holds what polling had read, unless the row
    /// was changed again before it was sent: then the next one does (rule W6), and so on.
    async fn check(&mut self, index: usize) {
        let subscription = Side::Bridge.subscription(index);
        let Some(start) = self.starts.get(&subscription).copied() else { return };
        let mut missing = Vec::new();
        while let Some(sent) = self.due[index].pop_front_if(|sent| sent.by <= start) {
            let told = self.told.last(subscription, sent.key);
            if told.is_none_or(|told| told.count < sent.state.count) {
                missing.push(sent);
            }
        }
        if missing.is_empty() {
            return;
        }
        let rows = watched::ALL[index].rows(&mut self.session).await;
        for mut sent in missing {
            sent.windows += 1;
            match rows.get(&sent.key) {
                Some(now) if !now.is_of_the_same_row(&sent.state) => self.gone += 1,
                None => self.gone += 1,
                Some(now) if now.count < sent.state.count + sent.windows => {
                    self.lost.push(format!("{} {} in time (polling did)", watched::ALL[index], sent.key));
                }
                Some(_) => {
                    self.left += 1;
                    sent.by = start + 1;
                    self.due[index].push_back(sent);
                }
            }
        }
    }

    /// Compares with what is there now, and prints what either lost.
    pub(super) async fn judge(mut self, of: &str, written: &Written) {
        let (mut unseen, mut all) = (0, 0);
        for (index, table) in watched::ALL.into_iter().enumerate() {
            let rows = table.rows(&mut self.session).await;
            all += rows.len();
            let lacking = self.told.lacks(Side::Bridge.subscription(index), &rows);
            self.lost.extend(lacking.iter().map(|key| format!("the last state of {table} {key}")));
            unseen += self.told.lacks(Side::Polling.subscription(index), &rows).len();
        }
        println!(
            "{of}: {} statements, {} transactions, {} rows changed, {all} rows at the end",
            written.statements, written.transactions, written.rows
        );
        println!(
            "polling: {} events, {} elements, lost the last state of {unseen} rows",
            self.events[0], self.elements[0]
        );
        println!("bridge:  {} events, {} elements, lost {}", self.events[1], self.elements[1], self.lost.len());
        println!(
            "of polling's elements, {} were of rows that were gone when the bridge's window closed, and {} of rows that \
             were changed again and left it for the next",
            self.gone, self.left
        );
        assert!(self.lost.is_empty(), "{of}: the bridge did not send {:#?}", self.lost);
    }
}
