//! The bare page: actix-web, 50 rows out of redb, one template, no more.
//!
//! The template is the product's own answer cut into what stands around the rows and the rows
//! themselves; a row's text is kept in redb and goes through askama again, escaped. So the
//! bytes are the same, and the work is less than that of the real template.

use std::{net::SocketAddr, sync::Arc};

use actix_web::{App, HttpResponse, HttpServer, web};
use askama::Template;
use redb::{ReadableDatabase, ReadableTable, TableDefinition};

const ROWS: TableDefinition<'_, u64, &str> = TableDefinition::new("rows");

#[derive(Template)]
#[template(
    source = "{{ before|safe }}{% for row in rows %}<tr{{ row.html|safe }}<td hidden>{{ row.name }}</td>{% endfor %}{{ after|safe }}",
    ext = "html"
)]
struct Page<'a> {
    before: &'a str,
    rows: Vec<Row>,
    after: &'a str,
}

struct Row {
    html: String,
    name: String,
}

struct Shared {
    db: redb::Database,
    before: String,
    after: String,
}

/// Serves the page on a free port until the process ends.
pub fn serve(page: &str) -> SocketAddr {
    let (before, rest) = page.split_once("<tbody").unwrap();
    let (rows, after) = rest.split_once("</tbody>").unwrap();
    let mut pieces = rows.split("<tr");
    let before = format!("{before}<tbody{}", pieces.next().unwrap());
    let backend = redb::backends::InMemoryBackend::new();
    let db = redb::Database::builder()
        .create_with_backend(backend)
        .unwrap();
    let tx = db.begin_write().unwrap();
    let mut table = tx.open_table(ROWS).unwrap();
    let mut n = 0;
    for (no, row) in (0u64..).zip(pieces) {
        table.insert(no, row).unwrap();
        n += 1;
    }
    drop(table);
    tx.commit().unwrap();
    assert!(n >= 50, "the page has {n} rows");
    let shared = web::Data::from(Arc::new(Shared {
        db,
        before,
        after: format!("</tbody>{after}"),
    }));
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let run = async move {
            let app = move || {
                let data = shared.clone();
                App::new().app_data(data).default_service(web::to(answer))
            };
            let server = HttpServer::new(app).workers(2).disable_signals();
            server.listen(socket).unwrap().run().await.unwrap();
        };
        actix_web::rt::System::new().block_on(run);
    });
    address
}

async fn answer(shared: web::Data<Shared>) -> HttpResponse {
    let tx = shared.db.begin_read().unwrap();
    let table = tx.open_table(ROWS).unwrap();
    let row = |item: Result<
        (
            redb::AccessGuard<'_, u64>,
            redb::AccessGuard<'_, &'static str>,
        ),
        _,
    >| {
        let (no, html) = item.unwrap();
        Row {
            html: html.value().to_owned(),
            name: format!("王<{}>", no.value()),
        }
    };
    let page = Page {
        before: &shared.before,
        rows: table.iter().unwrap().map(row).collect(),
        after: &shared.after,
    };
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .body(page.render().unwrap())
}
