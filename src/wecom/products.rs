//! 商品图册: products that members show customers.
//!
//! Source: WeCom documentation, 管理商品图册.

use serde::{Deserialize, Serialize};

use super::{
    answers::{Done, Pages, if_there},
    attachments::Image,
    client::{Client, Purpose},
    error::Error,
    lenient,
};

/// Deleted, or never there.
const NOT_THERE: &[i64] = &[41074, 41075];

/// A picture of a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductPicture {
    /// `image`.
    #[serde(default, rename = "type", deserialize_with = "lenient::or_default")]
    pub kind: String,
    /// From `media/upload_attachment` (attachment_type 2).
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub image: Image,
}

impl ProductPicture {
    /// A picture of this media.
    pub fn new(media_id: &str) -> Self {
        let media_id = media_id.to_owned();
        Self {
            kind: "image".to_owned(),
            image: Image {
                media_id,
                ..Image::default()
            },
        }
    }
}

/// What can be said and changed about a product. In a change `None` leaves as is.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ProductSettings {
    /// 1 to 300 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// In 分, at most 5,000,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<u64>,
    /// At most 128 letters and digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product_sn: Option<String>,
    /// One to nine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attachments: Option<Vec<ProductPicture>>,
}

/// A product as WeCom keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Product {
    /// Id.
    pub product_id: String,
    /// Description.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub description: String,
    /// In 分.
    #[serde(default, deserialize_with = "lenient::uint")]
    pub price: u64,
    /// When made, seconds; told by `get_product_album` only.
    #[serde(default, deserialize_with = "lenient::int")]
    pub create_time: i64,
    /// The firm's own number.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub product_sn: String,
    /// Pictures.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub attachments: Vec<ProductPicture>,
}

#[derive(Serialize)]
struct ById<'a> {
    product_id: &'a str,
}

impl Client {
    /// Makes a product (`add_product_album`); description, price and pictures are required.
    /// Not repeated after an unclear answer.
    pub async fn add_product(&self, product: &ProductSettings) -> Result<String, Error> {
        #[derive(Deserialize)]
        struct Answer {
            product_id: String,
        }
        let call = "externalcontact/add_product_album";
        let answer: Answer = self.write(Purpose::Contact, call, product).await?;
        Ok(answer.product_id)
    }

    /// One product (`get_product_album`); `None` if there is none under this id.
    pub async fn product(&self, product_id: &str) -> Result<Option<Product>, Error> {
        #[derive(Deserialize)]
        struct Answer {
            product: Product,
        }
        let call = "externalcontact/get_product_album";
        let answer: Result<Answer, Error> = self
            .post(Purpose::Contact, call, &ById { product_id })
            .await;
        match answer {
            Ok(answer) => Ok(Some(answer.product)),
            Err(Error::Refused { errcode, .. }) if NOT_THERE.contains(&errcode) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All products (`get_product_album_list`).
    pub fn products(&self) -> Pages<'_, Product> {
        #[derive(Serialize)]
        struct Ask {
            limit: u32,
        }
        let place = ("externalcontact/get_product_album_list", "product_list");
        Pages::new(self, Purpose::Contact, place, &Ask { limit: 100 })
    }

    /// Changes a product (`update_product_album`).
    pub async fn update_product(
        &self,
        product_id: &str,
        change: &ProductSettings,
    ) -> Result<(), Error> {
        #[derive(Serialize)]
        struct Ask<'a> {
            product_id: &'a str,
            #[serde(flatten)]
            change: &'a ProductSettings,
        }
        let call = "externalcontact/update_product_album";
        let Done {} = self
            .post(Purpose::Contact, call, &Ask { product_id, change })
            .await?;
        Ok(())
    }

    /// Deletes a product (`delete_product_album`); false if there is none of ours.
    pub async fn delete_product(&self, product_id: &str) -> Result<bool, Error> {
        let call = "externalcontact/delete_product_album";
        let answer = self
            .post(Purpose::Contact, call, &ById { product_id })
            .await;
        if_there(answer, NOT_THERE)
    }
}
