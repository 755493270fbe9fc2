//! XLSX, read as a stream: no part is unpacked further than its bound, no number that the
//! file gives (sizes, counts, coordinates) decides how much is kept in memory.
//!
//! Formulas are passed over: a cell is the value that was last computed. Links to other files,
//! macros and pictures are never opened. Source of the names: ECMA-376, part 1, §18.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufReader, Read},
    path::Path,
};

use quick_xml::{
    Reader,
    escape::resolve_predefined_entity,
    events::{BytesStart, Event},
};
use zip::ZipArchive;

use super::read::{ReadError, Rows};

/// Entries of the archive. A workbook has a few dozen.
const ENTRIES_MAX: usize = 2_000;
/// Bytes of a part that lists others, unpacked.
const LIST_BYTES_MAX: u64 = 4 << 20;
/// Bytes of the shared texts, unpacked.
const TEXTS_BYTES_MAX: u64 = 64 << 20;
/// Bytes of a sheet, unpacked.
const SHEET_BYTES_MAX: u64 = 256 << 20;
/// A part above this size, bytes, may not have shrunk by more than [`RATIO_MAX`].
const RATIO_FROM: u64 = 8 << 20;
/// How much a sheet of cells shrinks at most; what is made to do harm shrinks a thousandfold.
const RATIO_MAX: u64 = 200;
/// Cells of a sheet, empty ones included.
const CELLS_MAX: usize = 4_000_000;
/// Bytes between two angle brackets.
const TOKEN_BYTES_MAX: usize = 512 << 10;
/// Sheets that are looked at.
const SHEETS_MAX: usize = 50;

type Archive = ZipArchive<BufReader<File>>;

/// Reads the first visible sheet that has rows.
pub(super) fn read(path: &Path, rows: &mut Rows) -> Result<(), ReadError> {
    few_entries(path)?;
    let archive = ZipArchive::new(BufReader::new(File::open(path)?));
    let mut archive = archive.map_err(damaged)?;
    let sheets = visible_sheets(&mut archive)?;
    let texts = shared_texts(&mut archive)?;
    for sheet in sheets.iter().take(SHEETS_MAX) {
        read_rows(&mut archive, sheet, &texts, rows)?;
        if !rows.all.is_empty() {
            break;
        }
    }
    Ok(())
}

/// Each entry has a head of its own; the archive is not opened before they are counted,
/// because opening it keeps something for each.
fn few_entries(path: &Path) -> Result<(), ReadError> {
    const HEAD: [u8; 4] = *b"PK\x01\x02";
    let mut file = BufReader::with_capacity(1 << 16, File::open(path)?);
    let (mut matched, mut entries) = (0, 0);
    let mut chunk = vec![0; 1 << 16];
    loop {
        let n = file.read(&mut chunk)?;
        if n == 0 {
            return Ok(());
        }
        for byte in &chunk[..n] {
            matched = match *byte == HEAD[matched] {
                true => matched + 1,
                false => usize::from(*byte == HEAD[0]),
            };
            if matched == HEAD.len() {
                (matched, entries) = (0, entries + 1);
            }
        }
        if entries > ENTRIES_MAX {
            return Err(ReadError::TooMuch);
        }
    }
}

fn damaged(why: impl std::fmt::Display) -> ReadError {
    ReadError::Damaged(why.to_string())
}

/// The names of the parts that are visible sheets, in the order of the tabs.
fn visible_sheets(archive: &mut Archive) -> Result<Vec<String>, ReadError> {
    let mut targets: HashMap<String, String> = HashMap::new();
    each_start(archive, "xl/_rels/workbook.xml.rels", |name, element| {
        if name == "Relationship"
            && let (Some(id), Some(target)) =
                (attribute(element, "Id"), attribute(element, "Target"))
        {
            targets.insert(id, target);
        }
        Ok(())
    })?;
    let mut sheets = Vec::new();
    each_start(archive, "xl/workbook.xml", |name, element| {
        let is_hidden = attribute(element, "state").is_some_and(|s| s != "visible");
        if name == "sheet"
            && !is_hidden
            && let Some(target) = attribute(element, "id").and_then(|id| targets.get(&id))
        {
            sheets.push(match target.strip_prefix('/') {
                Some(whole) => whole.to_owned(),
                None => format!("xl/{target}"),
            });
        }
        Ok(())
    })?;
    Ok(sheets)
}

/// The texts that cells name by their place, in one string: a small file may name a long
/// text a million times, and only what the rows take counts.
#[derive(Default)]
struct Texts {
    all: String,
    ends: Vec<u32>,
}

impl Texts {
    fn get(&self, place: usize) -> Option<&str> {
        let end = *self.ends.get(place)?;
        let start = match place.checked_sub(1) {
            Some(before) => *self.ends.get(before)?,
            None => 0,
        };
        self.all.get(start as usize..end as usize)
    }

    fn end_one(&mut self) -> Result<(), ReadError> {
        let end = u32::try_from(self.all.len()).map_err(|_| ReadError::TooMuch)?;
        self.ends.push(end);
        match self.ends.len() > CELLS_MAX {
            true => Err(ReadError::TooMuch),
            false => Ok(()),
        }
    }
}

fn shared_texts(archive: &mut Archive) -> Result<Texts, ReadError> {
    const PART: &str = "xl/sharedStrings.xml";
    let mut texts = Texts::default();
    if archive.index_for_name(PART).is_none() {
        return Ok(texts);
    }
    let mut part = open(archive, PART, TEXTS_BYTES_MAX)?;
    let mut collect = Collect::default();
    while let Some(event) = part.next()? {
        match event {
            Event::End(end) if end.local_name().as_ref() == "si" => texts.end_one()?,
            Event::Empty(element) if element.local_name().as_ref() == "si" => texts.end_one()?,
            event => collect.take(&event, &mut texts.all)?,
        }
    }
    Ok(texts)
}

/// Gathers the text of `t` elements; what is below `rPh` is how a text is pronounced.
#[derive(Default)]
struct Collect {
    in_text: bool,
    in_reading: bool,
}

impl Collect {
    fn take(&mut self, event: &Event<'_>, into: &mut String) -> Result<(), ReadError> {
        match event {
            Event::Start(element) => match element.local_name().as_ref() {
                "t" => self.in_text = true,
                "rPh" => self.in_reading = true,
                _ => {}
            },
            Event::End(element) => match element.local_name().as_ref() {
                "t" => self.in_text = false,
                "rPh" => self.in_reading = false,
                _ => {}
            },
            event if self.in_text && !self.in_reading => push_text(event, into)?,
            _ => {}
        }
        Ok(())
    }
}

fn push_text(event: &Event<'_>, into: &mut String) -> Result<(), ReadError> {
    match event {
        Event::Text(text) => into.push_str(&text.xml10_content()),
        Event::CData(text) => into.push_str(&text.xml10_content()),
        Event::GeneralRef(reference) => match reference.resolve_char_ref() {
            Ok(Some(c)) => into.push(c),
            Ok(None) => match resolve_predefined_entity(reference) {
                Some(text) => into.push_str(text),
                None => return Err(damaged("an unknown entity")),
            },
            Err(error) => return Err(damaged(error)),
        },
        _ => {}
    }
    Ok(())
}

/// A cell while it is read.
#[derive(Default)]
struct Cell {
    column: usize,
    kind: String,
    text: String,
    in_value: bool,
    collect: Collect,
}

fn read_rows(
    archive: &mut Archive,
    name: &str,
    texts: &Texts,
    rows: &mut Rows,
) -> Result<(), ReadError> {
    let mut part = open(archive, name, SHEET_BYTES_MAX)?;
    let (mut number, mut column, mut counted) = (0u32, 0usize, 0usize);
    let mut cells: Vec<String> = Vec::new();
    let mut open_cell: Option<Cell> = None;
    while let Some(event) = part.next()? {
        match (&event, &mut open_cell) {
            (Event::Start(element), None) => match element.local_name().as_ref() {
                "row" => {
                    number = row_number(element, number);
                    column = 0;
                }
                "c" => {
                    let place = attribute(element, "r").and_then(|r| column_of(&r));
                    open_cell = Some(Cell {
                        column: place.unwrap_or(column),
                        kind: attribute(element, "t").unwrap_or_default(),
                        ..Cell::default()
                    });
                }
                _ => {}
            },
            (Event::Empty(element), None) => match element.local_name().as_ref() {
                "row" => {
                    number = row_number(element, number);
                    counted += 1;
                }
                "c" => {
                    column += 1;
                    counted += 1;
                }
                _ => {}
            },
            (Event::End(element), None) => match element.local_name().as_ref() {
                "row" => {
                    rows.row(number, std::mem::take(&mut cells))?;
                    counted += 1;
                }
                "sheetData" => break,
                _ => {}
            },
            (Event::End(element), Some(cell)) if element.local_name().as_ref() == "c" => {
                column = cell.column + 1;
                counted += 1;
                let text = cell.shown(texts);
                rows.cell(number, &mut cells, cell.column, &text)?;
                open_cell = None;
            }
            (event, Some(cell)) => cell.take(event)?,
            _ => {}
        }
        if counted > CELLS_MAX {
            return Err(ReadError::TooMuch);
        }
    }
    rows.row(number, cells)
}

/// The number a row says it has; without one it follows the row before.
fn row_number(row: &BytesStart<'_>, before: u32) -> u32 {
    let told = attribute(row, "r").and_then(|r| r.parse().ok());
    told.unwrap_or(before.saturating_add(1))
}

impl Cell {
    fn take(&mut self, event: &Event<'_>) -> Result<(), ReadError> {
        if self.kind == "inlineStr" {
            return self.collect.take(event, &mut self.text);
        }
        match event {
            Event::Start(e) if e.local_name().as_ref() == "v" => self.in_value = true,
            Event::End(e) if e.local_name().as_ref() == "v" => self.in_value = false,
            event if self.in_value => push_text(event, &mut self.text)?,
            _ => {}
        }
        Ok(())
    }

    /// What a person reads in it. Numbers are written out: a phone number of eleven digits
    /// is one to a spreadsheet.
    fn shown(&self, texts: &Texts) -> String {
        match self.kind.as_str() {
            "s" => {
                let place = self.text.trim().parse().ok();
                place.and_then(|p| texts.get(p)).unwrap_or("").to_owned()
            }
            "" | "n" => number(&self.text),
            "b" => match self.text.trim() {
                "1" => "TRUE".to_owned(),
                _ => "FALSE".to_owned(),
            },
            _ => self.text.clone(),
        }
    }
}

fn number(text: &str) -> String {
    match text.trim().parse::<f64>() {
        Ok(n) if n.is_finite() && n.fract() == 0.0 && n.abs() < 1e15 => format!("{n:.0}"),
        Ok(n) if n.is_finite() => n.to_string(),
        _ => text.to_owned(),
    }
}

/// The column, from 0, of a place such as `B7`.
fn column_of(place: &str) -> Option<usize> {
    let letters = place.bytes().take_while(u8::is_ascii_alphabetic);
    let mut column = 0usize;
    for letter in letters.take(4) {
        column = column * 26 + usize::from(letter.to_ascii_uppercase() - b'A') + 1;
    }
    column.checked_sub(1)
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let mut attributes = element.attributes();
    let found = attributes.with_checks(false).flatten();
    let mut found = found.filter(|a| a.key.local_name().as_ref() == name);
    let value = found.next()?.value;
    let mut text = String::from(value.as_ref());
    if text.contains('&') {
        text = quick_xml::escape::unescape(&text).ok()?.into_owned();
    }
    Some(text)
}

fn each_start(
    archive: &mut Archive,
    name: &str,
    mut each: impl FnMut(&str, &BytesStart<'_>) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    let mut part = open(archive, name, LIST_BYTES_MAX)?;
    while let Some(event) = part.next()? {
        if let Event::Start(element) | Event::Empty(element) = &event {
            each(element.local_name().as_ref(), element)?;
        }
    }
    Ok(())
}

/// A part of the workbook as XML events.
struct Part<R> {
    xml: Reader<BufReader<Tokens<io::Take<R>>>>,
    buffer: Vec<u8>,
}

fn open<'a>(
    archive: &'a mut Archive,
    name: &str,
    bytes_max: u64,
) -> Result<Part<impl Read + use<'a>>, ReadError> {
    let entry = archive.by_name(name).map_err(damaged)?;
    let (packed, unpacked) = (entry.compressed_size().max(1), entry.size());
    if unpacked > bytes_max || (unpacked > RATIO_FROM && unpacked / packed > RATIO_MAX) {
        return Err(ReadError::TooMuch);
    }
    // What an entry says of its size may be a lie.
    let bounded = Tokens {
        inner: entry.take(bytes_max + 1),
        run: 0,
    };
    Ok(Part {
        xml: Reader::from_reader(BufReader::with_capacity(1 << 16, bounded)),
        buffer: Vec::new(),
    })
}

impl<R: Read> Part<R> {
    /// The next event; `None` at the end. A document type is never accepted.
    fn next(&mut self) -> Result<Option<Event<'_>>, ReadError> {
        self.buffer.clear();
        if self.xml.get_ref().get_ref().inner.limit() == 0 {
            return Err(ReadError::TooMuch);
        }
        match self.xml.read_event_into(&mut self.buffer) {
            Ok(Event::Eof) => Ok(None),
            Ok(Event::DocType(_)) => Err(damaged("a document type")),
            Ok(event) => Ok(Some(event)),
            Err(quick_xml::Error::Io(error)) if error.kind() == io::ErrorKind::FileTooLarge => {
                Err(ReadError::TooMuch)
            }
            Err(error) => Err(damaged(error)),
        }
    }
}

/// Refuses a tag or a text that is too long, before it is gathered as a whole.
struct Tokens<R> {
    inner: R,
    run: usize,
}

impl<R: Read> Read for Tokens<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(into)?;
        let last = into[..n].iter().rposition(|b| matches!(b, b'<' | b'>'));
        self.run = match last {
            Some(at) => n - at,
            None => self.run + n,
        };
        match self.run > TOKEN_BYTES_MAX {
            true => Err(io::ErrorKind::FileTooLarge.into()),
            false => Ok(n),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::super::{
        Cell as Written, SheetFormat, SheetWriter,
        read::tests::{LIMITS, read_bytes},
        read_sheet,
    };
    use super::*;

    const BOOK: &str = r#"<workbook xmlns:r="x"><sheets><sheet name="h" state="hidden" r:id="r1"/><sheet name="s" r:id="r2"/></sheets></workbook>"#;
    const RELS: &str = r#"<Relationships><Relationship Id="r1" Target="worksheets/sheet1.xml"/><Relationship Id="r2" Target="/xl/worksheets/sheet2.xml"/></Relationships>"#;

    fn workbook(sheet: &str, texts: &str) -> Vec<u8> {
        let mut out = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default();
        let parts = [
            ("xl/workbook.xml", BOOK),
            ("xl/_rels/workbook.xml.rels", RELS),
            (
                "xl/worksheets/sheet1.xml",
                "<worksheet><sheetData><row><c><v>0</v></c></row></sheetData></worksheet>",
            ),
            ("xl/worksheets/sheet2.xml", sheet),
            ("xl/sharedStrings.xml", texts),
        ];
        for (name, content) in parts.into_iter().filter(|p| !p.1.is_empty()) {
            out.start_file(name, options).unwrap();
            out.write_all(content.as_bytes()).unwrap();
        }
        out.finish().unwrap().into_inner()
    }

    fn sheet(rows: &str) -> String {
        format!(
            "<worksheet><dimension ref=\"A1:XFD1048576\"/><sheetData>{rows}</sheetData></worksheet>"
        )
    }

    #[test]
    fn what_was_written_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.xlsx");
        let head = ["姓名".to_owned(), "手机".to_owned()];
        let mut out = SheetWriter::create(&path, SheetFormat::Xlsx, &head).unwrap();
        out.row(&["王 & 芳".into(), Written::Number(13_800_001_111.0)])
            .unwrap();
        out.row(&["=1+1".into(), "".into()]).unwrap();
        out.finish().unwrap();
        let rows = read_sheet(&path, &LIMITS).unwrap();
        let cells: Vec<_> = rows.iter().map(|row| row.cells.clone()).collect();
        assert_eq!(
            cells,
            [
                vec!["姓名", "手机"],
                vec!["王 & 芳", "13800001111"],
                vec!["=1+1"]
            ]
        );
    }

    #[test]
    fn values_are_read_formulas_are_not_and_hidden_sheets_are_passed_over() {
        let rows = r#"<row r="3"><c r="B3" t="s"><v>1</v></c><c r="D3"><f>HYPERLINK("http://x")</f><v>1.38E10</v></c>
            <c r="E3" t="str"><f>A1</f><v>x&lt;y</v></c><c r="F3" t="b"><v>1</v></c><c r="G3" t="inlineStr"><is><r><t>甲</t></r><r><t>乙</t></r></is></c><c r="H3" s="1"/></row>"#;
        let texts = r#"<sst count="9" uniqueCount="999999999999999"><si><t>零</t></si><si><r><t>张</t></r><r><t>三</t></r><rPh><t>zhang</t></rPh></si></sst>"#;
        let rows = read_bytes(&workbook(&sheet(rows), texts)).unwrap();
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].number, 3);
        assert_eq!(
            rows[0].cells,
            ["", "张三", "", "13800000000", "x<y", "TRUE", "甲乙"]
        );
    }

    #[test]
    fn rows_without_a_number_are_counted_with_the_blank_ones() {
        let cell = r#"<c t="str"><v>x</v></c>"#;
        let rows = format!("<row>{cell}</row><row/><row></row><row>{cell}</row>");
        let rows = read_bytes(&workbook(&sheet(&rows), "")).unwrap();
        let numbers: Vec<u32> = rows.iter().map(|row| row.number).collect();
        assert_eq!(numbers, [1, 4]);
    }

    #[test]
    fn a_text_named_a_thousand_times_counts_each_time() {
        let texts = format!("<sst><si><t>{}</t></si></sst>", "长".repeat(5_000));
        let rows: String = (1..=50)
            .map(|n| format!("<row r=\"{n}\"><c t=\"s\"><v>0</v></c></row>"))
            .collect();
        let refused = read_bytes(&workbook(&sheet(&rows), &texts)).unwrap_err();
        assert!(matches!(refused, ReadError::TooMuch), "{refused}");
    }

    #[test]
    fn far_cells_and_what_swells_are_refused() {
        let far = r#"<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>"#;
        let refused = read_bytes(&workbook(&sheet(far), "")).unwrap_err();
        assert!(matches!(refused, ReadError::TooWide { row: 1_048_576, .. }));
        let blank = sheet(&" ".repeat(20 << 20));
        let refused = read_bytes(&workbook(&blank, "")).unwrap_err();
        assert!(matches!(refused, ReadError::TooMuch), "{refused}");
        let long = format!(
            "<row><c t=\"str\"><v>{}</v></c></row>",
            "x".repeat(600 << 10)
        );
        let refused = read_bytes(&workbook(&sheet(&long), "")).unwrap_err();
        assert!(matches!(refused, ReadError::TooMuch), "{refused}");
    }

    #[test]
    fn an_archive_of_very_many_entries_is_not_opened() {
        let file = [b"PK\x03\x04".as_slice(), &b"PK\x01\x02".repeat(3_000)].concat();
        assert!(matches!(read_bytes(&file), Err(ReadError::TooMuch)));
    }

    #[test]
    fn a_document_type_is_refused() {
        let bomb = "<!DOCTYPE x [<!ENTITY a \"aaaa\">]><worksheet><sheetData/></worksheet>";
        let refused = read_bytes(&workbook(bomb, "")).unwrap_err();
        assert!(matches!(refused, ReadError::Damaged(_)), "{refused}");
    }

    #[test]
    fn columns_are_counted_from_their_letters() {
        assert_eq!(column_of("A1"), Some(0));
        assert_eq!(column_of("AB12"), Some(27));
        assert_eq!(column_of("XFD1"), Some(16_383));
        assert_eq!(column_of("7"), None);
    }
}
