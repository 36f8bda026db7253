-- Server: MariaDB
-- Options: --log-bin-compress=ON --log-bin-compress-min-len=10 --binlog-row-metadata=FULL
-- Compressed statements and rows, of both engines; savepoints; an XA transaction.
SET NAMES utf8mb4; CREATE DATABASE d; USE d;
CREATE TABLE i (id INT UNSIGNED PRIMARY KEY, v VARCHAR(200) CHARACTER SET utf8mb4) ENGINE=InnoDB;
CREATE TABLE m (id INT PRIMARY KEY, b BLOB, d DECIMAL(9,3)) ENGINE=MyISAM;
INSERT INTO i VALUES (1, REPEAT('é', 90)), (2, REPEAT('x', 180)), (4000000000, '');
INSERT INTO m VALUES (-1, REPEAT(x'00ff', 60), -1.5), (2, NULL, NULL);
BEGIN; UPDATE i SET v = REPEAT('y', 150) WHERE id < 3; SAVEPOINT s; DELETE FROM i; ROLLBACK TO s; COMMIT;
XA START 'x', 'b'; DELETE FROM i WHERE id = 2; XA END 'x', 'b'; XA PREPARE 'x', 'b'; XA COMMIT 'x', 'b';
DELETE FROM m;
