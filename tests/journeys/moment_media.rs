//! Moments with pictures, with a video and with a link: their files are uploaded for moments and
//! for nothing else, they are published, liked and commented on, and every number on their pages
//! is WeCom's.

use qitai::{
    org::{Member, MemberId},
    wecom::{Moment, MomentQuery, sim::ContactVerb},
};
use serde_json::Value;

use super::{
    assets::make,
    moments::{allow, draft, in_state, limits, members, once, userid},
};
use crate::support::{TestApp, Visitor};

/// A picture of one shade.
pub fn picture(shade: u8) -> Vec<u8> {
    square(shade, 2)
}

fn square(shade: u8, side: u32) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().unwrap();
    let pixels = vec![shade; (side * side) as usize];
    writer.write_image_data(&pixels).unwrap();
    writer.finish().unwrap();
    out
}

/// A video that says it has so many seconds.
fn video(seconds: u32) -> Vec<u8> {
    film(seconds, b"moov")
}

/// The same, with its header in another box.
fn film(seconds: u32, around: &[u8; 4]) -> Vec<u8> {
    let boxed = |kind: &[u8; 4], content: &[u8]| {
        let size = u32::try_from(content.len() + 8).unwrap();
        [&size.to_be_bytes()[..], kind, content].concat()
    };
    // Version and flags, two times, units a second, and how many of those.
    let mut header = vec![0; 12];
    header.extend(1_000u32.to_be_bytes());
    header.extend((seconds * 1_000).to_be_bytes());
    header.extend([0; 80]);
    [
        boxed(b"ftyp", b"isom\0\0\0\0isom"),
        boxed(b"mdat", &[7; 64]),
        boxed(around, &boxed(b"mvhd", &header)),
        boxed(b"moov", b""),
    ]
    .concat()
}

/// The id of an asset that is made.
fn asset(admin: &Visitor<'_>, fields: &[(&str, &str)], file: &str, content: &[u8]) -> String {
    let page = make(admin, fields, file, content);
    page.rsplit('/').next().unwrap().to_owned()
}

/// How often a call was made.
fn calls(test: &TestApp, path: &str) -> usize {
    let answered = test.sim.as_ref().unwrap().answered();
    answered.iter().filter(|a| a.path == path).count()
}

/// The moment as WeCom's list has it.
fn at_wecom(test: &TestApp, moment_id: &str) -> Moment {
    let client = test.app.wecom().unwrap();
    let now = test.sim.as_ref().unwrap().clock().now().ms() / 1_000;
    let query = MomentQuery {
        start_time: now - 20 * 86_400,
        end_time: now + 3_600,
        ..MomentQuery::default()
    };
    let all = test.wait_on(client.moments(&query).all()).unwrap();
    let mut all = all.into_iter();
    all.find(|moment| moment.moment_id == moment_id).unwrap()
}

/// Members, customers reached, likes and comments, as WeCom has them of those who have published.
fn record(test: &TestApp, moment_id: &str) -> Vec<(String, u64, u64, u64)> {
    let client = test.app.wecom().unwrap();
    let tasks = test.wait_on(client.moment_tasks(moment_id).all()).unwrap();
    let published = tasks.into_iter().filter(|task| task.publish_status == 1);
    let of_member = |userid: String| {
        let reached = client.moment_results(moment_id, &userid).all();
        let reached = test.wait_on(reached).unwrap().len() as u64;
        let made = test.wait_on(client.moment_reactions(moment_id, &userid));
        let made = made.unwrap();
        let (likes, comments) = (made.like_list.len(), made.comment_list.len());
        (userid, reached, likes as u64, comments as u64)
    };
    let mut record: Vec<_> = published.map(|task| of_member(task.userid)).collect();
    record.sort();
    record
}

/// The same as the product has it.
fn here(test: &TestApp, admin: &Visitor<'_>, page: &str) -> Vec<(String, u64, u64, u64)> {
    let number = |member: &Value, name: &str| member[name].as_u64().unwrap();
    let all = members(admin, page).into_iter();
    let published = all.filter(|member| member["state"] == "published");
    let mut here: Vec<_> = published
        .map(|member| {
            let name = userid(test, &member);
            let numbers = ["reached", "likes", "comments"].map(|name| number(&member, name));
            (name, numbers[0], numbers[1], numbers[2])
        })
        .collect();
    here.sort();
    here
}

/// Two members publish it; customers of the first like it, and one of them comments.
fn published(test: &TestApp, admin: &Visitor<'_>, page: &str, moment_id: &str) {
    let sim = test.sim.as_ref().unwrap();
    let all = members(admin, page);
    let with_customers = all.iter().filter_map(|member| {
        let id: MemberId = member["member"].as_str()?.parse().ok()?;
        let member = test.app.read(|r| r.get::<Member>(&id)).unwrap()?;
        let customers = sim.customers_of(&member.userid);
        (customers.len() > 1).then_some((member.userid, customers))
    });
    let two: Vec<_> = with_customers.take(2).collect();
    assert_eq!(two.len(), 2);
    for (userid, _) in &two {
        let (moment_id, userid) = (moment_id.to_owned(), userid.clone());
        sim.act(ContactVerb::PublishMoment { moment_id, userid })
            .unwrap();
    }
    let (userid, customers) = &two[0];
    for (who, likes) in [(0, true), (1, true), (1, false)] {
        sim.act(ContactVerb::ReactToMoment {
            moment_id: moment_id.to_owned(),
            userid: userid.clone(),
            who: customers[who].clone(),
            likes,
        })
        .unwrap();
    }
}

#[test]
fn what_a_moment_carries_arrives_and_its_numbers_are_wecoms() {
    let test = TestApp::with_customers(60);
    allow(&test);
    let admin = test.sign_in("admin");
    limits(&admin, "");
    let image = |title: &str, shade: u8| {
        let fields = [("kind", "image"), ("title", title)];
        asset(&admin, &fields, "tea.png", &picture(shade))
    };
    let pictures = [image("茶样一", 1), image("茶样二", 2)];
    let fields = [("kind", "video"), ("title", "冲泡")];
    let film = [asset(&admin, &fields, "brew.mp4", &video(12))];
    let fields = [
        ("kind", "link"),
        ("title", "秋茶单"),
        ("url", "https://example.com/autumn"),
    ];
    let link = [asset(&admin, &fields, "cover.png", &picture(3))];
    for (text, assets, carries) in [
        ("两张图", &pictures[..], (2, false, None)),
        ("一段视频", &film[..], (0, true, None)),
        (
            "一个链接",
            &link[..],
            (0, false, Some("https://example.com/autumn")),
        ),
    ] {
        let mut fields = vec![("text", text)];
        fields.extend(assets.iter().map(|id| ("attachment", id.as_str())));
        let page = draft(&admin, &fields);
        assert_eq!(admin.post(&format!("{page}/send"), &[]).status, 303);
        let running = in_state(&test, &admin, &page, "running");
        let moment_id = running["moment_id"].as_str().unwrap();
        let there = at_wecom(&test, moment_id);
        assert_eq!(there.text.as_ref().unwrap().content, text);
        let url = there.link.as_ref().map(|link| link.url.as_str());
        let arrived = (there.image.len(), there.video.is_some(), url);
        assert_eq!(arrived, carries, "{text}");

        published(&test, &admin, &page, moment_id);
        assert_eq!(admin.post(&format!("{page}/ask"), &[]).status, 303);
        let known = once(&test, &admin, &page, "all of it is known", |json| {
            json["published"] == 2 && json["likes"] == 2 && json["comments"] == 1
        });
        let record = record(&test, moment_id);
        assert_eq!(here(&test, &admin, &page), record, "{text}");
        // A customer of both is reached once.
        let sum: u64 = record.iter().map(|(_, reached, ..)| reached).sum();
        let reached = known["reached"].as_u64().unwrap();
        assert!(reached > 0 && reached <= sum, "{reached} of {sum}");
        let body = admin.get(&page).body;
        assert!(body.contains("2 个赞，1 条评论"), "{body}");
    }
    // Two pictures, a video and a cover.
    assert_eq!(calls(&test, "media/upload_attachment"), 4);
    for other in ["media/upload", "media/uploadimg"] {
        assert_eq!(calls(&test, other), 0, "{other} is of no use to moments");
    }
}

/// What cannot go into a moment is said at the form; a video that only WeCom finds too long is
/// said with what helps.
#[test]
fn what_wecom_would_not_take_is_said() {
    let test = TestApp::with_customers(20);
    allow(&test);
    let admin = test.sign_in("admin");
    limits(&admin, "");
    let image = asset(
        &admin,
        &[("kind", "image"), ("title", "茶样")],
        "tea.png",
        &picture(9),
    );
    let fields = [("kind", "video"), ("title", "长片")];
    let long = asset(&admin, &fields, "long.mp4", &video(31));
    let fields = [("kind", "image"), ("title", "海报")];
    let wide = asset(&admin, &fields, "wide.png", &square(9, 1_081));
    for (asset, said) in [(&long, "最长 30 秒"), (&wide, "最多 1,080 像素")] {
        let refused = admin.post("/moments/new", &[("text", "x"), ("attachment", asset)]);
        assert_eq!(refused.status, 422);
        assert!(refused.body.contains(said), "{said}");
    }
    // How long this one is, is not said where it belongs.
    let fields = [("kind", "video"), ("title", "怪片")];
    let film = asset(&admin, &fields, "odd.mp4", &film(45, b"free"));
    let mixed = [
        ("text", "图和视频"),
        ("attachment", &*image),
        ("attachment", &*film),
    ];
    let refused = admin.post("/moments/new", &mixed);
    assert_eq!(refused.status, 422);
    assert!(refused.body.contains("图和视频"), "what was typed stays");

    let page = draft(&admin, &[("text", "太长了"), ("attachment", &*film)]);
    assert_eq!(admin.post(&format!("{page}/send"), &[]).status, 303);
    let stopped = in_state(&test, &admin, &page, "stopped");
    assert_eq!(stopped["stopped"], "not_taken");
    assert!(admin.get(&page).body.contains("41082"));
    assert_eq!(calls(&test, "externalcontact/add_moment_task"), 0);
}
