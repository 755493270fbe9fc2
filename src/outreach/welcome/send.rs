//! The greeting on its way (`send_welcome_msg`): within twenty seconds of the event or not at
//! all. The code works once, so sending again is harmless: 41051 then says that it had arrived.
//!
//! Source: WeCom documentation, 发送新客户欢迎语.

use std::{sync::Arc, time::Duration};

use minicbor::{Decode, Encode};

use crate::{
    app::App,
    customers,
    error::{AppError, Result},
    livecodes::{self, LiveCode},
    org::{Member, MemberId},
    outreach::{
        Content,
        content::{Names, fill},
        materials::{self, LeftOut, Resolved},
    },
    rollout,
    store::{Read, StoreError, Write},
    wecom::{self, Class, Client, Greeting as Answer, Text},
    work::effects::{Area, Effect, EffectFuture, EffectKind, EffectSpec, Refusal, Told},
};

use super::{
    model::{Greeting, GreetingId, Outcome, Source, Welcome},
    post,
};

/// Greets a new customer.
pub(super) const WELCOME: EffectSpec = EffectSpec::post(
    "outreach.welcome",
    Area::Outreach,
    "externalcontact/send_welcome_msg",
);
/// Uploads may take so long.
const FILES_MAX: Duration = Duration::from_secs(6);
/// So much of the twenty seconds is kept for the greeting itself, in milliseconds.
const KEPT_MS: i64 = 5_000;
/// Asking for the customer's name may take so long; the greeting goes without it otherwise.
const NAME_MAX: Duration = Duration::from_secs(2);
/// The customer has not agreed to the archive; agreement brings a code of its own.
const NOT_AGREED: i64 = 41053;
/// Why a greeting waits for another app's.
const OTHER_APP: &str = "other_app_greets";
/// The media id is unknown or expired.
const BAD_MEDIA: i64 = 40007;

/// What happens at WeCom.
pub(super) fn kinds() -> Vec<EffectKind<App>> {
    vec![
        EffectKind::new(WELCOME, send)
            .arriving(arrived)
            .telling(tell),
    ]
}

/// A greeting to be sent.
#[derive(Debug, Clone, Encode, Decode)]
pub(super) struct Greet {
    /// Its row.
    #[n(0)]
    pub(super) greeting: GreetingId,
    /// The event's code.
    #[n(1)]
    pub(super) welcome_code: String,
    /// The customer.
    #[n(2)]
    pub(super) external_userid: String,
    /// The member in whose name.
    #[n(3)]
    pub(super) member: Option<MemberId>,
    /// What it is taken from.
    #[n(4)]
    pub(super) source: Source,
    /// What it says, as it was when the customer came.
    #[n(5)]
    pub(super) content: Content,
}

impl Greet {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        minicbor::to_vec(self).expect("writing to memory does not fail")
    }

    fn of(effect: &Effect) -> Result<Self> {
        minicbor::decode(&effect.input).map_err(AppError::internal)
    }
}

/// What became of it.
#[derive(Debug, Clone, Encode, Decode)]
struct Sent {
    /// Whether this one greeted.
    #[n(0)]
    outcome: Outcome,
    /// Titles of what had to be left out.
    #[n(1)]
    left_out: Vec<String>,
}

fn send(app: Arc<App>, effect: Effect) -> EffectFuture {
    Box::pin(async move {
        let greet = Greet::of(&effect).map_err(Refusal::Refused)?;
        let client = app.wecom().ok_or(AppError::Unavailable {
            why: "wecom_missing",
        })?;
        let client = client.at(effect.priority.into());
        let text = text(&app, &client, &greet).await?;
        let mut files = files(&app, &client, &effect, &greet).await?;
        let mut answer = attempt(&client, &greet, &text, &files).await;
        if refusal(&answer) == Some(BAD_MEDIA) {
            materials::forget(&app, &greet.content.attachments).await?;
            files = self::files(&app, &client, &effect, &greet).await?;
            answer = attempt(&client, &greet, &text, &files).await;
        }
        if is_about_attachments(&answer) && !text.is_empty() && !files.attachments.is_empty() {
            // The words still greet.
            files = without(&app, &greet)?;
            answer = attempt(&client, &greet, &text, &files).await;
        }
        let outcome = outcome(&effect, answer)?;
        let left_out = files.left_out.into_iter().map(|left| left.title).collect();
        let sent = Sent { outcome, left_out };
        Ok(minicbor::to_vec(&sent).expect("writing to memory does not fail"))
    })
}

/// The words for this customer.
async fn text(app: &App, client: &Client, greet: &Greet) -> Result<String> {
    let text = &greet.content.text;
    let customer = match text.contains("{客户}") || text.contains("{customer}") {
        true => name_of(app, client, &greet.external_userid).await?,
        false => String::new(),
    };
    let (member, firm, code) = app.read(|r| {
        let member = match greet.member {
            Some(id) => r.get::<Member>(&id)?,
            None => None,
        };
        let code = match greet.source {
            Source::Code(id) => livecodes::queries::by_id(r, id)?,
            Source::Welcome(_) => None,
        };
        let firm = rollout::queries::name(app, r)?;
        Ok::<_, AppError>((member, firm, code))
    })?;
    let names = Names {
        customer: &customer,
        member: member.as_ref().map_or("", |member| &member.name),
        firm: &firm,
        code: code.as_ref().map_or("", |code: &LiveCode| &code.name),
    };
    Ok(fill(text, &names))
}

/// The customer's name: from here, or WeCom is asked once; a greeting without it is better
/// than none.
async fn name_of(app: &App, client: &Client, external_userid: &str) -> Result<String> {
    let known = app.read(|r| customers::sync::by_external_userid(r, external_userid))?;
    if let Some(known) = known {
        return Ok(known.name);
    }
    let asked = tokio::time::timeout(NAME_MAX, client.customer(external_userid)).await;
    Ok(match asked {
        Ok(Ok(Some(found))) => found.external_contact.name,
        Ok(Ok(None)) | Ok(Err(_)) | Err(_) => String::new(),
    })
}

/// What comes along, as far as there is time.
async fn files(app: &App, client: &Client, effect: &Effect, greet: &Greet) -> Result<Resolved> {
    let now = app.store.clock().now();
    let left = effect.expires_at.map_or(0, |at| at.since_ms(now)) - KEPT_MS;
    let left = Duration::from_millis(u64::try_from(left).unwrap_or(0));
    let ids = &greet.content.attachments;
    materials::attachments_within(app, client, left.min(FILES_MAX), ids).await
}

/// Nothing comes along.
fn without(app: &App, greet: &Greet) -> Result<Resolved> {
    let mut resolved = Resolved::default();
    for id in &greet.content.attachments {
        let material = app.read(|r| r.get::<materials::Material>(id))?;
        resolved.left_out.push(LeftOut {
            material: *id,
            title: material.map_or(String::new(), |m| m.title),
            code: "wecom.asset_refused".to_owned(),
            may_pass: false,
        });
    }
    Ok(resolved)
}

async fn attempt(
    client: &Client,
    greet: &Greet,
    text: &str,
    files: &Resolved,
) -> Result<Answer, Failed> {
    let text = (!text.trim().is_empty()).then(|| Text::new(text));
    if text.is_none() && files.attachments.is_empty() {
        return Err(Failed::Nothing);
    }
    let code = &greet.welcome_code;
    let sent = client.send_welcome(code, text.as_ref(), &files.attachments);
    sent.await.map_err(Failed::Wecom)
}

/// Why an attempt came to nothing.
enum Failed {
    /// Nothing of the message can be had.
    Nothing,
    Wecom(wecom::Error),
}

fn refusal(answer: &Result<Answer, Failed>) -> Option<i64> {
    match answer {
        Err(Failed::Wecom(wecom::Error::Refused { errcode, .. })) => Some(*errcode),
        _ => None,
    }
}

/// Whether WeCom refused what the message carries, and not the greeting itself.
fn is_about_attachments(answer: &Result<Answer, Failed>) -> bool {
    refusal(answer)
        .is_some_and(|errcode| errcode != NOT_AGREED && Class::of(errcode) == Class::OurFault)
}

fn outcome(effect: &Effect, answer: Result<Answer, Failed>) -> Result<Outcome, Refusal> {
    let unclear = AppError::Unavailable { why: "unclear" };
    // An attempt before this one may have arrived, whatever it was answered.
    let failure = effect.failure.as_ref().map(|failure| failure.code.as_str());
    let was_unclear = failure == Some(&*unclear.code());
    let may_be_ours =
        failure.is_some_and(|code| !code.starts_with("later.") && !code.ends_with(OTHER_APP));
    match answer {
        Ok(Answer::Sent) => Ok(Outcome::Sent),
        Ok(Answer::AlreadyGreeted) if may_be_ours => Ok(Outcome::Sent),
        Ok(Answer::AlreadyGreeted) => Ok(Outcome::Already),
        Ok(Answer::TooLate) if was_unclear => Err(Refusal::Unclear(unclear)),
        Ok(Answer::TooLate) => Err(Refusal::Refused(AppError::Conflict { why: "expired" })),
        Ok(Answer::OtherAppSending) => {
            Err(Refusal::NotDone(AppError::Unavailable { why: OTHER_APP }))
        }
        Err(Failed::Nothing) => Err(Refusal::Refused(AppError::Conflict {
            why: "nothing_to_greet",
        })),
        Err(Failed::Wecom(wecom::Error::Refused {
            errcode: NOT_AGREED,
            ..
        })) => Err(Refusal::Refused(AppError::Conflict { why: "not_agreed" })),
        Err(Failed::Wecom(error)) => Err(error.into()),
    }
}

/// Notes what became of it, in the write that notes that it happened.
fn arrived(w: &mut Write<'_>, effect: &Effect, answer: &[u8]) -> Result<()> {
    let greet = Greet::of(effect)?;
    let sent: Sent = minicbor::decode(answer).map_err(AppError::internal)?;
    let Some(mut greeting) = w.get::<Greeting>(&greet.greeting)? else {
        return Ok(());
    };
    greeting.outcome = Some(sent.outcome);
    greeting.sent_at = Some(w.now());
    greeting.left_out = sent.left_out;
    post::post(w, &mut greeting)?;
    Ok(w.put(&greeting)?)
}

/// A greeting in words.
fn tell(r: &Read<'_>, effect: &Effect) -> Result<Told, StoreError> {
    let greet = Greet::of(effect).ok();
    let (about, href) = match greet.as_ref().map(|greet| greet.source) {
        Some(Source::Welcome(id)) => {
            let found = r.get::<Welcome>(&id)?;
            let href = found.as_ref().map(|_| format!("/welcome/{id}"));
            (found.map_or(String::new(), |welcome| welcome.name), href)
        }
        Some(Source::Code(id)) => {
            let found = livecodes::queries::by_id(r, id)?;
            let href = found.as_ref().map(|_| format!("/live-codes/{id}"));
            (found.map_or(String::new(), |code| code.name), href)
        }
        None => (String::new(), None),
    };
    Ok(Told {
        key: "effects.told.welcome",
        args: Vec::new(),
        about,
        href,
    })
}
