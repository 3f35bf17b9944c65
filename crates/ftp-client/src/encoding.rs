//! Which charset a server's names are in: said by somebody who knows, or found out from the names themselves.

use std::str::FromStr;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use ftp_proto::Charset;

/// How the charset of names is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Encoding {
    /// UTF-8, until a listing shows that it cannot be; then the charset that the names of that listing look like, for good.
    #[default]
    Auto,
    /// This one.
    Fixed(Charset),
}

impl FromStr for Encoding {
    type Err = UnknownEncoding;

    /// Reads `auto`, `utf-8`, `latin1`, `gbk`, `shift_jis` or `windows-1252`.
    fn from_str(name: &str) -> Result<Self, UnknownEncoding> {
        Ok(match name {
            "auto" => Self::Auto,
            "utf-8" => Self::Fixed(Charset::Utf8),
            "latin1" => Self::Fixed(Charset::Latin1),
            "gbk" => Self::Fixed(Charset::Gbk),
            "shift_jis" => Self::Fixed(Charset::ShiftJis),
            "windows-1252" => Self::Fixed(Charset::Windows1252),
            _ => return Err(UnknownEncoding),
        })
    }
}

/// The name of no encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is none of auto, utf-8, latin1, gbk, shift_jis and windows-1252")]
pub struct UnknownEncoding;

/// The charset that `names` look like, which are those of a folder and are not all UTF-8. `known` is how many names beyond
/// ASCII were seen before and were UTF-8.
///
/// A few odd names among many that are UTF-8 were left by somebody else; they do not make the others unreadable. Short
/// names in GBK can be UTF-8 by chance, so one that is proves nothing.
pub(crate) fn detect<'n>(known: usize, names: impl IntoIterator<Item = &'n [u8]>) -> Charset {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    let (mut utf8, mut other) = (known, 0_usize);
    for name in names.into_iter().filter(|name| !name.is_ascii()) {
        if str::from_utf8(name).is_ok() {
            utf8 += 1;
        } else {
            other += 1;
            detector.feed(name, false);
            detector.feed(b"\n", false);
        }
    }
    if utf8 > other {
        return Charset::Utf8;
    }
    detector.feed(b"", true);
    match detector.guess(None, Utf8Detection::Deny).name() {
        "Shift_JIS" => Charset::ShiftJis,
        // A few Chinese characters could as well be Korean ones, or others of two high bytes each; Western letters cannot.
        "GBK" | "gb18030" | "EUC-KR" | "EUC-JP" | "Big5" => Charset::Gbk,
        _ => Charset::Windows1252,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_their_charset() {
        let table: [(Charset, &[&str]); 17] = [
            (Charset::Windows1252, &["größe"]),
            (Charset::Windows1252, &["Übersicht.xls", "Rechnung März 2024.pdf"]),
            (Charset::Windows1252, &["café", "résumé.pdf", "à propos.html"]),
            (Charset::Windows1252, &["Añadido"]),
            (Charset::Windows1252, &["Ærø.txt", "ø"]),
            (Charset::Windows1252, &["naïve"]),
            (Charset::Windows1252, &["prix 5€.txt"]),
            (Charset::Windows1252, &["ÄÖÜ.TXT", "STRAßE.TXT"]),
            (Charset::Gbk, &["报表.txt"]),
            (Charset::Gbk, &["新建文件夹"]),
            (Charset::Gbk, &["文件1.txt", "文件2.txt"]),
            (Charset::Gbk, &["财务报告2024.xls", "合同.doc", "照片", "图片"]),
            (Charset::ShiftJis, &["テスト.txt"]),
            (Charset::ShiftJis, &["日本"]),
            (Charset::ShiftJis, &["新しいフォルダ"]),
            (Charset::ShiftJis, &["請求書2024.pdf", "見積書.xls"]),
            (Charset::ShiftJis, &["ascii", "テスト1.txt", "表.txt"]),
        ];
        for (charset, texts) in table {
            let names: Vec<Vec<u8>> = texts.iter().map(|text| charset.encode(text).unwrap()).collect();
            assert_eq!(detect(0, names.iter().map(Vec::as_slice)), charset, "{texts:?}");
        }
    }

    #[test]
    fn the_majority_decides_between_utf8_and_others() {
        let odd: &[u8] = b"gr\xf6\xdfe";
        let utf8 = "größe".as_bytes();
        assert_eq!(detect(0, [odd, utf8]), Charset::Windows1252);
        assert_eq!(detect(0, [odd, utf8, utf8, b"ascii"]), Charset::Utf8);
        assert_eq!(detect(2, [odd]), Charset::Utf8);
    }

    #[test]
    fn encodings_have_names() {
        assert_eq!("auto".parse(), Ok(Encoding::Auto));
        assert_eq!("shift_jis".parse(), Ok(Encoding::Fixed(Charset::ShiftJis)));
        assert_eq!("UTF8".parse::<Encoding>(), Err(UnknownEncoding));
    }
}
