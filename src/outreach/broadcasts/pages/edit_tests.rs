//! The form of a broadcast, empty and refused, with groups to choose from.

use super::*;
use crate::{
    error::Invalid,
    outreach::broadcasts::pages::group_form::Offered,
    web::{
        Lang,
        tests::{HOSTILE, check_page, cx},
    },
};

#[test]
fn the_form_renders_for_customers_and_groups() {
    for to in ["customers", "groups"] {
        for n in [0, 1, 12] {
            let form = FormState::with_values([
                ("to", to.to_owned()),
                ("text", HOSTILE.to_owned()),
                ("group", "g1".to_owned()),
                ("groups", HOSTILE.to_owned()),
            ]);
            let form = match n {
                1 => form.refused(Invalid::default().with("groups", "broadcasts.groups_length")),
                _ => form,
            };
            let offered = |i: u32| Offered {
                id: format!("g{i}"),
                name: HOSTILE.to_owned(),
                owner: HOSTILE.to_owned(),
                people: i,
            };
            let page = check_page(&EditPage {
                action: format!("{HERE}/new"),
                back: HERE.to_owned(),
                is_new: true,
                steps: Vec::new(),
                notice: (n > 1).then(|| HOSTILE.to_owned()),
                content: ContentPart::of(Vec::new(), &cx(Lang::Zh), &form, Variables::All),
                choices: Choices {
                    tags: Vec::new(),
                    departments: Vec::new(),
                    owners: Vec::new(),
                },
                groups: GroupChoices {
                    offered: (0..n).map(offered).collect(),
                    has_more: n > 1,
                },
                form,
            });
            assert!(page.contains(&format!("value=\"{to}\" checked")));
            assert_eq!(page.contains("value=\"g1\" checked"), n > 1);
        }
    }
}
