//! The program from the outside: exit codes, what stands on standard error, and how it stops.

#![allow(clippy::unwrap_used)]

use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Command, Output, Stdio},
};

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_opendental-cdc"));
    // Whatever the person who runs the tests has set.
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("OPENDENTAL_CDC_")) {
        command.env_remove(name);
    }
    command
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn usage_errors_are_exit_code_2() {
    for arguments in [&[][..], &["no-such-command"], &["run", "--no-such-option"], &["decode"], &["run", "surplus"]] {
        let output = program().args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(stderr(&output).contains("Usage: opendental-cdc"), "{arguments:?}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn help_and_version_are_exit_code_0() {
    for arguments in [&["--help"][..], &["--version"], &["run", "--help"], &["tail", "--help"], &["demo", "--help"]] {
        let output = program().args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(stderr(&output).is_empty() && !output.stdout.is_empty());
    }
}

#[test]
fn a_refused_configuration_is_exit_code_2_and_every_problem_is_named_without_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cdc.toml");
    fs::write(&file, "[mysql]\nurl = 'mysql://cdc:hush@localhost'\nservr_id = 1\n").unwrap();
    for command in ["run", "tail"] {
        let output = program()
            .args([command, "--config"])
            .arg(&file)
            .env("OPENDENTAL_CDC_DELIVERY__MAX_ELEMENTS", "2000")
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{command}");
        let path = file.display();
        assert_eq!(
            stderr(&output),
            format!(
                "error: the configuration is refused\n  \
                 mysql.servr_id: is not a known key; the nearest is mysql.server_id (in {path})\n  \
                 mysql.url = (not shown): has no database name after the host; it must look like \
                 mysql://USER:PASSWORD@HOST:PORT/DATABASE (in {path})\n  \
                 delivery.max_elements = 2000: must be a whole number from 1 to 1000 (environment variable \
                 OPENDENTAL_CDC_DELIVERY__MAX_ELEMENTS)\n  \
                 Every key is explained in config/opendental-cdc.toml.\n"
            ),
            "{command}"
        );
    }
}

#[test]
fn a_missing_file_is_exit_code_2_and_named() {
    let output = program().args(["run", "--config", "no/such/file.toml"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert!(said.starts_with("error: the configuration file cannot be read\n  no/such/file.toml: "), "{said}");
}

#[test]
fn what_cannot_be_done_is_exit_code_1() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = program().args(["receive", "--listen", &address]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).starts_with(&format!("error: --listen {address}: cannot listen there")), "{output:?}");
}

#[cfg(unix)]
#[test]
fn sigterm_and_ctrl_c_end_it_with_exit_code_0() {
    for signal in ["TERM", "INT"] {
        let mut receiver =
            program().args(["receive", "--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(receiver.stdout.take().unwrap()).lines();
        let first = lines.next().unwrap().unwrap();
        assert!(first.starts_with("listening on "), "{first}");
        let sent = Command::new("kill").args(["-s", signal, &receiver.id().to_string()]).status().unwrap();
        assert!(sent.success());
        assert_eq!(receiver.wait().unwrap().code(), Some(0), "{signal}");
    }
}
