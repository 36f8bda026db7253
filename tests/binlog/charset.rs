//! Every character of every character set, as each server converts it (rule R3).

use opendental_cdc::binlog::charset::{self, CharsetError};
use opendental_cdc::sandbox::{Options, Release, Server};

/// Codes of each length. Those of four bytes in gb18030 are all of the basic plane and some beyond; `pairs` are of
/// surrogates, right and wrong ones.
const CODES: &str = "
    SET SESSION sql_log_bin = 0; SET SESSION sql_mode = '';
    CREATE TABLE digits (d VARBINARY(1)); CREATE TABLE bytes (b VARBINARY(1));
    INSERT INTO digits VALUES ('0'), ('1'), ('2'), ('3'), ('4'), ('5'), ('6'), ('7'), ('8'), ('9');
    INSERT INTO bytes SELECT UNHEX(LPAD(HEX(a.d * 100 + b.d * 10 + c.d), 2, '0')) FROM digits a, digits b, digits c
        WHERE a.d * 100 + b.d * 10 + c.d < 256;
    CREATE TABLE one AS SELECT b AS code FROM bytes;
    CREATE TABLE two AS SELECT CONCAT(a.b, b.b) AS code FROM bytes a, bytes b;
    CREATE TABLE three AS SELECT CONCAT(x'8f', code) AS code FROM two WHERE code >= x'a1a1';
    CREATE TABLE four AS SELECT CONCAT(x'00', a.b, code) AS code FROM two, bytes a
        WHERE a.b IN (x'00', x'01', x'10', x'11') AND SUBSTR(code, 2) IN (x'00', x'3f', x'fe');
    CREATE TABLE gb AS SELECT CONCAT(a.b, b.d, c.b, d.d) AS code FROM bytes a, digits b, bytes c, digits d
        WHERE a.b > x'80' AND c.b > x'80' AND (a.b < x'85' OR b.d = '0' AND d.d = '7');
    CREATE TABLE pairs AS SELECT CONCAT(a.b, b.b, c.b, d.b) AS code FROM bytes a, bytes b, bytes c, bytes d
        WHERE a.b IN (x'd8', x'db', x'dc') AND b.b IN (x'00', x'd8') AND c.b IN (x'dc', x'df', x'20');";

/// The codes to try in a character set: those that begin with ASCII are left to the sets of one byte.
fn codes(set: &str) -> &'static str {
    match set {
        "ucs2" => "SELECT code FROM two",
        "utf16" | "utf16le" => "SELECT code FROM two UNION ALL SELECT code FROM pairs",
        "utf32" => "SELECT code FROM four",
        "ujis" | "eucjpms" => {
            "SELECT code FROM one UNION ALL SELECT code FROM two WHERE code >= x'80' UNION ALL SELECT code FROM three"
        }
        "gb18030" => {
            "SELECT code FROM one UNION ALL SELECT code FROM two WHERE code >= x'80' UNION ALL SELECT code FROM gb"
        }
        "big5" | "sjis" | "cp932" | "euckr" | "gb2312" | "gbk" => {
            "SELECT code FROM one UNION ALL SELECT code FROM two WHERE code >= x'80'"
        }
        _ => "SELECT code FROM one",
    }
}

async fn prove_characters(server: &Server) {
    server.exec(CODES).await.unwrap();
    let sets = "SELECT CHARACTER_SET_NAME, MIN(ID) FROM information_schema.COLLATIONS \
                WHERE CHARACTER_SET_NAME NOT IN ('binary', 'utf8', 'utf8mb3', 'utf8mb4') AND ID IS NOT NULL GROUP BY 1";
    for set in server.query(sets).await.unwrap() {
        let [Some(name), Some(collation)] = &set[..] else { panic!() };
        let collation = collation.parse().unwrap();
        let invalid = CharsetError::Invalid { name: charset::name(collation).unwrap() };
        let ask = format!(
            "SELECT HEX(code), HEX(code) <> HEX(CONVERT(code USING {name})), \
             HEX(CONVERT(CONVERT(code USING {name}) USING utf8mb4)) FROM ({}) codes",
            codes(name)
        );
        let mut same = 0;
        for row in server.query(&ask).await.unwrap() {
            let [Some(code), refused, shown] = &row[..] else { panic!() };
            let bytes = hex::decode(code).unwrap();
            let ours = charset::decode(collation, &bytes);
            let shown = shown.as_ref().map(|shown| String::from_utf8(hex::decode(shown).unwrap()));
            match shown {
                Some(Ok(shown)) if refused.as_deref() == Some("0") && is_exact(&shown, &bytes, name) => {
                    assert_eq!(ours.as_deref(), Ok(&*shown), "{name} {code}");
                    same += 1;
                }
                _ => assert_eq!(ours, Err(invalid), "{name} {code}"),
            }
        }
        println!("{name}: {same} texts");
        assert!(same > 100, "{name}");
    }
}

/// Whether all of the text is there: where the server has no character, it shows `?`, and in some sets U+FFFD or
/// nothing.
fn is_exact(shown: &str, code: &[u8], set: &str) -> bool {
    let asked = code.iter().filter(|byte| **byte == b'?').count();
    !shown.is_empty()
        && shown.matches('?').count() <= asked
        && !(matches!(set, "big5" | "tis620") && shown.contains('\u{fffd}'))
}

async fn prove_collations(server: &Server) {
    let tables = "SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = 'information_schema' \
                  AND TABLE_NAME = 'COLLATION_CHARACTER_SET_APPLICABILITY' AND COLUMN_NAME = 'ID'";
    let mut ask = "SELECT ID, CHARACTER_SET_NAME FROM information_schema.COLLATIONS \
                   WHERE ID IS NOT NULL AND CHARACTER_SET_NAME IS NOT NULL"
        .to_owned();
    // MariaDB 10.10 and later list the ids of collations that serve several character sets here.
    if server.value(tables).await.unwrap().as_deref() == Some("1") {
        ask += " UNION SELECT ID, CHARACTER_SET_NAME FROM information_schema.COLLATION_CHARACTER_SET_APPLICABILITY \
                 WHERE ID IS NOT NULL";
    }
    let collations = server.query(&ask).await.unwrap();
    assert!(collations.len() > 150);
    for row in collations {
        let [Some(id), Some(name)] = &row[..] else { panic!() };
        let name = if name == "utf8" { "utf8mb3" } else { name };
        assert_eq!(charset::name(id.parse().unwrap()), Some(name), "collation {id}");
    }
}

async fn prove(release: Release) {
    if !release.is_available() {
        println!("{release} was NOT tested: scripts/fetch-servers has not brought it");
        return;
    }
    let server = release.start(Options::default()).await.unwrap();
    prove_collations(&server).await;
    prove_characters(&server).await;
}

#[tokio::test]
async fn r3_mariadb_10_5_every_character_is_decoded_as_the_server_converts_it() {
    prove(Release::MariaDb10_5).await;
}

#[tokio::test]
async fn r3_mariadb_10_11_every_character_is_decoded_as_the_server_converts_it() {
    prove(Release::MariaDb10_11).await;
}

#[tokio::test]
async fn r3_mariadb_11_8_every_character_is_decoded_as_the_server_converts_it() {
    prove(Release::MariaDb11_8).await;
}

#[tokio::test]
async fn r3_mysql_5_6_every_character_is_decoded_as_the_server_converts_it() {
    prove(Release::MySql5_6).await;
}

#[tokio::test]
async fn r3_mysql_9_7_every_character_is_decoded_as_the_server_converts_it() {
    prove(Release::MySql9_7).await;
}
