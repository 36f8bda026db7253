//! Which character set a collation's id stands for.

use encoding_rs::{
    BIG5, EUC_JP, EUC_KR, GB18030, GBK, IBM866, ISO_8859_2, ISO_8859_7, ISO_8859_8, ISO_8859_13, KOI8_R, KOI8_U,
    MACINTOSH, SHIFT_JIS, WINDOWS_874, WINDOWS_1250, WINDOWS_1251, WINDOWS_1252, WINDOWS_1254, WINDOWS_1256,
    WINDOWS_1257,
};

use super::encoded::{Encoded, Lengths};
use super::{Charset, difference, single_byte};

/// The character set of a collation (MySQL and MariaDB: `information_schema.COLLATIONS`; MariaDB's ids from 1024 are
/// the NOPAD twins of those 1024 lower, and from 2048 the UCA 14 collations, 256 for each Unicode character set).
pub(super) fn charset(collation: u16) -> Option<Charset> {
    use Charset::{Ascii, Binary, Ucs2, Upper, Utf8, Utf16, Utf16Le, Utf32};
    Some(match collation {
        33 | 76 | 83 | 192..=223 | 576..=607 | 2048..=2303 => Utf8("utf8mb3"),
        45 | 46 | 224..=247 | 255..=575 | 608..=639 | 2304..=2559 => Utf8("utf8mb4"),
        // windows-1252, with the five bytes that it leaves open as control characters.
        5 | 8 | 15 | 31 | 47..=49 | 94 => encoded("latin1", WINDOWS_1252, Lengths::One, &[]),
        super::BINARY => Binary,
        11 | 65 => Ascii,
        35 | 90 | 128..=159 | 640..=671 | 2560..=2815 => Ucs2,
        54 | 55 | 101..=124 | 672..=703 | 2816..=3071 => Utf16,
        56 | 62 => Utf16Le,
        60 | 61 | 160..=191 | 736..=767 | 3072..=3327 => Utf32,
        2 | 9 | 21 | 27 | 77 => encoded("latin2", ISO_8859_2, Lengths::One, &[]),
        3 | 69 => Upper("dec8", &single_byte::DEC8),
        4 | 80 => Upper("cp850", &single_byte::CP850),
        6 | 72 => Upper("hp8", &single_byte::HP8),
        7 | 74 => encoded("koi8r", KOI8_R, Lengths::One, &[]),
        10 | 82 => encoded("swe7", WINDOWS_1252, Lengths::One, difference::SWE7),
        14 | 23 | 50..=52 => encoded("cp1251", WINDOWS_1251, Lengths::One, difference::CP1251),
        16 | 71 => encoded("hebrew", ISO_8859_8, Lengths::One, difference::HEBREW),
        18 | 89 => encoded("tis620", WINDOWS_874, Lengths::One, difference::TIS620),
        20 | 41 | 42 | 79 => encoded("latin7", ISO_8859_13, Lengths::One, &[]),
        22 | 75 => encoded("koi8u", KOI8_U, Lengths::One, difference::KOI8U),
        25 | 70 => encoded("greek", ISO_8859_7, Lengths::One, difference::GREEK),
        26 | 34 | 44 | 66 | 99 => encoded("cp1250", WINDOWS_1250, Lengths::One, difference::CP1250),
        29 | 58 | 59 => encoded("cp1257", WINDOWS_1257, Lengths::One, difference::CP1257),
        30 | 78 => encoded("latin5", WINDOWS_1254, Lengths::One, difference::LATIN5),
        32 | 64 => Upper("armscii8", &single_byte::ARMSCII8),
        36 | 68 => encoded("cp866", IBM866, Lengths::One, difference::CP866),
        37 | 73 => Upper("keybcs2", &single_byte::KEYBCS2),
        38 | 43 => Upper("macce", &single_byte::MACCE),
        39 | 53 => encoded("macroman", MACINTOSH, Lengths::One, &[]),
        40 | 81 => Upper("cp852", &single_byte::CP852),
        57 | 67 => encoded("cp1256", WINDOWS_1256, Lengths::One, difference::CP1256),
        92 | 93 => Upper("geostd8", &single_byte::GEOSTD8),
        1 | 84 => encoded("big5", BIG5, Lengths::Two, difference::BIG5),
        12 | 91 => encoded("ujis", EUC_JP, Lengths::Euc, difference::UJIS),
        13 | 88 => encoded("sjis", SHIFT_JIS, Lengths::ShiftJis, difference::SJIS),
        19 | 85 => encoded("euckr", EUC_KR, Lengths::Two, &[]),
        24 | 86 => encoded("gb2312", GBK, Lengths::Two, difference::GB2312),
        28 | 87 => encoded("gbk", GBK, Lengths::Two, difference::GBK),
        95 | 96 => encoded("cp932", SHIFT_JIS, Lengths::ShiftJis, difference::CP932),
        97 | 98 => encoded("eucjpms", EUC_JP, Lengths::Euc, difference::EUCJPMS),
        248..=250 => encoded("gb18030", GB18030, Lengths::Gb18030, difference::GB18030),
        1024..=2047 => return charset(collation - 1024),
        _ => return None,
    })
}

fn encoded(
    name: &'static str,
    encoding: &'static encoding_rs::Encoding,
    lengths: Lengths,
    differences: &'static [difference::Run],
) -> Charset {
    Charset::Encoded(Encoded { name, encoding, lengths, differences })
}
