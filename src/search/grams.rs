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

impl Tokenizer for Grams {
    type TokenStream<'a> = Tokens;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Tokens {
        let mut tokens = Tokens::default();
        let mut chars = text.chars().map(fold_char).enumerate().peekable();
        while let Some((position, c)) = chars.next() {
            tokens.push(position, |out| out.push(c));
            if let Some((_, next)) = chars.peek() {
                tokens.push(position, |out| out.extend([c, *next]));
            }
        }
        tokens
    }
}

/// The name of [`Pairs`] in a schema.
pub(super) const PAIRS: &str = "pairs-1";
/// The name of [`Singles`] in a schema.
pub(super) const SINGLES: &str = "singles-1";

/// Every two neighbours, with the position of the first: half of [`Grams`], for indexes that
/// keep singles apart without positions.
#[derive(Clone)]
pub(super) struct Pairs;

/// Every character: the other half.
#[derive(Clone)]
pub(super) struct Singles;

impl Tokenizer for Pairs {
    type TokenStream<'a> = Neighbours<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Neighbours<'a> {
        let mut chars = text.chars();
        let first = chars.next().map(fold_char);
        Neighbours {
            chars,
            before: first,
            singles: false,
            token: Token::default(),
        }
    }
}

impl Tokenizer for Singles {
    type TokenStream<'a> = Neighbours<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Neighbours<'a> {
        Neighbours {
            chars: text.chars(),
            before: None,
            singles: true,
            token: Token::default(),
        }
    }
}

/// The tokens of [`Pairs`] and [`Singles`], made as they are read.
pub(super) struct Neighbours<'a> {
    chars: std::str::Chars<'a>,
    /// The folded character before the next one.
    before: Option<char>,
    singles: bool,
    token: Token,
}

impl TokenStream for Neighbours<'_> {
    fn advance(&mut self) -> bool {
        let Some(c) = self.chars.next().map(fold_char) else {
            return false;
        };
        // The first token's position becomes 0: a new one begins at the highest number.
        self.token.position = self.token.position.wrapping_add(1);
        self.token.text.clear();
        if !self.singles {
            self.token.text.extend(self.before.replace(c));
        }
        self.token.text.push(c);
        true
    }
    fn token(&self) -> &Token {
        &self.token
    }
    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}

/// The tokens of one text: one buffer for all of them.
#[derive(Default)]
pub(super) struct Tokens {
    buffer: String,
    /// Position of each token and where it ends in the buffer.
    ends: Vec<(usize, usize)>,
    next: usize,
    start: usize,
    current: Token,
}

impl Tokens {
    /// Adds the token that `write` appends.
    pub(super) fn push(&mut self, position: usize, write: impl FnOnce(&mut String)) {
        write(&mut self.buffer);
        self.ends.push((position, self.buffer.len()));
    }
}

impl TokenStream for Tokens {
    fn advance(&mut self) -> bool {
        let Some(&(position, end)) = self.ends.get(self.next) else {
            return false;
        };
        self.current.position = position;
        self.current.text.clear();
        self.current.text.push_str(&self.buffer[self.start..end]);
        self.start = end;
        self.next += 1;
        true
    }
    fn token(&self) -> &Token {
        &self.current
    }
    fn token_mut(&mut self) -> &mut Token {
        &mut self.current
    }
}

/// The query for texts of `field` that contain `word`, which is folded and not empty.
pub(in crate::search) fn contains(field: Field, word: &str) -> Box<dyn Query> {
    let chars: Vec<char> = word.chars().collect();
    phrase(field, chars.len(), 2, |from, to| {
        chars[from..to].iter().collect()
    })
}

/// The query for `len` neighbouring places of a field whose tokens span up to `most` places.
/// `token` gives the token of a stretch of places.
pub(super) fn phrase(
    field: Field,
    len: usize,
    most: usize,
    token: impl Fn(usize, usize) -> String,
) -> Box<dyn Query> {
    let term = |from, to| Term::from_field_text(field, &token(from, to));
    if len <= most {
        return Box::new(TermQuery::new(term(0, len), IndexRecordOption::WithFreqs));
    }
    let last = len - most;
    let starts = (0..last).step_by(most).chain([last]);
    let terms = starts.map(|at| (at, term(at, at + most))).collect();
    Box::new(PhraseQuery::new_with_offset(terms))
}
