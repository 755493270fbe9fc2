//! What a document is made of.

use tantivy::{
    Index, IndexSettings, IndexSortByField, Order, TantivyDocument,
    schema::{Field, IndexRecordOption, NumericOptions, Schema, TextFieldIndexing, TextOptions},
};

use crate::search::grams::{PAIRS, Pairs, SINGLES, Singles};

use super::model::{MessageDoc, key};

/// The column by which segments are sorted.
pub(super) const KEY: &str = "key";
/// The column of numbers.
pub(super) const SEQ: &str = "seq";
/// The column of conversations.
pub(super) const CHAT: &str = "chat";

/// The fields of the schema.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields {
    key: Field,
    seq: Field,
    pub(super) chat: Field,
    pub(super) sender: Field,
    pub(super) party: Field,
    pub(super) kind: Field,
    /// Pairs of characters with positions.
    pub(super) text: Field,
    /// Single characters: one word of one character needs no more.
    pub(super) single: Field,
}

pub(super) fn schema() -> (Schema, Fields) {
    let mut b = Schema::builder();
    // Without norms, which the flag `INDEXED` would add: a byte for each field and message.
    let listed = || NumericOptions::default().set_indexed();
    let column = || NumericOptions::default().set_fast();
    let text = |tokenizer, norms, option| {
        let indexing = TextFieldIndexing::default()
            .set_tokenizer(tokenizer)
            .set_fieldnorms(norms)
            .set_index_option(option);
        TextOptions::default().set_indexing_options(indexing)
    };
    let fields = Fields {
        key: b.add_u64_field(KEY, column()),
        seq: b.add_u64_field(SEQ, column()),
        chat: b.add_u64_field(CHAT, listed().set_fast()),
        sender: b.add_u64_field("sender", listed()),
        party: b.add_u64_field("party", listed()),
        kind: b.add_u64_field("kind", listed()),
        text: b.add_text_field(
            "text",
            text(PAIRS, true, IndexRecordOption::WithFreqsAndPositions),
        ),
        single: b.add_text_field("single", text(SINGLES, false, IndexRecordOption::Basic)),
    };
    (b.build(), fields)
}

/// Newest first within each segment.
pub(super) fn settings() -> IndexSettings {
    let newest_first = IndexSortByField {
        field: KEY.to_owned(),
        order: Order::Desc,
    };
    IndexSettings {
        sort_by_field: Some(newest_first),
        ..IndexSettings::default()
    }
}

/// Names the tokenizers that the schema needs.
pub(super) fn register(index: &Index) {
    index.tokenizers().register(PAIRS, Pairs);
    index.tokenizers().register(SINGLES, Singles);
}

impl Fields {
    pub(super) fn document(&self, message: &MessageDoc) -> TantivyDocument {
        let mut doc = TantivyDocument::new();
        doc.add_u64(self.key, key(message.at_ms, message.seq));
        doc.add_u64(self.seq, message.seq);
        doc.add_u64(self.chat, u64::from(message.chat));
        doc.add_u64(self.sender, u64::from(message.from));
        for party in &message.parties {
            doc.add_u64(self.party, u64::from(*party));
        }
        doc.add_u64(self.kind, u64::from(message.kind));
        if !message.text.is_empty() {
            doc.add_text(self.text, &message.text);
            doc.add_text(self.single, &message.text);
        }
        doc
    }
}
