//! Looks beside a bridge that runs: those that it makes itself and tells on its status page, and those of `check`.

use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};

use opendental_cdc::{
    bridge::Bridge,
    check::{Looks, Outcome},
    sandbox::{Release, receiver::Receiver},
    source::Database,
    status::{Board, EngineKind, Health, Notice, NoticeKind, Remedy, Status},
};
use tokio::{
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::stage::{Stage, said};

/// What the board tells of the set-up, once it is so many notices.
async fn told(board: &Board, count: usize) -> Vec<Notice> {
    let of_set_up =
        || board.latest().notices.iter().filter(|notice| notice.kind.is_of_set_up()).cloned().collect::<Vec<_>>();
    let waiting = async {
        while of_set_up().len() != count {
            sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(timeout(Duration::from_secs(60), waiting).await.is_ok(), "{:?}", of_set_up());
    of_set_up()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_running_bridge_finds_wrong_is_told_on_its_page_until_it_is_mended() {
    let stage = Stage::plain(Release::MariaDb10_11).await;
    let receiver = Receiver::bind("127.0.0.1:0").await.unwrap();
    stage.subscribe(1, &receiver.url("/"), "CDC-BRIDGE", "Appointment", 3600).await;
    stage.subscribe(2, "http://127.0.0.1:1/hook?token=hush", "CDC-BRIDGE", "Patient", 3600).await;
    stage.exec("SET GLOBAL binlog_format = 'MIXED'").await;
    let bridge = Bridge::new(stage.config());
    let (board, stop) = (bridge.board(), CancellationToken::new());
    let running = tokio::spawn(bridge.run(stop.clone()));
    let notices = told(&board, 2).await;
    assert_eq!((notices[0].kind, notices[1].kind), (NoticeKind::SetUpWrong, NoticeKind::SetUpWarning));
    assert!(notices[0].text.starts_with("binlog format: MIXED"), "{notices:?}");
    let sql = Remedy { kind: "SQL", text: "SET GLOBAL binlog_format = 'ROW';".to_owned() };
    assert!(notices[0].remedies.contains(&sql), "{notices:?}");
    assert!(notices[1].text.starts_with("endpoint http://127.0.0.1:1/hook: "), "{notices:?}");
    assert!(!format!("{notices:?}").contains("hush"), "D4");
    // The engine's own news leave them where they are.
    assert_eq!(board.status().await.notices.iter().filter(|notice| notice.kind.is_of_set_up()).count(), 2);
    stop.cancel();
    running.await.unwrap().unwrap();

    let config = stage.config();
    let database = Database::connect(&config.mysql).await.unwrap();
    let first = Status::starting(EngineKind::Binlog, "CDC-BRIDGE", chrono::Utc::now());
    let (board, _desk) = Board::new(first, Health::new(Duration::from_secs(30)));
    let looks = Looks::new(config, database, board.clone()).with_pause(Duration::from_millis(50));
    let looking = tokio::spawn(looks.tell());
    told(&board, 2).await;
    stage.exec(&notices[0].remedies[0].text).await;
    assert_eq!(told(&board, 1).await[0].kind, NoticeKind::SetUpWarning);
    stage.exec("DELETE FROM apisubscription WHERE ApiSubscriptionNum = 2").await;
    told(&board, 0).await;
    timeout(Duration::from_secs(60), looking).await.expect("nothing is left to look at").unwrap();
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn polling_that_runs_is_known_by_its_port() {
    let mut stage = Stage::plain(Release::MariaDb10_11).await;
    let receiver = Receiver::bind("127.0.0.1:0").await.unwrap();
    stage.subscribe(1, &receiver.url("/"), "CDC-BRIDGE", "Appointment", 1).await;
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    stage.set("engine", "\"polling\"");
    stage.set("http.listen", &format!("\"{address}\""));
    let mut command = Command::new(env!("CARGO_BIN_EXE_opendental-cdc"));
    let command = command.args(["run", "--config"]).arg(stage.file()).stderr(Stdio::null());
    let polling = Running(command.spawn().unwrap());
    while TcpStream::connect(address).await.is_err() {
        sleep(Duration::from_millis(20)).await;
    }
    let port =
        stage.says("polling is running", "http.listen", &format!("ok: {address}: the running bridge has it")).await;
    assert_eq!(port.outcome(), Outcome::Ok);
    let seen = "not seen: a bridge is running, which moves DateTimeStart itself; its log tells of others who do";
    stage.says("polling is running", "second sender", seen).await;
    assert!(stage.report().await.can_run());

    // By a configuration that does not listen it cannot be asked.
    stage.set("http.listen", "\"\"");
    let moves = "not seen: DateTimeStart of subscriptions 1 moves; whether our own polling does it cannot be seen, since \
                 http.listen is off: look again while it does not run";
    stage.says("polling is running, http.listen is off", "second sender", moves).await;
    drop(polling);

    // Nor is everybody who has the port a bridge.
    let other = TcpListener::bind(address).await.unwrap();
    stage.set("http.listen", &format!("\"{address}\""));
    tokio::spawn(async move {
        while let Ok((stream, _)) = other.accept().await {
            stream.writable().await.unwrap();
            let _ = stream.try_write(b"HTTP/1.1 200 OK\r\nServer: another\r\nContent-Length: 0\r\n\r\n");
        }
    });
    let found = stage.found("http.listen").await;
    assert!(said(&found[0]).starts_with(&format!("wrong: {address} cannot be listened on")), "{found:?}");
}
