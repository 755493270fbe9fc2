//! Messages in Markdown, as blocks that the template shows: what a text says is never HTML.

use pulldown_cmark::{Event, Parser, Tag, TagEnd};

use crate::search::Piece;

/// A paragraph, a heading or the like.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) kind: BlockKind,
    pub(super) spans: Vec<Span>,
}

/// What a block is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BlockKind {
    Paragraph,
    Heading,
    Quote,
    /// A line of a list, with what stands before it.
    Item,
    Code,
}

/// Text of one look.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) pieces: Vec<Piece>,
    pub(super) is_strong: bool,
    pub(super) is_code: bool,
    /// Where it leads, if a browser may follow it.
    pub(super) href: Option<String>,
}

/// Reads a text; `mark` finds in it what was looked for.
pub(super) fn blocks(text: &str, mark: impl Fn(&str) -> Vec<Piece>) -> Vec<Block> {
    let mut reading = Reading {
        mark,
        blocks: Vec::new(),
        quotes: 0,
        lists: Vec::new(),
        strong: 0,
        hrefs: Vec::new(),
    };
    let text = without_fonts(text);
    for event in Parser::new(&text) {
        reading.event(event);
    }
    reading.blocks.retain(|block| !block.spans.is_empty());
    reading.blocks
}

/// What a text says, on one line.
pub(super) fn plain(text: &str) -> String {
    let piece = |text: &str| {
        vec![Piece {
            text: text.to_owned(),
            marked: false,
        }]
    };
    let line = |block: Block| -> String {
        let pieces = block.spans.into_iter().flat_map(|span| span.pieces);
        pieces.map(|piece| piece.text).collect()
    };
    let lines: Vec<String> = blocks(text, piece).into_iter().map(line).collect();
    lines.join(" ")
}

struct Reading<F> {
    mark: F,
    blocks: Vec<Block>,
    /// Quotes around what is read.
    quotes: usize,
    /// Lists around it, each with the next number if it has any.
    lists: Vec<Option<u64>>,
    /// What is strong or emphasised around it.
    strong: usize,
    hrefs: Vec<Option<String>>,
}

impl<F: Fn(&str) -> Vec<Piece>> Reading<F> {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(&tag),
            Event::End(tag) => self.end(tag),
            Event::Code(text) => self.say(&text, true),
            Event::SoftBreak | Event::HardBreak => self.say("\n", false),
            // A tag in a text is what somebody wrote.
            Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) => {
                self.say(&text, false);
            }
            _ => {}
        }
    }

    fn start(&mut self, tag: &Tag<'_>) {
        match tag {
            Tag::Heading { .. } => self.begin(BlockKind::Heading),
            Tag::CodeBlock(_) => self.begin(BlockKind::Code),
            Tag::Paragraph | Tag::HtmlBlock => {
                let is_in_item = self.lists.last().is_some() && self.is_at_item();
                if !is_in_item {
                    self.begin(match self.quotes {
                        0 => BlockKind::Paragraph,
                        _ => BlockKind::Quote,
                    });
                }
            }
            Tag::BlockQuote(_) => self.quotes += 1,
            Tag::List(first) => self.lists.push(*first),
            Tag::Item => self.item(),
            Tag::Strong | Tag::Emphasis => self.strong += 1,
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => {
                let is_web = ["http://", "https://"]
                    .iter()
                    .any(|scheme| dest_url.starts_with(scheme));
                self.hrefs.push(is_web.then(|| dest_url.to_string()));
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::BlockQuote(_) => self.quotes -= 1,
            TagEnd::List(_) => drop(self.lists.pop()),
            TagEnd::Strong | TagEnd::Emphasis => self.strong -= 1,
            TagEnd::Link | TagEnd::Image => drop(self.hrefs.pop()),
            _ => {}
        }
    }

    fn begin(&mut self, kind: BlockKind) {
        let spans = Vec::new();
        self.blocks.push(Block { kind, spans });
    }

    /// Whether nothing of a list's line was read but what stands before it.
    fn is_at_item(&self) -> bool {
        self.blocks
            .last()
            .is_some_and(|block| block.kind == BlockKind::Item && block.spans.len() == 1)
    }

    fn item(&mut self) {
        self.begin(BlockKind::Item);
        let depth = self.lists.len().saturating_sub(1);
        let sign = match self.lists.last_mut() {
            Some(Some(number)) => {
                *number += 1;
                format!("{}. ", *number - 1)
            }
            _ => "• ".to_owned(),
        };
        self.say(&("  ".repeat(depth) + &sign), false);
    }

    fn say(&mut self, text: &str, is_code: bool) {
        if self.blocks.is_empty() {
            self.begin(BlockKind::Paragraph);
        }
        let span = Span {
            pieces: match text.trim().is_empty() {
                // Blanks at the end of a span part it from the next.
                true => vec![Piece {
                    text: text.to_owned(),
                    marked: false,
                }],
                false => (self.mark)(text),
            },
            is_strong: self.strong > 0,
            is_code,
            href: self.hrefs.last().cloned().flatten(),
        };
        if let Some(block) = self.blocks.last_mut() {
            block.spans.push(span);
        }
    }
}

/// Markdown without the tags that colour it (WeCom documentation, markdown 类型).
fn without_fonts(markdown: &str) -> String {
    let mut plain = String::with_capacity(markdown.len());
    let mut rest = markdown;
    while let Some(at) = rest.find("<font").or_else(|| rest.find("</font>")) {
        let first = rest.find("</font>").map_or(at, |end| end.min(at));
        let Some(end) = rest[first..].find('>') else {
            break;
        };
        plain.push_str(&rest[..first]);
        rest = &rest[first + end + 1..];
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::mark;

    /// One line a block; what is strong in stars, code in ticks, links with their address,
    /// what was found in brackets.
    fn shown(text: &str, typed: &str) -> Vec<String> {
        let span = |span: &Span| {
            let piece = |piece: &Piece| match piece.marked {
                true => format!("[{}]", piece.text),
                false => piece.text.clone(),
            };
            let text: String = span.pieces.iter().map(piece).collect();
            let text = match (span.is_strong, span.is_code) {
                (true, _) => format!("*{text}*"),
                (_, true) => format!("`{text}`"),
                _ => text,
            };
            match &span.href {
                Some(href) => format!("{text}({href})"),
                None => text,
            }
        };
        blocks(text, |text| mark(text, typed))
            .iter()
            .map(|block| {
                let text: String = block.spans.iter().map(span).collect();
                format!("{:?}: {text}", block.kind)
            })
            .collect()
    }

    #[test]
    fn what_wecom_documents_is_shown_and_tags_are_text() {
        let text = "# 标题\n实时新增用户反馈<font color=\"warning\">132例</font>，请\n**注意**\n> 类型:`反馈`\n> 见[文档](https://example.com/a)\n\n1. 一\n2. 二\n   - 里面\n\n```\na <b> c\n```\n<script>x</script>";
        assert_eq!(
            shown(text, "用户"),
            [
                "Heading: 标题",
                "Paragraph: 实时新增[用户]反馈132例，请\n*注意*",
                "Quote: 类型:`反馈`\n见文档(https://example.com/a)",
                "Item: 1. 一",
                "Item: 2. 二",
                "Item:   • 里面",
                "Code: a <b> c\n",
                "Paragraph: <script>x</script>",
            ]
        );
    }

    #[test]
    fn a_line_says_it_without_signs() {
        let text = "# 标题\n**库存告警**：剩 <font color=\"warning\">8</font>饼\n> 见[文档](https://example.com)";
        assert_eq!(plain(text), "标题 库存告警：剩 8饼 见文档");
    }

    #[test]
    fn only_the_web_is_linked_and_nonsense_is_kept() {
        assert_eq!(
            shown(
                "[a](javascript:alert(1)) ![图](https://example.com/i.png)",
                ""
            ),
            ["Paragraph: a 图(https://example.com/i.png)"]
        );
        assert_eq!(shown("", ""), [""; 0]);
        assert_eq!(
            shown("**没有结束 <font color", ""),
            ["Paragraph: **没有结束 <font color"]
        );
        assert_eq!(
            shown("1. 一\n\n   二\n\n3. 三", ""),
            ["Item: 1. 一", "Paragraph: 二", "Item: 2. 三"]
        );
    }

    #[test]
    fn markdown_is_shown_without_its_colours() {
        let coloured = "**库存**：剩 <font color=\"warning\">12</font> 件 <b> <font";
        assert_eq!(without_fonts(coloured), "**库存**：剩 12 件 <b> <font");
        assert_eq!(without_fonts("</font>a<font x>b"), "ab");
    }
}
