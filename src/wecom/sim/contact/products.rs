//! 商品图册: products that members show customers.
//!
//! Source: WeCom documentation, 管理商品图册.

use serde_json::{Value, json};

use super::{APPS, EMPTY, lenient_limit, owns, paged, parts::product_media};
use crate::wecom::sim::{
    check::{Call, Fail},
    fields::{Code, Fields, PARAM, ensure},
    routes::{Route, Wrote},
    state::World,
    tokens::App,
};

/// 50,000 元 in 分.
const PRICE_MAX: u64 = 5_000_000;
const NO_DESCRIPTION: Code = (41073, "missing product description");
const DELETED: Code = (41074, "product has been deleted");
const UNKNOWN: Code = (41075, "invalid product_id");
const BAD_NUMBER: Code = (41085, "invalid product_sn");
const BAD_PRICE: Code = (41086, "invalid product price");
const BAD_DESCRIPTION: Code = (41087, "invalid product description");
const NO_PICTURES: Code = (41088, "attachments are empty");
const TOO_MANY: Code = (41064, "too many attachments");
const BAD_TYPE: Code = (41065, "invalid attachment type");

pub(super) const ROUTES: &[Route] = &[
    Route::write("externalcontact/add_product_album", APPS, add),
    Route::post("externalcontact/get_product_album", APPS, get),
    Route::post("externalcontact/get_product_album_list", APPS, list)
        .empty(&["product_list"])
        .paged(),
    Route::write("externalcontact/update_product_album", APPS, update),
    Route::write("externalcontact/delete_product_album", APPS, delete),
];

/// A product.
#[derive(Debug, Clone)]
pub(super) struct Product {
    maker: App,
    deleted: bool,
    created_at: i64,
    description: String,
    price: u64,
    number: String,
    pictures: Vec<String>,
}

impl Product {
    /// Takes over what is said; what is not said stays.
    fn take(&mut self, world: &World, call: &Call<'_>, fields: Fields<'_>) -> Result<(), Fail> {
        if let Some(text) = fields.text("description")? {
            let fits = (1..=300).contains(&text.chars().count());
            ensure(fits, BAD_DESCRIPTION)?;
            text.clone_into(&mut self.description);
        }
        if fields.has("price") {
            let price = fields.get("price").and_then(Value::as_u64);
            let price = price.filter(|price| *price <= PRICE_MAX);
            self.price = price.ok_or(BAD_PRICE)?;
        }
        if let Some(number) = fields.text("product_sn")? {
            let plain = number.bytes().all(|b| b.is_ascii_alphanumeric());
            ensure(plain && number.len() <= 128, BAD_NUMBER)?;
            number.clone_into(&mut self.number);
        }
        if fields.has("attachments") {
            let pictures = fields.objects("attachments")?;
            ensure(!pictures.is_empty(), NO_PICTURES)?;
            ensure(pictures.len() <= 9, TOO_MANY)?;
            let mut ids = Vec::new();
            for picture in pictures {
                ensure(picture.text("type")? == Some("image"), BAD_TYPE)?;
                let image = picture.object("image")?.ok_or(PARAM)?;
                let id = image.text("media_id")?.unwrap_or_default();
                if self.pictures.iter().all(|known| known != id) {
                    product_media(world, call, id)?;
                }
                ids.push(id.to_owned());
            }
            self.pictures = ids;
        }
        Ok(())
    }

    fn value(&self, id: &str) -> Value {
        let pictures = self.pictures.iter();
        let pictures = pictures.map(|id| json!({ "type": "image", "image": { "media_id": id } }));
        json!({
            "product_id": id, "description": self.description, "price": self.price,
            "product_sn": self.number, "attachments": pictures.collect::<Vec<Value>>(),
        })
    }
}

fn add(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    let fields = call.fields();
    ensure(fields.has("description"), NO_DESCRIPTION)?;
    ensure(fields.has("price"), BAD_PRICE)?;
    ensure(fields.has("attachments"), NO_PICTURES)?;
    let mut product = Product {
        maker: call.app,
        deleted: false,
        created_at: call.now_s,
        description: String::new(),
        price: 0,
        number: String::new(),
        pictures: Vec::new(),
    };
    product.take(world, call, fields)?;
    let id = world.fresh().id("prod", 20);
    world.contact.products.insert(id.clone(), product);
    Ok(json!({ "product_id": id }).into())
}

/// The product named by `product_id`.
fn find<'w>(world: &'w World, call: &Call<'_>) -> Result<(String, &'w Product), Fail> {
    let id = call.fields().filled("product_id", EMPTY)?;
    let product = world.contact.products.get(id).ok_or(UNKNOWN)?;
    ensure(!product.deleted, DELETED)?;
    Ok((id.to_owned(), product))
}

fn get(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let (id, product) = find(world, call)?;
    let mut value = product.value(&id);
    value["create_time"] = json!(product.created_at);
    Ok(json!({ "product": value }))
}

fn list(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let limit = lenient_limit(call, 50, 100)?;
    let live = world.contact.products.iter().filter(|(_, p)| !p.deleted);
    let rows = live.map(|(id, product)| product.value(id)).collect();
    paged(call, "product_list", rows, limit)
}

fn update(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    let (id, product) = find(world, call)?;
    ensure(owns(call.app, Some(product.maker)), UNKNOWN)?;
    let mut product = product.clone();
    product.take(world, call, call.fields())?;
    world.contact.products.insert(id, product);
    Ok(Wrote::only("ok"))
}

fn delete(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    let (id, product) = find(world, call)?;
    ensure(owns(call.app, Some(product.maker)), UNKNOWN)?;
    if let Some(product) = world.contact.products.get_mut(&id) {
        product.deleted = true;
    }
    Ok(Wrote::only("ok"))
}
