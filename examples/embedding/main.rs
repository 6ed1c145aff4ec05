//! A program that embeds Walrus: rules of a shop, written as a script that asks the program for prices and tells it what to do.
//!
//! `cargo run --example embedding` compiles the script, offers it the module `host/shop`, sets limits, and prints what came back.

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;

use walrus::compile::{Disk, Entry, Format, HostModule, Options, compile};
use walrus::run::{Capability, HostValue, Outcome, RunOptions, SystemHost, load_bytes, run};

const SCRIPT: &str = r#"
import "host/shop";

fn discount : amount {
    return if amount > 100 { amount / 10 } else { 0 };
}

let total = 0;
for name, count in shop.basket() {
    total += shop.price(name) * count;
}
shop.charge(total - discount(total), "thank you");
"#;

/// The module as the compiler is told of it: names and numbers of arguments.
fn declaration() -> HostModule {
    let functions = [("basket", 0), ("price", 1), ("charge", 2)];
    HostModule {
        name: "shop".to_string(),
        functions: functions.map(|(name, arguments)| (name.to_string(), arguments)).to_vec(),
    }
}

/// Compiles a script that may import `host/shop`; an error is what the compiler has to say.
pub fn compile_script(text: &str) -> Result<Vec<u8>, String> {
    let entry = Entry::Text { name: "rules".to_string(), text: text.as_bytes().to_vec(), folder: PathBuf::new() };
    let options = Options { host_modules: vec![declaration()], ..Options::default() };
    let mut compilation = compile(entry, &Disk, &options).map_err(|error| error.to_string())?;
    let (messages, _) = compilation.render_diagnostics(Format::Human, false);
    compilation.encode().ok_or(messages)
}

/// What the script charged.
pub type Charges = Rc<RefCell<Vec<(i64, String)>>>;

/// A host that offers `host/shop`, and keeps scripts from files, programs and the network.
pub fn host(charges: &Charges) -> SystemHost {
    let charges = charges.clone();
    SystemHost::new(vec!["rules".to_string()])
        .forbidding(Capability::ALL.to_vec())
        .offering("shop", "basket", 0, |_| {
            let item =
                |name: &str, count| HostValue::Tuple(vec![HostValue::Str(name.to_string()), HostValue::Int(count)]);
            Ok(HostValue::List(vec![item("tea", 2), item("pot", 4)]))
        })
        .offering("shop", "price", 1, |arguments| match arguments {
            [HostValue::Str(name)] if name == "tea" => Ok(HostValue::Int(5)),
            [HostValue::Str(name)] if name == "pot" => Ok(HostValue::Int(30)),
            [HostValue::Str(name)] => Err(format!("There is no '{name}' in the shop")),
            _ => Err("A price is that of a name".to_string()),
        })
        .offering("shop", "charge", 2, move |arguments| match arguments {
            [HostValue::Int(amount), HostValue::Str(words)] => {
                charges.borrow_mut().push((*amount, words.clone()));
                Ok(HostValue::Void)
            }
            _ => Err("A charge is an amount and words".to_string()),
        })
}

/// Runs a compiled script within limits of memory and work.
pub fn run_script(compiled: &[u8], host: SystemHost) -> Result<Outcome, String> {
    let options = RunOptions { max_heap: 16 << 20, fuel: Some(100_000), ..RunOptions::default() };
    let program = load_bytes(compiled, &options).map_err(|error| error.to_string())?;
    Ok(run(program, &options, Box::new(host)))
}

fn main() -> Result<(), String> {
    let charges = Charges::default();
    let outcome = run_script(&compile_script(SCRIPT)?, host(&charges))?;
    println!(
        "status {}, {}",
        outcome.status,
        if outcome.message.is_empty() { "no complaints" } else { &outcome.message }
    );
    for (amount, words) in charges.borrow().iter() {
        println!("charged {amount}: {words}");
    }
    Ok(())
}
