//! `/search`, and the palette.

use actix_web::web::Data;
use askama::Template;

use crate::{
    app::{App, scope_filter},
    archive::{
        self,
        find::{self, Asked},
        names::Names,
        queries::{self as chats, ArchiveSight, Message},
    },
    customers::{CustomerId, Group, GroupId, queries},
    error::Result,
    identity::{Permission, Viewer},
    kit::PageRequest,
    org::{MemberId, Sight},
    search::{Filters, From, Kind, PeopleQuery, Piece, Sort, highlight, is_phone_search},
    store::Read,
    view,
    web::{
        Cx, ListQuery, Shown, encode, filters, format,
        parts::{Empty, EmptyKind},
    },
};

/// Hits of each kind in the palette.
const SHORT: usize = 6;
/// Hits of each kind on the page.
const LONG: usize = 20;
/// Messages on the page.
const MESSAGES: usize = 5;

/// Catalogue key of the messages' heading.
const MESSAGES_TITLE: &str = "archive.title";

/// Somebody or something found.
struct Found {
    id: String,
    /// The avatar's hue is made from it.
    key: String,
    href: String,
    plain: String,
    name: Vec<Piece>,
    second: Vec<Piece>,
    aside: String,
}

/// One kind of hits.
struct Section {
    title: &'static str,
    found: Vec<Found>,
    total: u64,
    all: Option<String>,
}

/// The page; the palette takes the block `hits`.
#[derive(Template)]
#[template(path = "finder/search.html", blocks = ["title", "hits", "list"])]
pub(super) struct SearchPage {
    text: String,
    sections: Vec<Section>,
    empty: Empty,
}
view!(SearchPage, "pal-hits" => as_hits, "list" => as_list);

/// Finds people, and on the page messages as well. The entry (words and what was shown) joins
/// the next batch; that of messages or of a phone search is durable before it is shown.
pub(super) async fn search(viewer: Viewer, app: Data<App>, cx: Cx) -> Result<Shown<SearchPage>> {
    let query = ListQuery::parse(&cx.path, &cx.query);
    let text = query.get("q").unwrap_or("").trim().to_owned();
    let limit = match cx.target.as_deref() {
        Some("pal-hits") => SHORT,
        _ => LONG,
    };
    let finder = Finder {
        app: &app,
        viewer: &viewer,
        cx: &cx,
        text: &text,
        limit,
    };
    let sections = match text.is_empty() {
        true => Vec::new(),
        false => app.read(|r| finder.sections(r))?,
    };
    let shown: Vec<&str> = sections
        .iter()
        .flat_map(|s| &s.found)
        .map(|found| found.id.as_str())
        .collect();
    if !text.is_empty() {
        let act = viewer.view("search.people").detail("query", text.as_str());
        let act = act.system_detail("ids", shown.join(" "));
        let has_messages = sections.iter().any(|s| s.title == MESSAGES_TITLE);
        if has_messages || is_phone_search(&text) {
            let asking = viewer.clone();
            app.write(act, move |w| match has_messages {
                true => asking.scope(&w.read(), Permission::ArchiveRead).map(drop),
                false => Ok(()),
            })
            .await?;
        } else {
            app.note(act).await?;
        }
    }
    let empty = Empty {
        kind: EmptyKind::NothingMatches,
        title: cx
            .t(if text.is_empty() {
                "finder.start"
            } else {
                "finder.none"
            })
            .into_owned(),
        hint: cx.t("finder.hint").into_owned(),
        action: None,
        other: None,
    };
    Ok(Shown::of(SearchPage {
        text,
        sections,
        empty,
    }))
}

/// One search for one viewer.
struct Finder<'a> {
    app: &'a App,
    viewer: &'a Viewer,
    cx: &'a Cx,
    text: &'a str,
    limit: usize,
}

impl Finder<'_> {
    fn sections(&self, r: &Read<'_>) -> Result<Vec<Section>> {
        let mut sections = Vec::new();
        if self.viewer.may(Permission::CustomerRead) {
            sections.push(self.customers(r)?);
        }
        if self.viewer.may(Permission::OrgRead) {
            sections.push(self.members(r)?);
        }
        if self.viewer.may(Permission::GroupRead) {
            sections.push(self.groups(r)?);
        }
        if self.viewer.may(Permission::ArchiveRead) && self.limit == LONG {
            sections.push(self.messages(r)?);
        }
        sections.retain(|section| !section.found.is_empty());
        Ok(sections)
    }

    fn hits(&self, kind: Kind, sight: &Sight) -> Result<crate::search::Hits> {
        let query = PeopleQuery {
            text: self.text.to_owned(),
            kind,
            scope: scope_filter(sight),
            filters: Filters::default(),
            sort: Sort::Relevance,
            may_see_phones: self.viewer.may(Permission::CustomerReveal),
        };
        Ok(self.app.people.search(&query, From::Start, self.limit)?)
    }

    fn marked(&self, text: &str) -> Vec<Piece> {
        highlight(text, self.text)
    }

    fn customers(&self, r: &Read<'_>) -> Result<Section> {
        let sight = self.app.sight(r, self.viewer, Permission::CustomerRead)?;
        let hits = self.hits(Kind::Customer, &sight)?;
        let mut found = Vec::new();
        for hit in &hits.items {
            let id = CustomerId::from_bits(hit.object);
            let Some(customer) = queries::customer(r, &sight, id)? else {
                continue;
            };
            let main = customer.main();
            let second = [&main.remark, &main.company, &customer.customer.corp_name];
            let second = second
                .into_iter()
                .find(|t| !t.is_empty() && **t != customer.customer.name);
            found.push(Found {
                href: format!("/customers/{id}"),
                name: self.marked(&customer.customer.name),
                plain: customer.customer.name.clone(),
                second: second.map(|t| self.marked(t)).unwrap_or_default(),
                aside: sight.name(main.member).to_owned(),
                key: id.to_string(),
                id: id.to_string(),
            });
        }
        Ok(Section {
            title: "customers.title",
            found,
            total: hits.total,
            all: Some(format!("/customers?q={}", encode(self.text))),
        })
    }

    fn members(&self, r: &Read<'_>) -> Result<Section> {
        let sight = self.app.sight(r, self.viewer, Permission::OrgRead)?;
        let hits = self.hits(Kind::Member, &sight)?;
        let mut found = Vec::new();
        for hit in &hits.items {
            let id = MemberId::from_bits(hit.object);
            let Some(member) = sight.directory.member(id).filter(|m| sight.sees(m.id)) else {
                continue;
            };
            let department = sight.directory.department_of(member);
            found.push(Found {
                href: format!("/org/members/{id}"),
                name: self.marked(&member.name),
                plain: member.name.clone(),
                second: self.marked(&member.position),
                aside: department.map(|d| d.name.clone()).unwrap_or_default(),
                key: id.to_string(),
                id: id.to_string(),
            });
        }
        Ok(Section {
            title: "finder.members",
            found,
            total: hits.total,
            all: None,
        })
    }

    fn groups(&self, r: &Read<'_>) -> Result<Section> {
        let sight = self.app.sight(r, self.viewer, Permission::GroupRead)?;
        let hits = self.hits(Kind::Group, &sight)?;
        let mut found = Vec::new();
        for hit in &hits.items {
            let id = GroupId::from_bits(hit.object);
            let Some(group) = queries::group_head(r, &sight, id)? else {
                continue;
            };
            found.push(self.group(&sight, &group));
        }
        Ok(Section {
            title: "finder.groups",
            found,
            total: hits.total,
            all: None,
        })
    }

    fn messages(&self, r: &Read<'_>) -> Result<Section> {
        let sight = ArchiveSight::of(self.app, r, self.viewer)?;
        let names = Names::new(r, &sight.sight, self.cx);
        let asked = Asked {
            text: self.text.to_owned(),
            ..Asked::default()
        };
        let request = PageRequest {
            limit: Some(MESSAGES),
            ..PageRequest::default()
        };
        let page = find::messages(
            self.app,
            r,
            &sight,
            asked.query(self.app, r, &sight)?,
            &request,
        )?;
        let mut found = Vec::new();
        for message in &page.items {
            if let Some(chat) = chats::chat_by_no(r, &sight, message.chat)? {
                found.push(self.message(&names, &chat, message)?);
            }
        }
        Ok(Section {
            title: MESSAGES_TITLE,
            found,
            total: page.total,
            all: Some(format!("/archive?q={}", encode(self.text))),
        })
    }

    fn message(&self, names: &Names<'_>, chat: &archive::Chat, message: &Message) -> Result<Found> {
        let who = names.who(message.from)?;
        let address = ListQuery::new(&format!("/archive/{}", chat.id)).with("q", self.text);
        let plain = |text: String| Piece {
            text,
            marked: false,
        };
        let mut second = vec![plain(
            self.cx.tf("archive.said", ("who", &who.name)).into_owned(),
        )];
        second.extend(archive::excerpt(self.cx, message, self.text));
        Ok(Found {
            id: message.seq.to_string(),
            key: who.key.clone(),
            href: format!("{}#m-{}", address.with("at", message.seq), message.seq),
            plain: who.name.clone(),
            name: vec![plain(names.title(chat)?)],
            second,
            aside: format::when(message.at, self.cx.now, &self.cx.zone, self.cx.lang()),
        })
    }

    fn group(&self, sight: &Sight, group: &Group) -> Found {
        Found {
            href: format!("/groups/{}", group.id),
            name: self.marked(&group.name),
            plain: group.name.clone(),
            second: Vec::new(),
            aside: group
                .owner
                .map(|o| sight.name(o).to_owned())
                .unwrap_or_default(),
            key: group.id.to_string(),
            id: group.id.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::tests::{HOSTILE, check_page};

    #[test]
    fn hits_render_with_none_one_many_too_long_and_hostile_names() {
        let long = "很长的名字".repeat(60);
        for n in [0u64, 1, 12] {
            for name in ["", "王海燕", HOSTILE, &long] {
                let piece = |marked| Piece {
                    text: name.to_owned(),
                    marked,
                };
                let found = |i: u64| Found {
                    id: format!("c{i}"),
                    key: format!("c{i}"),
                    href: "/customers/a".into(),
                    plain: name.into(),
                    name: vec![piece(true), piece(false)],
                    second: if i == 1 {
                        Vec::new()
                    } else {
                        vec![piece(true)]
                    },
                    aside: name.into(),
                };
                let section = |title| Section {
                    title,
                    found: (0..n).map(found).collect(),
                    total: n,
                    all: (n > 1).then(|| "/customers?q=x".to_owned()),
                };
                let sections = [section("customers.title"), section("finder.members")];
                check_page(&SearchPage {
                    text: name.into(),
                    sections: sections.into_iter().filter(|_| n > 0).collect(),
                    empty: Empty {
                        kind: EmptyKind::NothingMatches,
                        title: name.into(),
                        hint: name.into(),
                        action: None,
                        other: None,
                    },
                });
            }
        }
    }
}
