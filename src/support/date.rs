//! Dates in UTC: from seconds since 1970, and from the texts that clouds write (RFC 3339).
//!
//! No crate does this here, because no time zone, locale or leap second is needed. `Date` headers
//! of HTTP are read in `http/headers.rs`, by httpdate.

use super::clock::UnixSeconds;

/// A date and time in UTC, in the proleptic Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Date {
    pub year: i64,
    /// 1 to 12.
    pub month: u32,
    /// 1 to 31.
    pub day: u32,
    pub hour: u32,
    pub minute: u32,
    /// 0 to 59; 60 where a text names a leap second.
    pub second: u32,
}

/// Seconds. POSIX time has no leap seconds.
const DAY: i64 = 86_400;

/// Days from 1 March of the year 0 to 1 January 1970.
///
/// Years are counted from March on, so that the leap day is the last of its year. The numbers
/// below follow from that: 400 years have 146,097 days, and five months from March or August on
/// have 153.
const DAYS_BEFORE_1970: i64 = 719_468;

impl Date {
    /// The date and time of this second.
    pub fn of(unix: UnixSeconds) -> Date {
        let (days, second_of_day) = (unix.div_euclid(DAY), unix.rem_euclid(DAY) as u32);
        let days = days.saturating_add(DAYS_BEFORE_1970);
        let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day_of_year = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day_of_year + 2) / 153;
        Date {
            year: era * 400 + year + i64::from(month > 9),
            month: (if month > 9 { month - 9 } else { month + 3 }) as u32,
            day: (day_of_year - (153 * month + 2) / 5 + 1) as u32,
            hour: second_of_day / 3600,
            minute: second_of_day / 60 % 60,
            second: second_of_day % 60,
        }
    }

    /// The second of this date and time. A day beyond its month's end is one of the next month.
    pub fn unix(self) -> UnixSeconds {
        let year = self.year - i64::from(self.month < 3);
        let (era, year) = (year.div_euclid(400), year.rem_euclid(400));
        let month = i64::from((self.month + 9) % 12);
        let day_of_year = (153 * month + 2) / 5 + i64::from(self.day) - 1;
        let days = era * 146_097 + year * 365 + year / 4 - year / 100 + day_of_year;
        let time = i64::from(self.hour * 3600 + self.minute * 60 + self.second);
        (days - DAYS_BEFORE_1970) * DAY + time
    }

    /// A text as RFC 3339 and ISO 8601 write it, in seconds since 1970: `2026-01-31T08:15:00Z`.
    /// It may have a fraction, which is cut off, an offset in place of the `Z`, and a blank in
    /// place of the `T`. Without `Z` and offset it is taken for UTC.
    ///
    /// `None` for any other text, and for years before 1970 or after 9999.
    pub fn parse(text: &str) -> Option<UnixSeconds> {
        let (date, time) = text.trim().split_once(['T', 't', ' '])?;
        let mut numbers = date.split('-').map(number);
        let (year, month, day) = (numbers.next()??, numbers.next()??, numbers.next()??);
        let (time, offset) = match time.find(['Z', 'z', '+', '-']) {
            Some(at) => (&time[..at], offset(&time[at..])?),
            None => (time, 0),
        };
        let whole = time.split(['.', ',']).next()?;
        let mut numbers = whole.split(':').map(number);
        let (hour, minute) = (numbers.next()??, numbers.next()??);
        let second = numbers.next().unwrap_or(Some(0))?;
        let is_one = (1970..=9999).contains(&year)
            && (1..=12).contains(&month)
            && (1..=31).contains(&day)
            && hour < 24
            && minute < 60
            && second <= 60;
        let date = Date { year: i64::from(year), month, day, hour, minute, second };
        is_one.then(|| date.unix() - offset)
    }
}

/// One to four decimal digits, and nothing else: `parse` alone would take a sign.
fn number(digits: &str) -> Option<u32> {
    let all_digits = (1..=4).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    all_digits.then(|| digits.parse().ok()).flatten()
}

/// Seconds east of Greenwich: `Z`, `+02:00`, `-0530` or `+02`. `None` where it is none of these.
fn offset(text: &str) -> Option<i64> {
    if text.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let digits = text[1..].replace(':', "");
    let (hours, minutes) = match digits.len() {
        2 => (number(&digits)?, 0),
        4 => (number(digits.get(..2)?)?, number(digits.get(2..)?)?),
        _ => return None,
    };
    (hours < 24 && minutes < 60).then(|| sign * i64::from(hours * 3600 + minutes * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_become_dates_and_dates_seconds() {
        for (unix, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_440_938_160, "2015-08-30T12:36:00Z"),
            (1_700_000_000, "2023-11-14T22:13:20Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            let date = Date::of(unix);
            let Date { year, month, day, hour, minute, second } = date;
            let written = format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z");
            assert_eq!(written, text);
            assert_eq!(date.unix(), unix);
            assert_eq!(Date::parse(text), Some(unix));
        }
        assert!((-1_000_000..1_000_000).step_by(997).all(|day| {
            let unix = day * DAY + day.rem_euclid(DAY);
            Date::of(unix).unix() == unix
        }));
    }

    #[test]
    fn a_date_is_read_as_clouds_write_it() {
        for text in [
            "2023-11-14T22:13:20.123456Z",
            "2023-11-14 22:13:20",
            "2023-11-15T00:13:20+02:00",
            "2023-11-14T16:43:20-0530",
            "2023-11-14t22:13:20z",
        ] {
            assert_eq!(Date::parse(text), Some(1_700_000_000), "{text}");
        }
        for bad in ["", "2023-11-14", "2023-13-01T00:00:00Z", "soon", "2023-11-14T22:13:20+1", "T:"]
        {
            assert_eq!(Date::parse(bad), None, "{bad}");
        }
    }
}
