//! Numbers as a report prints them. FLOPs are exact and printed in full wherever there is room; bytes, times and
//! rates are rounded to what their meaning bears.

/// Digits in groups of three.
pub(crate) fn grouped(value: impl Into<u128>) -> String {
    let digits = value.into().to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// How many there are of something, in the words for one of it or for several.
pub(crate) fn several(count: impl Into<u128>, one: &str, more: &str) -> String {
    let count = count.into();
    format!("{} {}", grouped(count), if count == 1 { one } else { more })
}

/// A difference with its sign; a plain 0 where there is none.
pub(crate) fn signed(value: i128) -> String {
    let magnitude = grouped(value.unsigned_abs());
    match value {
        0 => magnitude,
        1.. => format!("+{magnitude}"),
        _ => format!("-{magnitude}"),
    }
}

/// Bytes in decimal units.
pub(crate) fn bytes(value: u64) -> String {
    scaled(value as f64, &["B", "kB", "MB", "GB", "TB"])
}

/// FLOPs on an axis.
#[cfg(feature = "cli")]
pub(crate) fn scaled_flops(value: f64) -> String {
    let sign = if value < 0.0 { "-" } else { "" };
    let units = [(1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")];
    match units.into_iter().find(|(unit, _)| value.abs() >= *unit) {
        Some((unit, name)) => format!("{sign}{} {name}", value.abs() / unit),
        None => format!("{value}"),
    }
}

/// A count in four digits and a unit, where there is no room for all of its digits.
#[cfg(feature = "cli")]
pub(crate) fn rounded(value: u128) -> String {
    const WHOLE: u128 = 100_000;
    const UNITS: [(f64, &str); 6] =
        [(1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")];
    let whole = value as f64;
    // What rounds up to a unit has that unit.
    match UNITS.into_iter().find(|(unit, _)| whole >= 0.99995 * unit) {
        Some((unit, name)) if value >= WHOLE => {
            let of_unit = whole / unit;
            let decimals = if of_unit < 9.9995 {
                3
            } else if of_unit < 99.995 {
                2
            } else {
                1
            };
            format!("{of_unit:.decimals$} {name}")
        }
        _ => grouped(value),
    }
}

/// A time.
pub(crate) fn seconds(value: f64) -> String {
    if value >= 1.0 {
        format!("{value:.2} s")
    } else if value >= 1e-3 {
        format!("{:.2} ms", value * 1e3)
    } else if value >= 1e-7 || value <= 0.0 {
        format!("{:.1} us", value * 1e6)
    } else {
        format!("{:.1} ns", value * 1e9)
    }
}

/// A waiting time, up to days or years.
pub(crate) fn duration(value: f64) -> String {
    duration_like(value, value)
}

/// The same in the unit of another, so that both can be held against each other.
pub(crate) fn duration_like(value: f64, other: f64) -> String {
    const UNITS: [(&str, f64); 4] =
        [("years", 365.25 * 86_400.0), ("days", 86_400.0), ("h", 3_600.0), ("min", 60.0)];
    match UNITS.into_iter().find(|(_, unit)| other >= 2.0 * unit) {
        Some((name, unit)) => format!("{:.1} {name}", value / unit),
        None => seconds(value),
    }
}

/// How much more a figure is after than before, in percent.
pub(crate) fn change(before: f64, after: f64) -> String {
    if before == after {
        "same".to_owned()
    } else if before > 0.0 {
        format!("{:+.2} %", 100.0 * (after - before) / before)
    } else {
        "new".to_owned()
    }
}

/// FLOPs a second in decimal units.
pub(crate) fn rate(value: f64) -> String {
    let units = ["FLOP/s", "kFLOP/s", "MFLOP/s", "GFLOP/s", "TFLOP/s", "PFLOP/s", "EFLOP/s"];
    scaled(value, &units)
}

/// So many decimals; a zero has no sign.
pub(crate) fn decimal(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    match text.strip_prefix('-') {
        Some(digits) if digits.chars().all(|c| matches!(c, '0' | '.')) => digits.to_owned(),
        _ => text,
    }
}

/// Three decimals of a quotient, or as many as show two digits of it.
pub(crate) fn decimals(quotient: f64) -> usize {
    const MOST: i32 = 15;
    let first = -quotient.abs().log10().floor();
    if first.is_finite() { (first as i32 + 1).clamp(3, MOST) as usize } else { 3 }
}

/// How many times `part` is of `whole`; a dash where there is no whole.
pub(crate) fn ratio(part: u64, whole: u64) -> String {
    if whole == 0 { DASH.to_owned() } else { format!("{:.3}", part as f64 / whole as f64) }
}

/// A share in percent; a dash where there is no whole.
pub(crate) fn share(part: u64, whole: u64) -> String {
    if whole == 0 {
        return DASH.to_owned();
    }
    percent(part as f64 / whole as f64)
}

/// A part of one in percent.
pub(crate) fn percent(part: f64) -> String {
    let percent = 100.0 * part;
    if part > 0.0 && percent < 0.01 { "<0.01 %".to_owned() } else { format!("{percent:.2} %") }
}

/// A share that may be above one, in percent.
pub(crate) fn share_of(value: f64) -> String {
    match 100.0 * value {
        // Where one decimal would say that there is nothing.
        small if small > 0.0 && small < 0.1 => percent(value),
        share => format!("{share:.1} %"),
    }
}

/// Stands where a number does not exist.
pub(crate) const DASH: &str = "-";

fn scaled(value: f64, units: &[&str]) -> String {
    let mut value = value;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 { format!("{value} {}", units[0]) } else { format!("{value:.1} {}", units[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!(
            [0_u64, 7, 999, 1000, 16_287_760_384].map(grouped),
            ["0", "7", "999", "1,000", "16,287,760,384"]
        );
        assert_eq!([0, 1234, -1_000_000].map(signed), ["0", "+1,234", "-1,000,000"]);
        assert_eq!([12, 1500, 491_520_000].map(bytes), ["12 B", "1.5 kB", "491.5 MB"]);
        assert_eq!(
            [2.5, 0.0125, 3.4e-6, 2.15e-8].map(seconds),
            ["2.50 s", "12.50 ms", "3.4 us", "21.5 ns"]
        );
        assert_eq!(
            [90.0, 121.0, 8_000.0, 259_200.0, 1e8].map(duration),
            ["90.00 s", "2.0 min", "2.2 h", "3.0 days", "3.2 years"]
        );
        assert_eq!([-1e-9, -1.5, 0.25].map(|v| decimal(v, 1)), ["0.0", "-1.5", "0.2"]);
        assert_eq!(rate(67e12), "67.0 TFLOP/s");
        #[cfg(feature = "cli")]
        assert_eq!(
            [99_999, 999_950, 999_949, 517_996_932, 1_076_000_000_000, 422_112_000_000_000]
                .map(rounded),
            ["99,999", "1.000 M", "999.9 k", "518.0 M", "1.076 T", "422.1 T"]
        );
        assert_eq!(share(1, 1_000_000), "<0.01 %");
        assert_eq!(
            (share(0, 5), share(5, 0), ratio(3, 2)),
            ("0.00 %".into(), "-".into(), "1.500".into())
        );
    }
}
