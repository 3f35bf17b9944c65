//! Times on the wire. MLSD and MDTM tell UTC to the second; a LIST tells the server's local time, to the minute while
//! a file is young and to the day later. Two stamps can only be compared as exactly as the vaguer of them.

use ::time::{Date, Duration, Month, OffsetDateTime, Time, UtcOffset};

use crate::digits::decimal;
use crate::reply::Reply;

/// Reads a time-val (RFC 3659 §2.3): `YYYYMMDDHHMMSS`, with `.` and digits of a second after it or not; UTC.
///
/// A leap second (`60`) is read as the second before it. Digits beyond nanoseconds are dropped. `19100` and the like
/// for the year 2000, which servers that print "19" and the years since 1900 still send, is understood: with it the
/// text has 15 digits and begins with `191`. `None` when it is written in another way, and when there is no such day or
/// no such time of day.
pub(crate) fn parse_time_val(text: &[u8]) -> Option<OffsetDateTime> {
    let (digits, nanosecond) = match text.iter().position(|byte| *byte == b'.') {
        Some(dot) if dot + 1 < text.len() => (&text[..dot], nanoseconds(&text[dot + 1..])?),
        Some(_) => return None,
        None => (text, 0),
    };
    let (year, rest) = match digits.len() {
        14 => (decimal(&digits[..4])?, &digits[4..]),
        15 if digits.starts_with(b"191") => (1900 + decimal::<u32>(&digits[2..5])?, &digits[5..]),
        _ => return None,
    };
    let [month, day, hour, minute, second] = [0, 2, 4, 6, 8].map(|at| decimal::<u32>(&rest[at..at + 2]));
    let clock = Clock { hour: hour?, minute: minute?, second: if second? == 60 { 59 } else { second? } };
    moment(year, month?, day?, &clock, nanosecond)
}

/// The time in the answer to `MDTM` (RFC 3659 §3): `213 20240229093000`, UTC. The code is not looked at. `None` when
/// the text is no such time.
pub fn parse_mdtm(reply: &Reply) -> Option<OffsetDateTime> {
    parse_time_val(reply.text().trim().as_bytes())
}

/// When a file was modified, as exactly as the server told it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Modified {
    /// The second, with its fraction where the server told it, or the start of the minute or day. What `zone` says is the
    /// server's own time is written down as if it were UTC.
    pub at: OffsetDateTime,
    /// How exact it is.
    pub precision: Precision,
    /// Whose clock showed it.
    pub zone: Zone,
}

impl Modified {
    /// A time that is UTC for certain: from MLSD, MLST, MDTM, or a listing that names its offset.
    pub fn utc(at: OffsetDateTime, precision: Precision) -> Self {
        Self { at, precision, zone: Zone::Utc }
    }

    /// A time of the server's own clock, as a LIST prints it.
    pub fn local(at: OffsetDateTime, precision: Precision) -> Self {
        Self { at, precision, zone: Zone::Server }
    }

    /// The same in UTC, where the server's clock is `ahead` of it. What is UTC already stays as it is, and so does a time
    /// at the end of the calendar.
    #[must_use]
    pub fn in_utc(self, ahead: UtcOffset) -> Self {
        let ahead = Duration::seconds(i64::from(ahead.whole_seconds()));
        match (self.zone, self.at.checked_sub(ahead)) {
            (Zone::Server, Some(at)) => Self { at, zone: Zone::Utc, ..self },
            _ => self,
        }
    }

    /// Whether the server's clock can be learnt from this: it is the server's own time, and told to the minute at least.
    pub fn tells_the_clock(self) -> bool {
        self.zone == Zone::Server && self.precision != Precision::Day
    }

    /// How far the server's clock is ahead of UTC, if this is the time that a LIST showed of a file which was modified
    /// at `utc`. Clocks are apart by whole quarters of an hour, up to 14 hours to the east and 12 to the west: anything
    /// else is no difference between clocks but a file that changed in between. `None` then, and when this time is not
    /// the server's own, or not told to the minute.
    pub fn ahead_of(self, utc: OffsetDateTime) -> Option<UtcOffset> {
        if !self.tells_the_clock() {
            return None;
        }
        let minutes = |at: OffsetDateTime| at.unix_timestamp().div_euclid(60);
        let ahead = minutes(self.at) - minutes(utc);
        if ahead % 15 != 0 || !(-12 * 60..=14 * 60).contains(&ahead) {
            return None;
        }
        UtcOffset::from_whole_seconds(i32::try_from(ahead * 60).ok()?).ok()
    }

    /// Whether both may be the same moment: they are equal as far as both are exact.
    ///
    /// A LIST prints `Feb 29 09:30` while a file is young and `Feb 29 2024` from some day on; the file has not changed
    /// then.
    pub fn agrees_with(&self, other: &Self) -> bool {
        let granule = self.precision.max(other.precision).seconds();
        let count = |modified: &Self| modified.at.unix_timestamp().div_euclid(granule);
        count(self) == count(other)
    }
}

/// Whose clock showed a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Zone {
    /// The world's.
    Utc,
    /// The server's own, which may be ahead of UTC or behind it; see [`Modified::in_utc`].
    Server,
}

/// How exact a stamp is, the most exact first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Precision {
    /// To the second.
    Second,
    /// To the minute.
    Minute,
    /// To the day.
    Day,
}

impl Precision {
    fn seconds(self) -> i64 {
        match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Day => 24 * 60 * 60,
        }
    }
}

/// A time of day as it was printed; the numbers are not checked yet.
pub(crate) struct Clock {
    pub(crate) hour: u32,
    pub(crate) minute: u32,
    pub(crate) second: u32,
}

impl Clock {
    pub(crate) const MIDNIGHT: Self = Self { hour: 0, minute: 0, second: 0 };
}

/// The moment in UTC that a calendar and a clock show, if there is such a one.
pub(crate) fn moment(
    year: u32,
    month: u32,
    day: u32,
    clock: &Clock,
    nanosecond: u32,
) -> Option<OffsetDateTime> {
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    let date = Date::from_calendar_date(i32::try_from(year).ok()?, month, u8::try_from(day).ok()?).ok()?;
    let [hour, minute, second] = [clock.hour, clock.minute, clock.second].map(|part| u8::try_from(part).ok());
    let time = Time::from_hms_nano(hour?, minute?, second?, nanosecond).ok()?;
    Some(date.with_time(time).assume_offset(UtcOffset::UTC))
}

/// The nanoseconds in the digits behind a second's point; digits beyond the ninth are dropped. None when something is
/// no digit.
pub(crate) fn nanoseconds(fraction: &[u8]) -> Option<u32> {
    let mut nine = [b'0'; 9];
    for (place, digit) in nine.iter_mut().zip(fraction) {
        *place = *digit;
    }
    fraction.iter().all(u8::is_ascii_digit).then(|| decimal(&nine))?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reply::reply;
    use ::time::macros::datetime;
    use proptest::prelude::*;

    #[test]
    fn time_vals() {
        let table: [(&str, Option<OffsetDateTime>); 19] = [
            ("20240229093015", Some(datetime!(2024-02-29 09:30:15 UTC))),
            ("20240229093015.5", Some(datetime!(2024-02-29 09:30:15.5 UTC))),
            ("20240229093015.123456789012", Some(datetime!(2024-02-29 09:30:15.123456789 UTC))),
            ("20161231235960", Some(datetime!(2016-12-31 23:59:59 UTC))),
            ("19700101000000", Some(datetime!(1970-01-01 00:00 UTC))),
            ("19991231235959", Some(datetime!(1999-12-31 23:59:59 UTC))),
            ("191000229093015", Some(datetime!(2000-02-29 09:30:15 UTC))),
            ("191030115123456", Some(datetime!(2003-01-15 12:34:56 UTC))),
            ("191240229093015.250", Some(datetime!(2024-02-29 09:30:15.25 UTC))),
            ("20230229093015", None),
            ("20241301000000", None),
            ("20240001000000", None),
            ("20240101240000", None),
            ("20240101006100", None),
            ("202402290930", None),
            ("202402290930155", None),
            ("20240229093015.", None),
            ("2024-02-29T09:30", None),
            ("", None),
        ];
        for (text, time) in table {
            assert_eq!(parse_time_val(text.as_bytes()), time, "{text}");
        }
    }

    #[test]
    fn the_answer_to_mdtm() {
        let time = datetime!(2024-02-29 09:30:15 UTC);
        assert_eq!(parse_mdtm(&reply("213 20240229093015\r\n")), Some(time));
        assert_eq!(parse_mdtm(&reply("202 not implemented\r\n")), None);
    }

    #[test]
    fn stamps_agree_as_far_as_both_are_exact() {
        let at = Modified::utc;
        let second = at(datetime!(2024-02-29 09:30:15.7 UTC), Precision::Second);
        let minute = at(datetime!(2024-02-29 09:30 UTC), Precision::Minute);
        let day = at(datetime!(2024-02-29 00:00 UTC), Precision::Day);
        for (one, other) in [(second, second), (second, minute), (second, day), (minute, day)] {
            assert!(one.agrees_with(&other) && other.agrees_with(&one), "{one:?} {other:?}");
        }
        let later = [
            (second, at(datetime!(2024-02-29 09:30:16 UTC), Precision::Second)),
            (second, at(datetime!(2024-02-29 09:31 UTC), Precision::Minute)),
            (minute, at(datetime!(2024-02-29 09:31 UTC), Precision::Minute)),
            (minute, at(datetime!(2024-03-01 00:00 UTC), Precision::Day)),
            (day, at(datetime!(2023-02-28 23:59 UTC), Precision::Minute)),
        ];
        for (one, other) in later {
            assert!(!one.agrees_with(&other) && !other.agrees_with(&one), "{one:?} {other:?}");
        }
    }

    #[test]
    fn a_pair_of_times_tells_how_far_the_servers_clock_is_ahead() {
        let utc = datetime!(2024-02-29 23:45:59 UTC);
        let table = [
            (datetime!(2024-02-29 23:45 UTC), Some(UtcOffset::UTC)),
            (datetime!(2024-03-01 00:45 UTC), UtcOffset::from_hms(1, 0, 0).ok()),
            (datetime!(2024-03-01 05:30 UTC), UtcOffset::from_hms(5, 45, 0).ok()),
            (datetime!(2024-02-29 15:45 UTC), UtcOffset::from_hms(-8, 0, 0).ok()),
            (datetime!(2024-03-01 13:45 UTC), UtcOffset::from_hms(14, 0, 0).ok()),
            (datetime!(2024-03-01 14:00 UTC), None),
            (datetime!(2024-02-29 23:46 UTC), None),
            (datetime!(2025-02-28 23:45 UTC), None),
        ];
        for (at, ahead) in table {
            let listed = Modified::local(at, Precision::Minute);
            assert_eq!(listed.ahead_of(utc), ahead, "{at}");
            if let Some(ahead) = ahead {
                assert!(listed.in_utc(ahead).agrees_with(&Modified::utc(utc, Precision::Second)), "{at}");
            }
        }
        assert_eq!(Modified::local(utc, Precision::Day).ahead_of(utc), None);
        assert_eq!(Modified::utc(utc, Precision::Minute).ahead_of(utc), None);
    }

    #[test]
    fn what_is_utc_is_not_moved_and_the_calendar_has_an_end() {
        let east = UtcOffset::from_hms(14, 0, 0).unwrap_or(UtcOffset::UTC);
        let utc = Modified::utc(datetime!(2024-02-29 09:30 UTC), Precision::Minute);
        assert_eq!(utc.in_utc(east), utc);
        let first = Modified::local(datetime!(-9999-01-01 00:00 UTC), Precision::Day);
        assert_eq!(first.in_utc(east), first);
    }

    #[test]
    fn stamps_before_1970_agree_too() {
        let minute = Modified::utc(datetime!(1969-12-31 23:59 UTC), Precision::Minute);
        let day = |at| Modified::utc(at, Precision::Day);
        assert!(minute.agrees_with(&day(datetime!(1969-12-31 00:00 UTC))));
        assert!(!minute.agrees_with(&day(datetime!(1970-01-01 00:00 UTC))));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>, digits in "[0-9.]{12,20}") {
            let _ = (parse_time_val(&bytes), parse_time_val(digits.as_bytes()));
        }
    }
}
