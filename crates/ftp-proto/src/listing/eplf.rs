//! Easily Parsed LIST Format (draft-bernstein-eplf-02), which anonftpd and publicfile print:
//! `+i8388621.48594,m825718503,r,s280,` a tab, and the name.

use ::time::OffsetDateTime;

use crate::digits::{decimal, octal};
use crate::entry::{Entry, EntryKind};
use crate::listing::Line;
use crate::listing::mode::FileType;
use crate::time::{Modified, Precision};

/// Reads one line. Facts may come in any order; unknown ones, and values that make no sense, are passed over.
pub(super) fn parse_line(line: &[u8], _now: OffsetDateTime) -> Option<Line> {
    let facts_and_name = line.strip_prefix(b"+")?;
    let tab = facts_and_name.iter().position(|byte| *byte == b'\t')?;
    let (written, name) = (&facts_and_name[..tab], &facts_and_name[tab + 1..]);
    if name.is_empty() {
        return None;
    }
    let (mut may_retr, mut may_cwd) = (false, false);
    let (mut size, mut modified, mut permissions, mut unique) = (None, None, None, None);
    for fact in written.split(|byte| *byte == b',') {
        match fact {
            b"r" => may_retr = true,
            b"/" => may_cwd = true,
            [b's', value @ ..] => size = decimal(value),
            [b'm', value @ ..] => modified = parse_time(value),
            [b'u', b'p', value @ ..] => permissions = octal(value),
            [b'i', value @ ..] => unique = (!value.is_empty()).then(|| value.to_vec()),
            _ => {}
        }
    }
    // Neither says that the server is sure that neither RETR nor CWD can succeed.
    let file_type = match (may_cwd, may_retr) {
        (true, _) => Some(FileType::FOLDER),
        (false, true) => Some(FileType::FILE),
        (false, false) => None,
    };
    Some(Line::Entry(Entry {
        name: name.to_vec(),
        kind: file_type.map_or(EntryKind::Other, FileType::kind),
        size,
        modified,
        mode: file_type.and_then(|file_type| Some(file_type.with_permissions(permissions?))),
        target: None,
        unique,
    }))
}

/// Seconds since 1970, in UTC.
fn parse_time(seconds: &[u8]) -> Option<Modified> {
    let at = OffsetDateTime::from_unix_timestamp(decimal(seconds)?).ok()?;
    Some(Modified::utc(at, Precision::Second))
}

#[cfg(test)]
mod tests {
    use crate::listing::Format;
    use crate::listing::tests::check;
    use expect_test::expect;

    #[test]
    fn facts_and_names() {
        check(
            Format::List,
            b"+i8388621.48594,m825718503,r,s280,\tdjb.html\n\
              +i8388621.50690,m824255907,/,\t514\n\
              +/,m824255907,i!#@$%^&*(),\tany order\n\
              +r,up644,\tThis file name has spaces, commas, etc.\n\
              +up000,\tsecret\n\
              +r,s3,up755\tno last comma\n\
              +r,/,\tboth\n\
              +\tno facts\n\
              +r,s-1,myesterday,upabc,x,i,\tno sense\n\
              +m99999999999999999,s99999999999999999999,r,\tbeyond\n\
              +r,s1,\t leading and trailing \n\
              +r,s1,\ta\ttab",
            expect![[r#"
                File - 280 [1996-03-01 22:15:03.000] "djb.html" unique 8388621.48594
                Folder - - [1996-02-13 23:58:27.000] "514" unique 8388621.50690
                Folder - - [1996-02-13 23:58:27.000] "any order" unique !#@$%^&*()
                File 100644 - [-] "This file name has spaces, commas, etc."
                Other - - [-] "secret"
                File 100755 3 [-] "no last comma"
                Folder - - [-] "both"
                Other - - [-] "no facts"
                File - - [-] "no sense"
                File - - [-] "beyond"
                File - 1 [-] " leading and trailing "
                File - 1 [-] "a\ttab"
            "#]],
        );
    }

    #[test]
    fn what_is_no_line_of_eplf() {
        check(
            Format::List,
            b"+r,s3, a space for the tab\n+r,s3,\t\n+r,s3,\nr,s3,\ta",
            expect![[r#"
                unrecognized "+r,s3, a space for the tab"
                unrecognized "+r,s3,\t"
                unrecognized "+r,s3,"
                unrecognized "r,s3,\ta"
            "#]],
        );
    }
}
