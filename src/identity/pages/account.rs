//! `/settings/security/accounts/{id}` and `/new`: one account.

use actix_web::web::{Data, Path};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    error::{AppError, Result},
    kit::{Id, Timestamp},
    store::Read,
    view,
    web::{Cx, Form, FormState, ListQuery, Shown, filters, parts::Choice},
};

use super::{
    super::{
        Account, AccountState, Permission, Role, SecondFactor, Viewer,
        actions::{
            self, CreateAccount, DisableAccount, EnableAccount, EndSessions, RemoveSecondFactor,
            ResetPassword, UpdateAccount,
        },
        queries::{self, AccountView, SessionView},
        token::ApiToken,
    },
    NoFields,
    accounts::{HERE, state},
    choices::{self, MemberLine, UnitChoice},
    id_in,
};

/// What the form offers.
pub(super) struct Offers {
    pub(super) roles: Vec<Choice>,
    pub(super) units: Vec<UnitChoice>,
    /// What is searched for among the members.
    pub(super) text: String,
    pub(super) found: Vec<MemberLine>,
    /// Where a click on a found member leads: the address up to its id.
    pub(super) choose: String,
    /// The member chosen.
    pub(super) member: Option<MemberLine>,
}

/// `/new`.
#[derive(Template)]
#[template(path = "identity/account_new.html", blocks = ["title"])]
pub(super) struct NewPage {
    pub(super) form: FormState,
    pub(super) offers: Offers,
}
view!(NewPage);

/// What the form holds.
#[derive(Deserialize)]
pub(super) struct AccountForm {
    #[serde(default)]
    login: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    role: String,
    #[serde(default)]
    member: String,
    #[serde(default)]
    unit: Vec<String>,
}

impl AccountForm {
    fn role(&self) -> Result<Role> {
        Role::of_code(&self.role).ok_or_else(|| AppError::field("role", "role.unknown"))
    }
}

fn offers(app: &App, r: &Read<'_>, viewer: &Viewer, cx: &Cx, chosen: &str) -> Result<Offers> {
    let query = ListQuery::parse(&cx.path, &cx.query);
    let directory = app.directory.get(r)?;
    let text = query.get("q").unwrap_or("").to_owned();
    let member = chosen.parse().ok();
    Ok(Offers {
        roles: choices::roles(r, cx, &[])?,
        units: choices::units(&directory, cx),
        found: choices::find_members(app, r, viewer, cx, &text)?,
        choose: format!("{}?member=", cx.path),
        member: member.and_then(|id| choices::member(&directory, cx, id)),
        text,
    })
}

/// The form for a new account; with a member chosen, name and login are theirs.
pub(super) async fn new(viewer: Viewer, app: Data<App>, cx: Cx) -> Result<Shown<NewPage>> {
    let query = ListQuery::parse(&cx.path, &cx.query);
    let chosen = query.get("member").unwrap_or("");
    let page = app.read(|r| {
        viewer.scope(r, Permission::AccountManage)?;
        let offers = offers(&app, r, &viewer, &cx, chosen)?;
        let (name, login) = match &offers.member {
            Some(member) => (member.name.clone(), member.userid.clone()),
            None => (String::new(), String::new()),
        };
        let form = FormState::with_values([
            ("name", name),
            ("login", login),
            ("role", Role::Staff.code()),
            ("member", chosen.to_owned()),
        ]);
        Ok::<_, AppError>(NewPage { form, offers })
    })?;
    Ok(Shown::of(page))
}

/// A one-time code, shown once.
#[derive(Template)]
#[template(path = "identity/account_code.html", blocks = ["title"])]
pub(super) struct CodePage {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) login: String,
    pub(super) code: String,
    pub(super) is_new: bool,
    pub(super) may_use_wecom: bool,
}
view!(CodePage);

/// Either the code or the form again.
pub(super) enum Made {
    Code(Shown<CodePage>),
    Again(Shown<NewPage>),
}

impl actix_web::Responder for Made {
    type Body = actix_web::body::BoxBody;
    fn respond_to(self, req: &actix_web::HttpRequest) -> actix_web::HttpResponse {
        match self {
            Self::Code(shown) => shown.respond_to(req),
            Self::Again(shown) => shown.respond_to(req),
        }
    }
}

pub(super) async fn create(
    viewer: Viewer,
    form: Form<AccountForm>,
    app: Data<App>,
    cx: Cx,
) -> Result<Made> {
    let values = form.values;
    let chosen = values.member.clone();
    let command = values.role().map(|role| CreateAccount {
        login: values.login,
        name: values.name,
        role,
        member: values.member.parse().ok(),
        units: choices::ids(&values.unit),
        password: None,
    });
    let done = match command {
        Ok(command) => {
            app.carry_out(&viewer, "account.create", command, actions::create_account)
                .await
        }
        Err(error) => Err(error),
    };
    Ok(match form.state.catch(done)? {
        Ok(made) => Made::Code(Shown::of(CodePage {
            id: made.account.id.to_string(),
            name: made.account.name,
            login: made.account.login,
            code: made
                .code
                .map_or(String::new(), |code| code.text.expose().clone()),
            is_new: true,
            may_use_wecom: made.account.member.is_some(),
        })),
        Err(form) => {
            let offers = app.read(|r| offers(&app, r, &viewer, &cx, &chosen))?;
            Made::Again(Shown::of(NewPage { form, offers }).invalid())
        }
    })
}

/// One account.
#[derive(Template)]
#[template(path = "identity/account.html", blocks = ["title"])]
pub(super) struct AccountPage {
    pub(super) account: AccountView,
    pub(super) id: String,
    pub(super) state: (&'static str, &'static str),
    pub(super) role: String,
    pub(super) form: FormState,
    pub(super) offers: Offers,
    /// Since when, and how many recovery codes are left.
    pub(super) second_factor: Option<(Timestamp, usize)>,
    pub(super) sessions: Vec<SessionView>,
    pub(super) tokens: Vec<ApiToken>,
}
view!(AccountPage);

impl AccountPage {
    fn is_shut(&self) -> bool {
        self.account.state == AccountState::Disabled
    }
}

/// Shows an account. The entry of it is durable before anything is.
pub(super) async fn show(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<AccountPage>> {
    let id: Id<Account> = id_in(&id, "account")?;
    let asking = viewer.clone();
    let act = viewer.view("account.view").about("account", id);
    app.write(act, move |w| {
        let scope = asking.scope(&w.read(), Permission::AccountManage)?;
        queries::account(&w.read(), &scope, id).map(drop)
    })
    .await?;
    let page = app.read(|r| page(&app, r, &viewer, &cx, id, None))?;
    Ok(Shown::of(page))
}

fn page(
    app: &App,
    r: &Read<'_>,
    viewer: &Viewer,
    cx: &Cx,
    id: Id<Account>,
    typed: Option<FormState>,
) -> Result<AccountPage> {
    let scope = viewer.scope(r, Permission::AccountManage)?;
    let account = queries::account(r, &scope, id)?;
    let query = ListQuery::parse(&cx.path, &cx.query);
    let kept = account.member.map(|id| id.to_string()).unwrap_or_default();
    let member = match (&typed, query.get("member")) {
        (Some(typed), _) => typed.value("member").to_owned(),
        (None, Some("none")) => String::new(),
        (None, Some(chosen)) => chosen.to_owned(),
        (None, None) => kept,
    };
    let offers = offers(app, r, viewer, cx, &member)?;
    let mut values = vec![
        ("name", account.name.clone()),
        ("role", account.role.code()),
        ("member", member),
    ];
    values.extend(account.units.iter().map(|unit| ("unit", unit.to_string())));
    let now = app.store.clock().now();
    let factor = SecondFactor::of(r, id)?;
    Ok(AccountPage {
        id: id.to_string(),
        state: state(account.state),
        role: choices::role_name(r, cx, account.role)?,
        form: typed.unwrap_or_else(|| FormState::with_values(values)),
        offers,
        second_factor: factor.map(|f| (f.since, f.recovery_left())),
        sessions: queries::sessions(r, &scope, id, now)?,
        tokens: queries::tokens(r, &scope, id)?
            .into_iter()
            .filter(|token| token.is_live(now))
            .collect(),
        account,
    })
}

pub(super) async fn update(
    viewer: Viewer,
    id: Path<String>,
    form: Form<AccountForm>,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<AccountPage>> {
    let id: Id<Account> = id_in(&id, "account")?;
    let values = form.values;
    let command = values.role().map(|role| UpdateAccount {
        account: id,
        name: values.name,
        role,
        member: values.member.parse().ok(),
        units: choices::ids(&values.unit),
    });
    let done = match command {
        Ok(command) => {
            app.carry_out(&viewer, "account.update", command, actions::update_account)
                .await
        }
        Err(error) => Err(error),
    };
    Ok(match form.state.catch(done)? {
        Ok(account) => Shown::go_to(format_args!("{HERE}/{id}"))
            .toast("accounts.saved", ("name", account.name)),
        Err(form) => {
            let page = app.read(|r| page(&app, r, &viewer, &cx, id, Some(form)))?;
            Shown::of(page).invalid()
        }
    })
}

pub(super) async fn disable(
    viewer: Viewer,
    id: Path<String>,
    _form: Form<NoFields>,
    app: Data<App>,
) -> Result<Shown<AccountPage>> {
    let account = id_in(&id, "account")?;
    let command = DisableAccount { account };
    app.carry_out(
        &viewer,
        "account.disable",
        command,
        actions::disable_account,
    )
    .await?;
    Ok(Shown::go_to(format_args!("{HERE}/{account}")).toast("accounts.disabled", ()))
}

pub(super) async fn enable(
    viewer: Viewer,
    id: Path<String>,
    _form: Form<NoFields>,
    app: Data<App>,
) -> Result<Shown<AccountPage>> {
    let account = id_in(&id, "account")?;
    let command = EnableAccount { account };
    app.carry_out(&viewer, "account.enable", command, actions::enable_account)
        .await?;
    Ok(Shown::go_to(format_args!("{HERE}/{account}")).toast("accounts.enabled", ()))
}

pub(super) async fn end_sessions(
    viewer: Viewer,
    id: Path<String>,
    _form: Form<NoFields>,
    app: Data<App>,
) -> Result<Shown<AccountPage>> {
    let account = id_in(&id, "account")?;
    let command = EndSessions { account };
    let ended = app
        .carry_out(
            &viewer,
            "account.end_sessions",
            command,
            actions::end_sessions,
        )
        .await?;
    Ok(Shown::go_to(format_args!("{HERE}/{account}")).toast("accounts.ended", ("n", ended)))
}

pub(super) async fn remove_second_factor(
    viewer: Viewer,
    id: Path<String>,
    _form: Form<NoFields>,
    app: Data<App>,
) -> Result<Shown<AccountPage>> {
    let account = id_in(&id, "account")?;
    let command = RemoveSecondFactor { account };
    app.carry_out(
        &viewer,
        "second_factor.reset",
        command,
        actions::remove_second_factor,
    )
    .await?;
    Ok(Shown::go_to(format_args!("{HERE}/{account}")).toast("accounts.factor_removed", ()))
}

pub(super) async fn reset_password(
    viewer: Viewer,
    id: Path<String>,
    _form: Form<NoFields>,
    app: Data<App>,
) -> Result<Shown<CodePage>> {
    let account: Id<Account> = id_in(&id, "account")?;
    let command = ResetPassword { account };
    let code = app
        .carry_out(
            &viewer,
            "account.reset_password",
            command,
            actions::reset_password,
        )
        .await?;
    let view = app.read(|r| {
        let scope = viewer.scope(r, Permission::AccountManage)?;
        queries::account(r, &scope, account)
    })?;
    Ok(Shown::of(CodePage {
        id: account.to_string(),
        name: view.name,
        login: view.login,
        code: code.text.expose().clone(),
        is_new: false,
        may_use_wecom: false,
    }))
}
