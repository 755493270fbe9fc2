//! `/sensitive/words/{id}/rule`: WeCom warns of the words of a list itself, or blocks them.

use actix_web::web::{Data, Path};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    archive::sensitive::{self, DeleteRule, Intercept, RuleState, SaveRule, WordList, WordListId},
    error::{AppError, Result},
    identity::{Permission, Viewer},
    view,
    web::{Cx, Form, FormState, Shown, filters, parts::Choice},
    work::{
        effects::{self, Area, EffectState, WriteMode},
        outbox,
        pages::Nothing,
    },
};

use super::words::{choice, parse, units};

/// What the form says for warning and blocking.
const BLOCK: &str = "block";
const WARN: &str = "warn";

/// The page.
#[derive(Template)]
#[template(path = "archive/rule.html", blocks = ["title"])]
pub(in crate::archive) struct RulePage {
    id: String,
    name: String,
    form: FormState,
    actions: Vec<Choice>,
    units: Vec<Choice>,
    members: Vec<Choice>,
    /// Word and tone of how it stands, and why it failed; none if nothing is intercepted.
    state: Option<(&'static str, &'static str, String)>,
    mode: WriteMode,
}
view!(RulePage);

impl RulePage {
    fn is_off(&self) -> bool {
        self.mode == WriteMode::Off
    }
    fn is_rehearsal(&self) -> bool {
        self.mode == WriteMode::DryRun
    }
}

/// Word and tone of how a rule stands.
pub(super) fn state_words(rule: &Intercept, state: &RuleState) -> (&'static str, &'static str) {
    match state {
        RuleState::InForce if rule.blocks => ("sensitive.rule.blocks", "ok"),
        RuleState::InForce => ("sensitive.rule.warns", "ok"),
        RuleState::Rehearsed => ("effects.state.rehearsed", "muted"),
        RuleState::Differs => ("sensitive.rule.differs", "warn"),
        RuleState::Pending(effect) if rule.is_leaving && effect.state == EffectState::Queued => {
            ("sensitive.rule.leaving", "muted")
        }
        RuleState::Pending(effect) => outbox::state_words(effect.state),
    }
}

/// The list, if the viewer decides about it.
fn list_of(app: &App, viewer: &Viewer, id: WordListId) -> Result<WordList> {
    let list = app.read(|r| {
        let scope = viewer.scope(r, Permission::WordManage)?;
        let directory = app.directory.get(r)?;
        let list = r.get::<WordList>(&id)?;
        Ok::<_, AppError>(list.filter(|l| sensitive::reaches(&scope, &directory, l.unit)))
    })?;
    list.ok_or(AppError::NotFound { what: "word_list" })
}

fn page(
    app: &App,
    viewer: &Viewer,
    cx: &Cx,
    list: &WordList,
    form: Option<FormState>,
) -> Result<RulePage> {
    app.read(|r| {
        let scope = viewer.scope(r, Permission::WordManage)?;
        let sight = app.sight(r, viewer, Permission::WordManage)?;
        let rule = sensitive::rule(r, list)?;
        let mut members: Vec<_> = sight
            .directory
            .members()
            .filter(|m| m.is_here() && m.serves_customers && sight.sees(m.id))
            .collect();
        members.sort_by(|a, b| a.name.cmp(&b.name));
        let actions = [
            (BLOCK, "sensitive.rule.block"),
            (WARN, "sensitive.rule.warn"),
        ];
        let mut units = units(scope.reach(), &sight);
        units.insert(
            0,
            choice(
                NOBODY.to_owned(),
                cx.t("sensitive.rule.no_unit").into_owned(),
            ),
        );
        let root = sight.directory.tree.flat().first().map(|(_, root)| root.id);
        let form = form.unwrap_or_else(|| match &rule {
            Some((rule, _)) => filled(rule),
            None => {
                let unit = list.unit.or(root).map(|unit| unit.to_string());
                FormState::with_values([
                    ("action", WARN.to_owned()),
                    ("unit", unit.unwrap_or_default()),
                ])
            }
        });
        Ok(RulePage {
            id: list.id.to_string(),
            name: list.name.clone(),
            form,
            actions: actions
                .map(|(code, word)| choice(code.to_owned(), cx.t(word).into_owned()))
                .into(),
            units,
            members: members
                .into_iter()
                .map(|m| choice(m.id.to_string(), m.name.clone()))
                .collect(),
            state: rule.map(|(rule, state)| {
                let (word, tone) = state_words(&rule, &state);
                let why = match &state {
                    RuleState::Pending(effect) => effect.failure.as_ref(),
                    _ => None,
                };
                (
                    word,
                    tone,
                    why.map_or(String::new(), |why| outbox::trouble(cx, why)),
                )
            }),
            mode: effects::mode(r, Area::Words)?,
        })
    })
}

/// No department: only the members named.
const NOBODY: &str = "none";

fn filled(rule: &Intercept) -> FormState {
    let action = if rule.blocks { BLOCK } else { WARN };
    let mut values = vec![("action", action.to_owned())];
    let units = rule.departments.iter().map(ToString::to_string);
    let units: Vec<String> = units.collect();
    if units.is_empty() {
        values.push(("unit", NOBODY.to_owned()));
    }
    values.extend(units.into_iter().map(|unit| ("unit", unit)));
    values.extend(rule.members.iter().map(|m| ("member", m.to_string())));
    FormState::with_values(values)
}

/// Shows how the words of a list are intercepted.
pub(in crate::archive) async fn show(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<RulePage>> {
    let list = list_of(&app, &viewer, parse(&id)?)?;
    Ok(Shown::of(page(&app, &viewer, &cx, &list, None)?))
}

/// What the form sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::archive) struct Fields {
    action: String,
    #[serde(default)]
    unit: String,
    #[serde(default)]
    member: Vec<String>,
}

impl Fields {
    fn command(&self, app: &App, list: WordListId) -> Result<SaveRule> {
        let unit = match self.unit.as_str() {
            NOBODY | "" => None,
            unit => Some(
                unit.parse()
                    .map_err(|_| AppError::field("unit", "sensitive.unknown_unit"))?,
            ),
        };
        let members = self.member.iter().map(|id| {
            id.parse()
                .map_err(|_| AppError::field("member", "sensitive.rule.unknown_member"))
        });
        Ok(SaveRule {
            list,
            blocks: self.action == BLOCK,
            departments: unit.into_iter().collect(),
            members: members.collect::<Result<_>>()?,
            directory: app.read(|r| app.directory.get(r))?,
        })
    }
}

/// Keeps what is wanted, and has WeCom told.
pub(in crate::archive) async fn save(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
    form: Form<Fields>,
) -> Result<Shown<RulePage>> {
    let list = list_of(&app, &viewer, parse(&id)?)?;
    let saved = match form.values.command(&app, list.id) {
        Ok(command) => {
            app.carry_out(&viewer, "word_list.rule", command, sensitive::save_rule)
                .await
        }
        Err(error) => Err(error),
    };
    app.effects.notify_one();
    Ok(match form.state.catch(saved)? {
        Ok(()) => {
            let here = format!("/sensitive/words/{}/rule", list.id);
            Shown::go_to(&here).toast("sensitive.rule.saved", ())
        }
        Err(form) => Shown::of(page(&app, &viewer, &cx, &list, Some(form))?).invalid(),
    })
}

/// Ends the interception.
pub(in crate::archive) async fn delete(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    _form: Form<Nothing>,
) -> Result<Shown<RulePage>> {
    let command = DeleteRule {
        list: parse(&id)?,
        directory: app.read(|r| app.directory.get(r))?,
    };
    let here = format!("/sensitive/words/{}/rule", command.list);
    app.carry_out(
        &viewer,
        "word_list.rule_end",
        command,
        sensitive::delete_rule,
    )
    .await?;
    app.effects.notify_one();
    Ok(Shown::go_to(&here).toast("sensitive.rule.ended", ()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::tests::{HOSTILE, check_page};

    #[test]
    fn the_page_renders_in_every_state_with_hostile_names() {
        for n in [0, 1, 20] {
            for mode in WriteMode::ALL {
                let line = |i: usize| choice(format!("m{i}"), HOSTILE.into());
                check_page(&RulePage {
                    id: "a".into(),
                    name: HOSTILE.into(),
                    form: FormState::with_values([
                        ("action", BLOCK.to_owned()),
                        ("member", "m0".to_owned()),
                    ]),
                    actions: vec![line(0), line(1)],
                    units: (0..n).map(line).collect(),
                    members: (0..n).map(line).collect(),
                    state: (n > 0).then(|| ("sensitive.rule.differs", "warn", HOSTILE.into())),
                    mode,
                });
            }
        }
    }
}
