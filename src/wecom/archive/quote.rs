//! Replies that quote what they answer. WeCom has no field for them: the quotation stands in
//! the text, in a form that differs from client to client.

/// A text taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    /// The name of who is quoted, as the writer's client shows it.
    pub name: String,
    /// What is quoted.
    pub quoted: String,
    /// The answer itself.
    pub reply: String,
}

/// How the clients of WeCom begin, in Chinese and in English.
const BEGINNINGS: [&str; 2] = ["这是一条引用/回复消息：", "This is a quote/reply:"];

impl Quote {
    /// Takes a text apart; `None` if it quotes nothing.
    pub fn split(text: &str) -> Option<Self> {
        Self::of_wecom(text).or_else(|| Self::of_wechat(text))
    }

    /// `BEGINNING ⏎ "NAME： ⏎ QUOTED" ⏎ ------ ⏎ REPLY`
    fn of_wecom(text: &str) -> Option<Self> {
        let rest = BEGINNINGS
            .iter()
            .find_map(|beginning| text.strip_prefix(beginning))?;
        let rest = rest.trim_start().strip_prefix(['"', '“'])?;
        let (quotation, reply) = around_line(rest, |line| is_rule(line, 6))?;
        let quotation = quotation.trim_end().trim_end_matches(['"', '”']);
        Self::made(quotation, reply)
    }

    /// `「NAME：QUOTED」 ⏎ - - - - - - - - - - - - - - - ⏎ REPLY`
    fn of_wechat(text: &str) -> Option<Self> {
        let rest = text.strip_prefix('「')?;
        let (quotation, reply) = around_line(rest, |line| is_rule(line, 15))?;
        let quotation = quotation.trim_end().strip_suffix('」')?;
        Self::made(quotation, reply)
    }

    fn made(quotation: &str, reply: &str) -> Option<Self> {
        let at = quotation.find(['：', ':'])?;
        let (name, quoted) = quotation.split_at(at);
        Some(Self {
            name: name.trim().to_owned(),
            quoted: quoted.trim_start_matches(['：', ':']).trim().to_owned(),
            reply: reply.trim_start_matches(['\r', '\n']).to_owned(),
        })
    }
}

/// What stands before and after the first line like this.
fn around_line(text: &str, is_it: impl Fn(&str) -> bool) -> Option<(&str, &str)> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if is_it(line.trim()) {
            return Some((&text[..at], &text[at + line.len()..]));
        }
        at += line.len();
    }
    None
}

/// A line of so many dashes or more, with or without spaces.
fn is_rule(line: &str, dashes_min: usize) -> bool {
    let dashes = line.chars().filter(|c| *c == '-').count();
    dashes >= dashes_min && line.chars().all(|c| c == '-' || c == ' ')
}
