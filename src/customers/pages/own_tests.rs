//! The form of a customer of the firm's own, empty, refused, overtaken, with hostile names.

use super::*;
use crate::web::tests::{HOSTILE, check_page};

fn choice(is_on: bool) -> Choice {
    Choice {
        value: "1".into(),
        label: HOSTILE.into(),
        count: None,
        is_on,
    }
}

fn shown(customer: Option<Customer>, form: FormState, is_overtaken: bool) -> OwnPage {
    OwnPage {
        phones: customer.iter().map(|_| (0, HOSTILE.to_owned())).collect(),
        customer,
        form,
        owners: vec![choice(true), choice(false)],
        genders: vec![choice(true)],
        add_phone: "customers.field.phones",
        groups: vec![(HOSTILE.into(), vec![choice(true), choice(false)])],
        seen: "1.2".into(),
        clash: match is_overtaken {
            true => vec![("customers.field.name", HOSTILE.into(), HOSTILE.into())],
            false => Vec::new(),
        },
        back: "/customers/c1".into(),
    }
}

#[test]
fn the_form_renders() {
    let customer = Customer {
        id: CustomerId::from_bits(1),
        no: 1,
        external_userid: String::new(),
        kind: crate::customers::CustomerKind::Own,
        name: HOSTILE.into(),
        gender: Gender::Female,
        avatar: String::new(),
        unionid: String::new(),
        position: HOSTILE.into(),
        corp_name: String::new(),
        corp_full_name: String::new(),
        known_since: crate::kit::Timestamp::from_ms(0),
    };
    let wrong = Invalid::default()
        .with("name", "customers.own.problem.name")
        .with("sure", "customers.own.problem.confirm");
    let typed = FormState::with_values([("name", HOSTILE.to_owned())]);
    for page in [
        shown(None, FormState::empty(), false),
        shown(None, typed.clone().refused(wrong), false),
        shown(Some(customer.clone()), typed.clone(), false),
        shown(Some(customer), typed, true),
    ] {
        check_page(&page);
    }
}
