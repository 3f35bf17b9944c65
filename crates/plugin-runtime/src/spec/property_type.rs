//! The types a property can have, and which of their values are secrets.

use serde::Deserialize;
use serde_json::Value;

use super::Properties;

/// What values a property takes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub enum PropertyType {
    /// Text.
    String,
    /// A whole number.
    Integer,
    /// Any number; `float` in older specifications.
    Number,
    /// True or false.
    Boolean,
    /// Base64 text of a file's bytes.
    Bytes,
    /// A point in time as text.
    Date,
    /// Any JSON object.
    Object,
    /// A named file: `filename` and `content`.
    File,
    /// Text that nobody may see.
    Password,
    /// One of the platform's credentials.
    Credential(Credential),
    /// A list of values of one type.
    List(Box<PropertyType>),
    /// A type that the specification defines under `types`.
    Custom(String),
}

/// The platform's credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credential {
    /// `username` and `password`.
    UsernamePassword,
    /// `secretKey`.
    SecretKey,
    /// `privateKey`.
    AsymmetricKey,
    /// `token` and `domain`.
    Token,
}

impl From<String> for PropertyType {
    fn from(name: String) -> Self {
        if let Some(item) = name.strip_prefix("[]") {
            return Self::List(Box::new(Self::from(item.to_owned())));
        }
        match name.as_str() {
            "string" => Self::String,
            "integer" | "int" => Self::Integer,
            "number" | "float" => Self::Number,
            "boolean" | "bool" => Self::Boolean,
            "bytes" => Self::Bytes,
            "date" => Self::Date,
            "object" => Self::Object,
            "file" => Self::File,
            "password" => Self::Password,
            "credential_username_password" => Self::Credential(Credential::UsernamePassword),
            "credential_secret_key" => Self::Credential(Credential::SecretKey),
            "credential_asymmetric_key" => Self::Credential(Credential::AsymmetricKey),
            "credential_token" => Self::Credential(Credential::Token),
            _ => Self::Custom(name),
        }
    }
}

impl PropertyType {
    /// The name of the custom type that this type is or lists.
    pub(crate) fn custom(&self) -> Option<&str> {
        match self {
            Self::Custom(name) => Some(name),
            Self::List(item) => item.custom(),
            _ => None,
        }
    }

    /// Whether a value of this type is text for people, and not a file's.
    pub(crate) fn is_text(&self) -> bool {
        matches!(self, Self::String | Self::Date | Self::Password)
    }

    /// Whether a value of this type may be repeated in an error text.
    pub(crate) fn may_be_shown(&self) -> bool {
        match self {
            Self::String | Self::Integer | Self::Number | Self::Boolean | Self::Date => true,
            Self::List(item) => item.may_be_shown(),
            _ => false,
        }
    }
}

impl Credential {
    /// The type's name in specifications and in `definitions`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::UsernamePassword => "credential_username_password",
            Self::SecretKey => "credential_secret_key",
            Self::AsymmetricKey => "credential_asymmetric_key",
            Self::Token => "credential_token",
        }
    }

    /// The parts: name, title, description, and whether the part is secret. All but a token's domain are required.
    pub(super) fn parts(self) -> &'static [(&'static str, &'static str, &'static str, bool)] {
        match self {
            Self::UsernamePassword => &[
                ("username", "Username", "The username to log in with", false),
                ("password", "Password", "The password", true),
            ],
            Self::SecretKey => &[("secretKey", "Secret Key", "The shared secret key", true)],
            Self::AsymmetricKey => &[("privateKey", "Private Key", "The private key", true)],
            Self::Token => &[
                ("token", "Token", "The shared token", true),
                ("domain", "Domain", "The domain for the token", false),
            ],
        }
    }
}

/// The strings in `values` that the specification declares secret, whether or not the values are valid.
pub(crate) fn secrets_of(properties: &Properties, values: &Value) -> Vec<String> {
    let mut secrets = Vec::new();
    for (name, property) in properties {
        match (&property.kind, &values[name]) {
            (PropertyType::Password, Value::String(secret)) => secrets.push(secret.clone()),
            (PropertyType::Credential(credential), value) => {
                let parts = credential.parts().iter().filter(|(.., secret)| *secret);
                secrets.extend(parts.filter_map(|(part, ..)| value[part].as_str().map(str::to_owned)));
            }
            _ => {}
        }
    }
    secrets
}
