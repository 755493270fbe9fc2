//! One to-do, and what is done to it.

use actix_web::web::{Data, Path};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    error::{AppError, Result},
    identity::{Permission, Viewer},
    todos::{
        actions::{self, Finish, Hand, Reopen},
        model::TodoId,
        queries,
    },
    view,
    web::{Cx, Form, FormState, Shown, filters, local, parts::Choice},
};

use super::{HERE, Line, id_of, line, list_act, member, members, sight};

/// The page.
#[derive(Template)]
#[template(path = "todos/show.html", blocks = ["title"])]
pub(in crate::todos) struct ShowPage {
    pub(super) line: Line,
    pub(super) may_edit: bool,
    pub(super) form: FormState,
    pub(super) members: Vec<Choice>,
}
view!(ShowPage);

/// Shows it; its entry joins the next batch.
pub(in crate::todos) async fn show(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<ShowPage>> {
    let page = page(&app, &viewer, &cx, id_of(&id)?, FormState::empty()).await?;
    Ok(Shown::of(page))
}

async fn page(
    app: &App,
    viewer: &Viewer,
    cx: &Cx,
    id: TodoId,
    form: FormState,
) -> Result<ShowPage> {
    let (page, seen) = app.read(|r| {
        let sight = sight(app, r, viewer)?;
        let seen = queries::one(r, &sight, id)?;
        let may_edit = viewer.may(Permission::CustomerEdit);
        let page = ShowPage {
            line: line(r, cx, viewer, &sight, &seen)?,
            may_edit,
            form,
            members: match may_edit {
                true => members(&sight, Some(seen.todo.member)),
                false => Vec::new(),
            },
        };
        Ok::<_, AppError>((page, seen))
    })?;
    let act = list_act(viewer, std::slice::from_ref(&seen)).about("todo", id);
    app.note(act).await?;
    Ok(page)
}

/// What a button sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::todos) struct Back {
    #[serde(default)]
    back: String,
}

impl Back {
    fn address(&self) -> String {
        local(&self.back).unwrap_or(HERE).to_owned()
    }
}

/// Says that it is done.
pub(in crate::todos) async fn finish(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    form: Form<Back>,
) -> Result<Shown<ShowPage>> {
    let todo = id_of(&id)?;
    let directory = app.read(|r| app.directory.get(r))?;
    let command = Finish { todo, directory };
    app.carry_out(&viewer, "todo.finish", command, actions::finish)
        .await?;
    let undo = format!("{HERE}/{todo}/reopen");
    Ok(Shown::go_to(form.values.address()).toast_undo("todos.finished", (), undo))
}

/// Opens it again.
pub(in crate::todos) async fn reopen(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    form: Form<Back>,
) -> Result<Shown<ShowPage>> {
    let todo = id_of(&id)?;
    let directory = app.read(|r| app.directory.get(r))?;
    let command = Reopen { todo, directory };
    app.carry_out(&viewer, "todo.reopen", command, actions::reopen)
        .await?;
    Ok(Shown::go_to(form.values.address()).toast("todos.reopened", ()))
}

/// To whom.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::todos) struct HandFields {
    #[serde(default)]
    member: String,
}

/// Hands it to another member.
pub(in crate::todos) async fn hand(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
    form: Form<HandFields>,
) -> Result<Shown<ShowPage>> {
    let todo = id_of(&id)?;
    let command = app.read(|r| {
        Ok::<_, AppError>(Hand {
            todo,
            member: member(&form.values.member)?,
            directory: app.directory.get(r)?,
        })
    });
    let handed = match command {
        Ok(command) => {
            app.carry_out(&viewer, "todo.hand", command, actions::hand)
                .await
        }
        Err(error) => Err(error),
    };
    Ok(match form.state.catch(handed)? {
        Ok(()) => Shown::go_to(HERE).toast("todos.handed", ()),
        Err(form) => Shown::of(page(&app, &viewer, &cx, todo, form).await?).invalid(),
    })
}
