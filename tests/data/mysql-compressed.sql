-- Server: MySQL
-- Options: --gtid-mode=ON --enforce-gtid-consistency=ON --binlog-transaction-compression=ON --binlog-row-metadata=FULL
-- Compressed transactions, with a savepoint and with images that are not whole; an XA transaction.
SET NAMES utf8mb4; CREATE DATABASE d; USE d;
CREATE TABLE i (id INT UNSIGNED PRIMARY KEY, v VARCHAR(200), b TEXT, s SET('a','b')) DEFAULT CHARSET=utf8mb4;
INSERT INTO i VALUES (1, REPEAT('é', 90), '', 'a'), (2, REPEAT('x', 180), 'text', 'a,b'), (4000000000, '', NULL, '');
BEGIN; UPDATE i SET v = REPEAT('y', 150) WHERE id < 3; SAVEPOINT s; DELETE FROM i; ROLLBACK TO s; INSERT INTO i VALUES (5, '5', NULL, 'b'); COMMIT;
SET SESSION binlog_row_image='NOBLOB'; UPDATE i SET v = 'noblob' WHERE id = 1;
SET SESSION binlog_row_image='MINIMAL'; UPDATE i SET b = 'minimal' WHERE id = 1; DELETE FROM i WHERE id = 5;
XA START 'x', 'b'; DELETE FROM i WHERE id = 2; XA END 'x', 'b'; XA PREPARE 'x', 'b'; XA COMMIT 'x', 'b';
