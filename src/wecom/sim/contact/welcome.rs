//! 欢迎语: greeting new customers once, and templates with which groups greet.
//!
//! Source: WeCom documentation, 发送新客户欢迎语, 入群欢迎语素材管理.

use serde_json::{Map, Value, json};

use super::{
    APPS, EMPTY, owns,
    parts::{self, ALL, attachments, material},
};
use crate::wecom::sim::{
    check::{Call, Fail},
    fields::{Code, Fields, PARAM, ensure},
    routes::{Route, Wrote},
    state::World,
    tokens::App,
};

const CODE_LIFE_S: i64 = 20;
const TEMPLATES_MAX: usize = 100;
const NO_CODE: Code = (41049, "missing welcome code");
const BAD_CODE: Code = (41050, "invalid welcome code");
const BEGUN: Code = (41051, "externaluser has started chatting");
const NO_ARCHIVE: Code = (41053, "externaluser has not agreed to the archive");
const SENDING: Code = (41096, "welcome message is being sent");
const TOO_MANY: Code = (41055, "too many group welcome templates");
const NOT_OURS: Code = (41058, "no permission to edit the template");

pub(super) const ROUTES: &[Route] = &[
    Route::write("externalcontact/send_welcome_msg", APPS, send),
    Route::write("externalcontact/group_welcome_template/add", APPS, add),
    Route::write("externalcontact/group_welcome_template/edit", APPS, edit),
    Route::post("externalcontact/group_welcome_template/get", APPS, get),
    Route::write("externalcontact/group_welcome_template/del", APPS, delete),
];

/// A template for groups.
#[derive(Debug, Clone)]
pub(super) struct Template {
    maker: App,
    material: Map<String, Value>,
}

/// A welcome message that reached a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Greeted {
    /// The member.
    pub userid: String,
    /// The customer.
    pub external_userid: String,
    /// The words.
    pub text: String,
    /// How many attachments came along.
    pub attachments: usize,
    /// When, seconds.
    pub at: i64,
}

fn send(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    let fields = call.fields();
    let code = fields.filled("welcome_code", NO_CODE)?;
    let text = parts::text(fields, 4000)?.unwrap_or_default().to_owned();
    let attachments = attachments(world, call, fields)?;
    ensure(!text.is_empty() || !attachments.is_empty(), EMPTY)?;
    let made = world.welcome_codes.get(code).ok_or(BAD_CODE)?;
    ensure(call.now_s - made.made_at <= CODE_LIFE_S, BAD_CODE)?;
    ensure(world.sees_userid(call.app, &made.userid), BAD_CODE)?;
    ensure(!made.used, BEGUN)?;
    ensure(made.other_app_until < call.now_s, SENDING)?;
    // The other one has sent by now.
    ensure(made.other_app_until == 0, BEGUN)?;
    let refuses = &world.contact.archive_refused;
    ensure(!refuses.contains(&made.external_userid), NO_ARCHIVE)?;
    let greeted = Greeted {
        userid: made.userid.clone(),
        external_userid: made.external_userid.clone(),
        text,
        attachments: attachments.len(),
        at: call.now_s,
    };
    world.contact.greeted.push(greeted);
    if let Some(made) = world.welcome_codes.get_mut(code) {
        made.used = true;
    }
    Ok(Wrote::only("ok"))
}

fn template(world: &World, call: &Call<'_>) -> Result<Map<String, Value>, Fail> {
    let fields = call.fields();
    fields.one_of("notify", &[0, 1], PARAM)?;
    let material = material(world, call, fields, ALL, 3000)?;
    ensure(!material.is_empty(), EMPTY)?;
    Ok(material)
}

fn add(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    let material = template(world, call)?;
    ensure(world.contact.templates.len() < TEMPLATES_MAX, TOO_MANY)?;
    let template_id = world.fresh().id("msgQd7hCgAA", 24);
    let template = Template {
        maker: call.app,
        material,
    };
    world
        .contact
        .templates
        .insert(template_id.clone(), template);
    Ok(json!({ "template_id": template_id }).into())
}

/// The template named by `template_id`, if the app may touch it.
fn find<'w>(
    world: &'w World,
    fields: Fields<'_>,
    app: App,
) -> Result<(String, &'w Template), Fail> {
    let id = fields.filled("template_id", EMPTY)?;
    let template = world.contact.templates.get(id).ok_or(NOT_OURS)?;
    ensure(owns(app, Some(template.maker)), NOT_OURS)?;
    Ok((id.to_owned(), template))
}

fn edit(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    let (id, before) = find(world, call.fields(), call.app)?;
    let maker = before.maker;
    let material = template(world, call)?;
    let template = Template { maker, material };
    world.contact.templates.insert(id, template);
    Ok(Wrote::only("ok"))
}

fn get(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let (_, template) = find(world, call.fields(), call.app)?;
    Ok(Value::Object(template.material.clone()))
}

fn delete(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    let (id, _) = find(world, call.fields(), call.app)?;
    world.contact.templates.remove(&id);
    Ok(Wrote::only("ok"))
}
