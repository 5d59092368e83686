//! Comparing and adding Kubernetes quantities:
//! <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/>.

use serde_json::Value;

/// The number that a quantity stands for. `None` for text that is no quantity.
///
/// A double has 53 bits of precision, enough to compare and cap what containers ask for.
pub(crate) fn parse(text: &str) -> Option<f64> {
    let (number, base, exponent) = split(text)?;
    let number: f64 = number.parse().ok()?;
    Some(number * f64::from(base).powi(exponent))
}

/// The number that an amount in a document stands for: it may be written as text or as a number.
pub(crate) fn amount(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str().and_then(parse))
}

/// The quantity in parts of which `per_unit` make one, rounded up as the API server's own type does. `None` also for
/// less than nothing, and for more than can be counted.
pub(crate) fn round_up(text: &str, per_unit: u128) -> Option<u128> {
    let (number, base, exponent) = split(text)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits: u128 = format!("{whole}{fraction}").parse().ok()?;
    let (multiply, divide) =
        if exponent < 0 { (0, exponent.unsigned_abs()) } else { (exponent.unsigned_abs(), 0) };
    let multiplied = digits.checked_mul(per_unit)?.checked_mul(u128::from(base).checked_pow(multiply)?)?;
    let fraction_digits = u32::try_from(fraction.len()).ok()?;
    Some(multiplied.div_ceil(10u128.checked_pow(divide.checked_add(fraction_digits)?)?))
}

/// The number, and base and exponent of what it is multiplied by. The exponent is negative only of base ten.
fn split(text: &str) -> Option<(&str, u32, i32)> {
    let digits = text.find(|c: char| !matches!(c, '0'..='9' | '.' | '+' | '-')).unwrap_or(text.len());
    let (number, suffix) = text.split_at_checked(digits)?;
    let (base, exponent) = match suffix {
        "n" => (10, -9),
        "u" => (10, -6),
        "m" => (10, -3),
        "" => (10, 0),
        "k" => (10, 3),
        "M" => (10, 6),
        "G" => (10, 9),
        "T" => (10, 12),
        "P" => (10, 15),
        "E" => (10, 18),
        "Ki" => (1024, 1),
        "Mi" => (1024, 2),
        "Gi" => (1024, 3),
        "Ti" => (1024, 4),
        "Pi" => (1024, 5),
        "Ei" => (1024, 6),
        exponent => (10, exponent.strip_prefix(['e', 'E'])?.parse().ok()?),
    };
    Some((number, base, exponent))
}

/// Writes a number as a quantity: in thousandths where it is no whole number, rounded up as the API server does.
pub(crate) fn format(number: f64) -> String {
    // A sum of decimal fractions is a little off: 0.1 + 0.2 stands for 300m, not for 301m.
    let thousandths = (number * 1000.0 - 1e-6).ceil();
    let whole = thousandths / 1000.0;
    if whole.fract() == 0.0 { format!("{whole:.0}") } else { format!("{thousandths:.0}m") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_suffix() {
        for (text, number) in [
            ("500m", 0.5),
            ("2", 2.0),
            ("1.5Gi", 1.5 * 1024.0 * 1024.0 * 1024.0),
            ("3e2", 300.0),
            ("1E3", 1000.0),
            ("1E", 1e18),
        ] {
            assert_eq!(parse(text), Some(number), "{text}");
        }
        for text in ["", "m", "1x", "abc", "1e", "--1", "é"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn rounds_up_without_error() {
        for (text, per_unit, parts) in [
            ("0.035", 1000, Some(35)),
            ("1.0001", 1000, Some(1001)),
            ("250m", 1000, Some(250)),
            ("+2", 1000, Some(2000)),
            ("1n", 1000, Some(1)),
            ("100m", 1, Some(1)),
            ("1.1Gi", 1, Some(1_181_116_007)),
            ("1.5e3", 1, Some(1500)),
            ("15e-1", 1, Some(2)),
            ("8E", 1, Some(8 * 10u128.pow(18))),
            ("-1", 1, None),
            ("1e99", 1, None),
            ("1e-99", 1, None),
            (".", 1, None),
            ("1.2.3", 1, None),
            ("much", 1, None),
        ] {
            assert_eq!(round_up(text, per_unit), parts, "{text}");
        }
    }

    #[test]
    fn writes_what_it_reads() {
        assert_eq!(format(0.5), "500m");
        assert_eq!(format(0.1 + 0.2), "300m");
        assert_eq!(format(0.1 + 0.2 + 0.7), "1");
        assert_eq!(format(268_435_456.0), "268435456");
    }
}
