//! One tab of the browser, with cookies of its own, and what went wrong in it.

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tokio::{sync::mpsc, time::timeout};

use super::browser::Browser;

/// Longest wait for something that must happen; on a busy machine it takes seconds, never this long.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Tab {
    browser: Arc<Browser>,
    context: String,
    session: String,
    events: mpsc::UnboundedReceiver<Value>,
}

/// How large the window is, and how dark.
#[derive(Clone, Copy)]
pub(crate) struct Screen {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) is_phone: bool,
    pub(crate) is_dark: bool,
}

impl Screen {
    pub(crate) const DESKTOP: Self = Self { width: 1280, height: 900, is_phone: false, is_dark: false };
    pub(crate) const PHONE: Self = Self { width: 360, height: 740, is_phone: true, is_dark: false };

    pub(crate) fn dark(self) -> Self {
        Self { is_dark: true, ..self }
    }
}

impl Tab {
    /// `None` where there is no browser.
    pub(crate) async fn open() -> Option<Self> {
        let browser = Browser::shared()?;
        let context = browser.ask(None, "Target.createBrowserContext", json!({})).await;
        let context = context["browserContextId"].as_str().unwrap().to_owned();
        let page = json!({ "url": "about:blank", "browserContextId": context });
        let target = browser.ask(None, "Target.createTarget", page).await["targetId"].clone();
        let attached = json!({ "targetId": target, "flatten": true });
        let session = browser.ask(None, "Target.attachToTarget", attached).await;
        let session = session["sessionId"].as_str().unwrap().to_owned();
        let events = browser.events(&session);
        let tab = Self { browser, context, session, events };
        for room in ["Page", "Runtime", "Log", "Network", "Audits"] {
            tab.ask(&format!("{room}.enable"), json!({})).await;
        }
        tab.show_on(Screen::DESKTOP).await;
        Some(tab)
    }

    pub(crate) async fn ask(&self, method: &str, parameters: Value) -> Value {
        self.try_ask(method, parameters).await.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    async fn try_ask(&self, method: &str, parameters: Value) -> Result<Value, String> {
        let answer = self.browser.try_ask(Some(&self.session), method, parameters);
        timeout(PATIENCE, answer).await.unwrap_or_else(|_| panic!("the browser does not answer {method}"))
    }

    pub(crate) async fn show_on(&self, screen: Screen) {
        let Screen { width, height, is_phone, is_dark } = screen;
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": is_phone });
        self.ask("Emulation.setDeviceMetricsOverride", size).await;
        let scheme = if is_dark { "dark" } else { "light" };
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.ask("Emulation.setEmulatedMedia", json!({ "features": features })).await;
    }

    pub(crate) async fn without_scripts(&self) {
        self.ask("Emulation.setScriptExecutionDisabled", json!({ "value": true })).await;
    }

    /// Opens an address and waits until the page is there.
    pub(crate) async fn go(&mut self, url: &str) {
        let answer = self.ask("Page.navigate", json!({ "url": url })).await;
        assert!(answer.get("errorText").is_none(), "{url}: {answer}");
        self.until("document.readyState === 'complete' && location.href !== 'about:blank'").await;
    }

    /// The value of a JavaScript expression.
    pub(crate) async fn value(&self, expression: &str) -> Value {
        self.try_value(expression).await.unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    async fn try_value(&self, expression: &str) -> Result<Value, String> {
        let question = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        // It is refused while the tab goes from one page to the next.
        let answer = self.try_ask("Runtime.evaluate", question).await?;
        match answer.get("exceptionDetails") {
            Some(error) => Err(error.to_string()),
            None => Ok(answer["result"]["value"].clone()),
        }
    }

    pub(crate) async fn text(&self, selector: &str) -> String {
        let selector = Value::from(selector);
        self.value(&format!("document.querySelector({selector}).innerText")).await.as_str().unwrap().to_owned()
    }

    /// Waits until a JavaScript expression is true, also over a change of pages.
    pub(crate) async fn until(&self, expression: &str) {
        let waiting = async {
            // An expression fails while the page that it is about is not there.
            while self.try_value(expression).await != Ok(Value::Bool(true)) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        if timeout(PATIENCE, waiting).await.is_err() {
            let shown = self.try_value("document.body.innerText").await;
            panic!("waited in vain: {expression}; the page says {shown:?}");
        }
    }

    /// Waits until the page says this.
    pub(crate) async fn until_it_says(&self, text: &str) {
        self.until(&format!("document.body.innerText.includes({})", Value::from(text))).await;
    }

    /// Clicks where an element is, as a mouse does.
    pub(crate) async fn click(&self, selector: &str) {
        let place = format!(
            "(() => {{ const e = document.querySelector({}); e.scrollIntoView({{ block: 'center' }}); \
             const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; }})()",
            Value::from(selector)
        );
        let place = self.value(&place).await;
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({ "type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1 });
            self.ask("Input.dispatchMouseEvent", event).await;
        }
    }

    pub(crate) async fn type_into(&self, selector: &str, text: &str) {
        self.value(&format!("document.querySelector({}).focus()", Value::from(selector))).await;
        self.ask("Input.insertText", json!({ "text": text })).await;
    }

    /// What the browser complained of since it was last asked: errors of scripts, breaches of the policy, requests that
    /// failed.
    pub(crate) fn complaints(&mut self) -> Vec<String> {
        let mut complaints = Vec::new();
        while let Ok(event) = self.events.try_recv() {
            let what = &event["params"];
            let is_complaint = match event["method"].as_str().unwrap_or_default() {
                "Runtime.exceptionThrown" => true,
                "Runtime.consoleAPICalled" => what["type"] == "error" || what["type"] == "warning",
                "Log.entryAdded" => what["entry"]["level"] == "error" || what["entry"]["level"] == "warning",
                "Audits.issueAdded" => what["issue"]["code"] != "QuirksModeIssue",
                _ => false,
            };
            if is_complaint {
                complaints.push(event.to_string());
            }
        }
        complaints
    }

    /// A picture of what is shown, as PNG.
    pub(crate) async fn picture(&self) -> Vec<u8> {
        let picture = self.ask("Page.captureScreenshot", json!({ "format": "png" })).await;
        STANDARD.decode(picture["data"].as_str().unwrap()).unwrap()
    }
}

impl Drop for Tab {
    fn drop(&mut self) {
        // Its page may follow a bridge that is to end; the next test has a context of its own.
        let context = json!({ "browserContextId": self.context });
        self.browser.tell("Target.disposeBrowserContext", context);
    }
}
