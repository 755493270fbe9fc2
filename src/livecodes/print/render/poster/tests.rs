use super::super::Colour;
use super::*;

fn art() -> Art {
    let address = "https://qitai.example.com/c/0h5mz7k2vq9xd";
    Art::new(address, (Colour::BLACK, Colour::WHITE), None).unwrap()
}

fn poster(design: Design) -> Poster {
    Poster {
        design,
        picture: None,
        headline: "添加茶艺顾问 <b>".to_owned(),
        line: "领 2016 寿眉茶样一份".to_owned(),
        foot: "微信扫码 · 添加企业微信".to_owned(),
        number: "0h5mz7k2vq9xd".to_owned(),
        place: Place::Low,
        extent: Extent::Medium,
        paper: Size::A4,
    }
}

#[test]
fn every_ground_place_and_sheet_makes_a_whole_document() {
    for design in Design::ALL {
        for place in Place::ALL {
            for extent in Extent::ALL {
                let poster = Poster {
                    place,
                    extent,
                    paper: Size::A5,
                    ..poster(design)
                };
                let svg = draw(&poster, &art()).unwrap();
                assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>"));
                assert!(svg.contains("width=\"148mm\" height=\"210mm\""));
                assert!(svg.contains("添加茶艺顾问 &lt;b&gt;") && !svg.contains("<b>"));
                assert_eq!(svg.matches("http").count(), 1, "only the namespace");
                assert_eq!(svg.matches('<').count(), svg.matches('>').count());
            }
        }
    }
}

#[test]
fn words_and_plate_do_not_meet() {
    let ys = |part: &str| -> f64 {
        let start = part.find(" y=\"").unwrap() + 4;
        let rest = &part[start..];
        rest[..rest.find('"').unwrap()].parse().unwrap()
    };
    for headline in [
        "添加茶艺顾问".to_owned(),
        "添加茶艺顾问领取新客茶样礼盒一份".repeat(2),
    ] {
        for place in Place::ALL {
            let poster = Poster {
                headline: headline.clone(),
                line: "领 2016 寿眉茶样一份，到店即可领取，每人一份，送完为止".to_owned(),
                extent: Extent::Large,
                place,
                ..poster(Design::Ink)
            };
            let svg = draw(&poster, &art()).unwrap();
            let texts: Vec<f64> = svg.split("<text").skip(1).map(ys).collect();
            let (words, foot) = texts.split_at(texts.len() - 2);
            let mut plates = svg.split("<rect").filter(|part| part.contains("rx=\"5\""));
            let top = ys(plates.next().unwrap());
            let end = top + Extent::Large.side() + 2.0 * PLATE_EDGE;
            let meets = |y: &f64| (top - 2.0..end + 2.0).contains(y);
            assert!(!texts.iter().any(meets), "{texts:?} {top} {end}");
            assert!(words.iter().all(|y| *y < foot[0] - 6.0), "{texts:?}");
            assert!(
                words.iter().all(|y| (*y < top) == (place != Place::High)),
                "{texts:?}"
            );
        }
    }
}

#[test]
fn a_picture_takes_the_grounds_place() {
    let poster = Poster {
        picture: Some("data:image/png;base64,AAAA".to_owned()),
        ..poster(Design::Porcelain)
    };
    let svg = draw(&poster, &art()).unwrap();
    assert!(svg.contains("href=\"data:image/png;base64,AAAA\""));
    assert!(!svg.contains("#1a3a7e") && svg.contains("fill-opacity"));
}
