//! D4: no row value, statement text, customer key or endpoint's query is ever written anywhere but to the subscriber:
//! not to the log at any level or in any format, the state file, the metrics or the page. And what the log does tell: it
//! follows an event from the window that closes to the answer.

use std::{
    net::{SocketAddr, TcpListener as Port},
    process::Command,
    time::Duration,
};

use opendental_cdc::sandbox::receiver::Behavior;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use crate::office::{Office, subscription_row};

/// In each text that must not be written, and short enough for most columns.
const MARK: &str = "Zanz";

/// The same as a library could print it: as text, in hexadecimal, as a list of bytes, in base64 at each of its places.
const FORMS: [&str; 8] =
    ["zanz", "5a616e7a", "5a, 61, 6e, 7a", "90, 97, 110, 122", "5a 61 6e 7a", "wmfue", "phbn", "ayw56"];

/// The tables behind the watch tables and lookups, and their primary keys.
const TABLES: [(&str, &str); 13] = [
    ("patient", "PatNum"),
    ("appointment", "AptNum"),
    ("patfield", "PatFieldNum"),
    ("provider", "ProvNum"),
    ("schedule", "ScheduleNum"),
    ("operatory", "OperatoryNum"),
    ("toothinitial", "ToothInitialNum"),
    ("labcase", "LabCaseNum"),
    ("medicationpat", "MedicationPatNum"),
    ("definition", "DefNum"),
    ("clinic", "ClinicNum"),
    ("site", "SiteNum"),
    ("medication", "MedicationNum"),
];

#[tokio::test(flavor = "multi_thread")]
async fn d4_nothing_of_a_patient_is_written_as_text() {
    let (log, _) = a_day_in_the_office("text").await;
    let line = |words: &str| log.lines().find(|line| line.contains(words)).unwrap_or_else(|| panic!("{words}: {log}"));
    assert!(line("event accepted").contains(" window="));
}

#[tokio::test(flavor = "multi_thread")]
async fn d4_nothing_of_a_patient_is_written_as_json_and_an_event_can_be_followed() {
    let (log, id) = a_day_in_the_office("json").await;
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let said = |words: &str, name: &str, value: &Value| {
        let mut found = lines.iter().filter(|line| line["message"] == words && line[name] == *value);
        found.next().unwrap_or_else(|| panic!("{words} with {name} {value}")).clone()
    };
    let accepted = said("event accepted", "id", &Value::from(id.clone()));
    let sending = said("sending", "id", &Value::from(id));
    assert_eq!((&sending["subscription"], &sending["window"]), (&accepted["subscription"], &accepted["window"]));
    let of_window = |words: &str| {
        let window = |line: &&Value| ["subscription", "window"].iter().all(|name| line[name] == accepted[name]);
        lines.iter().filter(|line| line["message"] == words).find(window).unwrap_or_else(|| panic!("{words}")).clone()
    };
    let closed = of_window("window closed");
    for place in ["from", "to"] {
        let place = closed[place].as_str().and_then(|place| place.split_once(':')).unwrap();
        assert!(place.0.parse::<u64>().is_ok() && place.1.parse::<u64>().is_ok(), "a place in the log: {closed}");
    }
    of_window("window delivered");
}

/// Lets a bridge work and fail in every way that there is, on rows that bear the mark; looks for it in all that was
/// written. Returns the log, and the id of an event that arrived.
async fn a_day_in_the_office(format: &str) -> (String, String) {
    let mut office = Office::open().await;
    office.configure(&format!("[log]\nlevel = \"trace\"\nformat = \"{format}\"\n[delivery]\ntimeout_seconds = 1\n"));
    office.configure("retry_max_seconds = 1\nsecrets = [\"whsec_WmFuekphbnpaYW56WmFuelphbnpaYW56WmFueg==\"]\n");
    office.configure("[source]\naudit = \"1m\"\n");
    for (table, key) in TABLES {
        office.exec(&format!("INSERT INTO {table} ({key}) VALUES (1), (2)")).await;
        mark(&office, table, "one").await;
    }
    let mut peers = JoinSet::new();
    subscribe(&office, &mut peers).await;
    let http = Port::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_opendental-cdc"));
    command.env("OPENDENTAL_CDC_HTTP__LISTEN", http.to_string());
    let bridge = office.process_by(command);
    office.ticking(1).await;

    // Accepted, and then refused in all the ways in which a receiver may throw back what it was sent.
    mark(&office, "patient", "two").await;
    let id = loop {
        let event = office.event().await;
        if event.received.path.contains("/1/") && event.field("LName").iter().any(|name| name.contains("two")) {
            break event.id();
        }
    };
    let echo = vec![("Location".to_owned(), format!("http://{MARK}@host/?{MARK}")), ("X".to_owned(), MARK.to_owned())];
    for (behavior, told) in [
        (Behavior::Answer { status: 302, headers: echo, delay: Duration::ZERO }, "a redirect"),
        (Behavior::Hang, "no answer within"),
        (Behavior::Disconnect, "connection closed"),
        (Behavior::status(500), "answered 500"),
    ] {
        office.receiver.behave(behavior);
        mark(&office, "patient", told).await;
        office.until(told, async || (office.told(told) > 0).then_some(())).await;
    }
    for told in ["invalid HTTP", "answered 503", "EndPointUrl is not a URL", "CustomerKey has a character"] {
        office.until(told, async || (office.told(told) > 0).then_some(())).await;
    }
    office.receiver.behave(Behavior::status(200));

    what_cannot_be_read(&office).await;
    the_server_quotes_what_it_refuses(&office).await;
    let answers = callers(http).await;
    for (table, key) in TABLES {
        office.exec(&format!("DELETE FROM {table} WHERE {key} = 2")).await;
    }
    office
        .exec(&format!("UPDATE apisubscription SET Note = '{MARK}', EndPointUrl = CONCAT(EndPointUrl, '&{MARK}')"))
        .await;
    office.ticking(1).await;
    bridge.kill();

    let log = std::fs::read_to_string(office.log()).unwrap();
    assert_unmarked("the log", log.as_bytes());
    assert_unmarked("what is answered to callers", answers.as_bytes());
    for ending in ["", "-wal"] {
        let mut path = office.state();
        path.as_mut_os_string().push(ending);
        assert_unmarked("the state file", &std::fs::read(path).unwrap_or_default());
    }
    assert!(log.contains("TRACE") || log.contains("DEBUG"), "all of it was written");
    (log, id)
}

fn assert_unmarked(what: &str, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes).to_lowercase();
    for form in FORMS {
        let found = text.lines().find(|line| line.contains(form));
        assert_eq!(found, None, "{form} is in {what}");
    }
}

/// Writes the mark into every text of every row of a table.
async fn mark(office: &Office, table: &str, which: &str) {
    let columns = office
        .column(&format!(
            "SELECT CONCAT('`', column_name, '` = LEFT(''{MARK} {which} ', column_name, ''', ', \
             character_maximum_length, ')') FROM information_schema.columns WHERE table_schema = DATABASE() \
             AND table_name = '{table}' AND character_maximum_length >= {}",
            MARK.len()
        ))
        .await;
    assert!(!columns.is_empty(), "{table}");
    office.exec(&format!("UPDATE {table} SET {}", columns.join(", "))).await;
}

/// Subscriptions to everything, some of which cannot be served; each URL and key bears the mark.
async fn subscribe(office: &Office, peers: &mut JoinSet<()>) {
    let secret = |num: i64, address: SocketAddr| format!("http://{MARK}:{MARK}@{address}/{num}/?token={MARK}#{MARK}");
    let receiver = office.receiver.local_addr();
    let tables =
        ["Patient", "Appointment", "AppointmentDeleted", "PatField", "PatFieldDeleted", "Provider", "Schedule"];
    let more = ["Operatory", "ToothInitial", "LabCase", "MedicationPat"];
    for (num, table) in (1..).zip(tables.iter().chain(&more)) {
        // All rows that there are: a catch-up.
        office.exec(&subscription_row(num, &secret(num, receiver), table, 1, "'2000-01-01 00:00:00'")).await;
    }
    let echoing = [peer(peers, "HTTP/1.1 503 ").await, peer(peers, "").await];
    for (num, address) in (20..).zip(echoing) {
        office.exec(&subscription_row(num, &secret(num, address), "Patient", 1, "NOW()")).await;
    }
    let invalid = [format!("{MARK} is no URL"), format!("ftp://{MARK}@host/?{MARK}"), secret(32, receiver)];
    for (num, url) in (30..).zip(invalid) {
        office.exec(&subscription_row(num, &url, "Patient", 1, "NOW()")).await;
    }
    office.exec(&subscription_row(40, &secret(40, receiver), "NoSuchTable", 1, "NOW()")).await;
    office.exec(&format!("UPDATE apisubscription SET CustomerKey = '{MARK}0123456789abcdef', Note = '{MARK}'")).await;
    office.exec(&format!("UPDATE apisubscription SET CustomerKey = '{MARK}\\n' WHERE ApiSubscriptionNum = 32")).await;
}

/// Answers each request with these words, all that it was sent, and nothing more.
async fn peer(peers: &mut JoinSet<()>, words: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    peers.spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 1 << 16];
            let length = stream.read(&mut request).await.unwrap_or_default();
            let sent = String::from_utf8_lossy(&request[..length]).replace(['\r', '\n'], " ");
            let _ = stream.write_all(format!("{words}{MARK} {sent}\r\n\r\n").as_bytes()).await;
        }
    });
    address
}

/// Statements instead of rows, and tables that change their columns.
async fn what_cannot_be_read(office: &Office) {
    let loaded = format!("{}.txt", office.database);
    let statements = [
        format!("SET SESSION binlog_format = STATEMENT; INSERT INTO patient (PatNum, LName) VALUES (3, '{MARK}')"),
        format!(
            "SELECT 5, '{MARK}' INTO OUTFILE '{loaded}'; SET SESSION binlog_format = STATEMENT; \
             LOAD DATA INFILE '{loaded}' INTO TABLE patient (PatNum, LName)"
        ),
        format!("ALTER TABLE patient ADD COLUMN Added varchar(40) DEFAULT '{MARK}' COMMENT '{MARK}'"),
        format!("UPDATE patient SET Added = '{MARK} again'"),
        format!("SAVEPOINT {MARK}; REPLACE INTO patfield (PatFieldNum, FieldValue) VALUES (9, '{MARK}')"),
    ];
    for statement in statements {
        office.exec(&statement).await;
    }
    office.until("a doubt is named", async || (office.told("the log is in doubt, patient") > 0).then_some(())).await;
}

/// DateTimeStart cannot be written, and the server's words hold what was to be written.
async fn the_server_quotes_what_it_refuses(office: &Office) {
    let trigger = format!("{MARK}_{}", office.database);
    office
        .exec(&format!(
            "CREATE TRIGGER {trigger} BEFORE UPDATE ON apisubscription FOR EACH ROW \
             SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{MARK} Duplicate entry'"
        ))
        .await;
    let told = "could not be written back";
    office.until(told, async || (office.told(told) > 0).then_some(())).await;
    office.exec(&format!("DROP TRIGGER {trigger}")).await;
    office.ticking(1).await;
}

/// What those are answered who call the bridge, with the mark in all that they say.
async fn callers(http: SocketAddr) -> String {
    let body = format!("{{\"EndPointUrl\": \"{MARK}\", \"{MARK}\": 1, \"PatNum\": \"{MARK}\"}}");
    let key = format!("Authorization: ODFHIR {MARK}0123456789ab/{MARK}0123456789ab\r\n");
    let mut answers = String::new();
    for request in
        ["GET /", "GET /metrics", "GET /readyz", "GET /healthz", "GET /api/v1/subscriptions", "GET /api/v1/status"]
    {
        answers += &call(http, request, &key, "").await;
    }
    for request in ["POST /api/v1/subscriptions", "PUT /api/v1/subscriptions/1", "POST /api/v1/uievents"] {
        call(http, request, &key, &body).await;
        call(http, request, &key, &body[1..]).await;
    }
    call(http, &format!("GET /{MARK}?{MARK}="), &key, "").await;
    call(http, &format!("DELETE /api/v1/subscriptions/{MARK}"), &key, "").await;
    answers
}

async fn call(http: SocketAddr, request: &str, key: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(http).await.unwrap();
    let length = body.len();
    let request = format!(
        "{request} HTTP/1.1\r\nHost: {http}\r\n{key}Content-Type: application/json\r\nConnection: close\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A server that refuses before it has read all may reset the connection.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}
