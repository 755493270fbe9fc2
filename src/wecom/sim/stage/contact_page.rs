//! What the page shows of customer contact: codes, broadcasts, moments, transfers, links.

use crate::wecom::sim::{contact::Progress, state::World};

/// Broadcasts and moments that are shown, the newest first.
const SHOWN: usize = 5;
/// Members of one of them that are shown, those who have done nothing first.
const MEMBERS_SHOWN: usize = 12;

/// Ids with what people read.
pub(super) type Choices = Vec<(String, String)>;

/// Everything of customer contact that the page shows.
pub(super) struct ContactView {
    pub ways: Choices,
    pub requests: Choices,
    pub join_ways: Choices,
    pub links: Choices,
    pub transfers: Choices,
    pub broadcasts: Vec<Task>,
    pub moments: Vec<Task>,
}

/// A broadcast or moment of the firm.
pub(super) struct Task {
    pub id: String,
    pub text: String,
    pub cancelled: bool,
    /// Members who have done it, and all.
    pub done: usize,
    pub all: usize,
    /// Userid, whether done.
    pub members: Vec<(String, bool)>,
}

impl Task {
    fn new(id: &str, text: &str, cancelled: bool, members: Vec<(String, bool)>) -> Self {
        let mut shown = members.clone();
        shown.sort_by_key(|(_, done)| *done);
        shown.truncate(MEMBERS_SHOWN);
        Self {
            id: id.to_owned(),
            text: short(text),
            cancelled,
            done: members.iter().filter(|(_, done)| *done).count(),
            all: members.len(),
            members: shown,
        }
    }
}

fn short(text: &str) -> String {
    let mut short: String = text.chars().take(24).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// The first of two texts that says something.
fn named<'t>(text: &'t str, id: &'t str) -> &'t str {
    if text.is_empty() { id } else { text }
}

impl ContactView {
    pub fn of(world: &World) -> Self {
        let contact = &world.contact;
        let people = |who: &[String]| who.join(", ");
        let ways = contact.ways.by_id.iter().map(|(id, way)| {
            let text = format!(
                "{} · {}",
                named(&way.remark, &way.state),
                people(&way.users)
            );
            (id.clone(), text)
        });
        let requests = contact.requests.iter().map(|(id, request)| {
            let who = named(&request.name, &request.external_userid);
            (id.clone(), format!("{who} → {}", request.userid))
        });
        let join_ways = contact.join_ways.iter().map(|(id, way)| {
            let text = format!("{} · {}", named(&way.remark, id), way.chats.len());
            (id.clone(), text)
        });
        let links = contact.links.by_id.iter();
        let waiting = contact.transfers.all.iter();
        let waiting = waiting.filter(|t| t.progress == Progress::Waiting);
        let transfers = waiting.map(|t| {
            let text = format!("{} → {}", t.handover, t.takeover);
            (t.external_userid.clone(), text)
        });
        let mut broadcasts: Vec<_> = contact.broadcasts.by_id.iter().collect();
        broadcasts.sort_by_key(|(_, b)| std::cmp::Reverse(b.create_time));
        let broadcasts = broadcasts.into_iter().take(SHOWN).map(|(id, b)| {
            let members = b.tasks.iter();
            let members = members.map(|(userid, task)| (userid.clone(), task.sent_at.is_some()));
            Task::new(id, &b.text, b.cancelled, members.collect())
        });
        let mut moments: Vec<_> = contact.moments.by_id.iter().collect();
        moments.sort_by_key(|(_, m)| std::cmp::Reverse(m.create_time));
        let moments = moments.into_iter().take(SHOWN).map(|(id, m)| {
            let members = m.tasks.iter();
            let members =
                members.map(|(userid, task)| (userid.clone(), task.published_at.is_some()));
            Task::new(id, &m.text, m.cancelled, members.collect())
        });
        Self {
            ways: ways.collect(),
            requests: requests.collect(),
            join_ways: join_ways.collect(),
            links: links.map(|(id, l)| (id.clone(), l.name.clone())).collect(),
            transfers: transfers.collect(),
            broadcasts: broadcasts.collect(),
            moments: moments.collect(),
        }
    }
}
