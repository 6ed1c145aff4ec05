//! How often each row of the tier's tables occurred in a run: native forms, helpers, kinds of exits, reasons. Workers
//! count for themselves ([`walrus::jit::census`]) and tell at their end.

use std::collections::BTreeMap;

use walrus::jit::census;

/// Programs after which every row must have occurred that is not listed in [`UNREACHED`]: 3,000 lack two or three
/// seldom ones, others each time.
pub const ENOUGH: u64 = 10_000;

/// Rows that random programs do not come by, each with the reason. A name that ends in `*` stands for all that begin
/// so.
const UNREACHED: &[(&str, &str, &str)] = &[
    ("form", "InitModule:_step", "a program is one file, and modules of the library have no body"),
    ("form", "GetMemberNamed:_step", "in a function with more than 65,535 places that name members"),
    ("form", "SetMemberNamed:_step", "in a function with more than 65,535 places that name members"),
    ("form", "StartTask:_seen", "functions that begin with it are not compiled"),
    ("exit", "fact", "a fact in the file would have to be wrong"),
    ("reason", "N0206", "a recursion would have to be deeper than the fuel allows"),
    ("reason", "N0209", "no mode has the tier without compiling"),
    ("reason", "N0211", "seldom: takes more exits, or entries that do not fit, than most programs have iterations"),
    ("reason", "N0212", "the compiler would have to be at work for longer than a program runs"),
    ("reason", "N0213", "a fault of the tier"),
    ("reason", "N0214", "a fault of the compiler, or a file of somebody else's making"),
    ("reason", "N0215", "a fault of the code generator"),
    ("reason", "N0216", "takes 20,000 exits, and a third of that is all the fuel there is"),
    ("reason", "N0217", "the system would have to forbid executable memory"),
    ("reason", "N0218", "a fault of the code generator"),
    ("reason", "W0105", "a program is one file, and modules of the library have no body"),
];

/// Counts by table and row.
pub struct Occurrences(BTreeMap<(&'static str, String), u64>);

impl Occurrences {
    /// Of nothing yet.
    pub fn new() -> Occurrences {
        Occurrences(census::rows().into_iter().map(|row| ((row.table, row.name), 0)).collect())
    }

    /// Adds what a worker has said: table, row and how often.
    pub fn add(&mut self, table: &str, name: &str, times: u64) {
        let row = self.0.iter_mut().find(|((of, row), _)| *of == table && row == name);
        *row.expect("workers know the same tables").1 += times;
    }

    /// Writes a table of all rows if that is wanted, and what is to be said of those that did not occur. Whether all
    /// occurred that have to.
    pub fn report(&self, programs: u64, in_full: bool) -> bool {
        if !cfg!(debug_assertions) {
            println!("rows of the tier's tables are not counted: that needs debug assertions");
            return true;
        }
        let mut missing = Vec::new();
        for table in ["form", "helper", "exit", "reason"] {
            let rows: Vec<(&str, u64)> =
                self.0.iter().filter(|((of, _), _)| *of == table).map(|((_, name), times)| (&**name, *times)).collect();
            let occurred = rows.iter().filter(|(_, times)| *times > 0).count();
            println!("{table}: {occurred} of {} rows occurred", rows.len());
            for (name, times) in rows {
                let listed = unreached(table, name);
                if in_full {
                    println!("{times:>12}  {table} {name}{}", listed.map_or(String::new(), |why| format!("  ({why})")));
                }
                if times == 0 && listed.is_none() {
                    missing.push(format!("{table} {name}"));
                }
            }
        }
        if programs < ENOUGH {
            println!("{} rows that should occur in {ENOUGH} programs did not in {programs}", missing.len());
            return true;
        }
        for row in &missing {
            println!("did not occur: {row}");
        }
        missing.is_empty()
    }
}

/// What a worker has to tell.
pub fn counted() -> Vec<String> {
    let rows = census::rows().into_iter().filter(|row| row.times > 0);
    rows.map(|row| format!("count {} {} {}", row.table, row.name, row.times)).collect()
}

fn unreached(table: &str, name: &str) -> Option<&'static str> {
    let is_listed = |listed: &str| match listed.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == listed,
    };
    UNREACHED.iter().find(|(of, listed, _)| *of == table && is_listed(listed)).map(|(.., why)| *why)
}
