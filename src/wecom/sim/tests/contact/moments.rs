//! Moments and the members who publish them.

use serde_json::json;

use super::{
    super::super::{ContactVerb, Window},
    FOR_MOMENTS, FOR_PRODUCTS, MP4, NOW_S, PNG, Raw, UPLOAD, client, expect, refused, start, texts,
    uploaded,
};
use crate::wecom::{
    MomentAttachment, MomentLink, MomentMedia, MomentQuery, MomentRange, NewMoment, Senders,
    TaggedCustomers, Text,
};

const ADD: &str = "externalcontact/add_moment_task";

fn moment(cover: &str, users: &[&str], tags: &[&str]) -> NewMoment {
    NewMoment {
        text: Some(Text::new("春茶上新")),
        attachments: vec![MomentAttachment::Link {
            link: MomentLink {
                title: "春茶单".to_owned(),
                url: "https://scrm.example.cn/l/8".to_owned(),
                media_id: cover.to_owned(),
            },
        }],
        visible_range: MomentRange {
            sender_list: Some(Senders {
                user_list: texts(users),
                department_list: vec![],
            }),
            external_contact_list: Some(TaggedCustomers {
                tag_list: texts(tags),
            }),
        },
    }
}

#[actix_web::test]
async fn a_moment_is_made_by_a_job_and_published_by_members() {
    let sim = start(1, 200);
    let client = client(&sim);
    let cover = uploaded(&Raw::app(&sim).await, FOR_MOMENTS, PNG).await;
    let tag = sim.add_tag("朋友圈", "可见");
    let seen = sim.add_customer("zhoumin", "可见");
    assert!(sim.set_tags("zhoumin", &seen, std::slice::from_ref(&tag)));
    let new = moment(&cover, &["zhoumin", "sunlili", "nobody"], &[&tag, "etnone"]);
    let jobid = client.add_moment(&new).await.unwrap();
    let job = client.moment_job(&jobid).await.unwrap();
    assert!(job.status < 3 && job.result.is_none());
    sim.clock().advance_ms(2000);
    let made = client.moment_job(&jobid).await.unwrap().result.unwrap();
    assert_eq!(made.errcode, 0);
    assert_eq!(made.invalid_sender_list.user_list, texts(&["nobody"]));
    assert_eq!(
        made.invalid_external_contact_list.tag_list,
        texts(&["etnone"])
    );
    let id = made.moment_id;
    let tasks = client.moment_tasks(&id).all().await.unwrap();
    assert!(tasks.len() == 2 && tasks.iter().all(|t| t.publish_status == 0));
    let customers = client.moment_customers(&id, "zhoumin").all().await.unwrap();
    assert_eq!((customers.len(), &customers[0].external_userid), (1, &seen));
    assert_eq!(
        refused(client.moment_results(&id, "zhoumin").all().await),
        41062
    );
    assert_eq!(refused(client.moment_reactions(&id, "renjie").await), 41061);

    let publish = |userid: &str| ContactVerb::PublishMoment {
        moment_id: id.clone(),
        userid: userid.to_owned(),
    };
    sim.act(publish("zhoumin")).unwrap();
    assert!(sim.act(publish("zhoumin")).is_err(), "once");
    let results = client.moment_results(&id, "zhoumin").all().await.unwrap();
    assert_eq!(results[0].external_userid, seen);
    for (who, likes) in [(seen.as_str(), false), ("renjie", true)] {
        sim.act(ContactVerb::ReactToMoment {
            moment_id: id.clone(),
            userid: "zhoumin".to_owned(),
            who: who.to_owned(),
            likes,
        })
        .unwrap();
    }
    let reactions = client.moment_reactions(&id, "zhoumin").await.unwrap();
    assert_eq!(reactions.comment_list[0].external_userid, seen);
    assert_eq!(reactions.like_list[0].userid, "renjie");
    client.cancel_moment(&id).await.unwrap();
    assert!(sim.act(publish("sunlili")).is_err(), "cancelled");
    let tasks = client.moment_tasks(&id).all().await.unwrap();
    let published: Vec<i64> = tasks.iter().map(|t| t.publish_status).collect();
    assert_eq!(published, [0, 1], "sunlili not, zhoumin yes");

    let own = ContactVerb::MemberMoment {
        userid: "zhoumin".to_owned(),
        text: "自己发的".to_owned(),
    };
    let own = sim.act(own).unwrap().unwrap();
    let query = MomentQuery {
        start_time: NOW_S - 1,
        end_time: NOW_S + 3,
        filter_type: 2,
        ..MomentQuery::default()
    };
    let all = client.moments(&query).all().await.unwrap();
    let ids: Vec<&String> = all.iter().map(|m| &m.moment_id).collect();
    assert_eq!(ids, [&own, &id]);
    assert_eq!(
        (all[0].create_type, &*all[0].creator, all[0].visible_type),
        (1, "zhoumin", 1)
    );
    assert_eq!(
        (all[1].create_type, &*all[1].creator, all[1].visible_type),
        (0, "", 0)
    );
    assert_eq!(all[1].link.as_ref().unwrap().title, "春茶单");
    let open = MomentQuery {
        start_time: NOW_S,
        end_time: NOW_S + 2,
        ..query
    };
    assert!(
        client.moments(&open).all().await.unwrap().is_empty(),
        "open at both ends"
    );
    assert_eq!(refused(client.cancel_moment(&own).await), 41067);
    assert_eq!(refused(client.moment_tasks(&own).all().await), 41067);
    sim.clock().advance_ms(86_400_000);
    assert_eq!(
        refused(client.moment_job(&jobid).await),
        40088,
        "kept for a day"
    );
    assert_eq!(refused(client.moment_job("x").await), 40088);
}

#[actix_web::test]
async fn members_may_publish_by_themselves() {
    let sim = start(1, 60);
    let client = client(&sim);
    let cover = uploaded(&Raw::app(&sim).await, FOR_MOMENTS, PNG).await;
    sim.act(ContactVerb::SetHabit {
        of: "moments".to_owned(),
        habit: "now".to_owned(),
    })
    .unwrap();
    let job = client
        .add_moment(&moment(&cover, &["zhoumin"], &[]))
        .await
        .unwrap();
    sim.clock().advance_ms(2000);
    let id = client
        .moment_job(&job)
        .await
        .unwrap()
        .result
        .unwrap()
        .moment_id;
    let tasks = client.moment_tasks(&id).all().await.unwrap();
    assert_eq!(tasks[0].publish_status, 1);
    // Nobody left to publish it.
    let job = client
        .add_moment(&moment(&cover, &["nobody"], &[]))
        .await
        .unwrap();
    sim.clock().advance_ms(2000);
    let made = client.moment_job(&job).await.unwrap().result.unwrap();
    assert_eq!(made.errcode, 40070);
    // The product's client never makes so many at once, and the documented rate forbids it too.
    sim.set_rate(Some(ADD), Window::Minute, 100);
    let raw = Raw::app(&sim).await;
    let body = json!({ "text": { "content": "x" } });
    for _ in 0..10 {
        expect(&raw, ADD, vec![(body.clone(), 0)]).await;
    }
    expect(&raw, ADD, vec![(body, 41078)]).await;
}

#[actix_web::test]
async fn bad_moments_get_the_named_errcodes() {
    let sim = start(1, 60);
    let raw = Raw::app(&sim).await;
    let picture = uploaded(&raw, FOR_MOMENTS, PNG).await;
    let of_video = FOR_MOMENTS.replace("=image", "=video");
    let film = uploaded(&raw, &of_video, MP4).await;
    let image = json!({ "msgtype": "image", "image": { "media_id": picture } });
    let other = |id: String| json!([{ "msgtype": "image", "image": { "media_id": id } }]);
    let for_products = uploaded(&raw, FOR_PRODUCTS, PNG).await;
    let for_messages = uploaded(&raw, UPLOAD, PNG).await;
    let video = json!({ "msgtype": "video", "video": { "media_id": film } });
    let link = |title: &str| json!({ "msgtype": "link", "link": { "title": title, "url": "u", "media_id": picture } });
    let with = |attachments| json!({ "attachments": attachments });
    let cases = vec![
        (json!({}), 41089),
        (json!({ "text": { "content": "x".repeat(2001) } }), 40058),
        (json!({ "text": { "content": "长".repeat(1334) } }), 40058),
        (with(json!(vec![image.clone(); 10])), 41064),
        (with(json!([video.clone(), video.clone()])), 41064),
        (with(json!([image.clone(), video])), 41065),
        (
            with(json!([{ "msgtype": "file", "file": { "media_id": "m" } }])),
            41065,
        ),
        (with(json!([{ "msgtype": "image", "image": {} }])), 40007),
        (with(json!([link(&"长".repeat(65))])), 40058),
        (
            with(json!([{ "msgtype": "link", "link": { "media_id": picture } }])),
            40058,
        ),
        (with(other(for_products)), 41072),
        (with(other(for_messages)), 40007),
        (with(other(film.clone())), 40007),
    ];
    expect(&raw, ADD, cases).await;
    for call in [
        "cancel_moment_task",
        "get_moment_task",
        "get_moment_customer_list",
        "get_moment_send_result",
        "get_moment_comments",
    ] {
        let cases = vec![
            (json!({ "userid": "zhoumin" }), 41059),
            (
                json!({ "moment_id": "momnone", "userid": "zhoumin" }),
                41060,
            ),
        ];
        expect(&raw, &format!("externalcontact/{call}"), cases).await;
    }
    let client = client(&sim);
    let media = MomentMedia { media_id: picture };
    let pictures = NewMoment {
        attachments: vec![MomentAttachment::Image { image: media }; 9],
        ..NewMoment::default()
    };
    client.add_moment(&pictures).await.unwrap();
    let query = |end| MomentQuery {
        start_time: NOW_S - 9,
        end_time: NOW_S + end,
        filter_type: 2,
        ..MomentQuery::default()
    };
    let found = client.moments(&query(9)).all().await.unwrap();
    assert_eq!(found[0].image.len(), 9);
    let id = &found[0].moment_id;
    assert_eq!(
        refused(client.moment_tasks(id).all().await),
        41079,
        "being handed out"
    );
    assert_eq!(refused(client.cancel_moment("momnone").await), 41060);
    // Made by another app.
    expect(
        &raw,
        "externalcontact/cancel_moment_task",
        vec![(json!({ "moment_id": id }), 41060)],
    )
    .await;
    let long = client.moments(&query(31 * 86_400)).all().await;
    assert_eq!(refused(long), 40058);
}
