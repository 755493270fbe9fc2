//! From a spreadsheet of shops to codes on paper: made by rows, looked at, printed one by one and
//! all at once; each says its own address.

use std::io::{Cursor, Read};

use qitai::work::{Job, JobState, jobs};

use super::directory::bring_to;
use crate::support::{Answer, TestApp, Visitor};

const SERVER: &str = "https://qitai.example.com";

/// What the one code in a PNG says.
fn said(png: &[u8]) -> String {
    let mut decoder = png::Decoder::new(Cursor::new(png));
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let frame = reader.next_frame(&mut pixels).unwrap();
    let (width, height) = (frame.width as usize, frame.height as usize);
    let grey = |x, y| pixels[(y * width + x) * 3];
    let mut seen = rqrr::PreparedImage::prepare_from_greyscale(width, height, grey);
    let found = seen.detect_grids();
    assert_eq!(found.len(), 1, "one code");
    found[0].decode().unwrap().1
}

fn location(answer: &Answer) -> String {
    assert_eq!(answer.status, 303, "{}", answer.body);
    answer.header("location").to_owned()
}

/// Tells the server where it is reached.
fn set_address(admin: &Visitor<'_>) {
    let fields = [("name", "云岭茶业"), ("address", SERVER)];
    location(&admin.post("/settings/company", &fields));
}

/// Brings a sheet, takes the guessed columns, and runs it to its end.
fn make(test: &TestApp, admin: &Visitor<'_>, rows: &[&str]) -> (String, Job) {
    let sheet = ["名称,成员,渠道,标签", &rows.join("\n")].join("\n");
    let columns = ["name", "staff", "channel", "tags"];
    let import = bring_to(
        admin,
        "/live-codes/batch",
        sheet.as_bytes(),
        &columns,
        &["channels=1"],
    );
    location(&admin.post(&format!("{import}/run"), &[]));
    let job = test.wait_for("the codes are made", || {
        let job = test.app.read(|r| jobs::latest(r, "live_codes.import"));
        job.unwrap().filter(|job| job.state == JobState::Done)
    });
    (import, job)
}

/// Names of members who may be on a code.
fn members(test: &TestApp) -> Vec<String> {
    let directory = test.app.read(|r| test.app.directory.get(r)).unwrap();
    let here = directory.members().filter(|m| m.is_here());
    let mut ids: Vec<String> = here.map(|m| m.userid.clone()).collect();
    ids.sort();
    ids
}

/// Ids and names of the codes that are there.
fn codes(test: &TestApp) -> Vec<(String, String)> {
    test.app.read(|r| {
        let all = r.all::<qitai::livecodes::LiveCode>(None).unwrap();
        all.map(|code| {
            let code = code.unwrap();
            (code.id.to_string(), code.name)
        })
        .collect()
    })
}

#[test]
fn a_sheet_of_shops_becomes_codes_that_say_their_own_address() {
    let test = TestApp::with_customers(20);
    let admin = test.sign_in("admin");
    set_address(&admin);
    let staff = members(&test);
    let rows = [
        format!("静安店,{},门店/立牌,", staff[0]),
        format!("徐汇店,{}；{},门店/立牌,没有的标签", staff[0], staff[1]),
        "没有人的店,没有这个人,,".to_owned(),
        format!("静安店,{},门店,", staff[2]),
        format!("静安店,{},门店/立牌,", staff[0]),
    ];
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let (import, _) = make(&test, &admin, &rows);
    let made = codes(&test);
    assert_eq!(made.len(), 3, "{made:?}");
    let wrong = admin.get(&format!("{import}/errors?format=csv")).body;
    assert!(wrong.contains("没有人的店") && wrong.contains("没有成员「没有这个人」"));

    // The same sheet makes nothing twice.
    make(&test, &admin, &rows);
    assert_eq!(codes(&test).len(), 3);

    // All of them at once, in the sheet's order, with names of their own.
    let page = admin.get("/live-codes/print?since=today").body;
    assert!(page.contains("下载 ZIP（3 个）"), "{page}");
    let answer = admin.get("/live-codes/qr.zip?since=today&format=png&size=256px");
    assert_eq!(answer.status, 200);
    assert!(
        answer
            .header("content-disposition")
            .contains("filename*=UTF-8''")
    );
    let mut zip = zip::ZipArchive::new(Cursor::new(answer.bytes.clone())).unwrap();
    let names: Vec<String> = (0..zip.len())
        .map(|at| zip.by_index(at).unwrap().name().unwrap().into_owned())
        .collect();
    assert_eq!(
        names,
        ["001-静安店.png", "002-徐汇店.png", "003-静安店-2.png"]
    );
    for (at, name) in ["静安店", "徐汇店", "静安店"].iter().enumerate() {
        let mut png = Vec::new();
        zip.by_index(at).unwrap().read_to_end(&mut png).unwrap();
        let text = said(&png);
        let id = text.strip_prefix(&format!("{SERVER}/c/")).unwrap();
        assert!(
            made.contains(&(id.to_owned(), (*name).to_owned())),
            "{text}"
        );
    }

    // What was made can be taken back: it says so to whoever scans it.
    location(&admin.post(&format!("{import}/undo"), &[]));
    test.wait_for("it is taken back", || {
        let page = admin.get("/live-codes/print?since=today").body;
        page.contains("没有符合条件的活码").then_some(())
    });
    assert_eq!(codes(&test).len(), 3, "none is deleted");
    assert_eq!(admin.get("/live-codes/qr.zip").status, 422);
}

#[test]
fn one_code_is_looked_at_changed_and_taken_out() {
    let test = TestApp::with_customers(20);
    let admin = test.sign_in("admin");
    let row = format!("静安大悦城门店立牌,{},,", members(&test)[0]);
    make(&test, &admin, &[&row]);
    let id = codes(&test)[0].0.clone();
    let print = format!("/live-codes/{id}/print");
    assert!(admin.get(&print).body.contains("还没有填写服务地址"));
    set_address(&admin);
    let page = admin.get(&print);
    assert_eq!(page.status, 200);
    assert!(page.body.contains("<svg ") && !page.body.contains("还没有填写服务地址"));

    // What a camera could not read is refused in words, at its field.
    let light = admin.get(&format!("{print}?ink=%23ffffff&paper=%231d4f9e"));
    assert_eq!(light.status, 422);
    assert!(light.body.contains("码的颜色比底色浅") && !light.body.contains("qr.png?"));
    // What an address does not ask for, or what is no colour, is shown as it is kept.
    let odd = admin.get(&format!("{print}?ink=red&size=A99"));
    assert_eq!(odd.status, 422);
    let fields = odd.body.matches("type=\"color\" value=\"#");
    assert_eq!(fields.count(), 2, "{}", odd.body);
    assert!(odd.body.contains("有 2 处需要修改") && !odd.body.contains("没有保存"));
    let faint = admin.get(&format!("/live-codes/{id}/qr.svg?ink=%23999999"));
    assert_eq!(faint.status, 422);
    assert_eq!(
        admin
            .get(&format!("/live-codes/{id}/qr.png?size=99999"))
            .status,
        422
    );

    // A logo is a picture and nothing else.
    let logo = format!("{print}/logo");
    for (bytes, words) in [
        (&b"<svg onload=alert(1)>"[..], "不是 PNG 或 JPEG"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "已损坏"),
        (b"", "请选择一个图片文件"),
    ] {
        let before = test.audit_size();
        let answer = admin.upload(&logo, if bytes.is_empty() { "" } else { "a.png" }, bytes);
        assert_eq!(answer.status, 422, "{words}");
        assert!(answer.body.contains(words), "{words}");
        assert_eq!(test.audit_size(), before, "nothing changed");
    }
    let picture = picture();
    location(&admin.upload(&logo, "标志.png", &picture));

    // Kept, and then in every file.
    let wish = [
        ("ink", "#1d4f9e"),
        ("paper", "#ffffff"),
        ("logo", "own"),
        ("share", "large"),
        ("size", "50mm"),
        ("caption", "yes"),
    ];
    location(&admin.post(&print, &wish));
    let address = format!("{SERVER}/c/{id}");
    for size in [256, 1024] {
        let png = admin.get(&format!("/live-codes/{id}/qr.png?size={size}"));
        assert_eq!(png.header("content-type"), "image/png");
        assert_eq!(said(&png.bytes), address);
    }
    let svg = admin.get(&format!("/live-codes/{id}/qr.svg"));
    assert!(svg.body.contains("data:image/png;base64,") && svg.body.contains("#1d4f9e"));
    assert!(svg.body.contains("静安大悦城门店立牌") && svg.body.contains(&id));
    let pdf = admin.get(&format!("/live-codes/{id}/qr.pdf?size=A5"));
    assert!(pdf.bytes.starts_with(b"%PDF-"));
    let name = "filename*=UTF-8''%E9%9D%99%E5%AE%89%E5%A4%A7%E6%82%A6%E5%9F%8E\
                %E9%97%A8%E5%BA%97%E7%AB%8B%E7%89%8C-A5.pdf";
    let told = pdf.header("content-disposition").to_owned();
    assert!(told.ends_with(name), "{told}");
    assert!(told.contains(&format!("filename=\"{id}-A5.pdf\"")));
    assert!(pdf.header("content-security-policy").contains("sandbox"));
    location(&admin.post(&format!("{logo}/remove"), &[]));
    let svg = admin.get(&format!("/live-codes/{id}/qr.svg"));
    assert!(!svg.body.contains("data:image/png"));

    // Who does not see the code gets none of it.
    assert_eq!(admin.get("/live-codes/0000000000001/qr.png").status, 404);
}

#[test]
fn a_poster_is_made_kept_and_printed() {
    let test = TestApp::with_customers(20);
    let admin = test.sign_in("admin");
    set_address(&admin);
    let row = format!("静安店,{},,", members(&test)[0]);
    make(&test, &admin, &[&row]);
    let id = codes(&test)[0].0.clone();
    let poster = format!("/live-codes/{id}/poster");
    let page = admin.get(&poster);
    assert_eq!(page.status, 200);
    assert!(page.body.contains("微信扫一扫"));
    let fields = [
        ("design", "ink"),
        ("headline", "添加茶艺顾问 <script>"),
        ("line", "领 2016 寿眉茶样一份"),
        ("foot", ""),
        ("place", "high"),
        ("extent", "large"),
        ("paper", "A6"),
    ];
    location(&admin.post(&poster, &fields));
    for path in ["poster", "poster.svg", "poster/sheet"] {
        let answer = admin.get(&format!("/live-codes/{id}/{path}"));
        assert_eq!(answer.status, 200, "{path}");
        assert!(
            answer.body.contains("添加茶艺顾问 &lt;script&gt;"),
            "{path}"
        );
        assert!(answer.body.contains("width=\"105mm\""), "{path}");
        assert!(!answer.body.contains("微信扫一扫"), "{path}");
    }
    let before = test.audit_size();
    let hostile = admin.upload(
        &format!("{poster}/picture"),
        "a.jpg",
        b"\xff\xd8\xff\xe1garbage",
    );
    assert_eq!(hostile.status, 422);
    assert!(hostile.body.contains("已损坏"));
    assert_eq!(test.audit_size(), before);
    let shown = location(&admin.upload(&format!("{poster}/picture"), "a.png", &picture()));
    let page = admin.get(&shown);
    assert!(page.body.contains("data:image/jpeg;base64,"));
    assert!(admin.get(&poster).body.contains("data:image/jpeg;base64,"));
    location(&admin.post(&format!("{poster}/picture/remove"), &[]));
    assert!(!admin.get(&poster).body.contains("data:image/jpeg"));

    let long = "长".repeat(61);
    let mut fields = fields;
    fields[1].1 = &long;
    let refused = admin.post(&poster, &fields);
    assert_eq!(refused.status, 422);
    assert!(refused.body.contains("最多 60 个字") && refused.body.contains(&long));
}

/// A PNG with a ring.
fn picture() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 90, 90);
    encoder.set_color(png::ColorType::Rgba);
    let pixels = (0..90 * 90).flat_map(|n: i32| {
        let (x, y) = (n % 90 - 45, n / 90 - 45);
        let is_on = (400..1600).contains(&(x * x + y * y));
        [200, 40, 40, if is_on { 255 } else { 0 }]
    });
    let pixels: Vec<u8> = pixels.collect();
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&pixels).unwrap();
    writer.finish().unwrap();
    bytes
}
