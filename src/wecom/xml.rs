//! XML from outside, read into a small tree. What callbacks never contain is refused before it
//! can cost anything: document types, processing instructions, entities of one's own, depth.

use quick_xml::{Reader, escape::resolve_predefined_entity, events::Event};

/// Elements inside each other; an approval has eight.
const DEPTH_MAX: usize = 16;
/// Elements in one document; a group event may name five hundred members.
const ELEMENTS_MAX: usize = 8_192;
/// Bytes of one start tag. WeCom's carry no attributes at all.
const START_TAG_BYTES_MAX: usize = 512;

/// Why a text was not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not UTF-8.
    #[error("not UTF-8")]
    Encoding,
    /// A document type, which could define entities.
    #[error("a document type is not accepted")]
    DocType,
    /// A processing instruction.
    #[error("a processing instruction is not accepted")]
    Instruction,
    /// An entity that XML itself does not define.
    #[error("an unknown entity")]
    Entity,
    /// Elements too deep inside each other.
    #[error("more than {DEPTH_MAX} elements inside each other")]
    Depth,
    /// Too many elements.
    #[error("more than {ELEMENTS_MAX} elements")]
    Elements,
    /// A start tag that is too long.
    #[error("a start tag of more than {START_TAG_BYTES_MAX} bytes")]
    StartTag,
    /// Not well-formed.
    #[error("not well-formed near byte {at}")]
    Malformed {
        /// Where reading stopped, in bytes.
        at: u64,
    },
}

/// An element. Its text counts only if there are no elements inside it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Element {
    /// Its name, with a prefix if there is one.
    pub name: String,
    /// Its text: CDATA verbatim, entities resolved, blanks between markup left out.
    pub text: String,
    /// The elements inside, in order.
    pub children: Vec<Element>,
}

impl Element {
    /// Reads a document with one root. Attributes and comments are passed over.
    ///
    /// # Errors
    /// See [`Error`]; the limits hold whatever the size of `bytes`.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let text = std::str::from_utf8(bytes).map_err(|_| Error::Encoding)?;
        let mut reader = Reader::from_str(text);
        let mut tree = Tree::default();
        loop {
            let event = match reader.read_event() {
                Ok(event) => event,
                Err(_) => return Err(malformed(&reader)),
            };
            if matches!(event, Event::Eof) {
                break;
            }
            tree.take(&event)?.ok_or_else(|| malformed(&reader))?;
        }
        match (tree.open.is_empty(), tree.root) {
            (true, Some(root)) => Ok(root),
            _ => Err(malformed(&reader)),
        }
    }

    /// The first element of this name inside.
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// All elements of this name inside.
    pub fn each<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The text of the first element of this name; `None` if it is absent or blank.
    pub fn text_of(&self, name: &str) -> Option<&str> {
        let text = self.child(name)?.text.as_str();
        (!text.trim().is_empty()).then_some(text)
    }
}

fn malformed(reader: &Reader<&[u8]>) -> Error {
    let at = reader.buffer_position();
    Error::Malformed { at }
}

/// The tree while it grows.
#[derive(Default)]
struct Tree {
    root: Option<Element>,
    open: Vec<Element>,
    elements: usize,
}

impl Tree {
    /// `None` if the event has no place here.
    fn take(&mut self, event: &Event<'_>) -> Result<Option<()>, Error> {
        Ok(match event {
            Event::Start(start) => {
                let element = self.start(start.name().as_ref(), start.len())?;
                self.open.push(element);
                Some(())
            }
            Event::Empty(start) => {
                let element = self.start(start.name().as_ref(), start.len())?;
                self.close(element)
            }
            Event::End(_) => self.open.pop().and_then(|element| self.close(element)),
            Event::Text(text) if text.trim().is_empty() => Some(()),
            Event::Text(text) => self.text(&text.xml10_content()),
            // Verbatim, but for line ends, which XML wants read as one character.
            Event::CData(text) => self.text(&text.xml10_content()),
            Event::GeneralRef(reference) => {
                let mut utf8 = [0; 4];
                let resolved = match reference.resolve_char_ref() {
                    Ok(Some(c)) => Some(&*c.encode_utf8(&mut utf8)),
                    Ok(None) => resolve_predefined_entity(reference),
                    Err(_) => None,
                };
                self.text(resolved.ok_or(Error::Entity)?)
            }
            Event::Comment(_) | Event::Decl(_) | Event::Eof => Some(()),
            Event::DocType(_) => return Err(Error::DocType),
            Event::PI(_) => return Err(Error::Instruction),
        })
    }

    fn start(&mut self, name: &str, tag_bytes: usize) -> Result<Element, Error> {
        self.elements += 1;
        if self.elements > ELEMENTS_MAX {
            return Err(Error::Elements);
        }
        if self.open.len() >= DEPTH_MAX {
            return Err(Error::Depth);
        }
        if tag_bytes > START_TAG_BYTES_MAX {
            return Err(Error::StartTag);
        }
        Ok(Element {
            name: name.to_owned(),
            ..Element::default()
        })
    }

    fn close(&mut self, element: Element) -> Option<()> {
        match self.open.last_mut() {
            Some(parent) => parent.children.push(element),
            None if self.root.is_none() => self.root = Some(element),
            None => return None,
        }
        Some(())
    }

    fn text(&mut self, text: &str) -> Option<()> {
        self.open.last_mut()?.text.push_str(text);
        Some(())
    }
}

/// Writes elements with text, as WeCom does: text in CDATA, numbers bare.
#[derive(Debug, Default)]
pub struct Writer(String);

impl Writer {
    /// `<name><![CDATA[text]]></name>`
    pub fn text(&mut self, name: &str, text: &str) -> &mut Self {
        // The one sequence that would end the section is split over two.
        let safe = text.replace("]]>", "]]]]><![CDATA[>");
        self.raw(name, &format!("<![CDATA[{safe}]]>"))
    }

    /// `<name>number</name>`
    pub fn number(&mut self, name: &str, number: impl std::fmt::Display) -> &mut Self {
        self.raw(name, &number.to_string())
    }

    /// An element around what `inside` writes.
    pub fn element(&mut self, name: &str, inside: impl FnOnce(&mut Self)) -> &mut Self {
        self.0.push_str(&format!("<{name}>"));
        inside(self);
        self.0.push_str(&format!("</{name}>"));
        self
    }

    /// What another writer wrote.
    pub fn append(&mut self, other: &Self) -> &mut Self {
        self.0.push_str(&other.0);
        self
    }

    /// What was written.
    pub fn finish(self) -> String {
        self.0
    }

    fn raw(&mut self, name: &str, inner: &str) -> &mut Self {
        self.0.push_str(&format!("<{name}>{inner}</{name}>"));
        self
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_is_read_as_sent() {
        let xml = "<xml>\n<A><![CDATA[ a<b>&amp; ]]></A><B>x&amp;&#20013;</B><C/><D> </D></xml>";
        let root = Element::parse(xml.as_bytes()).unwrap();
        assert_eq!(root.text_of("A"), Some(" a<b>&amp; "));
        assert_eq!(root.text_of("B"), Some("x&中"));
        assert_eq!((root.text_of("C"), root.text_of("D")), (None, None));
        assert_eq!(root.text_of("E"), None);
    }

    #[test]
    fn a_bomb_is_refused_before_it_can_go_off() {
        let bomb = r#"<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>
            <xml><A>&b;</A></xml>"#;
        assert_eq!(Element::parse(bomb.as_bytes()), Err(Error::DocType));
        let outside = r#"<!DOCTYPE x SYSTEM "file:///etc/passwd"><xml/>"#;
        assert_eq!(Element::parse(outside.as_bytes()), Err(Error::DocType));
        assert_eq!(Element::parse(b"<xml>&b;</xml>"), Err(Error::Entity));
        assert_eq!(
            Element::parse(b"<xml><?php x?></xml>"),
            Err(Error::Instruction)
        );
    }

    #[test]
    fn depth_number_and_size_of_tags_are_capped() {
        let nested = |n: usize| format!("{}{}", "<a>".repeat(n), "</a>".repeat(n));
        assert!(Element::parse(nested(DEPTH_MAX).as_bytes()).is_ok());
        assert_eq!(
            Element::parse(nested(DEPTH_MAX + 1).as_bytes()),
            Err(Error::Depth)
        );
        assert_eq!(
            Element::parse("<a>".repeat(100_000).as_bytes()),
            Err(Error::Depth)
        );
        let many = format!("<xml>{}</xml>", "<a/>".repeat(ELEMENTS_MAX));
        assert_eq!(Element::parse(many.as_bytes()), Err(Error::Elements));
        let long = format!("<xml a=\"{}\"/>", "x".repeat(START_TAG_BYTES_MAX));
        assert_eq!(Element::parse(long.as_bytes()), Err(Error::StartTag));
    }

    #[test]
    fn half_a_document_is_none() {
        let broken: [&[u8]; 9] = [
            b"",
            b" ",
            b"text",
            b"<xml>",
            b"<xml></a>",
            b"<xml/><xml/>",
            b"<xml/>x",
            b"</xml>",
            b"<xml><A><![CDATA[x</A></xml>",
        ];
        for text in broken {
            let read = Element::parse(text);
            assert!(
                matches!(read, Err(Error::Malformed { .. })),
                "{text:?} {read:?}"
            );
        }
        assert_eq!(Element::parse(b"<xml>\xff</xml>"), Err(Error::Encoding));
        // UTF-16, which a declaration could otherwise talk a parser into.
        assert_eq!(Element::parse(b"\xff\xfe<\0x\0"), Err(Error::Encoding));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(text in "[^\r\u{0}]{1,60}", n in any::<u64>()) {
            let mut writer = Writer::default();
            writer.element("xml", |w| {
                w.text("A", &text).number("N", n);
            });
            let root = Element::parse(writer.finish().as_bytes()).unwrap();
            prop_assert_eq!(&root.child("A").unwrap().text, &text);
            prop_assert_eq!(&root.child("N").unwrap().text, &n.to_string());
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            drop(Element::parse(&bytes));
        }

        #[test]
        fn no_markup_panics(pieces in proptest::collection::vec(
            proptest::sample::select(vec![
                "<a>", "</a>", "<b/>", "<![CDATA[", "]]>", "&amp;", "&#x0;", "&", "<!--", "-->",
                "<!DOCTYPE", ">", "<", "<?", "?>", "中", " ",
            ]), 0..40)) {
            drop(Element::parse(pieces.concat().as_bytes()));
        }
    }
}
