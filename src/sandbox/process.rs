//! A child process that cannot outlive us.
//!
//! The server is started by a small shell script that keeps reading from a pipe whose other end is ours. When that end
//! closes, because we say so or because we died, the script kills the server. It works on every Unix, needs no unsafe
//! code, and unlike Linux's parent-death signal it does not depend on the thread that started the child.

use std::path::Path;
use std::process::{Child, ChildStdin};

use super::SandboxError;

/// `$@` is the server with its arguments; descriptor 0 is our pipe.
#[cfg(unix)]
const WATCHDOG: &str = r#"
exec 3<&0
"$@" </dev/null 3<&- &
server=$!
{ cat <&3 >/dev/null; kill -KILL "$server" 2>/dev/null; } &
watch=$!
exec 3<&- </dev/null
wait "$server"
code=$?
kill "$watch" 2>/dev/null
exit $code
"#;

#[derive(Debug)]
pub(crate) struct Process {
    shell: Child,
    /// `None` once the server has been told to die.
    pipe: Option<ChildStdin>,
}

impl Process {
    /// Starts `program`, with what it prints appended to the file `log`.
    #[cfg(unix)]
    pub(crate) fn start(
        program: &Path,
        arguments: &[String],
        environment: &[(String, String)],
        log: &Path,
    ) -> Result<Self, SandboxError> {
        use std::os::unix::process::CommandExt;
        use std::process::{Command, Stdio};

        let open = || {
            let file = std::fs::OpenOptions::new().create(true).append(true).open(log);
            file.map_err(SandboxError::io("cannot write", log))
        };
        let mut shell = Command::new("/bin/sh")
            .args(["-c", WATCHDOG, "watchdog"])
            .arg(program)
            .args(arguments)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(open()?)
            .stderr(open()?)
            // A Ctrl-C at the terminal is for us; the server is stopped when we are done with it.
            .process_group(0)
            .spawn()
            .map_err(SandboxError::io("cannot run", program))?;
        let pipe = shell.stdin.take();
        Ok(Self { shell, pipe })
    }

    /// The twin for other systems.
    #[cfg(not(unix))]
    pub(crate) fn start(_: &Path, _: &[String], _: &[(String, String)], _: &Path) -> Result<Self, SandboxError> {
        Err(SandboxError::Unsupported)
    }

    /// True once the server is gone.
    pub(crate) fn has_ended(&mut self) -> bool {
        // An error means that there is nothing left to wait for.
        !matches!(self.shell.try_wait(), Ok(None))
    }

    /// Kills the server (SIGKILL) and waits until it is gone, which takes milliseconds.
    pub(crate) fn kill(&mut self) {
        drop(self.pipe.take());
        if let Err(error) = self.shell.wait() {
            tracing::debug!(%error, "waiting for a killed server");
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
