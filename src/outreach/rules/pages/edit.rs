//! The form of a rule.

use actix_web::web::{Data, Path};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    customers::queries::{GroupFilter, groups},
    error::{AppError, Result},
    identity::{Permission, Reach, Viewer},
    kit::{Id, Timestamp},
    livecodes::{self, Channel, ChannelId, Eyes, LiveCode},
    org::{Member, Sight, decides},
    outreach::content::Variables,
    store::Read,
    tags, view,
    web::{Cx, Form, FormState, Lang, Shown, filters, parts::Choice},
    work::pages::Nothing,
};

use super::{
    super::{
        actions::{DeleteRule, SaveRule, SwitchRule, delete_rule, save_rule, switch_rule},
        model::{Rule, RuleId, RuleTodo, Trigger},
    },
    HERE, find, parse,
};

/// Groups that can be chosen; a firm with more finds the newest.
const GROUPS_SHOWN: usize = 500;

/// The form.
#[derive(Template)]
#[template(path = "outreach/rules/edit.html", blocks = ["title"])]
pub(in super::super) struct EditPage {
    /// None for a new one.
    id: Option<String>,
    is_on: bool,
    form: FormState,
    lives: Vec<Choice>,
    channels: Vec<Choice>,
    groups: Vec<Choice>,
    units: Vec<Choice>,
    /// Name of the tag group, and its tags.
    tags: Vec<(String, Vec<Choice>)>,
    assignees: Vec<Choice>,
    /// The variables of to-do and message.
    variables: &'static str,
}
view!(EditPage);

/// Tags up to which all of them are shown at once.
const TAGS_OPEN: usize = 60;

impl EditPage {
    /// Whether a group's tags are shown: one of them is chosen, or there are few in all.
    fn is_open(&self, tags: &[Choice]) -> bool {
        let all: usize = self.tags.iter().map(|(_, tags)| tags.len()).sum();
        all <= TAGS_OPEN || tags.iter().any(|tag| self.form.has("tag", &tag.value))
    }
}

fn choice(value: impl ToString, label: String) -> Choice {
    Choice {
        is_on: false,
        value: value.to_string(),
        label,
        count: None,
    }
}

fn edit_page(
    app: &App,
    viewer: &Viewer,
    cx: &Cx,
    id: Option<(RuleId, bool)>,
    form: FormState,
) -> Result<EditPage> {
    app.read(|r| {
        let scope = viewer.scope(r, Permission::OutreachManage)?;
        let sight = app.sight(r, viewer, Permission::OutreachManage)?;
        let mut units = Vec::new();
        if *scope.reach() == Reach::Everything {
            units.push(choice("", cx.t("autorules.whole_firm").into_owned()));
        }
        for (depth, unit) in sight.directory.tree.flat() {
            if decides(&scope, &sight.directory, Some(unit.id)) {
                let indent = "\u{3000}".repeat(depth);
                units.push(choice(unit.id, format!("{indent}{}", unit.name)));
            }
        }
        let mut found = groups(r, &sight, &GroupFilter::default())?;
        found.truncate(GROUPS_SHOWN);
        let unnamed = cx.t("groups.nameless");
        let named = |name: String| match name.is_empty() {
            true => unnamed.clone().into_owned(),
            false => name,
        };
        let tags = tags::queries::groups(r)?.into_iter().map(|group| {
            let tags = group.tags.into_iter();
            let tags = tags.map(|tag| choice(tag.id, tag.name));
            (group.group.name, tags.collect())
        });
        Ok(EditPage {
            id: id.map(|(id, _)| id.to_string()),
            is_on: id.is_some_and(|(_, is_on)| is_on),
            form,
            lives: lives(r, &Eyes::new(sight.directory.clone(), &scope))?,
            channels: channels(r)?,
            groups: found
                .into_iter()
                .map(|group| choice(group.id, named(group.name)))
                .collect(),
            units,
            tags: tags.collect(),
            assignees: assignees(cx, &sight),
            variables: Variables::All.written(cx.lang() == Lang::En),
        })
    })
}

/// Who can be given what a rule makes: the one who knows the customer, or somebody in scope.
fn assignees(cx: &Cx, sight: &Sight) -> Vec<Choice> {
    let members = sight.directory.members();
    let mut members: Vec<_> = members
        .filter(|member| member.is_here() && sight.sees(member.id))
        .collect();
    members.sort_by_cached_key(|member| (member.name.clone(), member.no));
    let department = |member: &Member| {
        let found = sight.directory.department_of(member);
        found.map_or(String::new(), |found| format!(" · {}", found.name))
    };
    let chosen = members.into_iter().map(|member| {
        let label = format!("{}{}", member.name, department(member));
        choice(member.id, label)
    });
    let own = choice("", cx.t("autorules.assignee_own").into_owned());
    std::iter::once(own).chain(chosen).collect()
}

/// Codes in scope that are not over for good.
fn lives(r: &Read<'_>, eyes: &Eyes) -> Result<Vec<Choice>> {
    let mut codes: Vec<LiveCode> = Vec::new();
    for code in r.all::<LiveCode>(None)? {
        let code = code?;
        if !code.is_archived() && eyes.sees(&code) {
            codes.push(code);
        }
    }
    codes.sort_by(|a, b| a.name.cmp(&b.name));
    let codes = codes.into_iter();
    Ok(codes.map(|code| choice(code.id, code.name)).collect())
}

/// Channels as a tree.
fn channels(r: &Read<'_>) -> Result<Vec<Choice>> {
    fn below(all: &[Channel], parent: Option<ChannelId>, depth: usize, out: &mut Vec<Choice>) {
        if depth > livecodes::CHANNEL_DEPTH {
            return;
        }
        for channel in all.iter().filter(|channel| channel.parent == parent) {
            let indent = "\u{3000}".repeat(depth);
            out.push(choice(channel.id, format!("{indent}{}", channel.name)));
            below(all, Some(channel.id), depth + 1, out);
        }
    }
    let mut all = livecodes::queries::channels(r)?;
    all.sort_by(|a, b| a.name.cmp(&b.name));
    let mut out = Vec::new();
    below(&all, None, 0, &mut out);
    Ok(out)
}

/// The empty form.
pub(in super::super) async fn new(
    viewer: Viewer,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<EditPage>> {
    let form = FormState::with_values([
        ("trigger", Trigger::CODES[0].to_owned()),
        ("is_on", "on".to_owned()),
        ("days", "30".to_owned()),
    ]);
    Ok(Shown::of(edit_page(&app, &viewer, &cx, None, form)?))
}

/// The form of a rule that is there.
pub(in super::super) async fn edit(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<EditPage>> {
    let id = parse(&id)?;
    let (rule, _) = app.read(|r| find(&app, r, &viewer, id))?;
    let here = Some((id, rule.is_on));
    Ok(Shown::of(edit_page(
        &app,
        &viewer,
        &cx,
        here,
        filled(&rule),
    )?))
}

fn filled(rule: &Rule) -> FormState {
    let unit = rule.unit.map(|unit| unit.to_string()).unwrap_or_default();
    let mut values = vec![
        ("name", rule.name.clone()),
        ("trigger", rule.trigger.code().to_owned()),
        ("unit", unit),
        ("remark_prefix", rule.remark_prefix.clone()),
    ];
    values.push(match &rule.trigger {
        Trigger::Code(id) => ("live", id.to_string()),
        Trigger::Channel(id) => ("channel", id.to_string()),
        Trigger::Group(id) => ("group", id.to_string()),
        Trigger::Words(words) => ("words", words.join("\n")),
        Trigger::Quiet(days) => ("days", days.to_string()),
    });
    if rule.is_on {
        values.push(("is_on", "on".to_owned()));
    }
    if let Some(todo) = &rule.todo {
        values.push(("todo", todo.words.clone()));
        values.extend(todo.due_days.map(|days| ("todo_days", days.to_string())));
    }
    values.extend(rule.message.clone().map(|message| ("message", message)));
    values.extend(rule.assignee.map(|id| ("assignee", id.to_string())));
    values.extend(rule.tags.iter().map(|tag| ("tag", tag.to_string())));
    FormState::with_values(values)
}

/// What the form sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Fields {
    name: String,
    trigger: String,
    #[serde(default)]
    live: String,
    #[serde(default)]
    channel: String,
    #[serde(default)]
    group: String,
    #[serde(default)]
    words: String,
    #[serde(default)]
    days: String,
    #[serde(default)]
    tag: Vec<String>,
    #[serde(default)]
    remark_prefix: String,
    #[serde(default)]
    todo: String,
    #[serde(default)]
    todo_days: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    assignee: String,
    #[serde(default)]
    unit: String,
    #[serde(default)]
    is_on: bool,
}

impl Fields {
    fn rule(&self, id: RuleId) -> Result<Rule> {
        fn named<T>(text: &str, field: &'static str, wrong: &'static str) -> Result<Id<T>> {
            text.parse().map_err(|_| AppError::field(field, wrong))
        }
        let trigger = match self.trigger.as_str() {
            "live" => Trigger::Code(named(&self.live, "live", "autorules.no_live")?),
            "channel" => Trigger::Channel(named(&self.channel, "channel", "autorules.no_channel")?),
            "group" => Trigger::Group(named(&self.group, "group", "autorules.no_group")?),
            "words" => Trigger::Words(self.words()),
            "quiet" => {
                let days = self.days.trim().parse();
                let wrong = |_| AppError::field("days", "autorules.days_range");
                Trigger::Quiet(days.map_err(wrong)?)
            }
            _ => return Err(AppError::BadRequest { why: "field_type" }),
        };
        let unit = match self.unit.as_str() {
            "" => None,
            unit => Some(named(unit, "unit", "autorules.no_unit")?),
        };
        let tags = self.tag.iter();
        let tags = tags.map(|tag| named(tag, "tag", "autorules.tags_many"));
        Ok(Rule {
            id,
            name: self.name.clone(),
            is_on: self.is_on,
            unit,
            trigger,
            tags: tags.collect::<Result<_>>()?,
            remark_prefix: self.remark_prefix.clone(),
            since: Timestamp::from_ms(0),
            todo: self.todo()?,
            message: Some(self.message.trim().to_owned()).filter(|said| !said.is_empty()),
            assignee: match self.assignee.as_str() {
                "" => None,
                id => Some(named(id, "assignee", "autorules.assignee_gone")?),
            },
        })
    }

    /// The to-do, if any words are given.
    fn todo(&self) -> Result<Option<RuleTodo>> {
        let wrong = |_| AppError::field("todo_days", "autorules.todo_days_range");
        let due_days = match self.todo_days.trim() {
            "" => None,
            days => Some(days.parse().map_err(wrong)?),
        };
        let words = self.todo.trim();
        Ok((!words.is_empty()).then(|| RuleTodo {
            words: words.to_owned(),
            due_days,
        }))
    }

    /// One a line; commas and ideographic commas part words too.
    fn words(&self) -> Vec<String> {
        let mut words: Vec<String> = Vec::new();
        for word in self.words.split(['\n', ',', '，', '、']) {
            let word = word.trim();
            if !word.is_empty() && !words.iter().any(|known| known == word) {
                words.push(word.to_owned());
            }
        }
        words
    }
}

async fn keep(app: &App, viewer: &Viewer, id: RuleId, fields: &Fields) -> Result<()> {
    let command = SaveRule {
        rule: fields.rule(id)?,
        directory: app.read(|r| app.directory.get(r))?,
    };
    app.carry_out(viewer, "rule.save", command, save_rule)
        .await
        .map(drop)
}

/// Keeps a new rule.
pub(in super::super) async fn create(
    viewer: Viewer,
    app: Data<App>,
    cx: Cx,
    form: Form<Fields>,
) -> Result<Shown<EditPage>> {
    let saved = keep(&app, &viewer, Id::from_bits(0), &form.values).await;
    Ok(match form.state.catch(saved)? {
        Ok(()) => Shown::go_to(HERE).toast("autorules.saved", ()),
        Err(form) => Shown::of(edit_page(&app, &viewer, &cx, None, form)?).invalid(),
    })
}

/// Keeps a changed rule.
pub(in super::super) async fn save(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
    form: Form<Fields>,
) -> Result<Shown<EditPage>> {
    let id = parse(&id)?;
    let (rule, _) = app.read(|r| find(&app, r, &viewer, id))?;
    let saved = keep(&app, &viewer, id, &form.values).await;
    let here = Some((id, rule.is_on));
    Ok(match form.state.catch(saved)? {
        Ok(()) => Shown::go_to(HERE).toast("autorules.saved", ()),
        Err(form) => Shown::of(edit_page(&app, &viewer, &cx, here, form)?).invalid(),
    })
}

/// What the switch sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Switch {
    to: String,
}

/// Pauses a rule, or puts it in force again.
pub(in super::super) async fn switch(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    form: Form<Switch>,
) -> Result<Shown<EditPage>> {
    let is_on = form.values.to == "on";
    let command = SwitchRule {
        rule: parse(&id)?,
        is_on,
        directory: app.read(|r| app.directory.get(r))?,
    };
    app.carry_out(&viewer, "rule.switch", command, switch_rule)
        .await?;
    Ok(Shown::go_to(HERE).toast(
        if is_on {
            "autorules.resumed"
        } else {
            "autorules.paused"
        },
        (),
    ))
}

/// Takes a rule away.
pub(in super::super) async fn delete(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    _form: Form<Nothing>,
) -> Result<Shown<EditPage>> {
    let command = DeleteRule {
        rule: parse(&id)?,
        directory: app.read(|r| app.directory.get(r))?,
    };
    app.carry_out(&viewer, "rule.delete", command, delete_rule)
        .await?;
    Ok(Shown::go_to(HERE).toast("autorules.deleted", ()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        error::Invalid,
        web::tests::{HOSTILE, check_page},
    };

    #[test]
    fn the_form_renders_empty_filled_and_refused() {
        let choices = |n: usize| (0..n).map(|at| choice(at, HOSTILE.into())).collect();
        for (n, trigger) in [0, 1, 9].into_iter().zip(["live", "words", "quiet"]) {
            let form = FormState::with_values([
                ("name", HOSTILE.to_owned()),
                ("trigger", trigger.to_owned()),
                ("tag", "0".to_owned()),
            ]);
            let wrong = Invalid::default()
                .with("name", "autorules.name_length")
                .with("tag", "autorules.nothing_to_do");
            check_page(&EditPage {
                id: (n > 0).then(|| "a".to_owned()),
                is_on: n == 1,
                form: if n == 9 { form.refused(wrong) } else { form },
                lives: choices(n),
                channels: choices(n),
                groups: choices(n),
                units: choices(n),
                tags: (0..n).map(|_| (HOSTILE.to_owned(), choices(n))).collect(),
                assignees: choices(n),
                variables: Variables::All.written(n == 1),
            });
        }
    }
}
