//! FLOAT and DOUBLE as the servers print them.
//!
//! Both print the fewest digits that give the number back, a FLOAT at most six (so that 16777216 becomes 16777200), and
//! turn to an exponent below 1e-15, and from 1e15 for whole numbers (MySQL source documentation, `my_gcvt`).

use std::fmt::Write;

/// Digits of a FLOAT (C's `FLT_DIG`).
const FLOAT_DIGITS: usize = 6;
/// Digits of a DOUBLE that are printed at most.
const DOUBLE_DIGITS: usize = 17;
/// With fewer digits than this, no two texts of a DOUBLE are equally near to it (C's `DBL_DIG`).
const EXACT_DIGITS: usize = 15;
/// Largest count of places before the point, and zeros behind it, without an exponent (C's `DBL_DIG`).
const MAX_PLACES: i32 = 15;

/// Appends a DOUBLE.
pub(super) fn write_double(value: f64, out: &mut String) {
    write(value, DOUBLE_DIGITS, out);
}

/// Appends a FLOAT.
pub(super) fn write_float(value: f32, out: &mut String) {
    write(f64::from(value), FLOAT_DIGITS, out);
}

/// Appends a FLOAT(M,D) or DOUBLE(M,D): as many digits behind the point as declared.
pub(super) fn write_fixed(value: f64, decimals: u8, out: &mut String) {
    // Writing to a String cannot fail.
    let _ = write!(out, "{value:.*}", usize::from(decimals));
}

fn write(value: f64, digits: usize, out: &mut String) {
    if !value.is_finite() {
        // The servers store none.
        let _ = write!(out, "{value}");
        return;
    }
    // `d.ddde±x` has the digits and where the point goes.
    let shortest = format!("{value:e}");
    let longest = shortest.bytes().take_while(|byte| *byte != b'e').filter(u8::is_ascii_digit).count();
    let scientific = match longest {
        length if length > digits => format!("{value:.*e}", digits - 1),
        // Two shortest texts can be equally near: the servers take the even one.
        length @ EXACT_DIGITS.. => {
            let even = format!("{value:.*e}", length - 1);
            if even.parse() == Ok(value) { even } else { shortest }
        }
        _ => shortest,
    };
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let mut figures: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    figures.truncate(figures.trim_end_matches('0').len().max(1));
    if mantissa.starts_with('-') {
        out.push('-');
    }
    let length = figures.len() as i32;
    let places = exponent + 1;
    if places < 1 - MAX_PLACES || (places > MAX_PLACES && length <= places) {
        let (first, rest) = figures.split_at(1);
        out.push_str(first);
        if !rest.is_empty() {
            out.push('.');
            out.push_str(rest);
        }
        let _ = write!(out, "e{exponent}");
    } else if places <= 0 {
        out.push_str("0.");
        (places..0).for_each(|_| out.push('0'));
        out.push_str(&figures);
    } else if places >= length {
        out.push_str(&figures);
        (length..places).for_each(|_| out.push('0'));
    } else {
        let (whole, fraction) = figures.split_at(places as usize);
        out.push_str(whole);
        out.push('.');
        out.push_str(fraction);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r3_floats_read_as_a_select_shows_them() {
        let double = |value| {
            let mut out = String::new();
            write_double(value, &mut out);
            out
        };
        let float = |value| {
            let mut out = String::new();
            write_float(value, &mut out);
            out
        };
        assert_eq!(double(0.0), "0");
        assert_eq!(double(-0.1), "-0.1");
        assert_eq!(double(120.5), "120.5");
        assert_eq!(double(1e14), "100000000000000");
        assert_eq!(double(1e15), "1e15");
        assert_eq!(double(1.5e-5), "0.000015");
        assert_eq!(double(1e-15), "0.000000000000001");
        assert_eq!(double(1e-16), "1e-16");
        assert_eq!(double(1_234_567_890_123_456.8), "1234567890123456.8");
        assert_eq!(double(-1.7976931348623157e308), "-1.7976931348623157e308");
        assert_eq!(double(268_487_133_224_799.13), "268487133224799.12", "the even one of two equally near");
        assert_eq!(float(16_777_216.0), "16777200");
        assert_eq!(float(0.1), "0.1");
    }
}
