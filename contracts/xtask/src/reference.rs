//! Writes what a contract offers as a page for people: its entry points, types, events and errors with all of their
//! docs, which are shortened on chain. It says what the spec says and nothing else, so it can't grow old.

use std::fmt::Write;

use stellar_xdr::{
    ScSpecEntry, ScSpecEventParamLocationV0, ScSpecEventV0, ScSpecFunctionV0, ScSpecTypeDef,
    ScSpecUdtEnumV0, ScSpecUdtErrorEnumV0, ScSpecUdtStructV0, StringM,
};

/// The page of one contract, in Markdown.
///
/// # Arguments
/// * `entries` - what its spec holds, with full docs.
pub fn page(name: &str, about: &str, entries: &[ScSpecEntry]) -> String {
    let mut page = format!(
        "# {name}\n\n{about}\n\nWritten by `make contracts` from `contracts/{name}`; do not edit. Amounts are token \
         stroops, energy is Wh, times are unix seconds where nothing else is said.\n"
    );
    section(&mut page, "Entry points", entries, |entry| match entry {
        ScSpecEntry::FunctionV0(function) => Some(entry_point(function)),
        _ => None,
    });
    section(&mut page, "Types", entries, |entry| match entry {
        ScSpecEntry::UdtStructV0(structure) => Some(structure_of(structure)),
        ScSpecEntry::UdtEnumV0(numbers) => Some(numbers_of(numbers)),
        _ => None,
    });
    section(&mut page, "Events", entries, |entry| match entry {
        ScSpecEntry::EventV0(event) => Some(event_of(event)),
        _ => None,
    });
    section(&mut page, "Errors", entries, |entry| match entry {
        ScSpecEntry::UdtErrorEnumV0(errors) => Some(errors_of(errors)),
        _ => None,
    });
    page
}

fn section(
    page: &mut String,
    title: &str,
    entries: &[ScSpecEntry],
    text: impl Fn(&ScSpecEntry) -> Option<String>,
) {
    let mut parts: Vec<String> = entries.iter().filter_map(text).collect();
    parts.sort();
    parts.dedup();
    if !parts.is_empty() {
        let _ = write!(page, "\n## {title}\n\n{}\n", parts.join("\n\n"));
    }
}

fn entry_point(function: &ScSpecFunctionV0) -> String {
    let inputs: Vec<String> = function
        .inputs
        .iter()
        .map(|input| format!("{}: {}", shown(&input.name), type_of(&input.type_)))
        .collect();
    let answer = match function.outputs.first() {
        None | Some(ScSpecTypeDef::Void) => String::new(),
        Some(output) => format!(" -> {}", type_of(output)),
    };
    let name = function.name.to_utf8_string_lossy();
    let call = format!("### `{name}({}){answer}`", inputs.join(", "));
    told(call, &paragraphs(&function.doc))
}

fn structure_of(structure: &ScSpecUdtStructV0) -> String {
    let mut text = told(
        format!("### {}", shown(&structure.name)),
        &paragraphs(&structure.doc),
    );
    text.push('\n');
    for field in structure.fields.iter() {
        let what = format!("{}: {}", shown(&field.name), type_of(&field.type_));
        let _ = write!(text, "\n- `{what}`{}", behind(&field.doc));
    }
    text
}

fn numbers_of(numbers: &ScSpecUdtEnumV0) -> String {
    let mut text = told(
        format!("### {}", shown(&numbers.name)),
        &paragraphs(&numbers.doc),
    );
    text.push('\n');
    for case in numbers.cases.iter() {
        let name = shown(&case.name);
        let _ = write!(text, "\n- {} `{name}`{}", case.value, behind(&case.doc));
    }
    text
}

fn event_of(event: &ScSpecEventV0) -> String {
    let in_topics = |location| matches!(location, ScSpecEventParamLocationV0::TopicList);
    let mut topics: Vec<String> = event
        .prefix_topics
        .iter()
        .map(|topic| format!("\"{}\"", topic.to_utf8_string_lossy()))
        .collect();
    let mut data = vec![];
    for param in event.params.iter() {
        let text = format!("{}: {}", shown(&param.name), type_of(&param.type_));
        if in_topics(param.location) {
            topics.push(text);
        } else {
            data.push(text);
        }
    }
    let line = format!("### `[{}]` `{{{}}}`", topics.join(", "), data.join(", "));
    told(line, &paragraphs(&event.doc))
}

fn errors_of(errors: &ScSpecUdtErrorEnumV0) -> String {
    let rows: Vec<String> = errors
        .cases
        .iter()
        .map(|case| {
            let doc = behind(&case.doc);
            format!("- {} `{}`{doc}", case.value, shown(&case.name))
        })
        .collect();
    rows.join("\n")
}

fn told(line: String, doc: &str) -> String {
    if doc.is_empty() {
        line
    } else {
        format!("{line}\n\n{doc}")
    }
}

/// A doc as it stands, but without headings, which are the page's, and the empty lines that they leave.
fn paragraphs<const N: u32>(doc: &StringM<N>) -> String {
    let text = shown(doc);
    let mut kept: Vec<&str> = text
        .lines()
        .map(str::trim_end)
        .filter(|line| !line.trim().starts_with("# "))
        .collect();
    kept.dedup_by(|line, before| line.is_empty() && before.is_empty());
    kept.join("\n").trim().to_owned()
}

fn behind<const N: u32>(doc: &StringM<N>) -> String {
    let text = shown(doc);
    let line: Vec<&str> = text.split_whitespace().collect();
    if line.is_empty() {
        String::new()
    } else {
        format!(" - {}", line.join(" "))
    }
}

fn shown<const N: u32>(text: &StringM<N>) -> String {
    text.to_utf8_string_lossy()
}

fn type_of(kind: &ScSpecTypeDef) -> String {
    match kind {
        ScSpecTypeDef::Option(inner) => format!("Option<{}>", type_of(&inner.value_type)),
        ScSpecTypeDef::Vec(inner) => format!("Vec<{}>", type_of(&inner.element_type)),
        ScSpecTypeDef::Result(inner) => type_of(&inner.ok_type),
        ScSpecTypeDef::Map(inner) => {
            let (key, value) = (type_of(&inner.key_type), type_of(&inner.value_type));
            format!("Map<{key}, {value}>")
        }
        ScSpecTypeDef::Tuple(inner) => {
            let parts: Vec<String> = inner.value_types.iter().map(type_of).collect();
            format!("({})", parts.join(", "))
        }
        ScSpecTypeDef::BytesN(inner) => format!("BytesN<{}>", inner.n),
        ScSpecTypeDef::Udt(inner) => shown(&inner.name),
        simple @ (ScSpecTypeDef::U32
        | ScSpecTypeDef::I32
        | ScSpecTypeDef::U64
        | ScSpecTypeDef::I64
        | ScSpecTypeDef::U128
        | ScSpecTypeDef::I128
        | ScSpecTypeDef::Bool) => simple.name().to_lowercase(),
        other => other.name().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use stellar_xdr::{ScSpecFunctionInputV0, ScSpecUdtErrorEnumCaseV0};

    use super::*;

    fn text<const N: u32>(text: &str) -> StringM<N> {
        text.try_into().expect("short")
    }

    #[test]
    fn an_entry_point_is_shown_with_its_types_and_its_whole_doc() {
        let function = ScSpecFunctionV0 {
            doc: text("Pays. Anyone may.\n\n# Arguments\n* `amount` - above zero."),
            name: "pay".try_into().expect("short"),
            inputs: vec![ScSpecFunctionInputV0 {
                doc: text(""),
                name: text("amount"),
                type_: ScSpecTypeDef::I128,
            }]
            .try_into()
            .expect("one"),
            outputs: vec![ScSpecTypeDef::I64].try_into().expect("one"),
        };
        let page = page("till", "Takes money.", &[ScSpecEntry::FunctionV0(function)]);
        assert!(page.contains("### `pay(amount: i128) -> i64`"), "{page}");
        assert!(page.contains("Pays. Anyone may."), "{page}");
        assert!(page.contains("* `amount` - above zero."), "{page}");
        assert!(!page.contains("# Arguments"), "{page}");
    }

    #[test]
    fn an_error_is_shown_with_its_number_and_what_to_do() {
        let errors = ScSpecUdtErrorEnumV0 {
            doc: text(""),
            lib: text(""),
            name: text("Error"),
            cases: vec![ScSpecUdtErrorEnumCaseV0 {
                doc: text("No such site:\nadd it first."),
                name: text("UnknownSite"),
                value: 1,
            }]
            .try_into()
            .expect("one"),
        };
        let page = page("till", "", &[ScSpecEntry::UdtErrorEnumV0(errors)]);
        assert!(
            page.contains("- 1 `UnknownSite` - No such site: add it first."),
            "{page}"
        );
    }
}
