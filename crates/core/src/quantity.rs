//! Comparing and adding Kubernetes quantities:
//! <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/>.

/// The number that a quantity stands for. `None` for text that is no quantity.
///
/// A double has 53 bits of precision, enough to compare and cap what containers ask for.
pub(crate) fn parse(text: &str) -> Option<f64> {
    let digits = text.find(|c: char| !matches!(c, '0'..='9' | '.' | '+' | '-')).unwrap_or(text.len());
    let (number, suffix) = text.split_at_checked(digits)?;
    let number: f64 = number.parse().ok()?;
    let factor = match suffix {
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        "" => 1.0,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "E" => 1e18,
        "Ki" => 1024.0,
        "Mi" => 1024f64.powi(2),
        "Gi" => 1024f64.powi(3),
        "Ti" => 1024f64.powi(4),
        "Pi" => 1024f64.powi(5),
        "Ei" => 1024f64.powi(6),
        exponent => 10f64.powi(exponent.strip_prefix(['e', 'E'])?.parse().ok()?),
    };
    Some(number * factor)
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
    fn writes_what_it_reads() {
        assert_eq!(format(0.5), "500m");
        assert_eq!(format(0.1 + 0.2), "300m");
        assert_eq!(format(0.1 + 0.2 + 0.7), "1");
        assert_eq!(format(268_435_456.0), "268435456");
    }
}
