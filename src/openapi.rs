//! The API's description, generated from the routes and the types they answer with.

use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};

use crate::slice::{Access, ApiOperation, Route, Slice};

/// Version of the API, not of the program.
const API_VERSION: &str = "1";

/// The OpenAPI 3.1 document of all documented routes.
pub fn document(slices: &[Slice]) -> Value {
    let settings = schemars::generate::SchemaSettings::draft2020_12()
        .with(|s| s.definitions_path = "/components/schemas".into());
    let mut generator = settings.into_generator();
    let mut paths = Map::new();
    for route in slices.iter().flat_map(|slice| &slice.routes) {
        let Some(api) = &route.api else { continue };
        let item = paths.entry(route.path).or_insert_with(|| json!({}));
        if let Value::Object(item) = item {
            let method = route.method.as_str().to_ascii_lowercase();
            item.insert(method, operation(route, api, &mut generator));
        }
    }
    let mut schemas = generator.take_definitions(true);
    schemas.insert("Problem".to_owned(), problem_schema());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Qitai",
            "version": API_VERSION,
            "description": "Every list answers {items, total, total_exact, next_cursor}; \
                pass next_cursor as cursor to get the next page. Errors are problem documents \
                (RFC 9457) with a stable code and the request's number.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "security": [{ "token": [] }, { "session": [] }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer" },
                "session": { "type": "apiKey", "in": "cookie", "name": "__Host-qitai" },
            },
        },
    })
}

fn operation(route: &Route, api: &ApiOperation, generator: &mut SchemaGenerator) -> Value {
    let answer = match api.answer {
        Some(schema) => json!({ "schema": schema(generator) }),
        None => json!({}),
    };
    let problem = json!({
        "description": "The request failed",
        "content": {
            "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } }
        },
    });
    let mut operation = json!({
        "operationId": api.id,
        "summary": api.summary,
        "parameters": parameters(route, api, generator),
        "responses": {
            "200": { "description": "Done", "content": { api.media_type: answer } },
            "default": problem,
        },
    });
    if route.access == Access::Public {
        operation["security"] = json!([]);
    }
    if let Access::Needs(permission) = route.access {
        operation["x-permission"] = permission.code().into();
    }
    operation
}

/// Path parameters from the pattern, query parameters from the query type's properties.
fn parameters(route: &Route, api: &ApiOperation, generator: &mut SchemaGenerator) -> Vec<Value> {
    let names = route
        .path
        .split('{')
        .skip(1)
        .filter_map(|rest| rest.split('}').next());
    let mut parameters: Vec<Value> = names
        .map(|name| {
            json!({ "name": name, "in": "path", "required": true,
                    "schema": { "type": "string" } })
        })
        .collect();
    let Some(query) = api.query else {
        return parameters;
    };
    let mut own = SchemaGenerator::default();
    let schema = resolved(query(&mut own), &own);
    // Definitions the query's fields refer to are shared with the document.
    query(generator);
    let required: Vec<&str> = schema["required"]
        .as_array()
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
        let required = required.contains(&name.as_str());
        parameters
            .push(json!({ "name": name, "in": "query", "required": required, "schema": schema }));
    }
    parameters
}

/// A schema with a reference to one of the generator's definitions followed.
fn resolved(schema: schemars::Schema, generator: &SchemaGenerator) -> Value {
    let value = schema.to_value();
    match value["$ref"]
        .as_str()
        .and_then(|path| path.rsplit('/').next())
    {
        Some(name) => generator.definitions().get(name).cloned().unwrap_or(value),
        None => value,
    }
}

fn problem_schema() -> Value {
    json!({
        "type": "object",
        "required": ["type", "title", "status", "code", "request_id"],
        "properties": {
            "type": { "type": "string" },
            "title": { "type": "string" },
            "detail": { "type": "string" },
            "status": { "type": "integer" },
            "code": { "type": "string", "description": "stable, e.g. not_found.customer" },
            "request_id": { "type": "string" },
            "problems": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "field": { "type": "string" },
                        "code": { "type": "string" },
                        "message": { "type": "string" }
                    }
                }
            }
        }
    })
}
