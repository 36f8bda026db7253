-- Server: MariaDB
-- Options: --binlog-row-metadata=FULL --binlog-annotate-row-events=OFF
-- Small, since each of its bits is flipped.
CREATE DATABASE d; USE d; CREATE TABLE t (id INT, v VARCHAR(9));
INSERT INTO t VALUES (1, 'a'), (2, NULL); DELETE FROM t WHERE id = 1;
