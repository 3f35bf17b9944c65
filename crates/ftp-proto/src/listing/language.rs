//! Words that `ls` prints in the language of whoever started the server.

use std::str;

use crate::digits::{decimal, short_number};

/// How months begin or are called, by month, in lower case: what C libraries, Solaris and HP-UX print in Danish, Dutch,
/// Czech, English, Finnish, French, German, Greek, Hungarian, Italian, Norwegian, Polish, Portuguese, Russian, Spanish,
/// Swedish, Turkish and Ukrainian.
///
/// A word stands for one month or it is not here: `jui`, for example, is juin to one system and juillet to another.
const MONTHS: [&[&str]; 12] = [
    &[
        "jan", "january", "januar", "jän", "jänner", "janv", "janvier", "ene", "enero", "gen", "gennaio",
        "janeiro", "januari", "sty", "led", "tammi", "янв", "oca", "ιαν", "січ",
    ],
    &[
        "feb",
        "february",
        "februar",
        "fév",
        "févr",
        "fev",
        "fevr",
        "février",
        "fevereiro",
        "febrero",
        "febbraio",
        "februari",
        "lut",
        "úno",
        "helmi",
        "фев",
        "февр",
        "febr",
        "şub",
        "φεβ",
        "лют",
    ],
    &[
        "mar",
        "march",
        "mär",
        "märz",
        "mrz",
        "mars",
        "marzo",
        "março",
        "mrt",
        "maa",
        "maart",
        "marts",
        "bře",
        "maalis",
        "мар",
        "март",
        "марта",
        "márc",
        "μαρ",
        "μάρ",
        "бер",
    ],
    &[
        "apr", "april", "avr", "avril", "abr", "abril", "aprile", "kwi", "dub", "huhti", "апр", "ápr", "nis",
        "απρ", "кві",
    ],
    &[
        "may", "mai", "mag", "maggio", "mayo", "maio", "mei", "maj", "kvě", "touko", "май", "мая", "máj",
        "μαι", "μαΐ", "μάι", "тра",
    ],
    &[
        "jun", "june", "juni", "juin", "junio", "giu", "giugno", "junho", "cze", "čen", "kesä", "июн",
        "июнь", "июня", "jún", "haz", "ιουν", "чер",
    ],
    &[
        "jul", "july", "juli", "juil", "juillet", "julio", "lug", "luglio", "julho", "lip", "čec", "heinä",
        "июл", "июль", "июля", "júl", "tem", "ιουλ", "лип",
    ],
    &[
        "aug", "august", "août", "aoû", "aout", "aou", "ago", "agosto", "augustus", "augusti", "sie", "srp",
        "elo", "авг", "ağu", "αυγ", "сер",
    ],
    &[
        "sep",
        "sept",
        "september",
        "septembre",
        "septiembre",
        "set",
        "settembre",
        "setembro",
        "wrz",
        "zář",
        "syys",
        "сен",
        "сент",
        "szept",
        "eyl",
        "σεπ",
        "вер",
    ],
    &[
        "oct", "october", "okt", "oktober", "octobre", "octubre", "ott", "ottobre", "out", "outubro", "paź",
        "říj", "loka", "окт", "eki", "οκτ", "жов",
    ],
    &[
        "nov",
        "november",
        "novembre",
        "noviembre",
        "novembro",
        "lis",
        "marras",
        "ноя",
        "нояб",
        "kas",
        "νοε",
        "νοέ",
        "лис",
    ],
    &[
        "dec",
        "december",
        "dez",
        "dezember",
        "déc",
        "décembre",
        "dic",
        "diciembre",
        "dicembre",
        "dezembro",
        "des",
        "desember",
        "gru",
        "pro",
        "joulu",
        "дек",
        "ara",
        "δεκ",
        "гру",
    ],
];

/// What GNU `ls` calls the blocks of all files together.
const TOTALS: [&str; 20] = [
    "total",
    "insgesamt",
    "totale",
    "totaal",
    "totalt",
    "i alt",
    "razem",
    "celkem",
    "yhteensä",
    "итого",
    "összesen",
    "toplam",
    "σύνολο",
    "разом",
    "загалом",
    "合計",
    "总用量",
    "总计",
    "總計",
    "합계",
];

/// The signs that East Asian dates put behind a year, a month and a day, each in UTF-8, Shift-JIS, EUC-JP, GBK, Big5,
/// and for Korean in UTF-8 and EUC-KR.
const YEAR_SIGNS: [&[u8]; 7] =
    ["年".as_bytes(), b"\x94N", b"\xc7\xaf", b"\xc4\xea", b"\xa6~", "년".as_bytes(), b"\xb3\xe2"];
const MONTH_SIGNS: [&[u8]; 7] =
    ["月".as_bytes(), b"\x8c\x8e", b"\xb7\xee", b"\xd4\xc2", b"\xa4\xeb", "월".as_bytes(), b"\xbf\xf9"];
const DAY_SIGNS: [&[u8]; 7] =
    ["日".as_bytes(), b"\x93\xfa", b"\xc6\xfc", b"\xc8\xd5", b"\xa4\xe9", "일".as_bytes(), b"\xc0\xcf"];

/// The month that a word names, from 1: `Feb`, `févr.`, `Juli,` or `2月`; in UTF-8 or Latin-1.
pub(super) fn parse_month(word: &[u8]) -> Option<u32> {
    if word.first()?.is_ascii_digit() {
        return parse_numbered_month(word);
    }
    english_month(word).or_else(|| {
        let word = Folded::new(without_marks(word))?;
        let is_it = |names: &&[&str]| names.iter().any(|name| word.is(name));
        (1..).zip(&MONTHS).find_map(|(number, names)| is_it(names).then_some(number))
    })
}

/// `2月`: a month as East Asian dates have it.
pub(super) fn parse_numbered_month(word: &[u8]) -> Option<u32> {
    let number = MONTH_SIGNS.iter().find_map(|sign| word.strip_suffix(*sign))?;
    short_number(number).filter(|month| (1..=12).contains(month))
}

/// `2月29日`: month and day in one word.
pub(super) fn parse_month_and_day(word: &[u8]) -> Option<(u32, u32)> {
    let day = DAY_SIGNS.iter().find_map(|sign| word.strip_suffix(*sign))?;
    MONTH_SIGNS.iter().find_map(|sign| {
        let at = day.windows(sign.len()).position(|window| window == *sign)?;
        Some((short_number(&day[..at])?, short_number(&day[at + sign.len()..])?))
    })
}

/// `29`, `29.`, `29,` or `29日`.
pub(super) fn parse_day(word: &[u8]) -> Option<u32> {
    let number = DAY_SIGNS.iter().find_map(|sign| word.strip_suffix(*sign));
    short_number(number.unwrap_or_else(|| without_marks(word)))
}

/// A year of four digits: `2024` or `2024年`.
pub(super) fn parse_year(word: &[u8]) -> Option<u32> {
    let number = YEAR_SIGNS.iter().find_map(|sign| word.strip_suffix(*sign)).unwrap_or(word);
    (number.len() == 4).then(|| decimal(number))?
}

/// `total 8`, the blocks of all files together; GNU `ls -h` prints `4.0K`.
pub(super) fn is_total(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    let Some(blank) = line.iter().rposition(|byte| *byte == b' ') else { return false };
    let blocks = &line[blank + 1..];
    let word = Folded::new(line[..blank].trim_ascii());
    blocks.first().is_some_and(u8::is_ascii_digit)
        && word.is_some_and(|word| TOTALS.iter().any(|total| word.is(total)))
}

/// The month of an English name of three letters: by far the most, so it is decided without a search.
fn english_month(word: &[u8]) -> Option<u32> {
    let [a, b, c] = <[u8; 3]>::try_from(word).ok()?.map(|byte| byte.to_ascii_lowercase());
    let month = match &[a, b, c] {
        b"jan" => 1,
        b"feb" => 2,
        b"mar" => 3,
        b"apr" => 4,
        b"may" => 5,
        b"jun" => 6,
        b"jul" => 7,
        b"aug" => 8,
        b"sep" => 9,
        b"oct" => 10,
        b"nov" => 11,
        b"dec" => 12,
        _ => return None,
    };
    Some(month)
}

/// Without the points and commas of `26. Juli, 20:10`.
fn without_marks(mut word: &[u8]) -> &[u8] {
    while let [rest @ .., b'.' | b','] = word {
        word = rest;
    }
    word
}

/// A word in UTF-8 and lower case, made from one in UTF-8 or Latin-1 and any case, so that it can be looked for.
struct Folded {
    text: [u8; Self::LONGEST],
    length: usize,
}

impl Folded {
    /// The most bytes that a word here has, with room.
    const LONGEST: usize = 24;

    /// None if it is longer than any word here.
    fn new(word: &[u8]) -> Option<Self> {
        let mut folded = Self { text: [0; Self::LONGEST], length: 0 };
        match str::from_utf8(word) {
            Ok(text) => folded.extend(text.chars())?,
            Err(_) => folded.extend(word.iter().copied().map(char::from))?,
        }
        Some(folded)
    }

    fn extend(&mut self, chars: impl Iterator<Item = char>) -> Option<()> {
        for char in chars.flat_map(char::to_lowercase) {
            let place = self.text.get_mut(self.length..self.length + char.len_utf8())?;
            self.length += char.encode_utf8(place).len();
        }
        Some(())
    }

    fn is(&self, word: &str) -> bool {
        &self.text[..self.length] == word.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months() {
        let table: [(&[u8], Option<u32>); 26] = [
            (b"Feb", Some(2)),
            (b"FEB", Some(2)),
            ("Mär".as_bytes(), Some(3)),
            (b"M\xe4r", Some(3)),
            (b"f\xe9vr.", Some(2)),
            ("févr.".as_bytes(), Some(2)),
            ("FÉVR.".as_bytes(), Some(2)),
            ("août".as_bytes(), Some(8)),
            (b"ao\xfbt", Some(8)),
            (b"Juli,", Some(7)),
            (b"dic", Some(12)),
            (b"mei", Some(5)),
            ("paź".as_bytes(), Some(10)),
            ("říj".as_bytes(), Some(10)),
            ("kesä".as_bytes(), Some(6)),
            ("янв".as_bytes(), Some(1)),
            ("Ağu".as_bytes(), Some(8)),
            (b"szept.", Some(9)),
            ("12月".as_bytes(), Some(12)),
            ("2월".as_bytes(), Some(2)),
            (b"4\x8c\x8e", Some(4)),
            ("13月".as_bytes(), None),
            ("月".as_bytes(), None),
            (b"jui", None),
            (b"", None),
            (b"\xff\xff\xff", None),
        ];
        for (word, month) in table {
            assert_eq!(parse_month(word), month, "{}", word.escape_ascii());
        }
    }

    #[test]
    fn no_name_stands_for_two_months() {
        for (number, names) in (1..).zip(&MONTHS) {
            for name in *names {
                assert_eq!(parse_month(name.as_bytes()), Some(number), "{name}");
            }
        }
    }

    #[test]
    fn days_and_years() {
        let days = ["29", "9", "29.", "29,", "29日", "29일"].map(|word| parse_day(word.as_bytes()));
        assert_eq!(days, [29, 9, 29, 29, 29, 29].map(Some));
        assert_eq!((parse_day(b"129"), parse_day("月".as_bytes())), (None, None));
        assert_eq!([&b"2024"[..], "2024年".as_bytes(), b"2024\x94N"].map(parse_year), [Some(2024); 3]);
        assert_eq!((parse_year(b"24"), parse_year(b"20240")), (None, None));
        assert_eq!(parse_month_and_day("2月29日".as_bytes()), Some((2, 29)));
        assert_eq!(parse_month_and_day("29日".as_bytes()), None);
    }

    #[test]
    fn totals() {
        for line in ["total 8", "Total 4.0K", "total 0", "insgesamt 12", "合計 24K", "i alt 8", "Итого 4"]
        {
            assert!(is_total(line.as_bytes()), "{line}");
        }
        for line in
            ["total", "total eclipse", "total 8 files", "8 total", "Total of 3 files", "grand total 8"]
        {
            assert!(!is_total(line.as_bytes()), "{line}");
        }
    }
}
