//! What every page of every slice must be, whatever stands on it.

use std::sync::OnceLock;

use super::*;
use crate::web::cx::CxData;

/// A name that would like to be markup.
pub(crate) const HOSTILE: &str = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>";

/// A request in this language.
pub(crate) fn cx(lang: Lang) -> Cx {
    Cx::new(CxData {
        prefs: Prefs {
            lang,
            ..Prefs::default()
        },
        request_id: "r1".into(),
        path: "/x".into(),
        query: String::new(),
        is_fragment: false,
        target: None,
        now: Timestamp::from_ms(NOW_MS),
        zone: TimeZone::get("Asia/Shanghai").unwrap(),
        shell: Arc::new(samples::shell(HOSTILE)),
        flash: Vec::new(),
        wants_json: false,
        came_by_get: true,
        has_session: true,
        secure: false,
        accepts_gzip: false,
        form_secret: FormSecret::new([3; 32]),
        random: Random::system(),
        csrf: OnceLock::new(),
    })
}

/// Renders a page in both languages: all words are known, no name becomes markup, nothing is
/// inline, elements close, there is one main heading. Gives the Chinese one.
pub(crate) fn check_page(page: &impl View) -> String {
    let [chinese, english] = Lang::ALL.map(|lang| page.page(&cx(lang)).unwrap());
    for body in [&chinese, &english] {
        assert!(
            !body.contains("<script>") && !body.contains("<img src=x"),
            "markup from a name"
        );
        assert!(
            !body.contains(" style=") && !body.contains(" onclick="),
            "inline"
        );
        assert!(body.trim_end().ends_with("</html>"));
        assert_eq!(body.matches("<h1").count(), 1, "one main heading");
        for element in [
            "ul", "ol", "li", "div", "section", "table", "tr", "td", "a", "form", "nav", "dl",
        ] {
            let open = body.matches(&format!("<{element} ")).count()
                + body.matches(&format!("<{element}>")).count();
            let close = body.matches(&format!("</{element}>")).count();
            assert_eq!(open, close, "<{element}> closes");
        }
    }
    chinese
}
