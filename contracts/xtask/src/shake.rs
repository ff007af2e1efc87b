//! Spec shaking: the step that soroban-sdk 28 leaves to the build program. It keeps in the contract's spec only
//! what the code uses; without it the spec is wrong, so every failure here fails the build.
//!
//! It shortens the spec on the way, for every byte costs rent on chain: see [`Detail`]. The sources hold it all.

use std::collections::HashSet;

use soroban_spec::shaking;
use soroban_spec_tools::contract::Spec;
use soroban_spec_tools::wasm::replace_custom_section;
use stellar_xdr::{Limits, ScMetaEntry, ScSpecEntry, ScSpecUdtUnionCaseV0, StringM, WriteXdr};

use crate::unmark::unmark;
use crate::Outcome;

const SPEC_SECTION: &str = "contractspecv0";
const META_SECTION: &str = "contractmetav0";
/// The version of the markers that this step understands.
const VERSION: u32 = 2;
/// Deeper than any spec entry, shallow enough to stop a broken one.
const XDR_DEPTH: u32 = 500;
/// The longest doc of a spec entry.
const DOC_BYTES: u32 = 1024;

/// What a compiled module's spec says of the entry points, types, events and errors in use, with full docs.
pub fn used(wasm: &[u8]) -> Outcome<Vec<ScSpecEntry>> {
    let spec = read(wasm)?;
    Ok(shaking::filter(spec.spec, &shaking::find_all(wasm)).collect())
}

fn read(wasm: &[u8]) -> Outcome<Spec> {
    Spec::new(wasm).map_err(|e| format!("The contract's spec can't be read: {e}."))
}

/// How much of the spec goes on chain. Types, errors, functions and arguments always do, by their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Each function with the first sentence of its docs, which `stellar contract invoke -- --help` lists, and events.
    Full,
    /// The same without events: their data are maps that name their fields, so they can be read without it.
    NoEvents,
    /// The names of functions alone.
    Names,
}

impl Detail {
    /// From the most to the least.
    pub const ALL: [Self; 3] = [Self::Full, Self::NoEvents, Self::Names];

    const fn keeps(self, entry: &ScSpecEntry) -> bool {
        matches!(self, Self::Full) || !matches!(entry, ScSpecEntry::EventV0(_))
    }
}

/// The same module with the entries of unused types taken out of its spec, and in as much detail as is asked for.
pub fn shake(wasm: &[u8], detail: Detail) -> Outcome<Vec<u8>> {
    let spec = read(wasm)?;
    let version = shaking::spec_shaking_version_for_meta(&spec.meta);
    if version != VERSION {
        return Err(format!(
            "Spec shaking version {version} isn't known here: look at soroban-sdk's release notes."
        ));
    }
    let markers = shaking::find_all(wasm);
    // Markers are made of whole entries, so docs are shortened after the sieve.
    let used = shaking::filter(spec.spec, &markers)
        .filter(|entry| detail.keeps(entry))
        .map(|entry| shortened(entry, detail));
    let bare = replace(wasm, SPEC_SECTION, used)?;
    let meta = spec.meta.into_iter().filter(|entry| !tells_version(entry));
    unmark(replace(&bare, META_SECTION, meta)?, &markers)
}

/// The module with a custom section that holds these entries, each once.
fn replace<T: WriteXdr>(
    wasm: &[u8],
    section: &str,
    entries: impl Iterator<Item = T>,
) -> Outcome<Vec<u8>> {
    let mut seen = HashSet::new();
    let mut content = vec![];
    for entry in entries {
        let xdr = entry
            .to_xdr(Limits::depth(XDR_DEPTH))
            .map_err(|e| format!("An entry of {section} can't be encoded: {e}."))?;
        if seen.insert(xdr.clone()) {
            content.extend(xdr);
        }
    }
    replace_custom_section(wasm, section, &content)
        .map_err(|e| format!("{section} can't be written: {e}."))
}

/// A module without markers must not promise them: whoever shook it again would throw every type out.
fn tells_version(entry: &ScMetaEntry) -> bool {
    let ScMetaEntry::ScMetaV0(meta) = entry;
    meta.key.to_utf8_string_lossy() == shaking::META_KEY
}

/// The entry with the docs that are worth their rent.
fn shortened(mut entry: ScSpecEntry, detail: Detail) -> ScSpecEntry {
    match &mut entry {
        ScSpecEntry::FunctionV0(function) => {
            function.doc = match detail {
                Detail::Full | Detail::NoEvents => first_sentence(&function.doc),
                Detail::Names => none(),
            };
            function.inputs.iter_mut().for_each(|i| i.doc = none());
        }
        ScSpecEntry::UdtStructV0(structure) => {
            structure.doc = none();
            structure.fields.iter_mut().for_each(|f| f.doc = none());
        }
        ScSpecEntry::UdtUnionV0(union) => {
            union.doc = none();
            union.cases.iter_mut().for_each(|case| match case {
                ScSpecUdtUnionCaseV0::VoidV0(void) => void.doc = none(),
                ScSpecUdtUnionCaseV0::TupleV0(tuple) => tuple.doc = none(),
            });
        }
        ScSpecEntry::UdtEnumV0(numbers) => {
            numbers.doc = none();
            numbers.cases.iter_mut().for_each(|c| c.doc = none());
        }
        ScSpecEntry::UdtErrorEnumV0(errors) => {
            errors.doc = none();
            errors.cases.iter_mut().for_each(|c| c.doc = none());
        }
        ScSpecEntry::EventV0(event) => {
            event.doc = none();
            event.params.iter_mut().for_each(|p| p.doc = none());
        }
    }
    entry
}

fn none() -> StringM<DOC_BYTES> {
    StringM::default()
}

/// Up to the first full stop that ends a sentence or paragraph, on one line.
fn first_sentence(doc: &StringM<DOC_BYTES>) -> StringM<DOC_BYTES> {
    let text = doc.to_utf8_string_lossy();
    let paragraph = text.trim().split("\n\n").next().unwrap_or("");
    let line = paragraph
        .lines()
        .map(str::trim)
        .collect::<Vec<_>>()
        .join(" ");
    let sentence = match line.split_once(". ") {
        Some((sentence, _)) => format!("{sentence}."),
        None => line,
    };
    // Never longer than it was, so it fits.
    sentence.try_into().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use stellar_xdr::{ScSpecEventV0, ScSpecFunctionInputV0, ScSpecFunctionV0, ScSpecTypeDef};

    use super::*;

    fn doc(text: &str) -> StringM<DOC_BYTES> {
        text.try_into().expect("short")
    }

    #[test]
    fn a_function_keeps_its_first_sentence_on_one_line() {
        for (full, kept) in [
            ("Pays. Anyone may.", "Pays."),
            ("Pays\nfor a meter. Anyone may.", "Pays for a meter."),
            ("Pays 2.5 kWh\n\n# Errors\nMany.", "Pays 2.5 kWh"),
            ("Pays.\n\nMore. And more.", "Pays."),
            ("", ""),
        ] {
            assert_eq!(first_sentence(&doc(full)), doc(kept), "{full}");
        }
    }

    #[test]
    fn what_a_function_takes_stays_and_its_docs_go() {
        let input = |text| ScSpecFunctionInputV0 {
            doc: doc(text),
            name: "amount".try_into().expect("short"),
            type_: ScSpecTypeDef::I128,
        };
        let function = |text, inputs| {
            ScSpecEntry::FunctionV0(ScSpecFunctionV0 {
                doc: doc(text),
                name: "pay".try_into().expect("short"),
                inputs: vec![inputs].try_into().expect("few"),
                outputs: vec![ScSpecTypeDef::Bool].try_into().expect("one"),
            })
        };
        let full = function("Pays. At once.", input("in stroops"));
        let short = shortened(full.clone(), Detail::Full);
        assert_eq!(short, function("Pays.", input("")));
        assert_eq!(shortened(full, Detail::Names), function("", input("")));
    }

    #[test]
    fn events_are_the_first_to_go_and_functions_never_do() {
        let event = ScSpecEntry::EventV0(ScSpecEventV0::default());
        let function = ScSpecEntry::FunctionV0(ScSpecFunctionV0::default());
        let kept = |entry| Detail::ALL.map(|detail| detail.keeps(entry));
        assert_eq!(kept(&event), [true, false, false]);
        assert_eq!(kept(&function), [true; 3]);
    }

    #[test]
    fn a_module_without_the_promise_of_the_sdk_is_refused() {
        let empty_module = b"\0asm\x01\0\0\0";
        let sentence = shake(empty_module, Detail::Full).expect_err("no meta");
        assert!(sentence.contains("version 1"), "{sentence}");
    }
}
