//! Documents.

use rust_xlsxwriter::{DocProperties, ExcelDateTime, Workbook, XlsxError};

const LINES: &[&str] = &[
    "Yunling Tea Co., Ltd.",
    "Purchase and sales document",
    "Item        Quantity    Price",
    "White tea   20          268.00",
    "Pu'er tea   12          398.00",
    "Longjing     8          520.00",
];

/// A page with some lines (ISO 32000), and a comment of so many bytes behind it.
pub(super) fn pdf(number: u64, filling_bytes: usize) -> Vec<u8> {
    let mut page = String::from("BT /F1 14 Tf 60 760 Td 20 TL\n");
    for line in LINES {
        page.push_str(&format!("({}) Tj T*\n", line.replace('(', "\\(")));
    }
    page.push_str(&format!("(No. {:06}) Tj ET", 100_000 + number * 7));
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R \
         /Resources << /Font << /F1 5 0 R >> >> >>"
            .to_owned(),
        format!("<< /Length {} >>\nstream\n{page}\nendstream", page.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_owned(),
    ];
    let mut pdf = String::from("%PDF-1.4\n");
    let mut places = Vec::new();
    for (at, object) in objects.iter().enumerate() {
        places.push(pdf.len());
        pdf.push_str(&format!("{} 0 obj\n{object}\nendobj\n", at + 1));
    }
    while filling_bytes > pdf.len() {
        pdf.push_str("% printed large, on heavy paper, in the best of colours and in no hurry\n");
    }
    let start = pdf.len();
    pdf.push_str(&format!(
        "xref\n0 {}\n0000000000 65535 f \n",
        objects.len() + 1
    ));
    for place in places {
        pdf.push_str(&format!("{place:010} 00000 n \n"));
    }
    let size = objects.len() + 1;
    pdf.push_str(&format!(
        "trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n"
    ));
    pdf.into_bytes()
}

/// A price list.
pub(super) fn sheet(number: u64) -> Vec<u8> {
    // Nothing in it can be refused; an empty file shows itself.
    made(number).unwrap_or_default()
}

fn made(number: u64) -> Result<Vec<u8>, XlsxError> {
    let mut book = Workbook::new();
    // The same bytes every time.
    let made = ExcelDateTime::from_ymd(2026, 1, 5)?;
    book.set_properties(&DocProperties::new().set_creation_datetime(&made));
    let sheet = book.add_worksheet();
    for (column, head) in (0..).zip(["品名", "规格", "单价（元）"]) {
        sheet.write_string(0, column, head)?;
    }
    for (row, tea) in (1..).zip(super::super::scripts::TEAS) {
        sheet.write_string(row, 0, *tea)?;
        sheet.write_string(row, 1, "357 克/饼")?;
        sheet.write_number(
            row,
            2,
            f64::from(row * 37 + 68) + f64::from(u16::try_from(number).unwrap_or(0)),
        )?;
    }
    book.save_to_buffer()
}
