//! What a document is made of.

use tantivy::{
    TantivyDocument,
    schema::{
        FAST, Field, INDEXED, IndexRecordOption, STRING, Schema, TextFieldIndexing, TextOptions,
    },
};

use crate::kit::Timestamp;

use super::{
    fold::fold,
    grams::GRAMS,
    pinyin,
    spelling::{INITIALS, SYLLABLES},
};

/// Marks the beginning of a name, so that whole names and beginnings are phrases.
pub(super) const NAME_START: char = '\u{2}';
/// Marks the end of a name.
pub(super) const NAME_END: char = '\u{3}';

/// What a document is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A customer, through one relation.
    Customer,
    /// A member of the firm.
    Member,
    /// A customer group.
    Group,
}

impl Kind {
    pub(super) fn number(self) -> u64 {
        match self {
            Self::Customer => 1,
            Self::Member => 2,
            Self::Group => 3,
        }
    }
}

/// One document: what is searched, filtered and sorted by.
#[derive(Debug, Clone, Default)]
pub struct RowDoc {
    /// The member whose row it is: scope and the owner filter look at it.
    pub owner: u64,
    /// Name.
    pub name: String,
    /// Further texts: the first is the remark, which ranks before the others; then company,
    /// description …
    pub texts: Vec<String>,
    /// Those of the texts that are searched by pinyin too.
    pub pinyin_texts: Vec<String>,
    /// Phone numbers.
    pub phones: Vec<String>,
    /// Ids of tags.
    pub tags: Vec<u64>,
    /// How added.
    pub way: u64,
    /// Kind of customer.
    pub customer_kind: u64,
    /// Whether the relation has ended.
    pub ended: bool,
    /// Whether the customer has deleted the member.
    pub deleted: bool,
    /// Channel of the relation, may be empty.
    pub channel: String,
    /// When added.
    pub added_at: Timestamp,
}

/// All documents of one object. Without rows the object is not in the index.
#[derive(Debug, Clone)]
pub struct ObjectDocs {
    /// Kind of object.
    pub kind: Kind,
    /// Its id.
    pub object: u64,
    /// Its running number: dense, unique among its kind.
    pub no: u32,
    /// Its documents.
    pub rows: Vec<RowDoc>,
}

/// The fields of the schema.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields {
    pub(super) kind: Field,
    pub(super) object: Field,
    pub(super) no: Field,
    pub(super) owner: Field,
    pub(super) ended: Field,
    pub(super) deleted: Field,
    pub(super) channel: Field,
    pub(super) way: Field,
    pub(super) customer_kind: Field,
    pub(super) tag: Field,
    pub(super) added: Field,
    pub(super) name_key: Field,
    pub(super) name: Field,
    pub(super) remark: Field,
    pub(super) text: Field,
    pub(super) phone: Field,
    pub(super) phone_key: Field,
    pub(super) syllables: Field,
    pub(super) initials: Field,
}

pub(super) fn schema() -> (Schema, Fields) {
    let mut b = Schema::builder();
    // No norms: nothing is ranked by how rare or short it is, which would tell of rows
    // outside the scope.
    let phrases = |tokenizer| {
        let indexing = TextFieldIndexing::default()
            .set_tokenizer(tokenizer)
            .set_fieldnorms(false)
            .set_index_option(IndexRecordOption::WithFreqsAndPositions);
        TextOptions::default().set_indexing_options(indexing)
    };
    let fields = Fields {
        kind: b.add_u64_field("kind", FAST),
        object: b.add_u64_field("object", INDEXED | FAST),
        no: b.add_u64_field("no", FAST),
        owner: b.add_u64_field("owner", INDEXED | FAST),
        ended: b.add_u64_field("ended", INDEXED),
        deleted: b.add_u64_field("deleted", INDEXED),
        channel: b.add_u64_field("channel", INDEXED),
        way: b.add_u64_field("way", INDEXED),
        customer_kind: b.add_u64_field("customer_kind", INDEXED),
        tag: b.add_u64_field("tag", INDEXED | FAST),
        added: b.add_u64_field(ADDED, FAST),
        name_key: b.add_u64_field("name_key", FAST),
        name: b.add_text_field("name", phrases(GRAMS)),
        remark: b.add_text_field("remark", phrases(GRAMS)),
        text: b.add_text_field("text", phrases(GRAMS)),
        phone: b.add_text_field("phone", phrases(GRAMS)),
        phone_key: b.add_text_field("phone_key", STRING),
        syllables: b.add_text_field("syllables", phrases(SYLLABLES)),
        initials: b.add_text_field("initials", phrases(INITIALS)),
    };
    (b.build(), fields)
}

/// The column by which segments are sorted.
pub(super) const ADDED: &str = "added";

impl Fields {
    pub(super) fn document(&self, docs: &ObjectDocs, row: &RowDoc) -> TantivyDocument {
        let mut doc = TantivyDocument::new();
        doc.add_u64(self.kind, docs.kind.number());
        doc.add_u64(self.object, docs.object);
        doc.add_u64(self.no, u64::from(docs.no));
        doc.add_u64(self.owner, row.owner);
        doc.add_u64(self.ended, u64::from(row.ended));
        doc.add_u64(self.deleted, u64::from(row.deleted));
        if !row.channel.is_empty() {
            doc.add_u64(self.channel, channel_key(&row.channel));
        }
        doc.add_u64(self.way, row.way);
        doc.add_u64(self.customer_kind, row.customer_kind);
        for tag in &row.tags {
            doc.add_u64(self.tag, *tag);
        }
        doc.add_u64(self.added, row.added_at.ms().max(0).cast_unsigned());
        doc.add_u64(self.name_key, pinyin::sort_key(&row.name));
        let name = format!("{NAME_START}{}{NAME_END}", row.name);
        for field in [self.name, self.syllables, self.initials] {
            doc.add_text(field, &name);
        }
        for (n, text) in row
            .texts
            .iter()
            .enumerate()
            .filter(|(_, text)| !text.is_empty())
        {
            doc.add_text(if n == 0 { self.remark } else { self.text }, text);
        }
        for text in distinct(&row.pinyin_texts) {
            doc.add_text(self.syllables, text);
            doc.add_text(self.initials, text);
        }
        for phone in &row.phones {
            let digits = digits_of(phone);
            for key in phone_keys(&digits) {
                doc.add_text(self.phone_key, key);
            }
            doc.add_text(self.phone, digits);
        }
        doc
    }
}

/// What stands for a channel in documents and filters (FNV-1a): channels are few, and whoever
/// shows rows reads them again.
pub fn channel_key(channel: &str) -> u64 {
    let step = |sum: u64, byte: u8| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    channel.bytes().fold(0xcbf2_9ce4_8422_2325, step)
}

/// The texts that are not part of another one: a remark often repeats the company.
fn distinct(texts: &[String]) -> Vec<&String> {
    let mut kept: Vec<&String> = Vec::new();
    for text in texts.iter().filter(|text| !text.is_empty()) {
        if !kept.iter().any(|known| known.contains(text.as_str())) {
            kept.retain(|known| !text.contains(known.as_str()));
            kept.push(text);
        }
    }
    kept
}

/// The digits of a phone number without the country code of China.
pub(super) fn digits_of(phone: &str) -> String {
    let digits: String = fold(phone).chars().filter(char::is_ascii_digit).collect();
    match digits.strip_prefix("86") {
        Some(rest) if rest.len() == 11 && rest.starts_with('1') => rest.to_owned(),
        _ => digits,
    }
}

/// What a masked number may be found by: the whole, the four digits masking shows at the
/// end, and those together with the three it shows at the beginning.
fn phone_keys(digits: &str) -> Vec<String> {
    let mut keys = vec![digits.to_owned()];
    if digits.len() == 11 {
        keys.push(digits[7..].to_owned());
        keys.push(format!("{}{}", &digits[..3], &digits[7..]));
    }
    keys
}
