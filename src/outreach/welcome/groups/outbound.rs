//! What group welcome templates do at WeCom: made, changed, deleted.
//!
//! An effect names the template alone; what it is to say is read when it is sent, so that only
//! the last wish counts. WeCom has no list of templates: one whose making had no clear answer
//! cannot be looked for, and a person decides. One with an id can be asked for; what files it
//! carries, the answer does not tell, so those are written again.
//!
//! Source: WeCom documentation, 入群欢迎语素材管理.

use std::sync::Arc;

use minicbor::{Decode, Encode};

use crate::{
    app::App,
    error::{AppError, Result},
    kit::Timestamp,
    outreach::materials,
    store::{Read, StoreError, SubjectId, Write},
    wecom::{self, Attachment, Client, Text},
    work::effects::{
        self, Area, Effect, EffectFuture, EffectKind, EffectSpec, LookFuture, NewEffect, Priority,
        Refusal, Seen, Told, WriteMode,
    },
};

use super::{
    model::{Carried, GroupWelcome, GroupWelcomeId, Written},
    queries,
};

const CREATE: EffectSpec = EffectSpec::post(
    "outreach.group_welcome_create",
    Area::Outreach,
    "externalcontact/group_welcome_template/add",
);
const UPDATE: EffectSpec = EffectSpec::post(
    "outreach.group_welcome_update",
    Area::Outreach,
    "externalcontact/group_welcome_template/edit",
);
const DELETE: EffectSpec = EffectSpec::post(
    "outreach.group_welcome_delete",
    Area::Outreach,
    "externalcontact/group_welcome_template/del",
);

/// What the effects are about, as the outbox calls it.
pub(super) const ABOUT: &str = "group_welcome";
/// WeCom does not have it, or another app made it.
const NOT_OURS: i64 = 41058;
/// WeCom does not know a media id.
const BAD_MEDIA: i64 = 40007;

/// What happens at WeCom.
pub(super) fn kinds() -> Vec<EffectKind<App>> {
    vec![
        EffectKind::new(CREATE, create)
            .looking(|_, _| Box::pin(async { Ok(Seen::CannotTell) }))
            .arriving(made)
            .telling(|r, effect| tell(r, effect, "effects.told.group_welcome_create")),
        EffectKind::new(UPDATE, update)
            .looking(look)
            .arriving(made)
            .telling(|r, effect| tell(r, effect, "effects.told.group_welcome_update")),
        EffectKind::new(DELETE, delete)
            .arriving(deleted)
            .telling(|r, effect| tell(r, effect, "effects.told.group_welcome_delete")),
    ]
}

/// What is done to a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    Create,
    Update,
    Delete,
}

#[derive(Encode, Decode)]
struct Input {
    #[n(0)]
    template: GroupWelcomeId,
    /// Whether members are told.
    #[n(1)]
    notify: bool,
}

/// What WeCom has now.
#[derive(Default, Encode, Decode)]
struct Answer {
    /// Its id; empty if there was nothing to do.
    #[n(0)]
    template_id: String,
    /// What was to be changed was not there.
    #[n(1)]
    was_gone: bool,
    /// What it says.
    #[n(2)]
    written: Option<Written>,
}

fn bytes<T: Encode<()>>(value: &T) -> Result<Vec<u8>> {
    minicbor::to_vec(value).map_err(AppError::internal)
}

fn input(effect: &Effect) -> Result<Input> {
    minicbor::decode(&effect.input).map_err(AppError::internal)
}

fn template_of(r: &Read<'_>, effect: &Effect) -> Result<Option<GroupWelcome>> {
    Ok(r.get::<GroupWelcome>(&input(effect)?.template)?)
}

/// Plans something for a template.
pub(super) fn plan(
    w: &mut Write<'_>,
    template: &GroupWelcome,
    deed: Deed,
    notify: bool,
    by: Option<SubjectId>,
) -> Result<()> {
    let kind = match deed {
        Deed::Create => CREATE,
        Deed::Update => UPDATE,
        Deed::Delete => DELETE,
    };
    let input = Input {
        template: template.id,
        notify,
    };
    let new = NewEffect {
        kind,
        priority: Priority::Awaited,
        input: bytes(&input)?,
        about: (ABOUT, template.id.to_string()),
        batch: None,
        created_by: by,
        expires_at: None,
    };
    effects::plan(w, new).map(drop)
}

fn client(app: &App, effect: &Effect) -> Result<Client> {
    let client = app.wecom().ok_or(AppError::Unavailable {
        why: "wecom_missing",
    })?;
    Ok(client.at(effect.priority.into()))
}

/// A template as it is to be at WeCom.
struct Wish {
    template: GroupWelcome,
    carried: Option<Carried>,
}

/// The wish as things stand; none if it is to be there no more.
fn wish(app: &App, effect: &Effect) -> Result<Option<Wish>> {
    app.read(|r| {
        let template = template_of(r, effect)?.filter(|template| template.is_wanted);
        let Some(template) = template else {
            return Ok(None);
        };
        let carried = queries::carried(r, &template)?;
        Ok(Some(Wish { template, carried }))
    })
}

impl Wish {
    /// The wish in WeCom's words, and until when the id of its file is good. It goes out whole
    /// or not at all: what cannot be had now is waited for.
    async fn told(
        &self,
        app: &App,
        client: &Client,
    ) -> Result<(wecom::Material, Option<Timestamp>), Refusal> {
        let assets: Vec<_> = self.template.asset.into_iter().collect();
        let kept_until = || {
            let until = app.read(|r| materials::kept_until(r, &assets));
            until.map_err(AppError::from)
        };
        let now = app.store.clock().now();
        // What is good still is what goes out, whatever is given to WeCom meanwhile.
        let before = kept_until()?.filter(|until| *until > now);
        let found = materials::attachments(app, client, &assets).await?;
        if let Some(left) = found.left_out.first() {
            return Err(match left.may_pass {
                true => Refusal::NotDone(AppError::Unavailable { why: "asset_late" }),
                false => Refusal::Refused(AppError::NotFound { what: "material" }),
            });
        }
        let text = &self.template.text;
        let mut told = wecom::Material {
            text: (!text.trim().is_empty()).then(|| Text::new(text)),
            ..wecom::Material::default()
        };
        for attachment in found.attachments {
            match attachment {
                Attachment::Image { image } => told.image = Some(image),
                Attachment::Link { link } => told.link = Some(link),
                Attachment::MiniProgram { miniprogram } => told.miniprogram = Some(miniprogram),
                Attachment::Video { video } => told.video = Some(video),
                Attachment::File { file } => told.file = Some(file),
                Attachment::Unknown => {}
            }
        }
        let until = match before {
            Some(_) => before,
            None => kept_until()?,
        };
        Ok((told, until))
    }

    fn written(&self, until: Option<Timestamp>, at: Timestamp) -> Written {
        Written {
            text: self.template.text.clone(),
            carried: self.carried,
            until,
            at,
        }
    }

    /// Has WeCom make it, or brings in line what is there.
    async fn carry_out(&self, app: &App, effect: &Effect) -> Result<Answer, Refusal> {
        let client = client(app, effect)?;
        let (material, until) = self.told(app, &client).await?;
        let told = wecom::GroupWelcome {
            material,
            notify: input(effect)?.notify,
        };
        let known = &self.template.template_id;
        let done = match self.template.is_made() {
            false => client.add_group_welcome(&told).await,
            true => client
                .edit_group_welcome(known, &told)
                .await
                .map(|()| known.clone()),
        };
        let errcode = done.as_ref().err().map(wecom::Error::errcode);
        match done {
            Ok(template_id) => Ok(Answer {
                template_id,
                was_gone: false,
                written: Some(self.written(until, app.store.clock().now())),
            }),
            Err(_) if self.template.is_made() && errcode == Some(NOT_OURS) => Ok(Answer {
                template_id: known.clone(),
                was_gone: true,
                written: None,
            }),
            Err(error) if errcode == Some(BAD_MEDIA) => {
                // What was uploaded has expired before its time: it is uploaded anew.
                let assets: Vec<_> = self.template.asset.into_iter().collect();
                materials::forget(app, &assets).await?;
                Err(Refusal::NotDone(error.into()))
            }
            Err(error) => Err(error.into()),
        }
    }
}

fn create(app: Arc<App>, effect: Effect) -> EffectFuture {
    Box::pin(async move {
        let answer = match wish(&app, &effect)? {
            Some(wish) => wish.carry_out(&app, &effect).await?,
            None => Answer::default(),
        };
        Ok(bytes(&answer)?)
    })
}

fn update(app: Arc<App>, effect: Effect) -> EffectFuture {
    Box::pin(async move {
        let answer = match wish(&app, &effect)? {
            Some(wish) if wish.template.is_made() => wish.carry_out(&app, &effect).await?,
            // What could not be made takes over the wish when it is made.
            _ => Answer::default(),
        };
        Ok(bytes(&answer)?)
    })
}

fn delete(app: Arc<App>, effect: Effect) -> EffectFuture {
    Box::pin(async move {
        let template = app.read(|r| template_of(r, &effect))?;
        let template = template.filter(|template| !template.is_wanted && template.is_made());
        let Some(GroupWelcome { template_id, .. }) = template else {
            return Ok(bytes(&Answer::default())?);
        };
        // Whether it was there or not: it is not any more.
        let client = client(&app, &effect)?;
        client.delete_group_welcome(&template_id).await?;
        Ok(bytes(&Answer {
            template_id,
            ..Answer::default()
        })?)
    })
}

/// Looks whether a template is as it is to be.
fn look(app: Arc<App>, effect: Effect) -> LookFuture {
    Box::pin(async move {
        let wish = wish(&app, &effect)?;
        let Some(wish) = wish.filter(|wish| wish.template.is_made()) else {
            return Ok(Seen::NotThere);
        };
        let client = client(&app, &effect)?;
        let there = match client.group_welcome(&wish.template.template_id).await {
            Ok(there) => there,
            // Writing it again tells that it is gone.
            Err(wecom::Error::Refused {
                errcode: NOT_OURS, ..
            }) => return Ok(Seen::NotThere),
            Err(error) => return Err(error.into()),
        };
        let asset = match wish.template.asset {
            Some(id) => app.read(|r| r.get::<materials::Material>(&id))?,
            None => None,
        };
        if !is_so(&there, &wish.template.text, asset.as_ref()) {
            return Ok(Seen::NotThere);
        }
        let answer = Answer {
            template_id: wish.template.template_id.clone(),
            was_gone: false,
            written: Some(wish.written(None, app.store.clock().now())),
        };
        Ok(Seen::Happened(bytes(&answer)?))
    })
}

/// Whether WeCom certainly has these words and this asset. Of files it tells nothing that could
/// be compared.
fn is_so(there: &wecom::Material, text: &str, asset: Option<&materials::Material>) -> bool {
    let words = there.text.as_ref().map_or("", |text| text.content.as_str());
    let has_file = there.image.is_some()
        || there.miniprogram.is_some()
        || there.file.is_some()
        || there.video.is_some();
    let same_link = match (asset.map(|asset| (&asset.title, &asset.body)), &there.link) {
        (None, None) => true,
        (Some((title, materials::Body::Link { url, desc, cover })), Some(link)) => {
            cover.is_none() && link.title == *title && link.url == *url && link.desc == *desc
        }
        _ => false,
    };
    let wanted = if text.trim().is_empty() { "" } else { text };
    words == wanted && !has_file && same_link
}

fn made(w: &mut Write<'_>, effect: &Effect, answer: &[u8]) -> Result<()> {
    let answer: Answer = minicbor::decode(answer).map_err(AppError::internal)?;
    let Some(mut template) = template_of(&w.read(), effect)? else {
        return Ok(());
    };
    if answer.template_id.is_empty() {
        return Ok(());
    }
    if answer.was_gone {
        template.template_id.clear();
        template.written = None;
        template.is_gone = true;
        return Ok(w.put(&template)?);
    }
    template.template_id = answer.template_id;
    template.written = answer.written;
    template.is_gone = false;
    w.put(&template)?;
    let is_off = effects::mode(&w.read(), Area::Outreach)? == WriteMode::Off;
    if !template.is_wanted && !is_off {
        let pending = queries::pending(&w.read(), template.id)?;
        let is_other = |other: &Effect| other.id != effect.id && other.state.is_pending();
        // Deleted while it was made: what was planned then may have ended before this.
        if !pending.iter().any(is_other) {
            plan(w, &template, Deed::Delete, false, effect.created_by)?;
        }
    }
    Ok(())
}

fn deleted(w: &mut Write<'_>, effect: &Effect, answer: &[u8]) -> Result<()> {
    let answer: Answer = minicbor::decode(answer).map_err(AppError::internal)?;
    let Some(template) = template_of(&w.read(), effect)? else {
        return Ok(());
    };
    let is_there = template.is_made() && answer.template_id != template.template_id;
    if !template.is_wanted && !is_there {
        w.delete::<GroupWelcome>(&template.id)?;
    }
    Ok(())
}

fn tell(r: &Read<'_>, effect: &Effect, key: &'static str) -> Result<Told, StoreError> {
    let found = match input(effect) {
        Ok(input) => r.get::<GroupWelcome>(&input.template)?,
        Err(_) => None,
    };
    let about = match &found {
        Some(template) => queries::title(r, template)?,
        None => String::new(),
    };
    Ok(Told {
        key,
        args: Vec::new(),
        about,
        href: found.map(|template| format!("/welcome/groups/{}/edit", template.id)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kit::Id;

    fn link(title: &str) -> materials::Material {
        materials::Material {
            id: Id::from_bits(1),
            folder: None,
            title: title.to_owned(),
            body: materials::Body::Link {
                url: "https://example.com/a".to_owned(),
                desc: "说明".to_owned(),
                cover: None,
            },
            version: 1,
            changed_at: Timestamp::from_ms(0),
            archived_at: None,
        }
    }

    #[test]
    fn only_what_can_be_compared_is_taken_for_done() {
        let words = wecom::Material {
            text: Some(Text::new("欢迎")),
            ..wecom::Material::default()
        };
        assert!(is_so(&words, "欢迎", None));
        assert!(!is_so(&words, "您好", None));
        assert!(!is_so(&words, "欢迎", Some(&link("指南"))));
        let with_link = wecom::Material {
            link: Some(wecom::Link {
                title: "指南".to_owned(),
                picurl: String::new(),
                desc: "说明".to_owned(),
                url: "https://example.com/a".to_owned(),
            }),
            ..words.clone()
        };
        assert!(is_so(&with_link, "欢迎", Some(&link("指南"))));
        assert!(!is_so(&with_link, "欢迎", Some(&link("价目"))));
        assert!(!is_so(&with_link, "欢迎", None));
        let with_picture = wecom::Material {
            image: Some(wecom::Image::default()),
            ..words
        };
        assert!(!is_so(&with_picture, "欢迎", None));
        assert!(is_so(&wecom::Material::default(), " \n", None));
    }
}
