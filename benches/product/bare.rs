//! Bare pages: actix-web and redb, no more.
//!
//! The list's bare page reads the same 50 customers with their relations from redb, decodes
//! them, and renders the template of the list with the same values: no session, no scope, no
//! keys of people, no search, no audit. Its rows are the product's, byte for byte. The pasted
//! page is barer still: the product's own answer cut into what stands around the rows and the
//! rows themselves, kept in redb and put together again.

use std::{
    cell::RefCell,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use askama::Template;
use qitai::{
    customers::{Customer, Relation, Yardstick},
    store::Read,
};
use redb::{ReadableDatabase, ReadableTable, TableDefinition};

const CUSTOMERS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("customers");
const RELATIONS: TableDefinition<'_, (u64, u64), &[u8]> = TableDefinition::new("relations");
const ROWS: TableDefinition<'_, u64, &str> = TableDefinition::new("rows");

/// The customers shown, in order, and everybody's rows.
pub struct Rows {
    db: redb::Database,
    shown: Vec<u64>,
}

fn in_memory() -> redb::Database {
    let backend = redb::backends::InMemoryBackend::new();
    let builder = redb::Database::builder();
    builder.create_with_backend(backend).unwrap()
}

impl Rows {
    /// Copies all customers and relations; `shown` are the ids on the page.
    pub fn copy(read: &Read<'_>, shown: Vec<u64>) -> Self {
        let db = in_memory();
        let tx = db.begin_write().unwrap();
        let mut table = tx.open_table(CUSTOMERS).unwrap();
        for customer in read.all::<Customer>(None).unwrap() {
            let customer = customer.unwrap();
            let bytes = minicbor::to_vec(&customer).unwrap();
            table.insert(customer.id.bits(), bytes.as_slice()).unwrap();
        }
        drop(table);
        let mut table = tx.open_table(RELATIONS).unwrap();
        for relation in read.all::<Relation>(None).unwrap() {
            let relation = relation.unwrap();
            let key = (relation.customer.bits(), relation.id.bits());
            let bytes = minicbor::to_vec(&relation).unwrap();
            table.insert(key, bytes.as_slice()).unwrap();
        }
        drop(table);
        tx.commit().unwrap();
        Self { db, shown }
    }

    fn read(&self) -> Vec<(Customer, Vec<Relation>)> {
        let tx = self.db.begin_read().unwrap();
        let customers = tx.open_table(CUSTOMERS).unwrap();
        let relations = tx.open_table(RELATIONS).unwrap();
        let shown = self.shown.iter().map(|id| {
            let customer = customers.get(id).unwrap().unwrap();
            let of_customer = relations.range((*id, 0)..=(*id, u64::MAX)).unwrap();
            let of_customer = of_customer.map(|row| {
                let (_, bytes) = row.unwrap();
                minicbor::decode(bytes.value()).unwrap()
            });
            (
                minicbor::decode(customer.value()).unwrap(),
                of_customer.collect(),
            )
        });
        shown.collect()
    }
}

/// Serves the list's bare page on a free port until the process ends.
pub fn serve(page: Yardstick, rows: Rows) -> SocketAddr {
    let (page, rows) = (Arc::new(Mutex::new(page)), Arc::new(rows));
    listen(move |config| {
        let page = RefCell::new(page.lock().unwrap().clone());
        let rows = rows.clone();
        let page = web::Data::new(page);
        config.default_service(web::to(move |_: HttpRequest| {
            let body = page.borrow_mut().render(rows.read().into_iter()).unwrap();
            std::future::ready(html(body))
        }));
    })
}

#[derive(Template)]
#[template(
    source = "{{ before|safe }}{% for row in rows %}<tr{{ row.html|safe }}<td hidden>{{ row.name }}</td>{% endfor %}{{ after|safe }}",
    ext = "html"
)]
struct Pasted<'a> {
    before: &'a str,
    rows: Vec<Row>,
    after: &'a str,
}

struct Row {
    html: String,
    name: String,
}

struct Pieces {
    db: redb::Database,
    before: String,
    after: String,
}

/// Serves the pasted page on a free port until the process ends.
pub fn serve_pasted(page: &str) -> SocketAddr {
    let (before, rest) = page.split_once("<tbody").unwrap();
    let (rows, after) = rest.split_once("</tbody>").unwrap();
    let mut pieces = rows.split("<tr");
    let before = format!("{before}<tbody{}", pieces.next().unwrap());
    let db = in_memory();
    let tx = db.begin_write().unwrap();
    let mut table = tx.open_table(ROWS).unwrap();
    for (no, row) in (0u64..).zip(pieces) {
        table.insert(no, row).unwrap();
    }
    drop(table);
    tx.commit().unwrap();
    let pieces = web::Data::new(Pieces {
        db,
        before,
        after: format!("</tbody>{after}"),
    });
    listen(move |config| {
        let pieces = pieces.clone();
        let answer = move || std::future::ready(html(paste(&pieces)));
        config.default_service(web::to(answer));
    })
}

fn paste(pieces: &Pieces) -> String {
    let tx = pieces.db.begin_read().unwrap();
    let table = tx.open_table(ROWS).unwrap();
    let rows = table.iter().unwrap().map(|item| {
        let (no, html) = item.unwrap();
        Row {
            html: html.value().to_owned(),
            name: format!("王<{}>", no.value()),
        }
    });
    let page = Pasted {
        before: &pieces.before,
        rows: rows.collect(),
        after: &pieces.after,
    };
    page.render().unwrap()
}

fn html(body: String) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .body(body)
}

fn listen(configure: impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static) -> SocketAddr {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let run = async move {
            let app = move || App::new().configure(configure.clone());
            let server = HttpServer::new(app).workers(2).disable_signals();
            server.listen(socket).unwrap().run().await.unwrap();
        };
        actix_web::rt::System::new().block_on(run);
    });
    address
}
