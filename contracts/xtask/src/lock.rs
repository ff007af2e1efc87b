//! The part of Cargo.lock that one crate depends on, so that a change elsewhere doesn't make its WASM look old.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use crate::workspace::strings;

/// "name version checksum" of every package reachable from `roots`, sorted.
///
/// The lock doesn't tell normal from optional dependencies of third parties, so this is rather more than is compiled.
pub fn closure(lock: &Table, roots: &[String]) -> Vec<String> {
    let packages = by_name(lock);
    let mut waiting: Vec<String> = roots.to_vec();
    let mut seen = BTreeSet::new();
    let mut lines = BTreeSet::new();
    while let Some(wanted) = waiting.pop() {
        if !seen.insert(wanted.clone()) {
            continue;
        }
        // A dependency is "name", or "name version" where the lock holds several versions.
        let (name, version) = wanted.split_once(' ').unwrap_or((&wanted, ""));
        for package in packages.get(name).into_iter().flatten() {
            if version.is_empty() || text(package, "version") == version {
                lines.insert(line(package));
                waiting.extend(strings(package.get("dependencies")).map(str::to_owned));
            }
        }
    }
    lines.into_iter().collect()
}

fn by_name(lock: &Table) -> BTreeMap<&str, Vec<&Value>> {
    let mut packages: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    let listed = lock.get("package").and_then(Value::as_array);
    for package in listed.into_iter().flatten() {
        packages
            .entry(text(package, "name"))
            .or_default()
            .push(package);
    }
    packages
}

fn line(package: &Value) -> String {
    ["name", "version", "checksum"]
        .map(|key| text(package, key))
        .join(" ")
}

fn text<'a>(package: &'a Value, key: &str) -> &'a str {
    package.get(key).and_then(Value::as_str).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = r#"
        [[package]]
        name = "used"
        version = "1.0.0"
        checksum = "aa"
        dependencies = ["deep 2.0.0"]
        [[package]]
        name = "deep"
        version = "1.0.0"
        checksum = "bb"
        [[package]]
        name = "deep"
        version = "2.0.0"
        checksum = "cc"
        [[package]]
        name = "unused"
        version = "1.0.0"
        checksum = "dd"
    "#;

    #[test]
    fn only_what_is_reachable_counts_and_in_the_version_that_is_named() {
        let lock = LOCK.parse().expect("valid TOML");
        let lines = closure(&lock, &["used".to_owned()]);
        assert_eq!(lines, ["deep 2.0.0 cc", "used 1.0.0 aa"]);
    }
}
