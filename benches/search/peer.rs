//! SQLite with the same rows.

use std::{path::Path, time::Instant};

use qitai::search::{ScopeFilter, fold};
use rusqlite::{Connection, params_from_iter, types::Value};

use super::{
    queries::{Asked, letters},
    rows::Row,
};

/// A table of folded columns, all of it in SQLite's cache.
pub struct Peer {
    connection: Connection,
}

impl Peer {
    /// Loads the rows.
    pub fn new(rows: &[Row], dir: &Path) -> Self {
        let mut connection = Connection::open(dir.join("peer.sqlite")).unwrap();
        connection
            .execute_batch(
                "PRAGMA journal_mode = WAL; PRAGMA cache_size = -400000;
                 CREATE TABLE c (id INTEGER PRIMARY KEY, name TEXT, remark TEXT, company TEXT,
                   phone TEXT, pinyin TEXT, initials TEXT, owner INTEGER, added INTEGER);
                 CREATE INDEX c_owner ON c (owner);",
            )
            .unwrap();
        let write = connection.transaction().unwrap();
        let mut insert = write
            .prepare("INSERT INTO c VALUES (NULL, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")
            .unwrap();
        for row in rows {
            let letters = |initials| letters(&row.name, initials).unwrap_or_default();
            let [name, remark, company] = &row.folded;
            let owner = row.owner.cast_signed();
            insert
                .execute((
                    name,
                    remark,
                    company,
                    &row.phone,
                    letters(false),
                    letters(true),
                    owner,
                    row.added_ms,
                ))
                .unwrap();
        }
        drop(insert);
        write.commit().unwrap();
        Self { connection }
    }

    /// Milliseconds for a page and the exact total of one question, as an application asks.
    pub fn ms(&self, asked: &Asked, page: usize) -> f64 {
        let columns: &[&str] = match asked.class {
            "pinyin" | "initials" => &["name", "remark", "company", "pinyin", "initials"],
            "phone" => &["name", "remark", "company", "phone"],
            _ => &["name", "remark", "company"],
        };
        let like: Vec<String> = columns.iter().map(|c| format!("{c} LIKE ?1")).collect();
        let mut condition = format!("({})", like.join(" OR "));
        let values = vec![Value::Text(format!("%{}%", fold(&asked.query.text)))];
        if let ScopeFilter::Members(members) = &asked.query.scope {
            let owners: Vec<String> = members
                .iter()
                .map(|m| m.cast_signed().to_string())
                .collect();
            condition += &format!(" AND owner IN ({})", owners.join(","));
        }
        let ask = |sql: String| {
            let mut statement = self.connection.prepare_cached(&sql).unwrap();
            let mut rows = statement.query(params_from_iter(&values)).unwrap();
            while rows.next().unwrap().is_some() {}
        };
        let start = Instant::now();
        ask(format!(
            "SELECT id, name, remark, company FROM c WHERE {condition} ORDER BY added DESC LIMIT {page}"
        ));
        ask(format!("SELECT count(*) FROM c WHERE {condition}"));
        start.elapsed().as_secs_f64() * 1e3
    }
}
