//! The tokens of contained text: every character, and every two neighbours, with positions.
//!
//! Whatever `LIKE '%x%'` finds in folded text, these find: one character is a single, two are
//! a pair, more are a phrase of pairs.

use tantivy::{
    Term,
    query::{PhraseQuery, Query, TermQuery},
    schema::{Field, IndexRecordOption},
    tokenizer::{Token, TokenStream, Tokenizer},
};

use super::fold::fold_char;

/// The tokenizer's name in the schema.
pub(super) const GRAMS: &str = "grams-1";

/// See the module.
#[derive(Clone)]
pub(super) struct Grams;

/// The tokens of one text.
pub(super) struct GramStream {
    tokens: std::vec::IntoIter<Token>,
    current: Token,
}

impl Tokenizer for Grams {
    type TokenStream<'a> = GramStream;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> GramStream {
        let chars: Vec<char> = text.chars().map(fold_char).collect();
        let mut tokens = Vec::with_capacity(chars.len() * 2);
        for (position, c) in chars.iter().enumerate() {
            let mut put = |text: String| {
                tokens.push(Token {
                    position,
                    text,
                    ..Token::default()
                });
            };
            put(c.to_string());
            if let Some(next) = chars.get(position + 1) {
                put([*c, *next].iter().collect());
            }
        }
        GramStream {
            tokens: tokens.into_iter(),
            current: Token::default(),
        }
    }
}

impl TokenStream for GramStream {
    fn advance(&mut self) -> bool {
        match self.tokens.next() {
            Some(token) => {
                self.current = token;
                true
            }
            None => false,
        }
    }
    fn token(&self) -> &Token {
        &self.current
    }
    fn token_mut(&mut self) -> &mut Token {
        &mut self.current
    }
}

/// The query for texts of `field` that contain `word`, which is folded and not empty.
pub(super) fn contains(field: Field, word: &str) -> Box<dyn Query> {
    let chars: Vec<char> = word.chars().collect();
    let term = |chars: &[char]| Term::from_field_text(field, &chars.iter().collect::<String>());
    if chars.len() <= 2 {
        return Box::new(TermQuery::new(term(&chars), IndexRecordOption::Basic));
    }
    let last = chars.len() - 2;
    let mut pairs: Vec<(usize, Term)> = (0..last)
        .step_by(2)
        .map(|at| (at, term(&chars[at..at + 2])))
        .collect();
    pairs.push((last, term(&chars[last..])));
    Box::new(PhraseQuery::new_with_offset(pairs))
}
