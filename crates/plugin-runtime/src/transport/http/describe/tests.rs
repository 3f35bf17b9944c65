//! Both descriptions, held against the table of routes, the specification and themselves.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::super::routes;
use super::{openapi, swagger};
use crate::fixture::SPEC;
use crate::message::StartMessage;
use crate::spec::Spec;
use crate::validate;

fn spec() -> Spec {
    Spec::parse(SPEC).unwrap()
}

/// Both descriptions, with a token and without.
fn documents() -> Vec<Value> {
    let spec = spec();
    [false, true].into_iter().flat_map(|token| [swagger(&spec, token), openapi(&spec, token)]).collect()
}

/// All objects of a document.
fn objects(value: &Value) -> Vec<&Map<String, Value>> {
    let (own, members): (_, Vec<&Value>) = match value {
        Value::Object(members) => (Some(members), members.values().collect()),
        Value::Array(items) => (None, items.iter().collect()),
        _ => (None, Vec::new()),
    };
    own.into_iter().chain(members.into_iter().flat_map(objects)).collect()
}

/// Path, method and operation.
fn operations(document: &Value) -> Vec<(&String, &String, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    paths
        .flat_map(|(path, methods)| {
            methods.as_object().unwrap().iter().map(move |(method, operation)| (path, method, operation))
        })
        .collect()
}

#[test]
fn every_reference_leads_to_a_schema_and_every_schema_is_led_to() {
    for document in documents() {
        let references: BTreeSet<&str> =
            objects(&document).into_iter().filter_map(|object| object.get("$ref")?.as_str()).collect();
        for reference in &references {
            let place = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(place).is_some_and(Value::is_object), "{reference}");
        }
        let (home, schemas) = match document.get("definitions") {
            Some(schemas) => ("#/definitions/", schemas),
            None => ("#/components/schemas/", &document["components"]["schemas"]),
        };
        for name in schemas.as_object().unwrap().keys() {
            // Outputs of triggers go to the dispatcher, which is no part of this interface.
            if !name.starts_with("output.trigger.") {
                assert!(references.contains(&*format!("{home}{name}")), "nothing refers to {name}");
            }
        }
    }
}

#[test]
fn openapi_has_nothing_of_swagger() {
    let text = openapi(&spec(), true).to_string();
    for word in ["#/definitions/", "\"definitions\":", "x-nullable", "securityDefinitions", "\"in\":\"body\""]
    {
        assert!(!text.contains(word), "{word}");
    }
}

#[test]
fn operations_have_names_of_their_own() {
    for document in documents() {
        let operations = operations(&document);
        let ids: BTreeSet<&str> =
            operations.iter().map(|(.., operation)| operation["operationId"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), operations.len());
    }
}

#[test]
fn every_route_is_described() {
    let names = ["echo", "tick", "test", "test_task", "{name}"];
    for document in documents() {
        let mut described: BTreeSet<(String, String)> = operations(&document)
            .into_iter()
            .map(|(path, method, _)| (path.clone(), method.to_uppercase()))
            .collect();
        for route in routes::table() {
            for path in route.paths() {
                let method = route.method.as_str();
                let found =
                    names.map(|name| described.remove(&(path.replace("{name}", name), method.to_owned())));
                assert!(found.contains(&true), "{method} {path}");
            }
        }
        assert!(described.is_empty(), "no routes: {described:?}");
    }
}

#[test]
fn the_token_is_described_where_one_is_wanted() {
    for (document, wanted) in documents().iter().zip([false, false, true, true]) {
        for (path, _, operation) in operations(document) {
            let wanted = wanted && path != "/healthz" && path != "/readyz";
            assert_eq!(operation.get("security").is_some(), wanted, "{path}");
            assert_eq!(operation["responses"].get("401").is_some(), wanted, "{path}");
        }
    }
}

#[test]
fn the_examples_are_messages_that_their_steps_take() {
    let spec = spec();
    let document = openapi(&spec, false);
    let example = |path: &str| {
        let text = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["example"]
            .to_string();
        StartMessage::parse(text.as_bytes()).unwrap()
    };
    let rows =
        [("/api/v1/actions/echo", &spec.actions["echo"]), ("/api/v1/triggers/tick", &spec.triggers["tick"])];
    for (path, step) in rows {
        let StartMessage { connection, input, .. } = example(path);
        let settings = validate::connection(&spec, connection).unwrap();
        assert_eq!(settings.keys().collect::<Vec<_>>(), ["credentials", "host"]);
        assert!(validate::input(&spec, &step.input, input).is_ok(), "{path}");
    }
    let connection = example("/api/v1/connection/test").connection;
    assert!(validate::connection(&spec, connection).is_ok());
    assert_eq!(
        swagger(&spec, false)["definitions"]["message.action.echo"]["example"]["type"],
        "action_start"
    );
}
