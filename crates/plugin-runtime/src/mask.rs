//! Keeps a connection's secrets out of logs and error texts.
//!
//! Only texts that people read pass through here. A step's output never does: a masker that rewrites downloaded bytes
//! destroys files.

use std::borrow::Cow;
use std::fmt;

/// What stands in a text where a secret was. Its length says nothing about the secret's.
const MASK: &str = "********";

/// Replaces every exact occurrence of a set of secrets.
///
/// Percent-encoded, base64 or otherwise rewritten forms of a secret are not recognised: whoever puts a secret into
/// another form knows it and lists that form too. The empty string is not a secret and masks nothing; a secret of
/// one character masks every occurrence of that character, which is ugly and safe.
#[derive(Clone, Default)]
pub struct Masker {
    secrets: Vec<String>,
}

impl fmt::Debug for Masker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Masker({} secrets)", self.secrets.len())
    }
}

impl Masker {
    /// Hides these strings from now on.
    pub fn hide(&mut self, secrets: impl IntoIterator<Item = String>) {
        self.secrets.extend(secrets.into_iter().filter(|secret| !secret.is_empty()));
        self.secrets.sort_unstable();
        self.secrets.dedup();
    }

    /// The text with a mask in every place that holds a secret. Secrets that overlap in the text share one mask.
    pub fn mask<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let spans = self.spans(text);
        if spans.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut masked = String::with_capacity(text.len());
        let mut shown = 0;
        for (start, end) in spans {
            masked.push_str(&text[shown..start]);
            masked.push_str(MASK);
            shown = end;
        }
        masked.push_str(&text[shown..]);
        Cow::Owned(masked)
    }

    /// Where the secrets are, in order, with overlapping places merged.
    fn spans(&self, text: &str) -> Vec<(usize, usize)> {
        let mut found = Vec::new();
        for secret in &self.secrets {
            let mut from = 0;
            while let Some(at) = text[from..].find(secret.as_str()) {
                let start = from + at;
                found.push((start, start + secret.len()));
                // Occurrences may overlap themselves ("aXa" in "aXaXa"): go on after the first character only.
                from = start + secret.chars().next().map_or(1, char::len_utf8);
            }
        }
        found.sort_unstable();
        let mut merged: Vec<(usize, usize)> = Vec::with_capacity(found.len());
        for (start, end) in found {
            match merged.last_mut() {
                Some(last) if start < last.1 => last.1 = last.1.max(end),
                _ => merged.push((start, end)),
            }
        }
        merged
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn masker(secrets: impl IntoIterator<Item = String>) -> Masker {
        let mut masker = Masker::default();
        masker.hide(secrets);
        masker
    }

    #[test]
    fn exact_occurrences_are_masked() {
        let cases: [(&[&str], &str, &str); 9] = [
            (&["pass"], "no secret here", "no secret here"),
            (&["pass"], "pass, then pass", "********, then ********"),
            (&[""], "an empty secret masks nothing", "an empty secret masks nothing"),
            (&["ab", "abcd"], "xabcdx abx", "x********x ********x"),
            (&["abc", "bcd"], "abcd", "********"),
            (&["aXa"], "aXaXa", "********"),
            (&["ab"], "abab", "****************"),
            (&["ö€"], "nö€pe ö", "n********pe ö"),
            (&["pass"], "PASS near passs pas", "PASS near ********s pas"),
        ];
        for (secrets, text, expected) in cases {
            let masker = masker(secrets.iter().map(|&secret| secret.to_owned()));
            assert_eq!(masker.mask(text), expected, "{secrets:?} in {text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_secret_survives(secrets in prop::collection::vec("[abcé]{1,4}", 1..4), text in "[abcdé]{0,40}") {
            let masked = masker(secrets.clone()).mask(&text).into_owned();
            for secret in secrets {
                prop_assert!(!masked.contains(&secret), "{secret:?} is in {masked:?}");
            }
        }
    }
}
