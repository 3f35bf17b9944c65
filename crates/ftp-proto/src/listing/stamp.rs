//! The stamps of `ls -l`, in the orders, languages and styles that servers print them in, and the parts that other
//! dialects share with them.

use ::time::{Duration, OffsetDateTime};

use crate::digits::{decimal, short_number};
use crate::listing::language::{
    parse_day, parse_month, parse_month_and_day, parse_numbered_month, parse_year,
};
use crate::listing::words::Words;
use crate::time::{Clock, Modified, Precision, moment, nanoseconds};

/// When, and in how many words it was said.
pub(super) struct Stamp {
    pub(super) modified: Modified,
    pub(super) words: usize,
}

impl Stamp {
    /// The most words that a stamp has: `Oct 08, 2002 09:47`.
    pub(super) const MOST_WORDS: usize = 4;

    /// Reads the stamp that begins with the word at `column`.
    pub(super) fn parse<const MOST: usize>(
        words: &Words<'_, MOST>,
        column: usize,
        now: OffsetDateTime,
    ) -> Option<Self> {
        let [first, second] = [words.at(column)?, words.at(column + 1)?];
        if let Some(date) = parse_iso_date(first) {
            return Self::iso(date, second, words.at(column + 2));
        }
        if let Some((month, day)) = parse_month_and_day(first) {
            return Self::recent_or_old(month, day, second, 2, now);
        }
        let third = words.at(column + 2)?;
        if let Some(month) = parse_month(first) {
            let day = parse_day(second)?;
            if second.ends_with(b",") {
                return Self::whole(parse_year(third)?, month, day, words.at(column + 3)?);
            }
            return Self::recent_or_old(month, day, third, 3, now);
        }
        if let Some(day) = parse_day(first) {
            return Self::recent_or_old(parse_month(second)?, day, third, 3, now);
        }
        Self::day(parse_year(first)?, parse_numbered_month(second)?, parse_day(third)?, 3)
    }

    /// What `ls` prints: the time of day while a file is young, the year later.
    fn recent_or_old(
        month: u32,
        day: u32,
        year_or_clock: &[u8],
        words: usize,
        now: OffsetDateTime,
    ) -> Option<Self> {
        let Some(clock) = parse_clock(year_or_clock) else {
            return Self::day(parse_year(year_or_clock)?, month, day, words);
        };
        let at = latest(month, day, &clock, now)?;
        Some(Self { modified: Modified::local(at, Precision::Minute), words })
    }

    fn day(year: u32, month: u32, day: u32, words: usize) -> Option<Self> {
        let at = moment(year, month, day, &Clock::MIDNIGHT, 0)?;
        Some(Self { modified: Modified::local(at, Precision::Day), words })
    }

    /// VShell prints the year and the time of day, with a comma before them.
    fn whole(year: u32, month: u32, day: u32, clock: &[u8]) -> Option<Self> {
        let at = moment(year, month, day, &parse_clock(clock)?, 0)?;
        Some(Self { modified: Modified::local(at, Precision::Minute), words: 4 })
    }

    /// GNU `ls`: `2024-02-29 09:30` is long-iso; `2024-02-29 09:30:15.123456789 +0100` is full-iso, and the only stamp
    /// of an `ls` that says what time it is elsewhere.
    fn iso((year, month, day): (u32, u32, u32), clock: &[u8], offset: Option<&[u8]>) -> Option<Self> {
        let (hms, fraction) = match clock.iter().position(|byte| *byte == b'.') {
            Some(dot) => (&clock[..dot], Some(&clock[dot + 1..])),
            None => (clock, None),
        };
        if let (Some(clock), None) = (parse_clock(hms), fraction) {
            let at = moment(year, month, day, &clock, 0)?;
            return Some(Self { modified: Modified::local(at, Precision::Minute), words: 2 });
        }
        let nanosecond = fraction.and_then(nanoseconds);
        let at = moment(year, month, day, &parse_clock_with_seconds(hms)?, nanosecond.unwrap_or(0))?;
        if nanosecond.is_none() {
            return Some(Self { modified: Modified::local(at, Precision::Second), words: 2 });
        }
        let at = at.checked_sub(parse_offset(offset?)?)?;
        Some(Self { modified: Modified::utc(at, Precision::Second), words: 3 })
    }
}

/// The latest moment with this month, day and time of day that is not after tomorrow: the server's clock or its time
/// zone may be ahead of ours by a day. 29 February is looked for in leap years only.
fn latest(month: u32, day: u32, clock: &Clock, now: OffsetDateTime) -> Option<OffsetDateTime> {
    let tomorrow = now.saturating_add(Duration::DAY);
    // Leap years are eight years apart at most, around 1900 and 2100.
    let years = (tomorrow.year() - 8..=tomorrow.year()).rev();
    let moments = years.filter_map(|year| moment(u32::try_from(year).ok()?, month, day, clock, 0));
    moments.into_iter().find(|moment| *moment <= tomorrow)
}

/// `09:30` or `9:30`.
pub(super) fn parse_clock(word: &[u8]) -> Option<Clock> {
    let (hour, minute) = word.split_at_checked(word.len().checked_sub(3)?)?;
    Some(Clock { hour: short_number(hour)?, minute: short_number(minute.strip_prefix(b":")?)?, second: 0 })
}

/// `09:30:15`.
pub(super) fn parse_clock_with_seconds(word: &[u8]) -> Option<Clock> {
    let (minutes, second) = word.split_at_checked(word.len().checked_sub(3)?)?;
    Some(Clock { second: short_number(second.strip_prefix(b":")?)?, ..parse_clock(minutes)? })
}

/// `29-FEB-2024`: year, the month's word, and day.
pub(super) fn parse_named_date(word: &[u8]) -> Option<(u32, &[u8], u32)> {
    let mut parts = word.split(|byte| *byte == b'-');
    let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || month.is_empty() || month.iter().any(u8::is_ascii_digit) {
        return None;
    }
    Some((parse_full_year(year)?, month, short_number(day)?))
}

/// A year of four digits, or of two: Windows takes them from 70 on as 19yy.
pub(super) fn parse_full_year(word: &[u8]) -> Option<u32> {
    match (word.len(), decimal(word)?) {
        (2, year @ 70..) => Some(1900 + year),
        (2, year) => Some(2000 + year),
        (4, year) => Some(year),
        _ => None,
    }
}

/// `2024-02-29`, and `2024/02/29` as some print it.
fn parse_iso_date(word: &[u8]) -> Option<(u32, u32, u32)> {
    let [year @ .., b'-' | b'/', m1, m2, b'-' | b'/', d1, d2] = word else {
        return None;
    };
    Some((parse_year(year)?, short_number(&[*m1, *m2])?, short_number(&[*d1, *d2])?))
}

/// `+0100`: how far ahead of UTC.
fn parse_offset(word: &[u8]) -> Option<Duration> {
    let [sign @ (b'+' | b'-'), h1, h2, m1, m2] = word else {
        return None;
    };
    let minutes = short_number(&[*h1, *h2])? * 60 + short_number(&[*m1, *m2])?;
    let ahead = Duration::minutes(i64::from(minutes));
    Some(if *sign == b'-' { -ahead } else { ahead })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::time::macros::datetime;

    #[test]
    fn the_year_that_is_left_out_is_the_latest_possible() {
        let nine = Clock { hour: 9, minute: 0, second: 0 };
        let table = [
            // On New Year's Day, December is last year's; on its eve, January may be a server ahead of us.
            ((12, 31), datetime!(2024-01-01 00:10 UTC), datetime!(2023-12-31 09:00 UTC)),
            ((1, 1), datetime!(2023-12-31 10:00 UTC), datetime!(2024-01-01 09:00 UTC)),
            ((1, 2), datetime!(2023-12-31 10:00 UTC), datetime!(2023-01-02 09:00 UTC)),
            ((2, 29), datetime!(2023-06-01 00:00 UTC), datetime!(2020-02-29 09:00 UTC)),
            ((2, 29), datetime!(2104-02-01 00:00 UTC), datetime!(2096-02-29 09:00 UTC)),
            ((2, 29), datetime!(2024-02-28 09:00 UTC), datetime!(2024-02-29 09:00 UTC)),
        ];
        for ((month, day), now, expected) in table {
            assert_eq!(latest(month, day, &nine, now), Some(expected), "{month}-{day} at {now}");
        }
        assert_eq!(latest(2, 30, &nine, datetime!(2024-02-28 09:00 UTC)), None);
    }

    #[test]
    fn now_may_be_anything() {
        let noon = Clock { hour: 12, minute: 0, second: 0 };
        for now in [
            datetime!(9999-12-31 23:59:59 UTC),
            datetime!(-9999-01-01 0:00 UTC),
            datetime!(0000-01-01 0:00 UTC),
        ] {
            let _ = latest(12, 31, &noon, now);
        }
        assert_eq!(
            latest(12, 31, &noon, datetime!(9999-12-31 23:59:59 UTC)),
            Some(datetime!(9999-12-31 12:00 UTC))
        );
    }

    #[test]
    fn dates_with_a_named_month() {
        assert_eq!(parse_named_date(b"29-FEB-2024"), Some((2024, &b"FEB"[..], 29)));
        assert_eq!(parse_named_date(b"4-Mar-01"), Some((2001, &b"Mar"[..], 4)));
        assert_eq!(parse_named_date(b"4-Mar-99"), Some((1999, &b"Mar"[..], 4)));
        for word in ["02-29-2024", "29-FEB", "29-FEB-2024-1", "29--2024", "FEB-29-2024", "29-FEB-024"] {
            assert_eq!(parse_named_date(word.as_bytes()), None, "{word}");
        }
    }
}
