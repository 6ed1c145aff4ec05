//! A work report as the page reads it: what one run did, by region.

use serde_json::{Map, Value};

/// The version of work reports that is read.
const VERSION: u64 = 1;

/// What a run did. What it does not name is zero; members that are not known are left alone.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct WorkReport {
    /// The hash of the sources that were run, in hexadecimal.
    pub program: String,
    pub total: Counts,
    pub regions: Vec<RegionWork>,
}

/// How much was done.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Counts {
    /// Instructions that were interpreted.
    pub interpreted: u64,
    pub iterations: u64,
    pub native_iterations: u64,
    pub calls: u64,
    pub native_calls: u64,
    pub steps: u64,
    pub allocations: u64,
    /// Exits by reason.
    pub exits: Vec<(String, u64)>,
}

/// What a run did in one region.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct RegionWork {
    pub is_loop: bool,
    /// The enclosing function's name; `None` at top level.
    pub function: Option<String>,
    /// Its place among the regions of this kind in functions of this name and file.
    pub ordinal: u64,
    pub file: String,
    pub counts: Counts,
}

impl Counts {
    fn of(members: &Map<String, Value>) -> Counts {
        let count = |name: &str| members.get(name).and_then(Value::as_u64).unwrap_or(0);
        let exits = members.get("exits").and_then(Value::as_object);
        let exits = exits.into_iter().flatten().filter_map(|(reason, count)| Some((reason.clone(), count.as_u64()?)));
        Counts {
            interpreted: count("interpreted"),
            iterations: count("iterations"),
            native_iterations: count("native_iterations"),
            calls: count("calls"),
            native_calls: count("native_calls"),
            steps: count("steps"),
            allocations: count("allocations"),
            exits: exits.collect(),
        }
    }

    /// How often the region was gone through: iterations of a loop, calls of a function.
    pub fn runs(&self, is_loop: bool) -> u64 {
        if is_loop { self.iterations } else { self.calls }
    }

    /// How many of these in native code.
    pub fn native_runs(&self, is_loop: bool) -> u64 {
        if is_loop { self.native_iterations } else { self.native_calls }
    }

    pub fn exit_count(&self) -> u64 {
        self.exits.iter().map(|(_, count)| count).sum()
    }
}

impl WorkReport {
    /// Reads what `walrus-run --work-report` writes. The message follows the name of the file.
    pub fn parse(text: &[u8]) -> Result<WorkReport, String> {
        let document: Value = serde_json::from_slice(text).map_err(|error| format!("is no JSON: {error}"))?;
        let of = |name: &str| document.get(name);
        match of("version").map(Value::as_u64) {
            Some(Some(VERSION)) => {}
            Some(Some(other)) => {
                return Err(format!(
                    "is a work report of version {other}, and this walrusc reads version {VERSION}: make it anew with the \
                     walrus-run of this walrusc"
                ));
            }
            _ => return Err("is no work report: walrus-run --work-report=FILE writes one".to_owned()),
        }
        if of("functions_compiled").is_some() {
            return Err(
                "is no work report but what --jit-stats=json says: walrus-run --work-report=FILE writes one".into()
            );
        }
        let Some(total) =
            of("total").and_then(Value::as_object).filter(|_| of("program").is_some_and(Value::is_string))
        else {
            return Err(
                "is no work report: it lacks \"program\" or \"total\"; walrus-run --work-report=FILE writes one".into(),
            );
        };
        let Some(regions) = of("regions").and_then(Value::as_array) else {
            return Err("is no work report: it has no \"regions\"".to_owned());
        };
        let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
        let region = |value: &Value| {
            let members = value.as_object()?;
            Some(RegionWork {
                is_loop: members.get("kind").and_then(Value::as_str)? == "loop",
                function: members.get("function").and_then(Value::as_str).map(str::to_owned),
                ordinal: members.get("ordinal").and_then(Value::as_u64).unwrap_or(0),
                file: text(members.get("file")),
                counts: Counts::of(members),
            })
        };
        Ok(WorkReport {
            program: text(of("program")),
            total: Counts::of(total),
            regions: regions.iter().filter_map(region).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_strict_and_members_are_not() {
        let refused = |text: &str| WorkReport::parse(text.as_bytes()).unwrap_err();
        assert!(refused("{").contains("is no JSON"));
        assert!(refused("{}").contains("is no work report"));
        assert!(refused("[1]").contains("is no work report"));
        assert!(refused(r#"{"version": "1", "regions": []}"#).contains("is no work report"));
        assert!(refused(r#"{"version": 2, "regions": []}"#).contains("version 2"));
        assert!(refused(r#"{"version": 1, "program": "ab", "total": {}}"#).contains("regions"));
        assert!(refused(r#"{"version": 1, "program": "ab", "regions": []}"#).contains("is no work report"));
        let stats = r#"{"version": 1, "functions_compiled": 1, "regions": []}"#;
        assert!(refused(stats).contains("is no work report but what --jit-stats=json says"));
        let report = WorkReport::parse(
            br#"{"version": 1, "new": [], "program": "ab", "total": {"steps": 7, "exits": {"unseen": 2}},
                "regions": [{"kind": "loop", "function": null, "ordinal": 3, "iterations": 9, "more": {}}, 5]}"#,
        );
        let report = report.unwrap();
        assert_eq!((report.total.steps, report.total.exit_count(), report.program.as_str()), (7, 2, "ab"));
        assert_eq!(report.regions.len(), 1);
        assert_eq!((report.regions[0].ordinal, report.regions[0].counts.runs(true)), (3, 9));
    }
}
