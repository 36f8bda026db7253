//! Requests that are refused, with words that help, and that leave nothing behind.

use super::client::{Api, PATH, started};
use crate::office::Office;

/// A request with one field changed: `None` leaves it out.
fn with(field: &str, value: Option<&str>) -> String {
    let fields = [
        ("EndPointUrl", "\"https://myserver/apievents/\""),
        ("WatchTable", "\"Appointment\""),
        ("PollingSeconds", "5"),
    ];
    let mut fields: Vec<(&str, &str)> = fields.into_iter().filter(|(name, _)| *name != field).collect();
    fields.extend(value.map(|value| (field, value)));
    let fields: Vec<String> = fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", fields.join(","))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said_and_nothing_is_stored() {
    let mut office = Office::open().await;
    office.configure("[opendental]\ntables = ['procedurelog']\n");
    office.exec("CREATE TABLE procedurelog (ProcNum bigint PRIMARY KEY)").await;
    let (bridge, api) = started(&office).await;
    let (long, wide) = (format!("\"https://myserver/{}\"", "x".repeat(240)), format!("\"{}\"", "\u{20ac}".repeat(256)));
    for (field, value, words) in [
        ("EndPointUrl", None, "EndPointUrl is required."),
        ("EndPointUrl", Some("null"), "EndPointUrl is required."),
        ("EndPointUrl", Some("\"\""), "EndPointUrl must look like"),
        ("EndPointUrl", Some("5"), "EndPointUrl must be a text in quotes."),
        ("EndPointUrl", Some("\"ftp://myserver/\""), "EndPointUrl must look like http://host/path"),
        ("EndPointUrl", Some("\"javascript:alert(1)\""), "EndPointUrl must look like http://host/path"),
        ("EndPointUrl", Some("\"https://my server/\""), "EndPointUrl must not hold spaces"),
        ("EndPointUrl", Some("\"https://myserver/\\u0000\""), "EndPointUrl must not hold spaces"),
        ("EndPointUrl", Some(&long), "EndPointUrl must have at most 255 characters."),
        (
            "EndPointUrl",
            Some("\"https://\u{1f9b7}/\""),
            "EndPointUrl has characters that the practice's table cannot hold",
        ),
        ("WatchTable", None, "WatchTable or UiEventType is required."),
        ("WatchTable", Some("\"Claim\""), "ToothInitialDeleted, procedurelog, procedurelogDeleted."),
        ("WatchTable", Some("[\"Appointment\"]"), "WatchTable must be a text in quotes."),
        ("UiEventType", Some("\"PatientSelected\""), "exclude each other"),
        ("PollingSeconds", None, "PollingSeconds is required with a WatchTable."),
        ("PollingSeconds", Some("0"), "PollingSeconds must be a whole number from 1 to 2147483647"),
        ("PollingSeconds", Some("-5"), "PollingSeconds must be a whole number from 1"),
        ("PollingSeconds", Some("2147483648"), "PollingSeconds must be a whole number from 1"),
        ("PollingSeconds", Some("1e400"), "The body is not JSON in UTF-8"),
        ("PollingSeconds", Some("99999999999999999999"), "PollingSeconds must be a whole number."),
        ("PollingSeconds", Some("1.5"), "PollingSeconds must be a whole number."),
        ("PollingSeconds", Some("\"5\""), "PollingSeconds must be a whole number."),
        ("PollingSeconds", Some("true"), "PollingSeconds must be a whole number."),
        ("DateTimeStart", Some("\"2022-02-30\""), "DateTimeStart must be a real date"),
        ("DateTimeStart", Some("\"0000-00-00\""), "DateTimeStart must be a real date"),
        ("DateTimeStart", Some("\"2022-01-31T00:00:00Z\""), "DateTimeStart must be a real date"),
        ("DateTimeStart", Some("20220131"), "DateTimeStart must be a text in quotes."),
        ("DateTimeStop", Some("\"tomorrow\""), "DateTimeStop must be a real date"),
        ("Note", Some(&wide), "Note must have at most 255 characters."),
        ("Note", Some("\"\u{1f9b7}\""), "Note has characters that the practice's table cannot hold (utf8mb3)."),
        ("Workstation", Some("\"A\\nB\""), "Workstation must not hold line breaks"),
        ("CustomerKey", Some("\"VzkmZEaUWOjnQX2z\""), "CustomerKey is taken from the Authorization header."),
        ("SubscriptionNum", Some("1"), "SubscriptionNum and what tells of failures are given by the server."),
        ("SubsequentFailures", Some("1"), "are given by the server."),
        ("endPointURL", Some("\"x\""), "endPointURL is not a field of a subscription; the nearest is EndPointUrl."),
        ("Clinic", Some("1"), "Clinic is not a field of a subscription; they are EndPointUrl, Workstation"),
    ] {
        let answer = api.post(&with(field, value)).await;
        assert_eq!(answer.status, 400, "{field} {value:?}: {}", answer.body);
        assert!(answer.words().contains(words), "{field} {value:?}: {}", answer.words());
    }
    let both = api.post(r#"{"WatchTable":"x","PollingSeconds":0,"DateTimeStart":"x"}"#).await.words();
    for field in ["EndPointUrl", "WatchTable", "PollingSeconds", "DateTimeStart"] {
        assert!(both.contains(field), "all at once: {both}");
    }
    nothing_is_stored(&office, &api).await;

    let num = api.post(&with("Note", Some("\"kept\""))).await.num();
    for (body, words) in [
        (r#"{"WatchTable":"Patient"}"#, "WatchTable cannot be changed"),
        (r#"{"UiEventType":"PatientSelected"}"#, "UiEventType cannot be changed"),
        (r#"{"PollingSeconds":0}"#, "PollingSeconds must be a whole number from 1"),
        (r#"{"EndPointUrl":""}"#, "EndPointUrl must look like"),
        (r#"{"Note":"changed","DateTimeStop":"never"}"#, "DateTimeStop must be a real date"),
        (r#"{"SubscriptionNum":0}"#, "SubscriptionNum is not the one of the path."),
        (r#"{"CustomerKey":"x"}"#, "CustomerKey cannot be changed."),
        (r#"{"Notes":"x"}"#, "the nearest is Note."),
    ] {
        let answer = api.put(num, body).await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.body);
        assert!(answer.words().contains(words), "{body}: {}", answer.words());
    }
    // Nor may a change make two of the same.
    let second = api.post(&with("EndPointUrl", Some("\"https://myserver/second/\""))).await.num();
    let repeated = api.put(second, r#"{"EndPointUrl":"https://myserver/apievents/"}"#).await;
    assert_eq!(repeated.status, 400);
    assert!(
        repeated.words().starts_with(&format!("Subscription {num} has the same EndPointUrl")),
        "{}",
        repeated.words()
    );
    // Unless one of them has ended.
    assert_eq!(api.put(num, r#"{"DateTimeStop":"2022-02-01"}"#).await.status, 200);
    assert_eq!(api.put(second, r#"{"EndPointUrl":"https://myserver/apievents/"}"#).await.status, 200);
    assert_eq!(api.put(num, r#"{"DateTimeStop":"0001-01-01"}"#).await.status, 400);
    assert_eq!(api.get(&format!("{PATH}/{num}")).await.json()["Note"], "kept");
    bridge.stop().await;
}

async fn nothing_is_stored(office: &Office, api: &Api) {
    assert_eq!(api.get(PATH).await.body, "[]");
    assert_eq!(office.value("SELECT CAST(COUNT(*) AS CHAR) FROM apisubscription").await.unwrap(), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_where_no_event_may_go_is_refused_as_far_as_its_url_tells() {
    let mut office = Office::open().await;
    office.configure("[delivery]\ndeny = ['10.0.0.0/8', '*.evil.example']\n");
    let (bridge, api) = started(&office).await;
    let (own, mysql) = (format!("http://{}/", api.address), format!("http://127.0.0.1:{}/", office.server.port()));
    let denied = [
        (
            "http://169.254.169.254/latest/?a=hidden",
            "EndPointUrl is where no event may go: 169.254.169.254 is a link-local",
        ),
        ("http://metadata.google.internal/", "always denied."),
        ("http://2852039166/", "169.254.169.254 is a link-local address"),
        ("https://10.1.2.3/", "10.1.2.3 is in delivery.deny."),
        ("https://hooks.evil.example/", "hooks.evil.example is in delivery.deny."),
        (&own, "is what this bridge listens on itself (http.listen)."),
        (&own.replace("127.0.0.1", "localhost"), "is what this bridge listens on itself (http.listen)."),
        (&mysql, "is the database server that this bridge reads (mysql.url)."),
    ];
    for (url, words) in &denied {
        let answer = api.post(&with("EndPointUrl", Some(&format!("\"{url}\"")))).await;
        assert_eq!(answer.status, 400, "{url}: {}", answer.body);
        assert!(answer.words().contains(words) && !answer.body.contains("hidden"), "{url}: {}", answer.words());
    }
    nothing_is_stored(&office, &api).await;

    // What a name's addresses are is not asked for here.
    let num = api.post(&with("EndPointUrl", Some("\"https://hooks.example/\""))).await.num();
    for (url, words) in &denied {
        let answer = api.put(num, &format!(r#"{{"EndPointUrl":"{url}"}}"#)).await;
        assert_eq!(answer.status, 400, "{url}: {}", answer.body);
        assert!(answer.words().contains(words), "{url}: {}", answer.words());
    }
    assert_eq!(api.get(&format!("{PATH}/{num}")).await.json()["EndPointUrl"], "https://hooks.example/");
    // One that stands there already is nobody's hindrance to change something else.
    office.exec("UPDATE apisubscription SET EndPointUrl='https://10.1.2.3/'").await;
    let answer = api.put(num, r#"{"EndPointUrl":"https://10.1.2.3/","Note":"changed"}"#).await;
    assert_eq!((answer.status, &answer.json()["Note"]), (200, &"changed".into()));
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_requests_are_refused_and_the_api_goes_on() {
    let office = Office::open().await;
    let (bridge, api) = started(&office).await;
    let json = "Content-Type: application/json\r\n";
    let good = with("", None);
    let utf16: Vec<u8> = good.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let nested = format!("{{\"Note\":{}", "[".repeat(60_000)).into_bytes();
    let latin1 = b"{\"Note\":\"\xfc\"}".to_vec();
    let twice = good.replacen('{', "{\"PollingSeconds\":1,", 1).into_bytes();
    for (name, headers, body) in [
        ("nothing", json, Vec::new()),
        ("half", json, b"{\"EndPointUrl\":".to_vec()),
        ("a list", json, b"[]".to_vec()),
        ("a text", json, b"\"x\"".to_vec()),
        ("null", json, b"null".to_vec()),
        ("more behind it", json, format!("{good} {good}").into_bytes()),
        ("XML", json, b"<a/>".to_vec()),
        ("NUL", json, b"\0".to_vec()),
        ("a lone surrogate", json, b"{\"Note\":\"\\ud800\"}".to_vec()),
        ("UTF-16", json, utf16),
        ("Latin-1", json, latin1),
        ("deep nesting", json, nested),
        ("a field twice", json, twice),
        ("no type", "", good.clone().into_bytes()),
        ("a form", "Content-Type: application/x-www-form-urlencoded\r\n", good.clone().into_bytes()),
        ("text", "Content-Type: text/plain\r\n", good.clone().into_bytes()),
        ("another charset", "Content-Type: application/json; charset=utf-16\r\n", good.clone().into_bytes()),
    ] {
        let answer = api.send("POST", PATH, headers, &body).await;
        assert_eq!(answer.status, 400, "{name}: {}", answer.body);
        assert!(!answer.words().is_empty(), "{name}");
    }
    let large = format!("{{\"Note\":\"{}\"}}", "x".repeat(70_000));
    assert_eq!(api.send("POST", PATH, json, large.as_bytes()).await.status, 413);
    for (method, path, status) in [
        ("PATCH", PATH.to_owned(), 405),
        ("POST", format!("{PATH}/1"), 405),
        ("DELETE", PATH.to_owned(), 405),
        ("GET", format!("{PATH}/1%27%20OR%201=1"), 400),
        ("DELETE", format!("{PATH}/99999999999999999999"), 400),
        ("DELETE", format!("{PATH}/-1"), 404),
        ("GET", "/api/v1/other".to_owned(), 404),
        ("GET", format!("{PATH}?Limit=1;DROP"), 400),
    ] {
        let answer = api.send(method, &path, json, b"{}").await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.body);
    }
    nothing_is_stored(&office, &api).await;

    // What looks like SQL is a text like any other.
    for hostile in ["'; DROP TABLE apisubscription; -- ", "\\' OR 1=1 #", "\" UNION SELECT 1 /*", "%s {} $1 ` \u{fc}"] {
        let note = serde_json::to_string(hostile).unwrap();
        let made = api.post(&with("Note", Some(&note))).await;
        assert_eq!((made.status, made.json()["Note"].as_str()), (201, Some(hostile)));
        assert_eq!(office.value("SELECT Note FROM apisubscription").await.as_deref(), Some(hostile));
        assert_eq!(api.delete(made.num()).await.status, 200);
    }
    // With a byte order mark and a charset, as .NET may send it.
    let marked = [b"\xef\xbb\xbf", good.as_bytes()].concat();
    let answer = api.send("POST", PATH, "Content-Type: application/json; charset=\"UTF-8\"\r\n", &marked).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    bridge.stop().await;
}
