//! The demo, as `scripts/demo` runs it: the whole main job on a private MariaDB.
#![allow(clippy::unwrap_used)]

use std::process::Command;

#[test]
fn the_demo_shows_what_it_promises() {
    let output = Command::new(env!("CARGO_BIN_EXE_opendental-cdc")).arg("demo").output().unwrap();
    let (shown, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{shown}\n{said}");
    assert_eq!(shown.matches('✓').count(), 5, "{shown}");
    assert!(!shown.contains('✗') && !shown.contains('\u{1b}'), "no colours where there is no terminal: {shown}");
}
