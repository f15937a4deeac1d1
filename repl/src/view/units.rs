//! Numbers, bytes and times as people read them.

use std::time::Duration;

/// `4,312`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 stage`, `4,312 rows`.
pub fn plural(number: u64, one: &str) -> String {
    format!("{} {one}{}", count(number), if number == 1 { "" } else { "s" })
}

/// `312 B`, `4.1 MiB`.
pub fn bytes(number: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if number < 1024 {
        return format!("{number} B");
    }
    let mut value = number as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// Bytes, or nothing for none.
pub fn bytes_or_blank(number: u64) -> String {
    if number == 0 { String::new() } else { bytes(number) }
}

/// Seconds with two digits behind the point: `1.24`.
pub fn seconds(time: Duration) -> String {
    format!("{:.2}", time.as_secs_f64())
}

/// `12 ms`, `1.24 s`, `3 min 05 s`.
pub fn time(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0 => format!("{} ms", time.as_millis()),
        1..60 => format!("{:.2} s", time.as_secs_f64()),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// A time given in microseconds.
pub fn micros(micros: u64) -> String {
    time(Duration::from_micros(micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!([count(0), count(999), count(4312), count(1_234_567)], ["0", "999", "4,312", "1,234,567"]);
        assert_eq!([plural(1, "stage"), plural(2, "stage")], ["1 stage", "2 stages"]);
        assert_eq!([bytes(312), bytes(4_299_162), bytes(1024 * 1024 - 1)], ["312 B", "4.1 MiB", "1.0 MiB"]);
        let ms = |ms| time(Duration::from_millis(ms));
        assert_eq!([ms(12), ms(1240), ms(185_000), ms(3_720_000)], ["12 ms", "1.24 s", "3 min 05 s", "1 h 02 min"]);
    }
}
