//! What the guard lets through, by every way in which an address can be written, and by names whose address changes.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// A look-up that gives one answer after the other, and the last one again and again.
pub(in crate::delivery) struct Answers {
    answers: Mutex<Vec<Vec<IpAddr>>>,
    pub(in crate::delivery) asked: AtomicUsize,
}

impl Answers {
    pub(in crate::delivery) fn new(answers: &[&[&str]]) -> Arc<Self> {
        let parse = |texts: &&[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        Arc::new(Self { answers: Mutex::new(answers.iter().map(parse).collect()), asked: AtomicUsize::new(0) })
    }
}

impl Resolve for Answers {
    fn resolve(&self, _: Name) -> Resolving {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let mut answers = self.answers.lock().unwrap();
        let answer = if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() };
        Box::pin(async move { Ok(Box::new(answer.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs) })
    }
}

fn rules(texts: &[&str]) -> Vec<EndpointRule> {
    texts.iter().map(|text| EndpointRule::parse(text).unwrap()).collect()
}

/// A guard that denies what is listed, beside what it always denies.
pub(in crate::delivery) fn denying(deny: &[&str], names: Arc<Answers>) -> Guard {
    guard(&[], deny, Vec::new(), names)
}

fn guard(allow: &[&str], deny: &[&str], own: Vec<OwnPort>, names: Arc<Answers>) -> Guard {
    Guard::with(rules(allow), rules(deny), own, names)
}

/// A guard of the whole configuration `toml`, with `mysql.url` at a host that no endpoint is on.
fn configured(toml: &str) -> Guard {
    let least = "workstation = 'W'\nmysql.url = 'mysql://u:p@192.0.2.200/d'\n";
    Guard::new(&Config::from_toml(&format!("{least}{toml}")).unwrap())
}

async fn denied(guard: &Guard, url: &str) -> String {
    match guard.addresses(url).await {
        Err(Failure { kind: FailureKind::Denied, reason, .. }) => reason,
        other => panic!("{url}: {other:?}"),
    }
}

#[tokio::test]
async fn credentials_of_clouds_are_denied_however_their_address_is_written() {
    let guard = configured("");
    for host in [
        "169.254.169.254",
        "169.254.169.254.",
        "169.254.170.2",
        "2852039166",
        "0xa9fea9fe",
        "0xA9.0xFE.0xA9.0xFE",
        "0251.0376.0251.0376",
        "169.16689662",
        "%31%36%39.254.169.254",
        "１６９.254.169.254",
        "[::ffff:169.254.169.254]",
        "[::ffff:a9fe:a9fe]",
        "[::169.254.169.254]",
        "[64:ff9b::169.254.169.254]",
        "[2002:a9fe:a9fe::]",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "[fd20:ce::254]",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "metadata.google.internal",
        "Metadata.Google.Internal.",
        "metadata.goog",
    ] {
        for url in [format!("http://{host}/"), format!("https://user@{host}:8443/latest/meta-data")] {
            let reason = denied(&guard, &url).await;
            assert!(
                reason.starts_with("not sent: ") && reason.contains("clouds") || reason.contains("a cloud"),
                "{reason}"
            );
        }
    }
}

#[tokio::test]
async fn this_machine_and_the_local_network_are_allowed() {
    let guard = configured("");
    for host in
        ["127.0.0.1", "localhost", "[::1]", "10.1.2.3", "192.168.1.5:8080", "[fd12::1]", "203.0.113.7", "0.0.0.0"]
    {
        let addresses = guard.addresses(&format!("http://{host}/hook")).await.unwrap();
        assert!(!addresses.is_empty(), "{host}");
    }
}

#[tokio::test]
async fn a_name_is_judged_by_what_it_turns_out_to_be() {
    let names = Answers::new(&[&["203.0.113.7"], &["169.254.169.254"], &["10.0.0.5", "::ffff:169.254.169.254"]]);
    let guard = guard(&["*.example.com"], &[], Vec::new(), names);
    let url = "https://hooks.example.com/";
    assert_eq!(guard.addresses(url).await.unwrap(), ["203.0.113.7:443".parse().unwrap()]);
    let reason = denied(&guard, url).await;
    assert!(reason.starts_with("not sent: hooks.example.com (169.254.169.254) is a link-local address"), "{reason}");
    assert_eq!(guard.addresses(url).await.unwrap(), ["10.0.0.5:443".parse().unwrap()], "only that one of both");
}

#[tokio::test]
async fn what_is_not_in_allow_is_denied() {
    let names = Answers::new(&[&["10.0.0.5"], &["10.0.0.5"], &["192.0.2.9"]]);
    let guard = guard(&["hooks.example.com", "10.0.0.0/8:8080"], &[], Vec::new(), names);
    assert!(guard.addresses("https://hooks.example.com/").await.is_ok(), "by name");
    assert!(guard.addresses("http://lan.example.com:8080/").await.is_ok(), "by the address of the name");
    assert!(guard.addresses("http://10.9.9.9:8080/").await.is_ok(), "by address");
    let not_in = "is not in delivery.allow";
    assert_eq!(
        denied(&guard, "http://lan.example.com:8080/").await,
        format!("not sent: lan.example.com (192.0.2.9) {not_in}")
    );
    assert_eq!(denied(&guard, "http://lan.example.com/").await, format!("not sent: lan.example.com {not_in}"));
    assert_eq!(denied(&guard, "http://10.9.9.9/").await, format!("not sent: 10.9.9.9 {not_in}"));
    assert_eq!(denied(&guard, "http://[::ffff:192.0.2.9]:8080/").await, format!("not sent: ::ffff:192.0.2.9 {not_in}"));
}

#[tokio::test]
async fn deny_goes_before_allow() {
    let names = Answers::new(&[&["192.0.2.9"]]);
    let guard = guard(&["*"], &["bad.example.com", "192.0.2.0/24", "*:25"], Vec::new(), names);
    for url in [
        "http://bad.example.com/",
        "http://BAD.example.com./",
        "http://good.example.com/",
        "http://192.0.2.1/",
        "http://203.0.113.7:25/",
        "http://[::ffff:192.0.2.1]/",
    ] {
        assert!(denied(&guard, url).await.ends_with(" is in delivery.deny"), "{url}");
    }
    assert!(guard.addresses("http://203.0.113.7/").await.is_ok());
}

#[tokio::test]
async fn what_is_denied_by_default_is_allowed_by_an_address_within_and_by_nothing_wider() {
    for (allow, allowed) in [
        ("169.254.10.5", true),
        ("169.254.0.0/16", true),
        ("169.254.10.5:80", true),
        ("169.254.10.5:81", false),
        ("0.0.0.0/0", false),
        ("*", false),
    ] {
        let guard = configured(&format!("delivery.allow = ['{allow}']"));
        assert_eq!(guard.addresses("http://169.254.10.5/").await.is_ok(), allowed, "{allow}");
    }
}

#[tokio::test]
async fn our_own_ports_are_denied_and_their_neighbours_are_not() {
    let guard = configured("http.listen = '127.0.0.1:30224'\ndelivery.allow = ['*', '127.0.0.1:30224']");
    for host in ["127.0.0.1", "localhost", "[::1]", "127.1", "0.0.0.0", "[::]", "[::ffff:127.0.0.1]"] {
        let reason = denied(&guard, &format!("http://{host}:30224/api/v1/subscriptions")).await;
        assert!(reason.ends_with("is what this bridge listens on itself (http.listen)"), "{reason}");
    }
    for url in ["http://127.0.0.1:30225/", "http://127.0.0.1/", "http://192.0.2.7:30224/", "http://192.0.2.200/"] {
        assert!(guard.addresses(url).await.is_ok(), "{url}");
    }
    let reason = denied(&guard, "http://192.0.2.200:3306/").await;
    assert!(reason.ends_with("is the database server that this bridge reads (mysql.url)"), "{reason}");
    let everywhere = configured("http.listen = '0.0.0.0:30224'");
    denied(&everywhere, "http://127.0.0.1:30224/").await;
    assert!(everywhere.addresses("http://192.0.2.7:30224/").await.is_ok(), "another machine");
}

#[tokio::test]
async fn the_database_server_is_known_by_the_address_of_its_name() {
    let mysql = |host: &str| vec![OwnPort::Mysql { host: host.to_owned(), port: 3307 }];
    // First the endpoint's name, then the server's.
    let apart = guard(&[], &[], mysql("db"), Answers::new(&[&["192.0.2.9"], &["192.0.2.10"]]));
    assert!(apart.addresses("http://hooks.example.com:3307/").await.is_ok());
    let equal = guard(&[], &[], mysql("db"), Answers::new(&[&["192.0.2.9"]]));
    denied(&equal, "http://hooks.example.com:3307/").await;
    assert!(equal.addresses("http://hooks.example.com:3308/").await.is_ok());
    let here = guard(&[], &[], mysql("127.0.0.1"), Answers::new(&[&["192.0.2.9"]]));
    denied(&here, "http://127.0.0.3:3307/").await;
}

#[tokio::test]
async fn what_the_url_tells_is_said_without_a_look_up() {
    let names = Answers::new(&[&["169.254.169.254"]]);
    let own = OwnPort::http(&crate::config::HttpConfig::on("127.0.0.1:30224")).unwrap();
    let guard = guard(&[], &["10.0.0.0/8", "*.evil.example", "[::1]:8080"], vec![own], Arc::clone(&names));
    for (url, why) in [
        ("http://169.254.169.254/latest/", "169.254.169.254 is a link-local address"),
        ("http://[::ffff:169.254.169.254]/", "::ffff:169.254.169.254 is a link-local"),
        ("https://Metadata.Google.Internal./", "always denied"),
        ("https://10.1.2.3/?secret=secret", "10.1.2.3 is in delivery.deny"),
        ("https://hooks.evil.example/", "hooks.evil.example is in delivery.deny"),
        ("http://user:secret@127.0.0.1:30224/", "is what this bridge listens on itself (http.listen)"),
        ("http://localhost:30224/", "localhost ("),
        ("http://a.localhost.:30224/", "is what this bridge listens on itself (http.listen)"),
    ] {
        let denied = guard.denied(url).await.unwrap_or_else(|| panic!("{url}"));
        assert!(denied.contains(why) && !denied.contains("secret"), "{url}: {denied}");
    }
    for url in ["https://example.com/", "http://localhost:8080/", "http://127.0.0.1:8080/", "ftp://10.0.0.1/", "", "x"]
    {
        assert_eq!(guard.denied(url).await, None, "{url}");
    }
    assert_eq!(names.asked.load(Ordering::SeqCst), 0);
}
