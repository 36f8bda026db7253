-- Server: MariaDB
-- Options: --binlog-checksum=NONE --mysql56-temporal-format=OFF --binlog-annotate-row-events=OFF
-- No checksums; times as MySQL 5.5 stored them; more columns than fit a byte; images that are not whole.
SET NAMES utf8mb4; SET time_zone='+00:00'; SET sql_mode=''; CREATE DATABASE d; USE d;
CREATE TABLE t (id INT PRIMARY KEY, a TIME, b DATETIME, c TIMESTAMP NULL, d DATE, e TEXT) ENGINE=InnoDB;
INSERT INTO t VALUES (1, '-838:59:59', '2024-02-29 12:34:56', '2038-01-19 03:14:07', '9999-12-31', 'text'),
    (2, '00:00:01', '0000-00-00', 0, '0000-00-00', NULL), (3, NULL, NULL, NULL, NULL, '');
SET SESSION binlog_row_image='NOBLOB'; UPDATE t SET a = '12:34:56' WHERE id = 1; DELETE FROM t WHERE id = 3;
SET SESSION binlog_row_image='MINIMAL'; UPDATE t SET e = 'é' WHERE id = 2; INSERT INTO t (id) VALUES (4); DELETE FROM t WHERE id = 4;
SET SESSION binlog_row_image='FULL';
SET @create = (SELECT CONCAT('CREATE TABLE w (', GROUP_CONCAT('c', seq, ' TINYINT' ORDER BY seq), ')') FROM seq_1_to_300);
EXECUTE IMMEDIATE @create;
INSERT INTO w (c1, c8, c255, c256, c300) VALUES (1, 8, -1, 127, -128), (NULL, NULL, NULL, NULL, NULL);
UPDATE w SET c257 = 5 WHERE c1 = 1;
