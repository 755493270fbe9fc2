//! What the server can do and which attributes there are (RFC 7644, §4; RFC 7643, §5 to 7).

use actix_web::{
    HttpRequest,
    http::StatusCode,
    web::{Data, Path},
};
use serde_json::{Value, json};

use crate::app::App;

use super::{
    answer::{Answer, Refused, answer, finish, list},
    api::base,
    path::{ENTERPRISE, GROUP, USER},
};

/// Resources of one answer at most.
pub(super) const RESULTS_MAX: usize = 200;

const SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:Schema";

/// `/ServiceProviderConfig`.
pub(super) async fn config(req: HttpRequest, app: Data<App>) -> Answer {
    let location = format!("{}/ServiceProviderConfig", base(&req, &app));
    let no = json!({ "supported": false });
    let yes = json!({ "supported": true });
    let body = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "patch": yes,
        "bulk": { "supported": false, "maxOperations": 0, "maxPayloadSize": 0 },
        "filter": { "supported": true, "maxResults": RESULTS_MAX },
        "changePassword": no,
        "sort": yes,
        "etag": yes,
        "authenticationSchemes": [{
            "type": "oauthbearertoken",
            "name": "API token",
            "description": "An API token with the permission scim, as a bearer token.",
            "primary": true,
        }],
        "meta": { "resourceType": "ServiceProviderConfig", "location": location },
    });
    Ok(answer(StatusCode::OK, &body))
}

fn resource_types(base: &str) -> Vec<Value> {
    let one = |name: &str, endpoint: &str, schema: &str, extensions: Value| {
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
            "id": name,
            "name": name,
            "endpoint": endpoint,
            "schema": schema,
            "schemaExtensions": extensions,
            "meta": {
                "resourceType": "ResourceType",
                "location": format!("{base}/ResourceTypes/{name}"),
            },
        })
    };
    let enterprise = json!([{ "schema": ENTERPRISE, "required": false }]);
    vec![
        one("User", "/Users", USER, enterprise),
        one("Group", "/Groups", GROUP, json!([])),
    ]
}

/// `/ResourceTypes`.
pub(super) async fn types(req: HttpRequest, app: Data<App>) -> Answer {
    let all = resource_types(&base(&req, &app));
    let total = all.len();
    Ok(list(all, total, 1))
}

/// `/ResourceTypes/{id}`.
pub(super) async fn one_type(req: HttpRequest, app: Data<App>, id: Path<String>) -> Answer {
    one(resource_types(&base(&req, &app)), &id)
}

/// `/Schemas`.
pub(super) async fn schemas(req: HttpRequest, app: Data<App>) -> Answer {
    let all = all_schemas(&base(&req, &app));
    let total = all.len();
    Ok(list(all, total, 1))
}

/// `/Schemas/{id}`.
pub(super) async fn one_schema(req: HttpRequest, app: Data<App>, id: Path<String>) -> Answer {
    one(all_schemas(&base(&req, &app)), &id)
}

fn one(all: Vec<Value>, id: &str) -> Answer {
    let found = all.into_iter().find(|one| one["id"] == *id);
    finish(match found {
        Some(found) => Ok(answer(StatusCode::OK, &found)),
        None => Err(Refused::Scim(404, "", format!("{id} is not there."))),
    })
}

/// An attribute in the schema's words.
fn attribute(name: &str, kind: &str, more: Value) -> Value {
    let mut attribute = json!({
        "name": name,
        "type": kind,
        "multiValued": false,
        "description": "",
        "required": false,
        "mutability": "readWrite",
        "returned": "default",
    });
    if ["string", "reference"].contains(&kind) {
        attribute["caseExact"] = false.into();
        attribute["uniqueness"] = "none".into();
    }
    if let (Value::Object(attribute), Value::Object(more)) = (&mut attribute, more) {
        attribute.extend(more);
    }
    attribute
}

fn user_attributes() -> Value {
    let reading = |name: &str| attribute(name, "string", json!({ "mutability": "readOnly" }));
    let list_of = |name: &str, kind: &str, what: &str| {
        let parts = json!([
            attribute("value", "string", json!({})),
            attribute("type", "string", json!({ "canonicalValues": [kind] })),
        ]);
        let more = json!({ "multiValued": true, "subAttributes": parts, "description": what });
        attribute(name, "complex", more)
    };
    let group = json!([
        reading("value"),
        attribute(
            "$ref",
            "reference",
            json!({
                "mutability": "readOnly", "referenceTypes": ["Group"], "caseExact": true,
            })
        ),
        reading("display"),
    ]);
    json!([
        attribute(
            "userName",
            "string",
            json!({
                "required": true, "uniqueness": "server",
                "description": "The userid: 1 to 64 of letters, digits and _ . @ -",
            })
        ),
        attribute(
            "displayName",
            "string",
            json!({
                "required": true,
                "description": "The name people read; name or userName stands in for it",
            })
        ),
        attribute(
            "name",
            "complex",
            json!({
                "mutability": "readOnly",
                "description": "Says the displayName again; stands in for it where that is absent",
                "subAttributes": [reading("formatted")],
            })
        ),
        attribute("nickName", "string", json!({ "description": "The alias" })),
        attribute("title", "string", json!({})),
        attribute(
            "active",
            "boolean",
            json!({
                "required": true, "description": "False while disabled; true if absent",
            })
        ),
        list_of("emails", "work", "One is kept"),
        list_of("phoneNumbers", "mobile", "The mobile is kept"),
        attribute(
            "groups",
            "complex",
            json!({
                "multiValued": true, "mutability": "readOnly", "subAttributes": group,
                "description": "The departments",
            })
        ),
    ])
}

fn enterprise_attributes() -> Value {
    let manager = json!([
        attribute("value", "string", json!({ "caseExact": true })),
        attribute(
            "$ref",
            "reference",
            json!({ "referenceTypes": ["User"], "caseExact": true })
        ),
    ]);
    json!([
        attribute(
            "employeeNumber",
            "string",
            json!({ "description": "The job number" })
        ),
        attribute(
            "department",
            "string",
            json!({
                "mutability": "readOnly", "description": "The main department's name",
            })
        ),
        attribute(
            "manager",
            "complex",
            json!({
                "subAttributes": manager, "description": "The direct superior",
            })
        ),
    ])
}

fn group_attributes() -> Value {
    let members = json!([
        attribute("value", "string", json!({ "caseExact": true })),
        attribute(
            "$ref",
            "reference",
            json!({ "referenceTypes": ["User"], "caseExact": true })
        ),
        attribute("type", "string", json!({ "canonicalValues": ["User"] })),
    ]);
    json!([
        attribute(
            "displayName",
            "string",
            json!({
                "required": true, "description": "The department's name",
            })
        ),
        attribute(
            "members",
            "complex",
            json!({
                "multiValued": true, "subAttributes": members,
                "description": "Those directly in the department",
            })
        ),
    ])
}

fn all_schemas(base: &str) -> Vec<Value> {
    let one = |id: &str, name: &str, attributes: Value| {
        json!({
            "schemas": [SCHEMA],
            "id": id,
            "name": name,
            "description": name,
            "attributes": attributes,
            "meta": { "resourceType": "Schema", "location": format!("{base}/Schemas/{id}") },
        })
    };
    vec![
        one(USER, "User", user_attributes()),
        one(ENTERPRISE, "EnterpriseUser", enterprise_attributes()),
        one(GROUP, "Group", group_attributes()),
    ]
}
