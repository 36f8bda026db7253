-- Server: MySQL
-- Options: --binlog-checksum=NONE --binlog-rows-query-log-events=ON
-- No checksums and no GTIDs; JSON, whole and by its changes; more columns than fit a byte; an XA transaction.
SET NAMES utf8mb4; CREATE DATABASE d; USE d;
CREATE TABLE j (id INT PRIMARY KEY, a JSON, v VARCHAR(9), b JSON);
INSERT INTO j VALUES (1, '{"a": 1, "b": [true, null, "text", 1.5, 12345678901]}', 'v', '[]'), (2, NULL, NULL, '"x"');
SET SESSION binlog_row_value_options='PARTIAL_JSON';
UPDATE j SET a = JSON_SET(a, '$.a', 2) WHERE id = 1;
UPDATE j SET a = JSON_REMOVE(a, '$.b[0]'), b = '{"whole": 1}' WHERE id = 1;
SET SESSION binlog_row_image='MINIMAL';
UPDATE j SET a = JSON_REPLACE(a, '$.a', 3), v = 'w' WHERE id = 1;
SET SESSION binlog_row_image='FULL', SESSION binlog_row_value_options='', SESSION cte_max_recursion_depth=1000, SESSION group_concat_max_len=99999;
SET @create = (WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 300) SELECT CONCAT('CREATE TABLE w (', GROUP_CONCAT('c', n, ' TINYINT' ORDER BY n), ')') FROM n);
PREPARE create_wide FROM @create; EXECUTE create_wide;
INSERT INTO w (c1, c8, c255, c256, c300) VALUES (1, 8, -1, 127, -128);
UPDATE w SET c257 = 5 WHERE c1 = 1;
BEGIN; INSERT INTO j VALUES (3, 'true', 'in', NULL); SAVEPOINT s; DELETE FROM j; ROLLBACK TO SAVEPOINT s; COMMIT;
XA START 'x'; DELETE FROM j WHERE id = 3; XA END 'x'; XA PREPARE 'x'; XA ROLLBACK 'x';
