//! What z/OS prints of jobs and their output after `SITE FILETYPE=JES`:
//! `IBMUSER2 JOB01906 IBMUSER  OUTPUT A        RC=0000 3 spool files`, or without the owner at interface level 1.
//!
//! A job is called by its identifier, which is what `RETR` and `DELE` take. In the listing of one job, an output is
//! called by its number: `RETR JOB01906.2` gets the one that is printed as `002`.

use ::time::OffsetDateTime;

use crate::digits::is_number;
use crate::entry::{Entry, EntryKind};
use crate::listing::Line;
use crate::listing::words::{Words, begins_with};

/// How many words of a line are looked at.
const MOST_WORDS: usize = 9;

/// Reads one line.
pub(super) fn parse_line(line: &[u8], _now: OffsetDateTime) -> Option<Line> {
    let words = Words::<MOST_WORDS>::of(line);
    let name = match *words.all() {
        [name, id, status, ..] | [name, id, _, status, ..]
            if is_job_name(name) && is_job(id) && is_status(status) =>
        {
            id
        }
        [number, .., class, _ddname, count]
            if line.starts_with(b" ") && words.all().len() <= 6 && is_output(number, class, count) =>
        {
            number
        }
        _ => return says_nothing(line).then_some(Line::Nothing),
    };
    Some(Line::Entry(Entry {
        name: name.to_vec(),
        kind: EntryKind::File,
        // JES2 counts bytes and JES3 records, and the line does not say which.
        size: None,
        modified: None,
        mode: None,
        target: None,
        unique: None,
    }))
}

/// One to eight letters, digits and national characters, which can come as other letters; `*MASTER*` is the system itself.
/// Without this a file that EPLF calls `JOB01906 OUTPUT`, or an object of IBM i, would be a job.
fn is_job_name(word: &[u8]) -> bool {
    let is_of_names = |byte: &u8| byte.is_ascii_alphanumeric() || !byte.is_ascii() || b"$#@{".contains(byte);
    word == b"*MASTER*" || word.len() <= 8 && word.iter().all(is_of_names)
}

/// `JOB01906`, `TSU01830` or `STC40321`, and with more than 99,999 jobs `J0000504`.
fn is_job(word: &[u8]) -> bool {
    let number = match word {
        [b'J', b'O', b'B', number @ ..]
        | [b'T', b'S', b'U', number @ ..]
        | [b'S', b'T', b'C', number @ ..] => number,
        [b'J' | b'T' | b'S', number @ ..] if number.len() == 7 => number,
        _ => return false,
    };
    (5..=7).contains(&number.len()) && is_number(number)
}

fn is_status(word: &[u8]) -> bool {
    matches!(word, b"INPUT" | b"ACTIVE" | b"OUTPUT")
}

/// `001 JES2              A JESMSGLG       833`: a number, one or two steps or none, a class, a name and a count.
fn is_output(number: &[u8], class: &[u8], count: &[u8]) -> bool {
    number.len() >= 3 && is_number(number) && class.len() == 1 && is_number(count)
}

/// Headers, sums, and what is told of a job that runs.
fn says_nothing(line: &[u8]) -> bool {
    const BEGINNINGS: [&[&str]; 3] = [
        &["JOBNAME", "JOBID", "OWNER", "STATUS", "CLASS"],
        &["ID", "STEPNAME", "PROCSTEP", "C", "DDNAME"],
        &["No", "jobs", "found"],
    ];
    let begins = BEGINNINGS.iter().any(|words| begins_with(line, words));
    begins
        || match *Words::<MOST_WORDS>::of(line).all() {
            [b"--------"] | [b"STEPNAME", _, b"PROCNAME", _] | [b"CPUTIME", _, b"ELAPSED", b"TIME", _] => {
                true
            }
            [count, b"spool" | b"Spool", b"files" | b"Files"] => is_number(count),
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use crate::listing::Format;
    use crate::listing::tests::check;
    use expect_test::expect;

    #[test]
    fn jobs() {
        check(
            Format::List,
            b"JOBNAME  JOBID    OWNER    STATUS CLASS\n\
              IBMUSER2 JOB01906 IBMUSER  OUTPUT A        RC=0000 3 spool files\n\
              IBMUSER  TSU01830 IBMUSER  OUTPUT TSU      ABEND=522 3 spool files\n\
              BROKEN   JOB01907 IBMUSER  OUTPUT A        (JCL error) 3 spool files\n\
              WAITING  JOB01908 IBMUSER  INPUT  A        -HOLD-\n\
              MM8      STC40321 ACF2STC  ACTIVE STC\n\
              USER1    T0000353 USER1    ACTIVE TSU\n\
              USER1A    JOB00081  OUTPUT    3 Spool Files\n\
              USER1A    JOB00082  INPUT\n\
              USER1A    JOB0083   INPUT\n\
              USER1A    JOB00084  GONE\n\
              No jobs found on Held queue",
            expect![[r#"
                nothing
                File - - [-] "JOB01906"
                File - - [-] "TSU01830"
                File - - [-] "JOB01907"
                File - - [-] "JOB01908"
                File - - [-] "STC40321"
                File - - [-] "T0000353"
                File - - [-] "JOB00081"
                File - - [-] "JOB00082"
                unrecognized "USER1A    JOB0083   INPUT"
                unrecognized "USER1A    JOB00084  GONE"
                nothing
            "#]],
        );
    }

    #[test]
    fn an_object_of_ibm_i_or_a_file_of_eplf_is_no_job() {
        check(
            Format::List,
            b"JOBNAME  JOBID    OWNER    STATUS CLASS\n\
              *MASTER* STC40320 ACTIVE STC\n\
              *MM8      STC40321 ACTIVE STC\n\
              +r,s5,\tJOB01906 OUTPUT A",
            expect![[r#"
                nothing
                File - - [-] "STC40320"
                Other - - [-] "STC40321 ACTIVE STC"
                File - 5 [-] "JOB01906 OUTPUT A"
            "#]],
        );
    }

    #[test]
    fn the_outputs_of_one_job() {
        check(
            Format::List,
            b"JOBNAME  JOBID    OWNER    STATUS CLASS\n\
              UTHELLO  JOB12345 USER     OUTPUT A        RC=0000\n--------\n\
              \x20        ID  STEPNAME PROCSTEP C DDNAME   BYTE-COUNT \n\
              \x20        001 JES2              K JESMSGLG      1206 \n\
              \x20        002 JES2        N/A   K JESJCL        3134 \n\
              \x20        003 JAVA     JAVAJVM  K STDOUT       22258 \n\
              \x20        004 JAVA     JAVAJVM  KK STDOUT      22258 \n\
              4 spool files \n\
              \x20        STEPNAME HRECALL  PROCNAME        N/A\n\
              \x20        CPUTIME     0.012 ELAPSED TIME    117.515",
            expect![[r#"
                nothing
                File - - [-] "JOB12345"
                nothing
                nothing
                File - - [-] "001"
                File - - [-] "002"
                File - - [-] "003"
                unrecognized "         004 JAVA     JAVAJVM  KK STDOUT      22258 "
                nothing
                nothing
                nothing
            "#]],
        );
    }
}
