//! The specification as JSON schemas (draft 4), in the platform's form.

use serde_json::{Map, Value, json};

use super::property_type::Credential;
use super::{Properties, Property, PropertyType, Spec};

impl Spec {
    /// The schema of one group of properties, with the definitions it refers to. Properties that it does not name
    /// are accepted, as the platform does.
    pub fn schema(&self, properties: &Properties) -> Value {
        let mut definitions = Map::new();
        let mut schema = self.object(properties, &mut definitions);
        schema.insert("title".to_owned(), json!("Variables"));
        if !definitions.is_empty() {
            schema.insert("definitions".to_owned(), Value::Object(definitions));
        }
        Value::Object(schema)
    }

    fn object(&self, properties: &Properties, definitions: &mut Map<String, Value>) -> Map<String, Value> {
        let required: Vec<&String> =
            properties.iter().filter(|(_, property)| property.required).map(|(name, _)| name).collect();
        let mut schema = Map::new();
        schema.insert("type".to_owned(), json!("object"));
        // Draft 4 does not allow an empty list here.
        if !required.is_empty() {
            schema.insert("required".to_owned(), json!(required));
        }
        let properties = properties
            .iter()
            .map(|(name, property)| (name.clone(), self.property(property, definitions)))
            .collect();
        schema.insert("properties".to_owned(), Value::Object(properties));
        schema
    }

    fn property(&self, property: &Property, definitions: &mut Map<String, Value>) -> Value {
        let mut schema = self.value(&property.kind, definitions);
        let words = [
            ("title", property.title.as_ref().map(|title| json!(title))),
            ("description", property.description.as_ref().map(|description| json!(description))),
            ("default", property.default.clone()),
            ("enum", property.choices.as_ref().map(|choices| json!(choices))),
            ("order", property.order.map(|order| json!(order))),
        ];
        for (key, word) in words {
            schema.extend(word.map(|word| (key.to_owned(), word)));
        }
        Value::Object(schema)
    }

    fn value(&self, kind: &PropertyType, definitions: &mut Map<String, Value>) -> Map<String, Value> {
        let schema = match kind {
            PropertyType::String => json!({"type": "string"}),
            PropertyType::Integer => json!({"type": "integer"}),
            PropertyType::Number => json!({"type": "number"}),
            PropertyType::Boolean => json!({"type": "boolean"}),
            PropertyType::Object => json!({"type": "object"}),
            PropertyType::Bytes => json!({"type": "string", "format": "bytes", "displayType": "bytes"}),
            PropertyType::Date => json!({"type": "string", "format": "date-time", "displayType": "date"}),
            PropertyType::Password => {
                json!({"type": "string", "format": "password", "displayType": "password"})
            }
            PropertyType::List(item) => json!({"type": "array", "items": self.value(item, definitions)}),
            PropertyType::File => {
                definitions.entry("file").or_insert_with(file);
                json!({"$ref": "#/definitions/file"})
            }
            PropertyType::Credential(credential) => {
                definitions.entry(credential.name()).or_insert_with(|| credential_schema(*credential));
                json!({"$ref": format!("#/definitions/{}", credential.name())})
            }
            PropertyType::Custom(name) => {
                self.define(name, definitions);
                json!({"$ref": format!("#/definitions/{name}")})
            }
        };
        match schema {
            Value::Object(schema) => schema,
            _ => Map::new(),
        }
    }

    /// Adds a custom type's definition once; a type may mention itself.
    fn define(&self, name: &str, definitions: &mut Map<String, Value>) {
        if let Some(properties) = self.types.get(name).filter(|_| !definitions.contains_key(name)) {
            definitions.insert(name.to_owned(), Value::Null);
            let mut schema = self.object(properties, definitions);
            schema.insert("title".to_owned(), json!(name));
            definitions.insert(name.to_owned(), Value::Object(schema));
        }
    }
}

fn file() -> Value {
    json!({
        "type": "object",
        "title": "File",
        "description": "File Object",
        "properties": {
            "filename": {"type": "string", "title": "Filename", "description": "Name of file"},
            "content": {"type": "string", "title": "Content", "description": "File contents", "format": "bytes"},
        },
    })
}

fn credential_schema(credential: Credential) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for (order, (name, title, description, secret)) in (1..).zip(credential.parts()) {
        let mut part = json!({"type": "string", "title": title, "description": description, "order": order});
        if *secret {
            part["format"] = json!("password");
            part["displayType"] = json!("password");
        }
        properties.insert((*name).to_owned(), part);
        if *name != "domain" {
            required.push(*name);
        }
    }
    json!({
        "type": "object",
        "title": "Credential",
        "properties": properties,
        "required": required,
    })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::fixture::SPEC;

    #[test]
    fn a_connection_refers_to_its_credential() {
        let spec = Spec::parse(SPEC).unwrap();
        expect![[r##"
            {
              "definitions": {
                "credential_username_password": {
                  "properties": {
                    "password": {
                      "description": "The password",
                      "displayType": "password",
                      "format": "password",
                      "order": 2,
                      "title": "Password",
                      "type": "string"
                    },
                    "username": {
                      "description": "The username to log in with",
                      "order": 1,
                      "title": "Username",
                      "type": "string"
                    }
                  },
                  "required": [
                    "username",
                    "password"
                  ],
                  "title": "Credential",
                  "type": "object"
                }
              },
              "properties": {
                "credentials": {
                  "$ref": "#/definitions/credential_username_password",
                  "description": "Who logs in",
                  "order": 2,
                  "title": "Credentials"
                },
                "host": {
                  "description": "Where to connect",
                  "order": 1,
                  "title": "Host",
                  "type": "string"
                },
                "mode": {
                  "default": "plain",
                  "description": "How to speak",
                  "enum": [
                    "plain",
                    "loud"
                  ],
                  "order": 4,
                  "title": "Mode",
                  "type": "string"
                },
                "secure": {
                  "default": false,
                  "description": "Whether to encrypt",
                  "order": 3,
                  "title": "Secure",
                  "type": "boolean"
                }
              },
              "required": [
                "host"
              ],
              "title": "Variables",
              "type": "object"
            }
        "##]]
        .assert_eq(&format!("{:#}\n", spec.schema(&spec.connection)));
    }

    #[test]
    fn a_file_content_is_text_in_the_form_of_bytes() {
        let spec = Spec::parse(SPEC).unwrap();
        expect![[r#"
            {
              "properties": {
                "content": {
                  "description": "A file",
                  "displayType": "bytes",
                  "format": "bytes",
                  "order": 3,
                  "title": "Content",
                  "type": "string"
                },
                "text": {
                  "description": "What to say",
                  "order": 1,
                  "title": "Text",
                  "type": "string"
                },
                "times": {
                  "description": "How often to say it",
                  "order": 2,
                  "title": "Times",
                  "type": "integer"
                }
              },
              "required": [
                "text"
              ],
              "title": "Variables",
              "type": "object"
            }
        "#]]
        .assert_eq(&format!("{:#}\n", spec.schema(&spec.actions["echo"].input)));
    }
}
