//! `/org/sync/{id}`: what a pass has done, record by record.

use actix_web::web::{Data, Path};
use askama::Template;

use crate::{
    app::App,
    error::{AppError, Result},
    identity::{Permission, Viewer},
    view,
    web::{Cx, Shown, filters, words},
    work::{Job, JobId, pages::JobCard},
};

use super::super::{part::is_sync, repairs};

/// A repaired record.
struct RepairLine {
    what: String,
    wrong: String,
    /// What differed, in the reader's words.
    fields: String,
    href: Option<String>,
}

/// The page.
#[derive(Template)]
#[template(path = "sync/result.html", blocks = ["title"])]
pub(in crate::sync) struct ResultPage {
    job: JobCard,
    lines: Vec<RepairLine>,
    /// All repaired records; more than are listed, perhaps.
    total: u64,
    /// Whether more were repaired than are listed.
    is_cut: bool,
}
view!(ResultPage);

/// Shows a pass. It names records by kind only; their own pages check for themselves.
pub(in crate::sync) async fn show(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<ResultPage>> {
    let missing = || AppError::NotFound { what: "job" };
    let id: JobId = id.parse().map_err(|_| missing())?;
    let (job, repairs) = app.read(|r| {
        viewer.scope(r, Permission::SyncRun)?;
        let job = r.get::<Job>(&id)?.filter(|job| is_sync(&job.kind));
        Ok::<_, AppError>((job.ok_or_else(missing)?, repairs::of_job(r, id)?))
    })?;
    let total = job.progress.counted(repairs::COUNT);
    Ok(Shown::of(ResultPage {
        total,
        is_cut: total > repairs.len() as u64,
        job: JobCard::of(&job, &cx),
        lines: repairs.iter().map(|repair| line(&cx, repair)).collect(),
    }))
}

fn line(cx: &Cx, repair: &repairs::Repair) -> RepairLine {
    let (kind, id) = (repair.record.0.as_str(), repair.record.1.as_str());
    let object = format!("object.{kind}");
    let shown_with = repair.shown_with.as_deref().unwrap_or(id);
    let fields = repair
        .fields
        .iter()
        .filter_map(|field| field_name(cx, field));
    RepairLine {
        what: match words::known(&object) {
            true => cx.t(&object).into_owned(),
            false => kind.to_owned(),
        },
        wrong: wrong_name(cx, repair.wrong),
        fields: fields.collect::<Vec<_>>().join("、"),
        href: match kind {
            "customer" | "relation" => Some(format!("/customers/{shown_with}?tab=changes")),
            "group" | "group_member" => Some(format!("/groups/{shown_with}")),
            "member" => Some(format!("/org/members/{id}")),
            "department" => Some("/org".to_owned()),
            "tag" | "tag_group" => Some("/tags".to_owned()),
            _ => None,
        },
    }
}

fn wrong_name(cx: &Cx, wrong: repairs::Wrong) -> String {
    let code = wrong.code();
    cx.t(&format!("sync.wrong.{code}")).into_owned()
}

/// The name of a field; what points elsewhere has none.
fn field_name(cx: &Cx, field: &str) -> Option<String> {
    let customers = format!("customers.field.{field}");
    let org = format!("org.field.{field}");
    [customers, org]
        .iter()
        .find(|key| words::known(key))
        .map(|key| cx.t(key).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        web::tests::{HOSTILE, check_page},
        work::{JobState, pages::tests::card},
    };

    #[test]
    fn a_pass_renders_with_nothing_repaired_and_with_much() {
        for n in [0, 1, 40] {
            let line = |n: usize| RepairLine {
                what: HOSTILE.into(),
                wrong: HOSTILE.into(),
                fields: HOSTILE.into(),
                href: n.is_multiple_of(2).then(|| "/customers/x".into()),
            };
            check_page(&ResultPage {
                job: card(JobState::Done, HOSTILE),
                lines: (0..n).map(line).collect(),
                total: 2_000,
                is_cut: n > 0,
            });
        }
    }
}
