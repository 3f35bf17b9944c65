//! What stands beside the specification in `plugin/` follows from it: help.md is written from the specification, in the
//! form that the platform's own tools write and its validators read. `UPDATE_EXPECT=1` writes it anew.

#![expect(clippy::expect_used, reason = "a test states its expectations by unwrapping")]

use std::collections::BTreeMap;
use std::fmt::Write as _;

use expect_test::expect_file;
use serde::Deserialize;
use serde_json::{Map, Value};

const SPEC: &str = include_str!("../../../plugin/plugin.spec.yaml");

/// What an example does not show, although the specification has an example of it: where it stands, and why.
const LEFT_OUT: &[(&str, &[&str], &str)] = &[
    (
        "connection",
        &["port", "ca_certificate", "certificate_sha256", "proxy"],
        "most servers need none of them, and a pin makes the authority meaningless",
    ),
    ("Download File", &["reason"], "only where the file was refused"),
    ("Upload File", &["reason"], "only where the file was refused"),
    ("Delete File", &["reason"], "only where the file was refused"),
    ("Monitor", &["time", "size", "mode"], "only of a watched file, and the example watches a folder"),
];

/// The specification as help.md tells it.
#[derive(Deserialize)]
struct Spec {
    version: String,
    description: String,
    key_features: Vec<String>,
    requirements: Vec<String>,
    supported_versions: Vec<String>,
    troubleshooting: Vec<String>,
    version_history: Vec<String>,
    links: Vec<String>,
    references: Vec<String>,
    connection: Properties,
    actions: BTreeMap<String, Step>,
    triggers: BTreeMap<String, Step>,
    types: BTreeMap<String, Properties>,
}

type Properties = BTreeMap<String, Property>;

#[derive(Deserialize)]
struct Step {
    title: String,
    description: String,
    input: Properties,
    output: Properties,
}

#[derive(Deserialize)]
struct Property {
    title: String,
    #[serde(rename = "type")]
    kind: String,
    description: String,
    required: bool,
    #[serde(default)]
    default: Value,
    #[serde(default, rename = "enum")]
    choices: Value,
    example: Value,
    #[serde(default)]
    placeholder: Value,
    #[serde(default)]
    tooltip: Value,
}

#[test]
fn help_says_what_the_specification_says() {
    expect_file!["../../../plugin/help.md"].assert_eq(&help(&spec()));
}

#[test]
fn the_package_has_the_version_of_the_program() {
    let spec = spec();
    assert_eq!(spec.version, env!("CARGO_PKG_VERSION"));
    let newest = spec.version_history.first().expect("a history");
    assert!(newest.starts_with(&format!("{} - ", spec.version)), "{newest}");
    let label = format!("org.opencontainers.image.version=\"{}\"", spec.version);
    assert!(include_str!("../../../plugin/Dockerfile").contains(&label), "the Dockerfile has no {label}");
}

#[test]
fn an_example_leaves_out_only_what_there_is() {
    let spec = spec();
    for (place, names, why) in LEFT_OUT {
        let mut steps = spec.actions.values().chain(spec.triggers.values());
        let properties = match steps.find(|step| step.title == *place) {
            Some(step) => &step.output,
            None => &spec.connection,
        };
        for name in *names {
            let property = properties.get(*name);
            assert!(property.is_some_and(|property| !property.required), "{name} of {place} ({why})");
        }
    }
}

fn spec() -> Spec {
    serde_norway::from_str(SPEC).expect("a specification")
}

fn help(spec: &Spec) -> String {
    let sections = [
        format!("# Description\n\n{}", spec.description),
        format!("# Key Features\n\n{}", list(&spec.key_features)),
        format!("# Requirements\n\n{}", list(&spec.requirements)),
        format!("# Supported Product Versions\n\n{}", list(&spec.supported_versions)),
        "# Documentation".to_owned(),
        setup(&spec.connection),
        "## Technical Details".to_owned(),
        steps("Actions", &spec.actions),
        steps("Triggers", &spec.triggers),
        "### Tasks\n\n*This plugin has no tasks.*".to_owned(),
        custom_types(&spec.types),
        format!("## Troubleshooting\n\n{}", list(&spec.troubleshooting)),
        format!("# Version History\n\n{}", list(&spec.version_history)),
        format!("# Links\n\n{}", list(&spec.links)),
        format!("## References\n\n{}", list(&spec.references)),
    ];
    sections.join("\n\n") + "\n"
}

fn list(items: &[String]) -> String {
    let lines: Vec<String> = items.iter().map(|item| format!("* {item}")).collect();
    lines.join("\n")
}

fn setup(connection: &Properties) -> String {
    let example = example("connection", connection);
    format!(
        "## Setup\n\nA connection has these settings:\n\n{}\n\nExample input:\n\n{example}",
        inputs(connection)
    )
}

fn steps(heading: &str, steps: &BTreeMap<String, Step>) -> String {
    let mut text = format!("### {heading}");
    for Step { title, description, input, output } in steps.values() {
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "\n\n#### {title}\n\n{description}\n\n##### Input\n\n{}\n\nExample input:\n\n{}\n\n##### Output\n\n{}\n\nExample output:\n\n{}",
            inputs(input),
            example("", input),
            outputs(output),
            example(title, output),
        );
    }
    text
}

fn custom_types(types: &BTreeMap<String, Properties>) -> String {
    let mut text = "### Custom Types".to_owned();
    for (name, properties) in types {
        let rows = properties.values().map(|property| {
            let Property { title, kind, description, required, default, example, .. } = property;
            [title.clone(), kind.clone(), cell(default), truth(*required), description.clone(), cell(example)]
        });
        let header = ["Name", "Type", "Default", "Required", "Description", "Example"];
        let _ = write!(text, "\n\n**{name}**\n\n{}", table(header, rows));
    }
    text
}

fn inputs(properties: &Properties) -> String {
    let rows = properties.iter().map(|(name, property)| {
        let Property { kind, description, required, default, choices, .. } = property;
        [
            name.clone(),
            kind.clone(),
            cell(default),
            truth(*required),
            description.clone(),
            cell(choices),
            cell(&property.example),
            cell(&property.placeholder),
            cell(&property.tooltip),
        ]
    });
    let header =
        ["Name", "Type", "Default", "Required", "Description", "Enum", "Example", "Placeholder", "Tooltip"];
    table(header, rows)
}

fn outputs(properties: &Properties) -> String {
    let rows = properties.iter().map(|(name, property)| {
        let Property { kind, description, required, example, .. } = property;
        [name.clone(), kind.clone(), truth(*required), description.clone(), cell(example)]
    });
    table(["Name", "Type", "Required", "Description", "Example"], rows)
}

fn table<const N: usize>(header: [&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let mut lines = vec![format!("|{}|", header.join("|")), format!("|{}", " :--- |".repeat(N))];
    for row in rows {
        assert!(row.iter().all(|cell| !cell.contains('|')), "a bar would end its cell: {row:?}");
        lines.push(format!("|{}|", row.join("|")));
    }
    lines.join("\n")
}

/// A value as the platform's tools, which are written in Python, put it into a table.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(value) => truth(*value),
        Value::String(text) => text.replace('\n', "\\n"),
        Value::Array(items) => format!("[{}]", joined(items.iter().map(nested))),
        other => nested(other),
    }
}

fn truth(value: bool) -> String {
    if value { "True" } else { "False" }.to_owned()
}

/// A value within a list or an object: JSON, with blanks behind colons and commas.
fn nested(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let members = members.iter().collect::<BTreeMap<_, _>>().into_iter();
            format!("{{{}}}", joined(members.map(|(name, value)| format!("\"{name}\": {}", nested(value)))))
        }
        other => other.to_string(),
    }
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

/// The properties' examples as one JSON object.
fn example(place: &str, properties: &Properties) -> String {
    let left_out = LEFT_OUT.iter().find(|(left, ..)| *left == place).map_or(&[][..], |(_, names, _)| names);
    let shown = properties.iter().filter(|(name, _)| !left_out.contains(&name.as_str()));
    let example: Map<String, Value> =
        shown.map(|(name, property)| (name.clone(), property.example.clone())).collect();
    format!("```\n{:#}\n```", Value::Object(example))
}
