//! The way back from an upgrade: a copy of the state file as the version before left it.

use std::{fs, io, path::Path};

use sqlx::SqliteConnection;

use super::{StateError, aside::with_ending, schema::APPLICATION, schema::STEPS};

/// Copies the file to `<path>.schema-<version>` if its tables are ours and about to be changed. An older copy of that
/// name, from an upgrade that was taken back or did not end, is replaced.
pub(super) async fn before_upgrade(path: &Path, connection: &mut SqliteConnection) -> Result<(), StateError> {
    let failed = |error: sqlx::Error| StateError::sqlite(path, &error);
    let version: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *connection).await.map_err(failed)?;
    let application: i64 =
        sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut *connection).await.map_err(failed)?;
    let upgraded = usize::try_from(version).is_ok_and(|version| (1..STEPS.len()).contains(&version));
    if application != APPLICATION || !upgraded {
        return Ok(());
    }
    let copy = with_ending(path, &format!(".schema-{version}"));
    match fs::remove_file(&copy) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(StateError::unwritable(&copy, &error)),
        _ => {}
    }
    let target = copy.display().to_string();
    sqlx::query("VACUUM INTO ?").bind(&target).execute(connection).await.map_err(failed)?;
    tracing::info!(copy = target, from = version, to = STEPS.len(), "the state file is upgraded; a copy was kept");
    Ok(())
}
