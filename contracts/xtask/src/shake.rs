//! Spec shaking: the step that soroban-sdk 28 leaves to the build program. It keeps in the contract's spec only
//! what the code uses; without it the spec is wrong, so every failure here fails the build.

use std::collections::HashSet;

use soroban_spec::shaking;
use soroban_spec_tools::contract::Spec;
use soroban_spec_tools::wasm::replace_custom_section;
use stellar_xdr::{Limits, WriteXdr};

use crate::Outcome;

const SPEC_SECTION: &str = "contractspecv0";
/// The version of the markers that this step understands.
const VERSION: u32 = 2;
/// Deeper than any spec entry, shallow enough to stop a broken one.
const XDR_DEPTH: u32 = 500;

/// The same module with the entries of unused types taken out of its spec.
pub fn shake(wasm: &[u8]) -> Outcome<Vec<u8>> {
    let spec = Spec::new(wasm).map_err(|e| format!("The contract's spec can't be read: {e}."))?;
    let version = shaking::spec_shaking_version_for_meta(&spec.meta);
    if version != VERSION {
        return Err(format!(
            "Spec shaking version {version} isn't known here: look at soroban-sdk's release notes."
        ));
    }
    let markers = shaking::find_all(wasm);
    let mut seen = HashSet::new();
    let mut section = vec![];
    for entry in shaking::filter(spec.spec, &markers) {
        let xdr = entry
            .to_xdr(Limits::depth(XDR_DEPTH))
            .map_err(|e| format!("A spec entry can't be encoded: {e}."))?;
        if seen.insert(xdr.clone()) {
            section.extend(xdr);
        }
    }
    replace_custom_section(wasm, SPEC_SECTION, &section)
        .map_err(|e| format!("The shaken spec can't be written: {e}."))
}
