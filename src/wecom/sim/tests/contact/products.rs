//! Products.

use serde_json::json;

use super::{FOR_MOMENTS, FOR_PRODUCTS, PNG, Raw, client, expect, refused, start, uploaded};
use crate::wecom::{ProductPicture, ProductSettings};

const ADD: &str = "externalcontact/add_product_album";

#[actix_web::test]
async fn products_are_made_read_changed_and_deleted() {
    let sim = start(1, 20);
    let client = client(&sim);
    let raw = Raw::app(&sim).await;
    let picture = uploaded(&raw, FOR_PRODUCTS, PNG).await;
    let tea = ProductSettings {
        description: Some("明前龙井 50g".to_owned()),
        price: Some(26_800),
        product_sn: Some("LJ2026A".to_owned()),
        attachments: Some(vec![ProductPicture::new(&picture)]),
    };
    let id = client.add_product(&tea).await.unwrap();
    let told = client.product(&id).await.unwrap().unwrap();
    assert_eq!((&*told.description, told.price), ("明前龙井 50g", 26_800));
    assert_eq!(told.attachments, tea.attachments.clone().unwrap());
    let change = ProductSettings {
        price: Some(19_900),
        ..ProductSettings::default()
    };
    client.update_product(&id, &change).await.unwrap();
    let all = client.products().all().await.unwrap();
    assert_eq!(
        (all.len(), all[0].price, &*all[0].product_sn),
        (1, 19_900, "LJ2026A")
    );
    // Everybody reads, only the maker changes.
    let own = Raw::app(&sim).await;
    let body = json!({ "product_id": id });
    expect(
        &own,
        "externalcontact/get_product_album",
        vec![(body.clone(), 0)],
    )
    .await;
    for call in ["update_product_album", "delete_product_album"] {
        expect(
            &own,
            &format!("externalcontact/{call}"),
            vec![(body.clone(), 41075)],
        )
        .await;
    }
    assert!(client.delete_product(&id).await.unwrap());
    assert!(!client.delete_product(&id).await.unwrap());
    assert!(client.product(&id).await.unwrap().is_none());
    assert_eq!(
        refused(client.update_product(&id, &change).await),
        41074,
        "deleted"
    );
    let cases = vec![(json!({}), 40063), (json!({ "product_id": "none" }), 41075)];
    expect(&own, "externalcontact/get_product_album", cases).await;
}

#[actix_web::test]
async fn bad_products_get_the_named_errcodes() {
    let sim = start(1, 20);
    let raw = Raw::app(&sim).await;
    let of_moments = uploaded(&raw, FOR_MOMENTS, PNG).await;
    let of_moments = json!([{ "type": "image", "image": { "media_id": of_moments } }]);
    let picture = uploaded(&raw, FOR_PRODUCTS, PNG).await;
    let picture = json!({ "type": "image", "image": { "media_id": picture } });
    let with = |field: &str, value: serde_json::Value| {
        let mut body = json!({ "description": "x", "price": 1, "attachments": [picture] });
        body[field] = value;
        body
    };
    let cases = vec![
        (with("description", json!(null)), 41073),
        (with("description", json!("")), 41087),
        (with("description", json!("长".repeat(301))), 41087),
        (with("price", json!(null)), 41086),
        (with("price", json!(5_000_001)), 41086),
        (with("product_sn", json!("龙井")), 41085),
        (with("product_sn", json!("x".repeat(129))), 41085),
        (with("attachments", json!(null)), 41088),
        (with("attachments", json!([])), 41088),
        (with("attachments", json!(vec![picture.clone(); 10])), 41064),
        (with("attachments", json!([{ "type": "video" }])), 41065),
        (
            with("attachments", json!([{ "type": "image", "image": {} }])),
            40007,
        ),
        (with("attachments", of_moments), 41072),
        (with("price", json!(5_000_000)), 0),
    ];
    expect(&raw, ADD, cases).await;
    let list = "externalcontact/get_product_album_list";
    let cases = vec![
        (json!({ "limit": 101 }), 0),
        (json!({ "cursor": "x" }), 50100),
    ];
    expect(&raw, list, cases).await;
}
