//! One MySQL or MariaDB server and the Open Dental database on it: the binlog connection and its reader, layouts of
//! watched tables, and the SQL connection (barriers, snapshots, scans, rows by key, write-back).
