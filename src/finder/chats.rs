//! What of the archive needs somebody: alerts, what waits for a second person, and who opened
//! one's own conversations.

use crate::{
    archive::{approval, sensitive::queue, viewed},
    error::Result,
    identity::Permission,
    store::Read,
};

use super::home::{Maker, Task};

impl Maker<'_> {
    /// Alerts that nobody deals with and those given to the viewer, then what others ask for and
    /// have looked at.
    pub(super) fn chats(&self, r: &Read<'_>) -> Result<Vec<Task>> {
        let own = self.viewer.account_id().map(|account| account.cast());
        let directory = self.app.directory.get(r)?;
        let mut found = Vec::new();
        let judges = [Permission::AlertHandle, Permission::ArchiveRead];
        if judges.into_iter().all(|right| self.viewer.may(right)) {
            let sight = queue::sight(r, &directory, self.viewer)?;
            let counts = queue::counts(r, &sight, own)?;
            found.push(("warn", "my_alerts", MINE, counts.mine));
            found.push(("warn", "alerts", ALERTS, counts.open));
        }
        if self.viewer.may(Permission::AccessApprove) {
            let sight = approval::queries::sight(r, &directory, self.viewer)?;
            let waiting = approval::queries::waiting(r, &sight, own, self.cx.now)?;
            found.push(("eye", "access", "/archive/approvals", waiting.len() as u64));
        }
        let waiting = found.into_iter().filter(|(.., n)| *n > 0);
        let mut tasks: Vec<Task> = waiting.map(|found| self.waits(found)).collect();
        let opened = viewed::unseen(r, self.viewer)?;
        if opened > 0 {
            // It is good to know and asks for nothing.
            let told = self.waits(("eye", "viewed", "/me/conversations", opened));
            tasks.push(Task { tone: "a", ..told });
        }
        Ok(tasks)
    }

    fn waits(&self, (icon, word, href, n): (&'static str, &str, &'static str, u64)) -> Task {
        Task {
            icon,
            tone: "warn",
            title: self.cx.t(&format!("home.{word}")).into_owned(),
            why: self.cx.t(&format!("home.{word}_why")).into_owned(),
            href,
            n: Some(n),
        }
    }
}

const ALERTS: &str = "/sensitive/alerts";
const MINE: &str = "/sensitive/alerts?state=mine";
