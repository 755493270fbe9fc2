//! Where rows are read from: a published snapshot, or what a write has put on top of one.

use std::{collections::BTreeMap, iter::Peekable};

use super::engine::{Changes, EngineError, Row, Rows, Snapshot, Span, is_empty_span};

/// Anything that answers get and range.
pub trait Source {
    /// The value of one key.
    fn get(&self, table: &'static str, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError>;

    /// The rows of a range; `backwards` gives the greatest key first.
    fn range(
        &self,
        table: &'static str,
        span: Span,
        backwards: bool,
    ) -> Result<Rows<'_>, EngineError>;

    /// A number that stands for this state and, in this process, for no other; none while the
    /// state may still change.
    fn state(&self) -> Option<u64> {
        None
    }

    /// The same for one row: a state in which the row is as it is here.
    fn state_of(&self, _table: &'static str, _key: &[u8]) -> Option<u64> {
        self.state()
    }
}

impl Source for Snapshot {
    fn get(&self, table: &'static str, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        Snapshot::get(self, table, key)
    }
    fn range(
        &self,
        table: &'static str,
        span: Span,
        backwards: bool,
    ) -> Result<Rows<'_>, EngineError> {
        Snapshot::range(self, table, span, backwards)
    }
    fn state(&self) -> Option<u64> {
        Some(Snapshot::state(self))
    }
}

/// Changes laid over a source. A write is one layer over the batch, the batch one over the
/// snapshot; a write that fails drops its layer and nothing has happened.
pub(super) struct Layered<'a> {
    pub(super) base: &'a dyn Source,
    pub(super) changes: Changes,
}

impl<'a> Layered<'a> {
    pub(super) fn over(base: &'a dyn Source) -> Self {
        Self {
            base,
            changes: Changes::new(),
        }
    }

    pub(super) fn set(&mut self, table: &'static str, key: Vec<u8>, value: Option<Vec<u8>>) {
        self.changes.entry(table).or_default().insert(key, value);
    }
}

/// Puts one set of changes on top of another.
pub(super) fn merge_into(target: &mut Changes, from: Changes) {
    for (table, rows) in from {
        target.entry(table).or_default().extend(rows);
    }
}

impl Source for Layered<'_> {
    fn get(&self, table: &'static str, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        match self.changes.get(table).and_then(|rows| rows.get(key)) {
            Some(value) => Ok(value.clone()),
            None => self.base.get(table, key),
        }
    }

    fn range(
        &self,
        table: &'static str,
        span: Span,
        backwards: bool,
    ) -> Result<Rows<'_>, EngineError> {
        if is_empty_span(&span.0, &span.1) {
            return Ok(Box::new(std::iter::empty()));
        }
        let below = self.base.range(table, span.clone(), backwards)?;
        let Some(rows) = self.changes.get(table) else {
            return Ok(below);
        };
        Ok(Box::new(Merged {
            above: above(rows, span, backwards).peekable(),
            below: below.peekable(),
            backwards,
        }))
    }

    fn state_of(&self, table: &'static str, key: &[u8]) -> Option<u64> {
        let is_changed = self.changes.get(table).is_some_and(|c| c.contains_key(key));
        (!is_changed).then(|| self.base.state_of(table, key))?
    }
}

type Above<'a> = Box<dyn Iterator<Item = (&'a Vec<u8>, &'a Option<Vec<u8>>)> + 'a>;

fn above(rows: &BTreeMap<Vec<u8>, Option<Vec<u8>>>, span: Span, backwards: bool) -> Above<'_> {
    let range = rows.range(span);
    if backwards {
        Box::new(range.rev())
    } else {
        Box::new(range)
    }
}

/// Two sorted streams as one; the upper one hides the lower one's equal keys.
struct Merged<'a> {
    above: Peekable<Above<'a>>,
    below: Peekable<Rows<'a>>,
    backwards: bool,
}

impl Merged<'_> {
    /// Whether the next row comes from above, and whether it hides one below.
    fn choose(&mut self) -> Option<(bool, bool)> {
        let below = match self.below.peek() {
            Some(Ok((key, _))) => Some(key),
            Some(Err(_)) => return Some((false, false)),
            None => None,
        };
        match (self.above.peek(), below) {
            (None, None) => None,
            (Some(_), None) => Some((true, false)),
            (None, Some(_)) => Some((false, false)),
            (Some((a, _)), Some(b)) => {
                let order = if self.backwards {
                    b.cmp(a)
                } else {
                    (*a).cmp(b)
                };
                Some((order.is_le(), order.is_eq()))
            }
        }
    }
}

impl Iterator for Merged<'_> {
    type Item = Result<Row, EngineError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (from_above, hides) = self.choose()?;
            if !from_above {
                return self.below.next();
            }
            if hides {
                self.below.next();
            }
            if let Some((key, Some(value))) = self.above.next() {
                return Some(Ok((key.clone(), value.clone())));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Bound;

    use proptest::prelude::*;

    use super::*;

    struct Model(BTreeMap<Vec<u8>, Vec<u8>>);

    impl Source for Model {
        fn get(&self, _: &'static str, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
            Ok(self.0.get(key).cloned())
        }
        fn range(
            &self,
            _: &'static str,
            span: Span,
            backwards: bool,
        ) -> Result<Rows<'_>, EngineError> {
            let range = self.0.range(span).map(|(k, v)| Ok((k.clone(), v.clone())));
            Ok(if backwards {
                Box::new(range.rev())
            } else {
                Box::new(range)
            })
        }
    }

    type Ops = Vec<(Vec<u8>, Option<Vec<u8>>)>;

    fn small_ops() -> impl Strategy<Value = Ops> {
        let key = prop::collection::vec(0u8..4, 0..3);
        let value = prop::option::of(prop::collection::vec(any::<u8>(), 0..2));
        prop::collection::vec((key, value), 0..20)
    }

    proptest! {
        #[test]
        fn a_layer_reads_like_its_result(
            below in small_ops(), ops in small_ops(),
            from in prop::collection::vec(0u8..4, 0..3),
            to in prop::collection::vec(0u8..4, 0..3), backwards: bool,
        ) {
            let mut model = BTreeMap::new();
            model.extend(below.into_iter().filter_map(|(k, v)| Some((k, v?))));
            let base = Model(model.clone());
            let mut layered = Layered::over(&base);
            for (key, value) in ops {
                match &value {
                    Some(value) => drop(model.insert(key.clone(), value.clone())),
                    None => drop(model.remove(&key)),
                }
                layered.set("t", key, value);
            }
            let span = (Bound::Included(from.clone()), Bound::Excluded(to.clone()));
            let got: Vec<Row> =
                layered.range("t", span, backwards)?.collect::<Result<_, _>>()?;
            let mut want: Vec<Row> =
                model.into_iter().filter(|(k, _)| *k >= from && *k < to).collect();
            if backwards {
                want.reverse();
            }
            prop_assert_eq!(got, want);
        }
    }
}
