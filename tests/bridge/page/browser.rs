//! A real browser: Chromium without a window, driven by its DevTools protocol over two pipes.
//!
//! <https://chromedevtools.github.io/devtools-protocol/>: each message is JSON and ends with a zero byte.

use std::{
    collections::HashMap,
    io::{self, BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

/// By what names the browser may be there; `scripts/test` installs the first.
const PROGRAMS: [&str; 4] = ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"];

/// The one that all tests share while any of them runs.
static SHARED: Mutex<Weak<Browser>> = Mutex::new(Weak::new());

/// Ends with its last owner, or when this process ends in whatever way: its pipes are closed then.
pub(crate) struct Browser {
    child: Mutex<Child>,
    pipe: Mutex<ChildStdin>,
    waiting: Arc<Waiting>,
    count: AtomicU64,
    _profile: tempfile::TempDir,
}

#[derive(Default)]
struct Waiting {
    answers: Mutex<HashMap<u64, oneshot::Sender<Value>>>,
    /// Who hears what happens in a tab, by its session.
    events: Mutex<HashMap<String, mpsc::UnboundedSender<Value>>>,
}

impl Browser {
    /// `None`, and a line that says so, where there is none.
    pub(crate) fn shared() -> Option<Arc<Self>> {
        let mut shared = SHARED.lock().unwrap();
        if let Some(browser) = shared.upgrade() {
            return Some(browser);
        }
        let Some(browser) = PROGRAMS.iter().find_map(|program| Self::start(program)) else {
            println!("the status page was NOT tested: there is no Chromium here");
            return None;
        };
        let browser = Arc::new(browser);
        *shared = Arc::downgrade(&browser);
        Some(browser)
    }

    fn start(program: &str) -> Option<Self> {
        Command::new(program).arg("--version").output().ok().filter(|output| output.status.success())?;
        let profile = tempfile::tempdir().unwrap();
        // It reads from descriptor 3 and writes to 4, which only a shell can give it here.
        let mut child = Command::new("sh")
            .args(["-c", r#"exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null 2>&1"#, program])
            .args(["--headless", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
            .args(["--no-first-run", "--force-color-profile=srgb"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (pipe, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let waiting = Arc::new(Waiting::default());
        let listening = waiting.clone();
        thread::spawn(move || listen(output, &listening));
        let (child, pipe) = (Mutex::new(child), Mutex::new(pipe));
        Some(Self { child, pipe, waiting, count: AtomicU64::new(1), _profile: profile })
    }

    /// The answer to a command, in the browser itself or in the tab of `session`.
    pub(crate) async fn ask(&self, session: Option<&str>, method: &str, parameters: Value) -> Value {
        self.try_ask(session, method, parameters).await.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// The same for a command that may fail.
    pub(crate) async fn try_ask(
        &self,
        session: Option<&str>,
        method: &str,
        parameters: Value,
    ) -> Result<Value, String> {
        let id = self.count.fetch_add(1, Ordering::Relaxed);
        let (sender, answer) = oneshot::channel();
        self.waiting.answers.lock().unwrap().insert(id, sender);
        let mut command = json!({ "id": id, "method": method, "params": parameters });
        if let Some(session) = session {
            command["sessionId"] = session.into();
        }
        self.send(&command).unwrap();
        let answer = answer.await.expect("the browser has ended");
        match answer.get("error") {
            Some(error) => Err(error.to_string()),
            None => Ok(answer["result"].clone()),
        }
    }

    /// A command to the browser itself whose answer nobody waits for.
    pub(crate) fn tell(&self, method: &str, parameters: Value) {
        let id = self.count.fetch_add(1, Ordering::Relaxed);
        // It may have ended.
        let _ = self.send(&json!({ "id": id, "method": method, "params": parameters }));
    }

    fn send(&self, command: &Value) -> io::Result<()> {
        let mut pipe = self.pipe.lock().unwrap_or_else(PoisonError::into_inner);
        pipe.write_all(format!("{command}\0").as_bytes())?;
        pipe.flush()
    }

    /// What happens in the tab of `session` from now on.
    pub(crate) fn events(&self, session: &str) -> mpsc::UnboundedReceiver<Value> {
        let (sender, events) = mpsc::unbounded_channel();
        self.waiting.events.lock().unwrap().insert(session.to_owned(), sender);
        events
    }
}

fn listen(output: ChildStdout, waiting: &Waiting) {
    for message in BufReader::new(output).split(0) {
        let Some(message) = message.ok().and_then(|message| serde_json::from_slice::<Value>(&message).ok()) else {
            break;
        };
        if let Some(id) = message["id"].as_u64() {
            if let Some(answer) = waiting.answers.lock().unwrap().remove(&id) {
                // A test that has failed does not wait for it any more.
                let _ = answer.send(message);
            }
        } else if let Some(session) = message["sessionId"].as_str() {
            let mut events = waiting.events.lock().unwrap();
            if events.get(session).is_some_and(|events| events.send(message.clone()).is_err()) {
                events.remove(session);
            }
        }
    }
    // Whoever waits is told that nothing comes.
    waiting.answers.lock().unwrap().clear();
}

impl Drop for Browser {
    fn drop(&mut self) {
        let child = self.child.get_mut().unwrap();
        // It may have ended already.
        let _ = child.kill();
        let _ = child.wait();
    }
}
