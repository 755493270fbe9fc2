//! CSV as people have it: UTF-8 with or without a mark, GB18030, UTF-16; whatever separates.

use std::{
    cell::RefCell,
    collections::VecDeque,
    fs::File,
    io::{self, BufReader, Read},
    path::Path,
    rc::Rc,
};

use encoding_rs::{CoderResult, Decoder, Encoding, GB18030, UTF_8, UTF_16BE, UTF_16LE};

use super::read::{CELL_CHARS_MAX, ReadError, Rows};

/// Bytes looked at to find the separator, and whether it is text at all.
const SAMPLE_BYTES: usize = 64 * 1024;
/// Bytes decoded at once.
const CHUNK: usize = 32 * 1024;
/// The separators there are, the likelier one first.
const SEPARATORS: [u8; 4] = [b',', b'\t', b';', b'|'];

/// Reads a text file.
pub(super) fn read(path: &Path, rows: &mut Rows) -> Result<(), ReadError> {
    let encoding = encoding_of(path)?;
    let mut sample = String::new();
    let head = decoded(path, encoding)?.take(SAMPLE_BYTES as u64);
    BufReader::new(head).read_to_sample(&mut sample)?;
    if sample.contains('\0') {
        return Err(ReadError::Unknown);
    }
    // Spreadsheets write down which separator they used, if asked.
    let told = sample.strip_prefix("sep=").and_then(|s| s.bytes().next());
    let separator = told.unwrap_or_else(|| separator_of(&sample));
    let ends = Ends::default();
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(separator)
        .buffer_capacity(CHUNK)
        .from_reader(Bounded::new(
            decoded(path, encoding)?,
            separator,
            Rc::clone(&ends),
        ));
    let mut record = csv::ByteRecord::new();
    let mut first = told.is_some();
    // Line ends within cells until here: a spreadsheet shows such a cell as one row.
    let mut within = 0;
    loop {
        let more = reader.read_byte_record(&mut record).map_err(damaged)?;
        if !more {
            return Ok(());
        }
        if std::mem::take(&mut first) {
            continue;
        }
        let (line, at) = record.position().map_or((1, 0), |p| (p.line(), p.byte()));
        let line = line + lines_passed_over(&ends, at);
        let number = u32::try_from(line.saturating_sub(within)).unwrap_or(u32::MAX);
        let mut cells = Vec::new();
        for (column, field) in record.iter().enumerate() {
            within += field.iter().filter(|byte| **byte == b'\n').count() as u64;
            let text = String::from_utf8_lossy(field);
            rows.cell(number, &mut cells, column, &text)?;
        }
        rows.row(number, cells)?;
    }
}

/// Where in the text there are line ends, and whether such a one begins a line: CR, or LF.
type Ends = Rc<RefCell<VecDeque<(u64, bool)>>>;

/// Lines between the place where the parser began to look for a record and the record: blank
/// ones, and the second half of the line end before.
fn lines_passed_over(ends: &Ends, mut at: u64) -> u64 {
    let mut ends = ends.borrow_mut();
    let mut lines = 0;
    while let Some((end, begins_line)) = ends.front().copied()
        && end <= at
    {
        if end == at {
            lines += u64::from(begins_line);
            at += 1;
        }
        ends.pop_front();
    }
    lines
}

fn damaged(error: csv::Error) -> ReadError {
    let line = error.position().map_or(1, csv::Position::line);
    match error.into_kind() {
        csv::ErrorKind::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
            let row = error.to_string().parse().ok();
            ReadError::Endless {
                row: row.unwrap_or_else(|| u32::try_from(line).unwrap_or(u32::MAX)),
            }
        }
        csv::ErrorKind::Io(error) => ReadError::Io(error),
        other => ReadError::Damaged(format!("{other:?}")),
    }
}

trait Sample {
    fn read_to_sample(self, into: &mut String) -> io::Result<()>;
}

impl<R: Read> Sample for R {
    /// The end may cut a character in two.
    fn read_to_sample(mut self, into: &mut String) -> io::Result<()> {
        let mut bytes = Vec::new();
        self.read_to_end(&mut bytes)?;
        into.push_str(&String::from_utf8_lossy(&bytes));
        Ok(())
    }
}

/// The separator that stands most evenly outside of quotes in the first lines.
fn separator_of(sample: &str) -> u8 {
    let lines: Vec<&str> = sample.lines().filter(|l| !l.is_empty()).take(20).collect();
    let score = |separator: u8| {
        let counts: Vec<usize> = lines
            .iter()
            .map(|line| count_outside_quotes(line, separator))
            .collect();
        let most = counts.iter().copied().max().unwrap_or(0);
        let even = counts.iter().filter(|n| **n == most).count();
        if most > 0 { (even, most) } else { (0, 0) }
    };
    // Of equals the first is kept: `max_by_key` alone would keep the last.
    let best = SEPARATORS.into_iter().rev().max_by_key(|s| score(*s));
    best.unwrap_or(b',')
}

fn count_outside_quotes(line: &str, separator: u8) -> usize {
    let mut quoted = false;
    let count = line.bytes().filter(|byte| {
        quoted ^= *byte == b'"';
        !quoted && *byte == separator
    });
    count.count()
}

/// What the bytes of a file are written in. Text that is UTF-8 throughout is UTF-8; other
/// text is what Chinese spreadsheets write without asking.
fn encoding_of(path: &Path) -> Result<&'static Encoding, ReadError> {
    let mut file = File::open(path)?;
    let mut chunk = vec![0; CHUNK];
    let n = file.read(&mut chunk)?;
    if let Some((encoding, _)) = Encoding::for_bom(&chunk[..n]) {
        return Ok(encoding);
    }
    if let Some(encoding) = utf_16_without_mark(&chunk[..n]) {
        return Ok(encoding);
    }
    let mut decoder = UTF_8.new_decoder_without_bom_handling();
    let mut out = vec![0; CHUNK * 3 + 16];
    let (mut file, mut n) = (file, n);
    loop {
        let (result, _, _) =
            decoder.decode_to_utf8_without_replacement(&chunk[..n], &mut out, n == 0);
        if matches!(result, encoding_rs::DecoderResult::Malformed(..)) {
            return Ok(GB18030);
        }
        if n == 0 {
            return Ok(UTF_8);
        }
        n = file.read(&mut chunk)?;
    }
}

/// Text in two-byte units has many zero bytes on one side: separators, digits, line ends.
fn utf_16_without_mark(bytes: &[u8]) -> Option<&'static Encoding> {
    let zeros = |at: usize| {
        bytes
            .iter()
            .skip(at)
            .step_by(2)
            .filter(|b| **b == 0)
            .count()
    };
    let (even, odd) = (zeros(0), zeros(1));
    let many = bytes.len() / 20 + 1;
    match (even, odd) {
        (0, odd) if odd >= many => Some(UTF_16LE),
        (even, 0) if even >= many => Some(UTF_16BE),
        _ => None,
    }
}

fn decoded(path: &Path, encoding: &'static Encoding) -> io::Result<Decoded> {
    Ok(Decoded {
        file: File::open(path)?,
        decoder: encoding.new_decoder_with_bom_removal(),
        raw: vec![0; CHUNK],
        raw_span: (0, 0),
        out: vec![0; CHUNK * 3 + 16],
        out_span: (0, 0),
        ended: false,
    })
}

/// A file as UTF-8. What cannot be read becomes the replacement character.
struct Decoded {
    file: File,
    decoder: Decoder,
    raw: Vec<u8>,
    raw_span: (usize, usize),
    out: Vec<u8>,
    out_span: (usize, usize),
    ended: bool,
}

impl Decoded {
    fn fill(&mut self) -> io::Result<()> {
        while self.out_span.0 == self.out_span.1 && !self.ended {
            let mut last = false;
            if self.raw_span.0 == self.raw_span.1 {
                let n = self.file.read(&mut self.raw)?;
                self.raw_span = (0, n);
                last = n == 0;
            }
            let raw = &self.raw[self.raw_span.0..self.raw_span.1];
            let (result, read, written, _) = self.decoder.decode_to_utf8(raw, &mut self.out, last);
            self.raw_span.0 += read;
            self.out_span = (0, written);
            self.ended = last && result == CoderResult::InputEmpty;
        }
        Ok(())
    }
}

impl Read for Decoded {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.fill()?;
        let (from, to) = self.out_span;
        let n = into.len().min(to - from);
        into[..n].copy_from_slice(&self.out[from..from + n]);
        self.out_span.0 += n;
        Ok(n)
    }
}

/// Ends with an error where a cell goes on for longer than any cell does, before the parser
/// has gathered it. Its message is the line on which the cell begins. Notes the line ends.
struct Bounded<R> {
    inner: R,
    separator: u8,
    ends: Ends,
    at: u64,
    quoted: bool,
    run: usize,
    line: u32,
    began: u32,
}

impl<R> Bounded<R> {
    fn new(inner: R, separator: u8, ends: Ends) -> Self {
        Self {
            inner,
            separator,
            ends,
            at: 0,
            quoted: false,
            run: 0,
            line: 1,
            began: 1,
        }
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(into)?;
        for byte in &into[..n] {
            if matches!(byte, b'\n' | b'\r') {
                let end = (self.at, *byte == b'\n');
                self.ends.borrow_mut().push_back(end);
            }
            self.at += 1;
            self.quoted ^= *byte == b'"';
            self.line = self.line.saturating_add(u32::from(*byte == b'\n'));
            let ends = *byte == self.separator || *byte == b'\n';
            if ends && !self.quoted {
                (self.run, self.began) = (0, self.line);
                continue;
            }
            self.run += 1;
            if self.run > CELL_CHARS_MAX * 4 {
                let line = self.began.to_string();
                return Err(io::Error::new(io::ErrorKind::InvalidData, line));
            }
        }
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::super::read::tests::read_bytes;
    use super::*;

    fn cells(bytes: &[u8]) -> Vec<Vec<String>> {
        let rows = read_bytes(bytes).unwrap();
        rows.into_iter().map(|row| row.cells).collect()
    }

    const TABLE: &str = "姓名,部门\r\n王芳,\"总部,华东\"\r\n";

    #[test]
    fn every_encoding_says_the_same() {
        let expected = [["姓名", "部门"], ["王芳", "总部,华东"]];
        let le: Vec<u8> = TABLE.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let be: Vec<u8> = TABLE.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let files = [
            TABLE.as_bytes().to_vec(),
            ["\u{feff}", TABLE].concat().into_bytes(),
            GB18030.encode(TABLE).0.into_owned(),
            [&[0xff, 0xfe], &le[..]].concat(),
            [&[0xfe, 0xff], &be[..]].concat(),
            le,
            be,
        ];
        for file in files {
            assert_eq!(cells(&file), expected);
        }
        // A character beyond GBK, in the four bytes only GB18030 has.
        assert_eq!(cells(&GB18030.encode("𠮷野家,1").0), [["𠮷野家", "1"]]);
    }

    #[test]
    fn every_separator_is_found() {
        for separator in [",", ";", "\t", "|"] {
            let table = "a,b,c\n1,\"x;y|z\",3\n".replace(',', separator);
            assert_eq!(cells(table.as_bytes())[1], ["1", "x;y|z", "3"]);
        }
        assert_eq!(cells("sep=;\na;b,c\n".as_bytes()), [["a", "b,c"]]);
        assert_eq!(cells(b"name\nwang\n"), [["name"], ["wang"]]);
    }

    #[test]
    fn rows_carry_the_number_a_spreadsheet_shows_and_blank_ones_are_left_out() {
        for end in ["\n", "\r\n"] {
            let table = ["a,b", "", ",,", "\"x\ny\",1", "z", ""].join(end);
            let rows = read_bytes(table.as_bytes()).unwrap();
            let numbers: Vec<u32> = rows.iter().map(|row| row.number).collect();
            assert_eq!(numbers, [1, 4, 5], "{end:?}");
            assert_eq!(rows[1].cells, ["x y", "1"]);
            assert_eq!(rows[2].cells, ["z"]);
            // A title, a blank line and a note above the headings.
            let table = ["", "员工名单", "", "", "填写须知", "姓名,手机", "王芳,1"].join(end);
            let rows = read_bytes(table.as_bytes()).unwrap();
            let numbers: Vec<u32> = rows.iter().map(|row| row.number).collect();
            assert_eq!(numbers, [2, 5, 6, 7], "{end:?}");
        }
        // Longer than what is read at once.
        let long = format!("title\r\n\r\n{}", "name,1\r\n".repeat(90));
        let wide = long.replace("name", &"n".repeat(500));
        let rows = read_bytes(wide.as_bytes()).unwrap();
        assert_eq!(rows.last().unwrap().number, 92);
    }

    #[test]
    fn a_quote_that_never_closes_is_named_with_its_line() {
        let file = format!("a,b\n1,\"{}", "x\n".repeat(100_000));
        let refused = read_bytes(file.as_bytes()).unwrap_err();
        assert!(
            matches!(refused, ReadError::Endless { row: 2 }),
            "{refused}"
        );
    }

    #[test]
    fn more_than_asked_for_is_refused() {
        let many = "a,b\n".repeat(101);
        let refused = read_bytes(many.as_bytes()).unwrap_err();
        assert!(matches!(refused, ReadError::TooManyRows { max: 100 }));
        let wide = format!("a\n{}x\n", ",".repeat(60));
        let refused = read_bytes(wide.as_bytes()).unwrap_err();
        assert!(matches!(refused, ReadError::TooWide { row: 2, max: 50 }));
        let much = format!("{}\n", "x".repeat(20_000)).repeat(6);
        assert!(matches!(
            read_bytes(much.as_bytes()),
            Err(ReadError::TooMuch)
        ));
    }
}
