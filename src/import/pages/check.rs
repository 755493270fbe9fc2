//! The third step: what would happen, row by row, and the button that makes it happen.

use std::sync::Arc;

use actix_web::web::{Data, Path};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    error::{AppError, Result},
    identity::Viewer,
    kit::Page,
    view,
    web::{
        Cx, Form, FormState, ListQuery, Shown, Web, filters,
        parts::{Pager, Step, Tab},
    },
    work::jobs::{self, NewJob},
};

use super::{
    super::{
        Importable,
        job::Input,
        model::{Diff, Import, Verdict},
    },
    Judgement, Line, address, judge, load, own, sentences, steps,
};

/// A change of a row.
pub(super) struct DiffLine {
    pub(super) label: String,
    pub(super) from: String,
    pub(super) to: String,
}

/// A row of the list.
pub(super) struct RowLine {
    /// 0 for somebody who is in no row.
    pub(super) number: u32,
    pub(super) title: String,
    pub(super) detail: String,
    /// Catalogue key and tone.
    pub(super) state: (String, &'static str),
    pub(super) diffs: Vec<DiffLine>,
    pub(super) problems: Vec<String>,
    pub(super) notes: Vec<String>,
}

/// The page.
#[derive(Template)]
#[template(path = "import/check.html", blocks = ["title", "list"])]
pub(crate) struct CheckPage {
    pub(super) title: String,
    pub(super) start: &'static str,
    pub(super) file: String,
    pub(super) steps: Vec<Step>,
    pub(super) form: FormState,
    pub(super) tabs: Vec<Tab>,
    pub(super) rows: Vec<RowLine>,
    pub(super) pager: Pager,
    /// Rows that would be taken in, that cannot be, and people who would be marked.
    pub(super) good: usize,
    pub(super) wrong: usize,
    pub(super) missing: usize,
    pub(super) back: String,
    pub(super) errors: String,
    pub(super) run: String,
}
view!(CheckPage, "list" => as_list);

/// Shows the dry run.
pub(crate) async fn show<K: Importable>(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    web: Data<Web>,
    cx: Cx,
) -> Result<Shown<CheckPage>> {
    let import = app.read(|r| load::<K>(r, &viewer, &id))?;
    if import.job.is_some() {
        return Ok(Shown::go_to(address::<K>(import.id, "")));
    }
    let judged = judge::<K>(&app.into_inner(), &viewer, &import).await?;
    Ok(Shown::of(page::<K>(
        &viewer,
        &web,
        &cx,
        &import,
        judged,
        FormState::empty(),
    )))
}

fn page<K: Importable>(
    viewer: &Viewer,
    web: &Web,
    cx: &Cx,
    import: &Import,
    judged: Judgement,
    form: FormState,
) -> CheckPage {
    let here = address::<K>(import.id, "/check");
    let query = ListQuery::parse(&here, &cx.query).only(&["show", "after", "before"]);
    let count = |verdict| judged.count(verdict);
    let (good, wrong, missing) = (
        count(Verdict::Create) + count(Verdict::Change),
        count(Verdict::Wrong),
        count(Verdict::Missing),
    );
    let tabs = tabs(cx, &query, &judged);
    let show = Verdict::ALL
        .into_iter()
        .find(|v| query.get("show") == Some(v.code()));
    let all = lines(cx, judged, show);
    let request = web.cursors.page_request(&viewer.name_for_binding(), &query);
    let page = Page::of_whole(all, &request);
    CheckPage {
        title: format!("import.title.{}", K::NAME),
        start: K::PATHS.start,
        file: import.file_name.clone(),
        steps: steps::<K>(cx, 2, Some(import)),
        form,
        tabs,
        pager: Pager::of(&page, &query, &viewer.name_for_binding(), &web.cursors),
        rows: page.items,
        good,
        wrong,
        missing,
        back: address::<K>(import.id, "/columns"),
        errors: address::<K>(import.id, "/errors"),
        run: address::<K>(import.id, "/run"),
    }
}

fn tabs(cx: &Cx, query: &ListQuery, judged: &Judgement) -> Vec<Tab> {
    let plain = query.only(&["show"]);
    let all = Tab {
        label: cx.t("import.show.all").into_owned(),
        href: plain.without("show").to_string(),
        count: Some((judged.lines.len() + judged.missing.len()) as u64),
        is_current: query.get("show").is_none(),
    };
    let verdicts = Verdict::ALL.into_iter();
    let verdicts = verdicts.filter(|v| *v != Verdict::Missing || !judged.missing.is_empty());
    let one = |verdict: Verdict| Tab {
        label: cx
            .t(&format!("import.show.{}", verdict.code()))
            .into_owned(),
        href: plain.with("show", verdict.code()).to_string(),
        count: Some(judged.count(verdict) as u64),
        is_current: query.get("show") == Some(verdict.code()),
    };
    std::iter::once(all).chain(verdicts.map(one)).collect()
}

fn lines(cx: &Cx, judged: Judgement, show: Option<Verdict>) -> Vec<RowLine> {
    let wanted = |verdict: Verdict| show.is_none_or(|show| show == verdict);
    let state = |verdict: Verdict| (format!("import.verdict.{}", verdict.code()), verdict.tone());
    let diff = |d: Diff| DiffLine {
        label: cx.t(d.word).into_owned(),
        from: d.from,
        to: d.to,
    };
    let rows = judged.lines.into_iter();
    let rows = rows
        .filter(|l| wanted(l.judged.verdict))
        .map(|l: Line| RowLine {
            number: l.number,
            title: l.judged.title,
            detail: String::new(),
            state: state(l.judged.verdict),
            problems: sentences(cx, &l.judged.problems),
            notes: sentences(cx, &l.judged.notes),
            diffs: l.judged.diffs.into_iter().map(diff).collect(),
        });
    let missing = judged.missing.into_iter();
    let missing = missing
        .filter(|_| wanted(Verdict::Missing))
        .map(|m| RowLine {
            number: 0,
            title: m.title,
            detail: m.detail,
            state: state(Verdict::Missing),
            diffs: Vec::new(),
            problems: Vec::new(),
            notes: Vec::new(),
        });
    rows.chain(missing).collect()
}

/// What is confirmed: how many people would be marked as left.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunForm {
    #[serde(default)]
    confirm: String,
}

/// Starts the job.
pub(crate) async fn run<K: Importable>(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    web: Data<Web>,
    cx: Cx,
    form: Form<RunForm>,
) -> Result<Shown<CheckPage>> {
    let import = app.read(|r| load::<K>(r, &viewer, &id))?;
    let result = address::<K>(import.id, "");
    if import.job.is_some() {
        return Ok(Shown::go_to(result));
    }
    let app: Arc<App> = app.into_inner();
    let judged = judge::<K>(&app, &viewer, &import).await?;
    let missing = judged.count(Verdict::Missing);
    if missing > 0 && form.values.confirm != missing.to_string() {
        let refused = Err(AppError::field("confirm", "import.problem.confirm"));
        let Err(state) = form.state.catch::<()>(refused)? else {
            return Ok(Shown::go_to(result));
        };
        let page = page::<K>(&viewer, &web, &cx, &import, judged, state);
        return Ok(Shown::of(page).invalid());
    }
    let input = Input { import: import.id };
    let input = minicbor::to_vec(&input).map_err(AppError::internal)?;
    let act = viewer
        .view("import.start")
        .about("import", import.id)
        .system_detail("missing", missing.to_string());
    app.write(act, move |w| {
        viewer.scope(&w.read(), K::NEEDS)?;
        let mut import = load::<K>(&w.read(), &viewer, &import.id.to_string())?;
        if import.job.is_none() {
            let new = NewJob {
                kind: K::JOB,
                input,
                created_by: own(&viewer),
            };
            import.job = Some(jobs::enqueue(w, new)?);
            w.put(&import)?;
        }
        Ok(())
    })
    .await?;
    app.jobs.notify_one();
    Ok(Shown::go_to(result))
}
