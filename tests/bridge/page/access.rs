//! Who gets to see the page, and whose presses of its buttons count.

use reqwest::{Client, StatusCode, header, redirect::Policy};

use super::{Address, tab::Tab};
use crate::office::Office;

const TOKEN: &str = "correct-horse-battery-staple";

fn client() -> Client {
    // The URLs are all http, but the library wants to know.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().redirect(Policy::none()).build().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_token_everybody_has_to_log_in() {
    let Some(mut tab) = Tab::open().await else { return };
    let (office, address) = (Office::open().await, Address::free());
    office.subscribe(1, "Appointment", 1).await;
    let bridge = address.bridge_with(&office, |config| config.http.admin_token = TOKEN.into()).await;
    tab.go(&address.url("/")).await;
    tab.until("location.pathname === '/login'").await;
    assert!(!tab.text("body").await.contains("Appointment"), "nothing of the practice is shown");
    tab.type_into("#token", "wrong-horse-battery-staple").await;
    tab.click("main button").await;
    tab.until_it_says("That is not the token that http.admin_token says.").await;
    tab.type_into("#token", TOKEN).await;
    tab.click("main button").await;
    tab.until("location.pathname === '/' && document.querySelector('#subscription-1') !== null").await;
    tab.until("document.querySelector('#liveness').innerText === 'Live'").await;
    assert_eq!(tab.value("document.cookie").await, "", "no script can read the session");
    tab.click(".aside button").await;
    tab.until("location.pathname === '/login'").await;
    tab.go(&address.url("/subscriptions/1")).await;
    tab.until("location.pathname === '/login'").await;
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_session_is_kept_from_scripts_and_from_other_sites() {
    let (office, address) = (Office::open().await, Address::free());
    let bridge = address.bridge_with(&office, |config| config.http.admin_token = TOKEN.into()).await;
    let log_in = |origin: &'static str| {
        let form = client().post(address.url("/login")).header("content-type", "application/x-www-form-urlencoded");
        form.header("sec-fetch-site", origin).body(format!("token={TOKEN}")).send()
    };
    assert_eq!(log_in("cross-site").await.unwrap().status(), StatusCode::FORBIDDEN);
    let answer = log_in("same-origin").await.unwrap();
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    let cookie = answer.headers()[header::SET_COOKIE].to_str().unwrap().to_owned();
    assert!(cookie.contains("; HttpOnly") && cookie.contains("; SameSite=Strict"), "{cookie}");
    let session = cookie.split(';').next().unwrap().to_owned();
    for (session, status) in [(session.as_str(), 200), ("cdc_session=9999999999.00", 401), ("", 401)] {
        for path in ["/", "/live", "/subscriptions/1"] {
            let answer = client().get(address.url(path)).header(header::COOKIE, session).send().await.unwrap();
            let is_unknown = status == 200 && path == "/subscriptions/1";
            assert_eq!(answer.status().as_u16(), if is_unknown { 404 } else { status }, "{path}");
        }
    }
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_the_page_is_shown_on_this_machine_only() {
    let (office, address) = (Office::open().await, Address::free());
    office.subscribe(1, "Appointment", 1).await;
    let bridge = address.bridge(&office).await;
    let page = |name: &'static str, value: &'static str| {
        let client = client();
        let request = client.get(address.url("/")).header(name, value);
        async move { request.send().await.unwrap() }
    };
    assert_eq!(page("accept", "text/html").await.status(), StatusCode::OK);
    for name in ["x-forwarded-for", "forwarded", "via"] {
        let answer = page(name, "192.0.2.7").await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN);
        assert!(!answer.text().await.unwrap().contains("Appointment"));
    }
    assert_eq!(page("host", "evil.example").await.status(), StatusCode::MISDIRECTED_REQUEST, "DNS rebinding");
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_sites_cannot_press_the_buttons() {
    let Some(tab) = Tab::open().await else { return };
    let (office, address) = (Office::open().await, Address::free());
    office.subscribe(1, "Appointment", 3600).await;
    let bridge = address.bridge(&office).await;
    let before = office.date_time_start(1).await;
    // A page from elsewhere that sends a form as its reader, who may.
    let form = format!(
        "const f = document.createElement('form'); f.method = 'post'; f.action = '{}'; \
         f.innerHTML = '<input name=from value=2020-01-01T00:00><input name=form_token value=guess>'; \
         document.body.append(f); setTimeout(() => f.submit())",
        address.url("/subscriptions/1/rewind")
    );
    tab.value(&form).await;
    tab.until_it_says("This was not sent from a page of this bridge, so nothing was done.").await;
    // One that could make the browser say otherwise does not know the token of our forms.
    let guess = client()
        .post(address.url("/subscriptions/1/rewind"))
        .header("content-type", "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "same-origin")
        .body("from=2020-01-01T00:00&form_token=00");
    assert_eq!(guess.send().await.unwrap().status(), StatusCode::FORBIDDEN);
    assert_eq!(office.date_time_start(1).await, before);
    // It cannot be shown inside of another page, and no script of others would run.
    let answer = client().get(address.url("/")).send().await.unwrap();
    let policy = answer.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{policy}");
    bridge.stop().await;
}
