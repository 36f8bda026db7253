//! What is on our own machine: the state file and the port.

use std::fs;

use opendental_cdc::{sandbox::Release, state::State};
use tokio::net::TcpListener;

use crate::stage::{Stage, said};

#[tokio::test]
async fn a_state_file_that_cannot_be_used_is_named_and_none_is_touched() {
    const LOOK: &str = "state file";
    let mut stage = Stage::plain(Release::MariaDb10_11).await;
    let another = "config: state.path = \"<file of its own>\"";
    let path = stage.state();
    let good = format!("ok: {} is there and can be written", path.display());
    State::open(&path).await.unwrap().close().await.unwrap();
    assert_eq!(said(&stage.found(LOOK).await[0]), good);

    let state = State::open(&path).await.unwrap();
    stage.says("a bridge is running", LOOK, "ok: {folder}/state.db, in use: a bridge is running with it").await;
    let seen = "not seen: a bridge is running, which moves DateTimeStart itself; its log tells of others who do";
    stage.says("a bridge is running", "second sender", seen).await;
    state.close().await.unwrap();

    let whole = fs::read(&path).unwrap();
    let lost = "the bridge makes a new one and catches up by time stamp; rows deleted since then cannot be told";
    fs::write(&path, &whole[..2000]).unwrap();
    let finding = stage.found(LOOK).await.remove(0);
    assert_eq!(finding.mends()[0].text(), "put a good copy in its place, if there is one");
    crate::stage::tell(Release::MariaDb10_11, "a damaged state file", &finding, stage.folder.path());
    assert_eq!(fs::read(&path).unwrap(), whole[..2000]);
    fs::remove_file(&path).unwrap();
    let broken = format!(
        "warning: {{folder}}/state.db was there and is gone: {lost} | do: put it back, if it was moved by mistake"
    );
    stage.says("the state file is gone", LOOK, &broken).await;
    fs::write(&path, &whole).unwrap();
    assert_eq!(said(&stage.found(LOOK).await[0]), good);

    let nowhere = stage.folder.path().join("nowhere").join("state.db");
    stage.set("state.path", &format!("'{}'", nowhere.display()));
    let broken = format!(
        "wrong: the state file cannot be written {{folder}}/nowhere/state.db: No such file or directory (os error 2) at \
         path \"{{folder}}/nowhere/.opendental-cdc-check\" The folder must exist, with space left, and the bridge's \
         account must be allowed to write the file and to make others beside it. \
         | do: make the folder {{folder}}/nowhere | {another}"
    );
    let finding = stage.found(LOOK).await.remove(0);
    assert!(said(&finding).starts_with("wrong: the state file cannot be written"), "{broken}");
    crate::stage::tell(Release::MariaDb10_11, "the state file's folder is not there", &finding, stage.folder.path());
    let folder = finding.mends()[0].text().strip_prefix("make the folder ").unwrap();
    fs::create_dir(folder).unwrap();
    assert_eq!(said(&stage.found(LOOK).await[0]), format!("ok: {} can be made", nowhere.display()));

    let letter = stage.folder.path().join("letter.txt");
    fs::write(&letter, "Dear patient").unwrap();
    stage.set("state.path", &format!("'{}'", letter.display()));
    let finding = stage.found(LOOK).await.remove(0);
    assert!(finding.found().starts_with("the state file is damaged or is no state file"), "{finding:?}");
    crate::stage::tell(Release::MariaDb10_11, "state.path names another file", &finding, stage.folder.path());
    assert_eq!(fs::read(&letter).unwrap(), b"Dear patient");
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let mut stage = Stage::plain(Release::MariaDb10_11).await;
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap();
    stage.set("http.listen", &format!("\"{address}\""));
    let broken = format!(
        "wrong: {address} cannot be listened on: Address already in use (os error 98) \
         | do: stop the program that has it, if there is one | config: http.listen = \"<another address and port>\""
    );
    stage.says("http.listen is taken", "http.listen", &broken).await;
    drop(taken);
    assert_eq!(said(&stage.found("http.listen").await[0]), format!("ok: {address} is free"));
}
