//! The list of customers with nobody, one, many, too long and hostile names.

use super::*;
use crate::web::tests::{HOSTILE, check_page};

fn list_page(rows: u8, name: &str, columns: Option<&[String]>) -> ListPage {
    let piece = |marked| Piece {
        text: name.to_owned(),
        marked,
    };
    let row = |i: u8| Row {
        id: format!("c{i}"),
        number: customer_no(i.into()),
        name: vec![piece(false), piece(true)],
        plain_name: name.into(),
        kind: [CustomerKind::Wechat, CustomerKind::Wecom, CustomerKind::Own][usize::from(i % 3)],
        second: if i == 1 {
            Vec::new()
        } else {
            vec![piece(true)]
        },
        tags: vec![(name.to_owned(), "warn"); usize::from(i % 4)],
        owner: name.into(),
        owner_id: name.into(),
        more_owners: usize::from(i % 3),
        department: name.into(),
        company: if i == 1 { String::new() } else { name.into() },
        way: name.into(),
        state: state_of(i != 2, i == 3),
        added: "1970-01-01".to_owned(),
    };
    let tab = |is_current| Tab {
        label: name.into(),
        href: "/customers?view=new".into(),
        count: Some(3),
        is_current,
    };
    let choice = |is_on| Choice {
        value: name.into(),
        label: name.into(),
        count: Some(3),
        is_on,
    };
    let query = ListQuery::parse("/customers", "tag=a&sort=-added").with("q", name);
    ListPage {
        text: name.into(),
        views: vec![tab(true), tab(false)],
        save: (rows != 1).then(|| format!("/customers/views?from={name}")),
        filters: vec![Filter {
            name: "tag",
            label: name.into(),
            choices: vec![choice(true), choice(false)],
            many: rows == 1,
        }],
        chips: vec![Chip {
            label: name.into(),
            value: name.into(),
            remove: "/customers".into(),
        }],
        clear: "/customers".into(),
        rows: (0..rows).map(row).collect(),
        relations: rows.into(),
        total: rows.into(),
        pager: Pager {
            from: Some(1),
            to: Some(rows.into()),
            total: rows.into(),
            total_exact: true,
            rows: rows.into(),
            prev: None,
            next: Some(query.after("x").to_string()),
        },
        empty: Empty {
            kind: EmptyKind::NothingMatches,
            title: name.into(),
            hint: name.into(),
            action: None,
            other: None,
        },
        may_export: rows != 1,
        may_broadcast: true,
        may_edit: rows == 1,
        from: query.to_string(),
        from_encoded: askama::filters::urlencode(&query).unwrap().to_string(),
        show: Columns::chosen(columns),
        columns: vec![choice(true), choice(false)],
        query,
    }
}

#[test]
fn the_list_renders_with_none_one_many_too_long_and_hostile_names() {
    let long = "很长的名字".repeat(60);
    for rows in [0, 1, 12] {
        for name in ["", "王海燕", HOSTILE, &long] {
            check_page(&list_page(rows, name, None));
        }
    }
}

#[test]
fn every_row_has_a_cell_for_each_column_that_is_shown() {
    let all = [
        "number",
        "tags",
        "state",
        "owner",
        "department",
        "company",
        "way",
        "added",
    ];
    let all = all.map(str::to_owned);
    for n in 0..=all.len() {
        let body = check_page(&list_page(12, "王", Some(&all[..n])));
        let table = body.split("<table").nth(1).unwrap();
        let heads = table.matches("<th ").count();
        let row = table.split("<tr role=\"row\">").nth(2).unwrap();
        // The line that stands for all columns on a phone is hidden beside them.
        assert_eq!(row.matches("<td ").count() - 1, heads, "{n} columns");
    }
}
