//! Every character of every supported character set, as the server converts it (rule R3).

use opendental_cdc::binlog::charset::{self, CharsetError};
use opendental_cdc::sandbox::{MariaDb, Options};

#[tokio::test]
async fn r3_every_character_is_decoded_as_the_server_converts_it() {
    let server = MariaDb::start(Options::default()).await.unwrap();
    let sets = "SELECT character_set_name, maxlen, MIN(id) FROM information_schema.character_sets \
                JOIN information_schema.collation_character_set_applicability USING (character_set_name) GROUP BY 1, 2";
    for set in server.query(sets).await.unwrap() {
        let [Some(name), Some(longest), Some(collation)] = &set[..] else { panic!() };
        let collation = collation.parse().unwrap();
        if matches!(charset::decode(collation, b""), Err(CharsetError::Unsupported { .. })) {
            continue;
        }
        // All one-byte and two-byte values; those that are no characters do not get into the column.
        let (codes, code) = match longest.as_str() {
            "1" => ("seq_0_to_255", "LPAD(HEX(seq), 2, '0')"),
            _ => ("seq_0_to_65535", "LPAD(HEX(seq), 4, '0')"),
        };
        let fill = format!(
            "SET SESSION sql_mode = ''; CREATE OR REPLACE TABLE c (v VARCHAR(4) CHARACTER SET {name}); \
             INSERT IGNORE INTO c SELECT CONVERT(UNHEX({code}) USING binary) FROM {codes}"
        );
        server.exec(&fill).await.unwrap();
        let rows = server.query("SELECT HEX(v), HEX(CONVERT(v USING utf8mb4)) FROM c WHERE v <> ''").await.unwrap();
        let mut same = 0;
        for row in rows {
            let mut bytes = row.into_iter().map(|digits| hex::decode(digits.unwrap()).unwrap());
            let (stored, shown) = (bytes.next().unwrap(), bytes.next().unwrap());
            match String::from_utf8(shown) {
                Ok(shown) if !shown.contains('?') => {
                    assert_eq!(charset::decode(collation, &stored).as_deref(), Ok(&*shown), "{name} {stored:02x?}");
                    same += 1;
                }
                // The server has no character for it, and shows a question mark.
                Ok(_) => {}
                // Half of a surrogate pair: the server lets it in, but it is no text.
                Err(_) => assert!(charset::decode(collation, &stored).is_err(), "{name} {stored:02x?}"),
            }
        }
        println!("{name}: {same} texts");
        assert!(same > 100, "{name}");
    }
}

#[tokio::test]
async fn r3_every_collation_of_the_server_is_known() {
    let server = MariaDb::start(Options::default()).await.unwrap();
    let collations = "SELECT id, character_set_name FROM information_schema.collation_character_set_applicability";
    for row in server.query(collations).await.unwrap() {
        let [Some(id), Some(name)] = &row[..] else { panic!() };
        let invalid = charset::decode(id.parse().unwrap(), b"\xff\xff\xff");
        let named = match &invalid {
            Err(CharsetError::Unsupported { name } | CharsetError::Invalid { name }) => name,
            Err(error) => panic!("{id} {name}: {error}"),
            // These have a character for every byte.
            Ok(_) => continue,
        };
        assert_eq!(named, name, "collation {id}");
    }
}
