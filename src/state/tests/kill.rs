//! kill -9 in the middle of commits, with this test binary as its own victim.

use std::{
    env,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use super::{full, place};
use crate::state::{Changes, SavedSubscription, State};

/// The variable that tells the victim its file.
const FILE: &str = "STATE_FILE_OF_THE_VICTIM";
/// So many that a commit takes longer than a kill.
const SUBSCRIPTIONS: i64 = 300;

/// The number that every subscription in the file has; 0 if there are none.
async fn number(state: &mut State) -> u64 {
    let saved = state.load().await.unwrap().subscriptions;
    let number = saved.first().map_or(0, |first| first.window_number);
    assert!(saved.iter().all(|saved| saved.window_number == number), "a commit is there in part");
    number
}

#[tokio::test]
#[ignore = "the victim of the test below"]
async fn commits_until_it_is_killed() {
    let Some(path) = env::var_os(FILE) else { return };
    let mut state = State::open(Path::new(&path)).await.unwrap();
    let mut done = number(&mut state).await;
    loop {
        done += 1;
        let upsert = (0..SUBSCRIPTIONS).map(|num| SavedSubscription { window_number: done, ..full(num) }).collect();
        state.commit(&Changes { upsert, ..Changes::default() }).await.unwrap();
        println!("committed {done}");
    }
}

#[tokio::test]
async fn w6_kill_9_loses_nothing_that_was_committed_and_leaves_the_file_free() {
    let (_folder, path) = place();
    let mut before = 0;
    for (commits, pause) in [(1, 0), (2, 1), (5, 3), (3, 5), (1, 8), (4, 13)] {
        let mut victim = Command::new(env::current_exe().unwrap())
            .args(["--exact", "--ignored", "--nocapture", "state::tests::kill::commits_until_it_is_killed"])
            .env(FILE, &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut committed = 0;
        // To the very last line, since the victim may go on until the signal reaches it.
        for line in BufReader::new(victim.stdout.take().unwrap()).lines() {
            // The test runner does not end the line in which it names the test.
            let line = line.unwrap();
            let Some((_, number)) = line.rsplit_once("committed ") else { continue };
            committed = number.parse().unwrap();
            if committed == before + commits {
                // Not to wait for anything, but to hit the next commit at another place each time.
                thread::sleep(Duration::from_millis(pause));
                victim.kill().unwrap();
            }
        }
        victim.wait().unwrap();
        assert!(committed >= before + commits, "the victim ended by itself");
        let mut state = State::open(&path).await.unwrap();
        before = number(&mut state).await;
        assert!(before == committed || before == committed + 1, "committed {committed}, found {before}");
    }
}
