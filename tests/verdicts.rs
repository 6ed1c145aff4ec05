//! Verdicts of whole programs, facts that hold, and facts that do not.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use walrus::analysis::losses::Losses;
use walrus::analysis::{Asked, analyse, examine, report};
use walrus::bytecode::FactsError;
use walrus::bytecode::facts::{Facts, Obstacle, Reason, Region, TypeId, Verdict};
use walrus::bytecode::types::Type;
use walrus::bytecode::wbc::Wanted;
use walrus::bytecode::{Function, Op, Program, Reg, StrId, load, load_wanted, verify};
use walrus::compile::{Compilation, Disk, Entry, Format, Level, Options, compile, compile_text};
use walrus::facts::check::{check, checked_types};
use walrus::facts::{check_facts, verify_with_facts};

fn fixtures(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the fixtures are there") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            fixtures(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "walrus") {
            found.push(path);
        }
    }
    found.sort();
}

fn all_fixtures(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    fixtures(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(folder), &mut found);
    assert!(!found.is_empty());
    found
}

fn program_of(path: &Path) -> Option<Program> {
    compile(Entry::File(path.to_path_buf()), &Disk, &Options::default()).expect("readable").program
}

fn facts_of(program: &Program) -> &Facts {
    program.facts.as_ref().expect("every program has facts")
}

/// `proven`, `conditional x: int, y: float`, `incompatible W0105`.
fn verdict_words(facts: &walrus::bytecode::facts::RegionFacts) -> String {
    let conditions: Vec<String> = facts.conditions.iter().map(|one| format!("{}: {}", one.name, one.ty)).collect();
    let code = facts.reason.map_or("", |refusal| refusal.reason.code());
    format!("{} {}{code}", facts.verdict.name(), conditions.join(", ")).trim().to_string()
}

#[test]
fn loops_have_the_verdicts_their_lines_state() {
    let mut wrong = Vec::new();
    for path in all_fixtures("verdicts") {
        let program = program_of(&path).expect("it compiles");
        let text = std::fs::read_to_string(&path).expect("readable");
        let mut expected: Vec<(usize, &str)> = (text.lines().enumerate())
            .filter_map(|(at, line)| Some((at + 1, line.split_once("// verdict: ")?.1.trim())))
            .collect();
        for facts in &facts_of(&program).regions {
            let Region::Loop(_) = facts.region else { continue };
            let line = text[..facts.span.lo as usize].matches('\n').count() + 1;
            let found = verdict_words(facts);
            let at = expected.iter().position(|&(at, _)| at == line);
            let stated = at.map(|at| expected.remove(at).1);
            if stated != Some(&found) {
                wrong.push(format!("{}:{line}: {found}, but the line states {stated:?}", path.display()));
            }
        }
        wrong.extend(expected.iter().map(|(line, _)| format!("{}:{line}: no loop there", path.display())));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn most_loops_of_ordinary_programs_are_proven() {
    let (mut proven, mut incompatible, mut all) = (0, 0, 0);
    for path in all_fixtures("") {
        let Some(program) = program_of(&path) else { continue };
        for facts in &facts_of(&program).regions {
            if let Region::Loop(_) = facts.region {
                all += 1;
                proven += usize::from(facts.verdict == Verdict::Proven);
                incompatible += usize::from(facts.verdict == Verdict::Incompatible);
            }
        }
    }
    assert!(proven * 10 >= all * 6, "{proven} of {all} loops are proven");
    assert!(incompatible * 20 <= all, "{incompatible} of {all} loops are incompatible");
}

#[test]
fn what_inference_finds_passes_the_check_and_survives_the_file() {
    for path in all_fixtures("") {
        let Some(compiled) = compile(Entry::File(path.clone()), &Disk, &Options::default()).expect("readable").encode()
        else {
            continue;
        };
        let program = load(&compiled).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        if let Err(error) = check(&program, facts_of(&program)) {
            panic!("{}: {error}", path.display());
        }
    }
}

const SUM: &str = "fn sum : n { let s = 0; for i in 0..n { s = s + i; } return s; }\n\
                   let xs = [1]; let d = {\"a\": 1.5};\n\
                   try { xs.push(sum(3)); throw xs; } catch e { println(e); }\n\
                   println(xs[0] + d[\"a\"]);\n";

#[test]
fn a_fact_changed_to_something_narrower_or_different_is_found() {
    let program = compile_text("t.walrus", SUM).program.expect("it compiles");
    let facts = facts_of(&program);
    assert!(check(&program, facts).is_ok());
    let mut found = 0;
    let types = facts.types.types.len() as u32;
    // Each place in turn takes each other type. Whatever passes must be wider than what was inferred: it must hold as
    // well.
    for at in 0..facts.types.results.len() {
        for other in 0..types {
            let mut changed = facts.clone();
            if changed.types.results[at].0 == other {
                continue;
            }
            changed.types.results[at].0 = other;
            found += usize::from(check(&program, &changed).is_err());
        }
    }
    assert!(found > types as usize, "{found}");
    for site in 0..facts.types.sites.len() {
        let mut changed = facts.clone();
        changed.types.sites.remove(site);
        assert!(matches!(check(&program, &changed), Err(FactsError::Inconsistent { .. })), "site {site}");
    }
    for frame in 0..facts.types.frames.len() {
        let mut changed = facts.clone();
        let before: u32 = changed.types.frames[..frame].iter().map(|frame| frame.count).sum();
        let removed = changed.types.frames.remove(frame).count;
        changed.types.frame_registers.drain(before as usize..(before + removed) as usize);
        assert!(check(&program, &changed).is_err(), "frame {frame}");
    }
    let mut changed = facts.clone();
    changed.types.functions[0].reached = false;
    assert!(matches!(check(&program, &changed), Err(FactsError::Contradictory(_))));
}

/// A frame that does not name the state of an iterator says nothing of it, so neither going on with that state nor
/// starting with such a register is checked; both are an inconsistency, not the end of the way.
#[test]
fn iterating_what_no_frame_names_is_found() {
    let program = compiled(
        "fn f : a, b { for x in a or b { if x.len() > 3 { println(1); } x.push(4); } }\nf([[1]], [[2]]); f(void, [[3]]);\n",
    );
    let facts = facts_of(&program);
    let forget = |wanted: &dyn Fn(Op) -> Option<Reg>| {
        let (pc, base) = program.code.iter().enumerate().find_map(|(pc, &op)| Some((pc as u32, wanted(op)?))).unwrap();
        let mut changed = facts.clone();
        let types = &mut changed.types;
        let (mut registers, mut start, mut forgotten) = (Vec::new(), 0, 0);
        for frame in &mut types.frames {
            let own = &types.frame_registers[start..start + frame.count as usize];
            start += own.len();
            let kept: Vec<_> = own.iter().copied().filter(|entry| frame.pc > pc || entry.0 != base).collect();
            forgotten += own.len() - kept.len();
            frame.count = kept.len() as u32;
            registers.extend(kept);
        }
        types.frame_registers = registers;
        assert!(forgotten > 0);
        assert!(matches!(check(&program, &changed), Err(FactsError::Inconsistent { .. })));
    };
    forget(&|op| if let Op::IterPrep { base, .. } = op { Some(base) } else { None });
    forget(&|op| if let Op::IterNext { base, .. } = op { Some(base) } else { None });
}

/// About 30,000 instructions, which are checked on two threads.
fn large_program() -> Program {
    let body = |at: usize| {
        format!(
            "fn f{at} : n {{ let t = 0; for i in 0..n {{ if i % 3 == {} {{ t += i * n; }} else {{ t -= 1; }} }} return t; }}\n\
             println(f{at}(3));\n",
            at % 3
        )
    };
    let program = compiled(&(0..1_600).map(body).collect::<String>());
    assert!(walrus::bytecode::parallel::is_worth_a_thread(&program));
    program
}

/// A function of about 20,000 instructions, which is checked in parts.
fn large_function() -> Program {
    let body =
        |at: usize| format!("for i in 0..n {{ if i % 3 == {} {{ continue; }} t += i * n; }} t = t % 1000;\n", at % 3);
    let program = compiled(&format!(
        "fn f : n {{ let t = 0;\n{}return t; }}\nprintln(f(3));\n",
        (0..2_000).map(body).collect::<String>()
    ));
    assert!(program.functions.iter().any(|function| function.code.len > 16_000));
    program
}

/// Checking facts while the program is verified comes to what checking them afterwards does: the first instruction that
/// disagrees, whichever thread meets one.
#[test]
fn facts_checked_beside_the_verifier_come_to_the_same() {
    for program in [large_program(), large_function(), compiled("let t = 0;\nfor i in 0..9 { t += i; }\nprintln(t);\n")]
    {
        let facts = facts_of(&program);
        let beside = |facts: &Facts| {
            let mut program = program.clone();
            program.facts = Some(facts.clone());
            verify_with_facts(program)
        };
        assert_eq!(check_facts(&beside(facts).expect("it verifies")), Ok(()));
        let float = TypeId(facts.types.types.iter().position(|ty| *ty == Type::STR).map_or(0, |at| at as u32));
        let mut wrong = 0;
        let count = facts.types.frame_registers.len();
        for step in 1..20 {
            let mut changed = facts.clone();
            for at in [count * step / 20, count - 1 - count * step / 25] {
                changed.types.frame_registers[at].1 = float;
            }
            let expected = check(&program, &changed);
            wrong += usize::from(expected.is_err());
            let undivided = checked_types(&program, &changed).map(|_| ());
            assert_eq!(expected, undivided, "step {step}");
            assert_eq!(beside(&changed).map(|program| check_facts(&program)).ok(), Some(expected), "step {step}");
        }
        assert!(wrong > 0);
        let mut none = beside(facts).expect("it verifies");
        none.drop_facts();
        assert_eq!(check_facts(&none), Ok(()));
    }
}

/// A call leaves the registers above its base unset. A crafted file may set a high one before each of many calls: what
/// that takes must not depend on how many registers lie between.
#[test]
fn calls_below_many_registers_are_checked_in_linear_time() {
    let calls = 200_000;
    let mut program = compiled(&format!("fn f : {{ }}\n{}", "f();\n".repeat(calls)));
    let body = program.functions.iter().position(|function| function.code.len as usize > calls).expect("the body");
    program.functions[body].registers = u16::MAX;
    let mut high = false;
    for op in &mut program.code {
        if matches!(op, Op::CallFn { .. }) {
            high = !high;
            if high {
                *op = Op::LoadInt { dst: Reg(u16::MAX - 1), value: 1 };
            }
        }
    }
    // The verifier bounds its own work on such a file by refusing it; the check must not depend on that.
    assert!(verify(program.clone()).is_err());
    let started = Instant::now();
    assert_eq!(check(&program, facts_of(&program)), Ok(()));
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    // What lies above is unset indeed, of few registers and of many.
    for high in [9, u16::MAX - 1] {
        let mut reading = program.clone();
        let last = reading.functions[body].code.range().end - 20;
        let sets = (last..).find(|&at| matches!(reading.code[at], Op::LoadInt { .. })).expect("one of the calls");
        reading.code[sets] = Op::LoadInt { dst: Reg(high), value: 1 };
        reading.code[sets + 1] = Op::Move { dst: Reg(1), src: Reg(high) };
        assert_eq!(check(&reading, facts_of(&reading)), Ok(()), "r{high}");
        reading.code[sets + 2] = Op::Move { dst: Reg(1), src: Reg(high) };
        reading.code[sets + 1] = program.code[sets + 1];
        let expected = FactsError::Inconsistent { pc: sets as u32 + 2 };
        assert_eq!(check(&reading, facts_of(&reading)), Err(expected), "r{high}");
    }
}

/// Where jumps lead, registers hold what is declared there, and those that are not named hold nothing, of few registers
/// and of many.
#[test]
fn registers_hold_what_is_declared_where_jumps_lead_and_nothing_else() {
    let program = compiled("fn f : { }\nf();\nfor i in 0..3 { f(); f(); }\n");
    for high in [9, 90, u16::MAX - 1] {
        let mut reading = program.clone();
        let calls: Vec<usize> =
            (0..program.code.len()).filter(|&at| matches!(program.code[at], Op::CallFn { .. })).collect();
        let [before, first, second] = calls[..] else { panic!("{calls:?}") };
        let body =
            reading.functions.iter().position(|function| function.code.range().contains(&before)).expect("a body");
        reading.functions[body].registers = u16::MAX;
        let (set, read) = (Op::LoadInt { dst: Reg(high), value: 1 }, Op::Move { dst: Reg(8), src: Reg(high) });
        reading.code[first] = set;
        reading.code[second] = read;
        let inside = verify(reading).expect("it verifies");
        assert_eq!(check(&inside, facts_of(&inside)), Ok(()), "r{high}");
        let mut reading = inside.into_inner();
        reading.code[before] = set;
        reading.code[first] = program.code[first];
        // The verifier finds what nothing has written as well; the check must not depend on that.
        assert!(verify(reading.clone()).is_err());
        let expected = FactsError::Inconsistent { pc: second as u32 };
        assert_eq!(check(&reading, facts_of(&reading)), Err(expected), "r{high}");
    }

    let names: Vec<String> = (0..90).map(|at| format!("a{at}")).collect();
    let sets: String = names.iter().map(|name| format!("let {name} = n + 1; ")).collect();
    let program = compiled(&format!(
        "fn f : n {{ {sets}let t = 0; for i in 0..n {{ t += {}; }} return t; }}\nprintln(f(3));\n",
        names.join(" + ")
    ));
    let facts = facts_of(&program);
    assert_eq!(check(&program, facts), Ok(()));
    let text = TypeId(facts.types.types.iter().position(|ty| *ty == Type::VOID).expect("a type") as u32);
    let mut far = 0;
    for at in 0..facts.types.frame_registers.len() {
        far += usize::from(facts.types.frame_registers[at].0.0 >= 64);
        let mut changed = facts.clone();
        changed.types.frame_registers[at].1 = text;
        assert!(matches!(check(&program, &changed), Err(FactsError::Inconsistent { .. })), "entry {at}");
    }
    assert!(far > 20, "{far}");
}

/// A function that is not followed tells nothing of its registers, nor does it leave anything in them for the next
/// function to find.
#[test]
fn what_a_function_that_is_not_followed_tests_is_not_known_afterwards() {
    let text = "import \"std/core\";\nfn a : x { if core.type(x) == \"int\" { println(x); } }\nfn b : { return 2; }\na(1); println(b());\n";
    for high in [9, 90] {
        let mut program = compiled(text);
        let named = |name: &str| {
            let is_named = |function: &Function| program.strings.get(function.name) == Some(name);
            program.functions.iter().position(is_named).expect("a function of the program")
        };
        let (a, b) = (named("a"), named("b"));
        for function in [a, b] {
            program.functions[function].registers = 100;
        }
        let (tests, returns) = (program.functions[a].code.range(), program.functions[b].code.range());
        let mut tested = 0;
        for op in &mut program.code[tests] {
            if let Op::JumpIfType { a, .. } | Op::JumpIfNotType { a, .. } = op {
                *a = Reg(high);
                tested += 1;
            }
        }
        assert_eq!(tested, 1);
        let reads = returns.start;
        let Op::LoadInt { dst, .. } = program.code[reads] else { panic!("{:?}", program.code[reads]) };
        facts_mut(&mut program).types.functions[a].followed = false;
        // The verifier refuses to test what nothing has written; the check must not depend on that.
        assert!(verify(program.clone()).is_err());
        assert_eq!(check(&program, facts_of(&program)), Ok(()));
        let mut reading = program;
        reading.code[reads] = Op::Move { dst, src: Reg(high) };
        let expected = FactsError::Inconsistent { pc: reads as u32 };
        assert_eq!(check(&reading, facts_of(&reading)), Err(expected), "r{high}");
    }
}

/// Neither malformed facts nor code that breaks a rule get past it, and no thread waits for what does not come.
#[test]
fn facts_checked_beside_the_verifier_refuse_what_it_refuses() {
    let changes: &[fn(&mut Program)] = &[
        |program| program.code[20_000] = Op::Jump { to: i32::MAX },
        |program| program.functions[7].registers = 0,
        |program| program.functions[7].code.len += 1,
        |program| program.functions.truncate(900),
        |program| program.strings.ends.truncate(3),
        |program| program.globals.clear(),
        |program| program.modules[0].name = StrId(u32::MAX),
        |program| program.modules[0].exports[5].name = StrId(u32::MAX),
        |program| program.modules[0].exports[5] = program.modules[0].exports[900],
        // The same name as another string.
        |program| {
            program.strings.text.push_str("f7");
            program.strings.ends.push(program.strings.text.len() as u32);
            program.modules[0].exports[5].name = StrId(program.strings.len() as u32 - 1);
        },
        |program| facts_mut(program).types.results[0] = TypeId(u32::MAX),
        |program| facts_mut(program).types.frames.swap(0, 1),
        |program| facts_mut(program).types.frame_registers[99].0 = Reg(u16::MAX),
        |program| facts_mut(program).regions.truncate(9),
        |program| facts_mut(program).regions[900].invariants.push(Reg(999)),
    ];
    let program = large_program();
    for (at, change) in changes.iter().enumerate() {
        let mut changed = program.clone();
        change(&mut changed);
        let error = verify(changed.clone()).err();
        assert!(error.is_some(), "change {at}");
        assert_eq!(verify_with_facts(changed).err(), error, "change {at}");
    }
}

fn facts_mut(program: &mut Program) -> &mut Facts {
    program.facts.as_mut().expect("every program has facts")
}

fn explained(program: &Program) -> Vec<String> {
    let sources = walrus::source::SourceMap::new();
    let facts = analyse(program);
    let notes = report::notes(
        &report::Subject { program, facts: &facts, costs: &[], losses: &Losses::default(), sources: &sources },
        true,
    )
    .into_iter();
    notes
        .map(|note| format!("{} {} {} {}", note.code, note.message, note.labels[0].text, note.help.join(" ")))
        .collect()
}

fn compiled(text: &str) -> Program {
    let Compilation { program, diagnostics, .. } = compile_text("t.walrus", text);
    program.unwrap_or_else(|| panic!("{diagnostics:?}"))
}

#[test]
fn explanations_say_what_holds_a_region_back() {
    let notes = explained(&compiled("fn f : n { for i in 0..n { println(i); } }\nf(3);\n"));
    assert_eq!(notes[0].trim(), "N0101 function 'f' is proven compiled when hot, with n: int");
    assert_eq!(notes[1].trim(), "N0101 loop in 'f' is proven compiled when hot, with i: int");

    let notes = explained(&compiled("let s = 0;\nfor x in [1, 2.5] { s = s + x; }\n"));
    assert_eq!(
        notes[0].trim(),
        "N0102 loop at top level is conditional compiled if x: int or float give `x` one type everywhere: \
         in the calls, assignments and containers that it comes from"
    );

    let long = format!("let a = 1;\nwhile a < 9 {{\n{}}}\n", "a = a * 3 - a;\n".repeat(1500));
    let notes = explained(&compiled(&long));
    assert!(
        notes[0].starts_with("W0102 loop at top level is incompatible: it is too large to compile"),
        "{}",
        notes[0]
    );
    assert!(notes[0].contains("move parts of it into functions"));

    let mut irregular = compiled("let a = 1;\nwhile a < 9 { while a < 5 { a += 1; } a += 1; }\n");
    irregular.loops.remove(1);
    let notes = explained(&irregular);
    assert!(notes[0].starts_with("W0104 loop at top level is incompatible"), "{}", notes[0]);

    let importing = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/verdicts/incompatible.walrus");
    let notes = explained(&program_of(&importing).expect("it compiles"));
    assert!(notes[0].starts_with("W0105 loop at top level is incompatible: it imports a module"), "{}", notes[0]);
}

#[test]
fn a_marked_loop_that_cannot_be_compiled_is_denied() {
    let plain = format!("let a = 1;\nwhile a < 9 {{\n{}}}\n", "a = a * 3 - a;\n".repeat(1500));
    let marked = plain.replace("while", "// @jit\nwhile");
    let (plain, marked) = (&plain[..], &marked[..]);
    let errors = |text: &str, lint: &str| {
        let entry = Entry::Text { name: "t.walrus".into(), text: text.into(), folder: PathBuf::new() };
        let options = Options { levels: vec![(lint.to_string(), Level::Deny)], ..Options::default() };
        compile(entry, &Disk, &options).expect("text").diagnostics.has_errors()
    };
    assert!(errors(marked, "jit-incompatible"));
    assert!(!errors(plain, "jit-incompatible"));
    assert!(errors(plain, "jit-incompatible=all"));
}

/// Diagnostics as `W0106 warning`, at levels given as on the command line.
fn said(text: &str, levels: &[(&str, Level)]) -> Vec<String> {
    let entry = Entry::Text { name: "t.walrus".into(), text: text.into(), folder: PathBuf::new() };
    let levels = levels.iter().map(|&(name, level)| (name.to_string(), level)).collect();
    let compiled = compile(entry, &Disk, &Options { levels, ..Options::default() }).expect("text");
    compiled.diagnostics.iter().map(|one| format!("{} {:?}", one.code, one.severity)).collect()
}

#[test]
fn a_loop_that_is_not_proven_is_denied_where_that_is_asked_for() {
    let plain =
        "import \"std/json\"; let k = json.decode(\"3\"); let t = 0;\nfor i in 0..9 { t += i * k; }\nprintln(t);\n";
    let marked = plain.replace("for", "// @jit\nfor");
    assert_eq!(said(&marked, &[]), [""; 0]);
    assert_eq!(said(&marked, &[("jit-conditional", Level::Deny)]), ["W0106 Error"]);
    assert_eq!(said(&marked, &[("jit-conditional", Level::Warn)]), ["W0106 Warning"]);
    assert_eq!(said(plain, &[("jit-conditional", Level::Deny)]), [""; 0]);
    assert_eq!(said(plain, &[("jit-conditional=all", Level::Deny)]), ["W0106 Error"]);
    let proven = marked.replace("json.decode(\"3\")", "core.int(json.decode(\"3\"))");
    assert_eq!(said(&proven, &[("jit-conditional=all", Level::Deny)]), [""; 0]);
}

#[test]
fn a_mark_that_marks_nothing_is_warned_of_and_denied_with_the_gate() {
    let body = "for i in 0..9 { t += i; }\nprintln(t);\n";
    for mark in ["// @jit\n\n", "// @jitt\n", "// @JIT\n", "/* @jit */\n", "// @jit\nlet u = t;\n"] {
        let text = format!("let t = 0;\n{mark}{body}").replace("let u = t;", "println(t);");
        assert_eq!(said(&text, &[]), ["W0206 Warning"], "{mark}");
        assert_eq!(said(&text, &[("jit-incompatible", Level::Deny)]), ["W0206 Error"], "{mark}");
        assert_eq!(said(&text, &[("W0206", Level::Allow)]), [""; 0], "{mark}");
    }
    for mark in ["// @jit\n", "//@jit because it is hot\n", "// @jitter is a word, and\n// @jit\n"] {
        let text = format!("let t = 0;\n{mark}{body}");
        let stray = usize::from(mark.contains("@jitter"));
        assert_eq!(said(&text, &[]).len(), stray, "{mark}");
    }
    assert_eq!(said(&format!("let t = 0;\n{}", body.replacen('{', "{ // @jit\n", 1)), &[]), [""; 0]);
}

#[test]
fn differences_name_what_changed() {
    let old = compiled("fn f : n { for i in 0..n { println(i); } }\nf(3);\n");
    let new = compiled("fn f : n { for i in 0..n { println(i + n); } }\nfn g : { }\nf(3);\nf(true);\n");
    assert_eq!(report::difference(&old, &old).text, "");
    let difference = report::difference(&old, &new).text;
    assert!(difference.contains("~ t: f: code changed"), "{difference}");
    assert!(difference.contains("+ t: g"), "{difference}");
}

#[test]
fn a_difference_says_what_got_worse_and_what_moved() {
    let old = compiled(
        "import \"std/json\";\nfn f : k { let t = 0; for i in 0..3 { t += i * k; } return t; }\nprintln(f(2));\n",
    );
    let new = compiled(
        "import \"std/json\";\nfn f : k { let t = 0; for i in 0..3 { t += i * k; } return t; }\nprintln(f(json.decode(\"2\")));\n",
    );
    assert!(!report::difference(&old, &old).is_worse && !report::difference(&new, &old).is_worse);
    assert!(report::difference(&old, &new).is_worse);
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("writable");
    let f = "fn f : k { let t = 0; for i in 0..3 { t += i * k; } return t; }";
    write("a.walrus", f);
    write("b.walrus", "let nothing = 1;");
    write("main.walrus", "import \"./a.walrus\"; import \"./b.walrus\"; println(a.f(2), b.nothing);");
    let old = program_of(&folder.path().join("main.walrus")).expect("it compiles");
    write("a.walrus", "let nothing = 1;");
    write("b.walrus", f);
    write("main.walrus", "import \"./a.walrus\"; import \"./b.walrus\"; println(b.f(2), a.nothing);");
    let new = program_of(&folder.path().join("main.walrus")).expect("it compiles");
    let difference = report::difference(&old, &new);
    assert!(difference.text.contains("> a: f: moved to b: f\n"), "{}", difference.text);
    assert!(!difference.text.contains("+ b: f") && !difference.text.contains("- a: f"), "{}", difference.text);
    assert!(!difference.is_worse);
}

/// Facts of the same form that say something else: parts of them change places. What is named still exists.
fn scrambled(facts: &Facts, shift: usize) -> Facts {
    let mut facts = facts.clone();
    let types = &mut facts.types;
    let rotate = |types: &mut [TypeId]| types.rotate_right(shift % types.len().max(1));
    let claimed = types.types.len();
    types.types.rotate_right(shift % claimed.max(1));
    types.results.reverse();
    for part in [&mut types.globals, &mut types.params, &mut types.captures] {
        rotate(part);
    }
    let verdicts: Vec<_> = facts.regions.iter().map(|one| (one.verdict, one.conditions.clone(), one.reason)).collect();
    let trips: Vec<_> = facts.regions.iter().map(|one| (one.trip_count, one.effects.clone())).collect();
    for (at, region) in facts.regions.iter_mut().enumerate() {
        (region.verdict, region.conditions, region.reason) = verdicts[(at + shift) % verdicts.len()].clone();
        (region.trip_count, region.effects) = trips[(at + 1) % trips.len()].clone();
        region.invariants = region.live_in.iter().map(|entry| entry.0).collect();
        region.live_out = std::mem::take(&mut region.live_in);
        region.inductions.iter_mut().for_each(|one| (one.start, one.step) = (Some(7), one.step.wrapping_neg()));
    }
    facts
}

/// Facts that take nothing to be compilable, or everything.
fn all_claimed(facts: &Facts, verdict: Verdict) -> Facts {
    let mut facts = facts.clone();
    for region in &mut facts.regions {
        let refusal = Obstacle { reason: Reason::TooLarge, span: region.span };
        region.reason = (verdict == Verdict::Incompatible).then_some(refusal);
        (region.verdict, region.conditions, region.trip_count) = (verdict, Vec::new(), Some(1));
    }
    facts
}

/// Facts are hints: a program without them, or with others that are well formed, does the same.
#[test]
fn no_output_depends_on_facts() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let wbc = folder.path().join("prog.wbc");
    let output = |program: &Program, flags: &[&str]| {
        let meta = walrus::bytecode::wbc::Meta::new([0; 32]);
        std::fs::write(&wbc, walrus::bytecode::wbc::encode(program, &meta)).expect("writable");
        let run = std::process::Command::new(env!("CARGO_BIN_EXE_walrus-run"))
            .args(flags)
            .arg(&wbc)
            .current_dir(folder.path())
            .stdin(std::process::Stdio::null())
            .output()
            .expect("walrus-run runs");
        assert_ne!(run.status.code(), Some(2), "{}", String::from_utf8_lossy(&run.stderr));
        (run.status.code(), run.stdout, run.stderr)
    };
    let mut modes: Vec<&[&str]> = vec![&[]];
    if cfg!(feature = "jit") {
        modes.push(&["--jit", "--jit-threshold", "1", "--jit-function-threshold", "1"]);
    }
    let (mut programs, mut contradicted) = (0, 0);
    for path in [all_fixtures("verdicts"), all_fixtures("loops")].concat() {
        let own = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap_or(&path);
        if own.components().any(|part| part.as_os_str() == "lib") {
            continue;
        }
        let program = program_of(&path).expect("it compiles");
        let facts = facts_of(&program);
        let mut variants = vec![None];
        variants.extend([Verdict::Proven, Verdict::Incompatible].map(|verdict| Some(all_claimed(facts, verdict))));
        variants.extend([1, 2, 5].map(|shift| Some(scrambled(facts, shift))));
        contradicted += variants.iter().flatten().filter(|facts| check(&program, facts).is_err()).count();
        programs += 1;
        for flags in &modes {
            let expected = output(&program, flags);
            for (number, facts) in variants.iter().enumerate() {
                let changed = Program { facts: facts.clone(), ..program.clone() };
                assert_eq!(output(&changed, flags), expected, "{} {flags:?}, variant {number}", path.display());
            }
        }
    }
    assert!(programs > 24, "only {programs} programs");
    assert!(contradicted > programs, "of all variants only {contradicted} say something false");
}

/// What `walrusc --explain` says of a program that some tool may have changed after it was compiled.
fn explanation(text: &str, change: impl FnOnce(&mut Program)) -> (BTreeSet<&'static str>, String) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/verdicts");
    let entry = Entry::Text { name: "prog.walrus".to_string(), text: text.into(), folder };
    let Compilation { program, sources, diagnostics, .. } =
        compile(entry, &Disk, &Options::default()).expect("text needs no reading");
    let mut program = program.unwrap_or_else(|| panic!("{diagnostics:?}"));
    change(&mut program);
    let mut notes = walrus::source::Diagnostics::new();
    let known = examine(&program, Asked { costs: true, ..Asked::default() });
    let subject = report::Subject {
        program: &program,
        facts: &known.facts,
        costs: &known.costs,
        losses: &known.losses,
        sources: &sources,
    };
    for note in report::notes(&subject, true) {
        notes.push(note);
    }
    let codes = notes.iter().map(|note| note.code).collect();
    (codes, walrus::source::render::report(&notes.into_report(), &sources, Format::Human, false))
}

#[test]
fn each_verdict_is_explained_on_the_source() {
    let mut codes = BTreeSet::new();
    let mut explain = |name: &str, text: &str, change: fn(&mut Program)| {
        let (found, said) = explanation(text, change);
        codes.extend(found);
        insta::with_settings!({ omit_expression => true }, { insta::assert_snapshot!(format!("explain_{name}"), said) });
    };
    explain(
        "proven",
        "struct point { fn init : self, x { self.x = x; } }\n\
         fn sum : points {\n    let s = 0;\n    for p in points {\n        s = s + p.x;\n    }\n    return s;\n}\n\
         fn count : n {\n    let i = 0;\n    while i < n { i += 1; }\n    return i;\n}\n\
         let total = 0.5;\nfor i in 0..10 {\n    total = total + count(i);\n}\n\
         println(sum([point(1), point(2)]), total);\n",
        |_| {},
    );
    explain(
        "conditional",
        "fn scale : xs, by {\n    let s = 0;\n    for x in xs {\n        s = s + x * by;\n    }\n    return s;\n}\n\
         for by in [2, 0.5] {\n    println(scale([1, 2.5], by));\n}\n",
        |_| {},
    );
    explain(
        "never_reached",
        "fn unused : n {\n    while n > 0 { n -= 1; }\n    for i in 0..3 { println(i); }\n}\n",
        |_| {},
    );
    let large = format!("let a = 1;\nwhile a < 9 {{\n{}}}\n", "    a = a * 3 - a;\n".repeat(1500));
    explain("too_large", &large, |_| {});
    explain("irregular", "let a = 1;\nwhile a < 9 {\n    while a < 5 { a += 1; }\n    a += 1;\n}\n", |program| {
        // As a compiler would leave it that forgot to register the inner loop.
        program.loops.remove(1);
    });
    let importing =
        "let sum = 0;\nfor i in 0..3 {\n    import \"./lib/unit.walrus\";\n    sum = sum + unit.unit * i;\n}\n";
    explain("imports", importing, |_| {});
    let reasons = Reason::ALL.iter().map(|reason| reason.code());
    assert_eq!(codes, reasons.chain(["N0101", "N0102"]).collect());
}

/// Facts that contradict the code are dropped, and `--jit-log` says so; facts that hold are not mentioned.
#[cfg(feature = "jit")]
#[test]
fn the_log_tells_of_facts_that_are_dropped() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let wbc = folder.path().join("prog.wbc");
    let log_of = |program: &Program| {
        let meta = walrus::bytecode::wbc::Meta::new([0; 32]);
        std::fs::write(&wbc, walrus::bytecode::wbc::encode(program, &meta)).expect("writable");
        let run = std::process::Command::new(env!("CARGO_BIN_EXE_walrus-run"))
            .args(["--jit", "--jit-log"])
            .arg(&wbc)
            .stdin(std::process::Stdio::null())
            .output()
            .expect("walrus-run runs");
        assert!(run.status.success());
        String::from_utf8_lossy(&run.stderr).into_owned()
    };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/loops/int_sum.walrus");
    let mut program = program_of(&path).expect("it compiles");
    assert!(!log_of(&program).contains("facts-dropped"));
    let wrong = (1..6)
        .map(|shift| scrambled(facts_of(&program), shift))
        .find(|facts| check(&program, facts).is_err())
        .expect("some way of scrambling contradicts the code");
    let right = program.facts.replace(wrong);
    assert!(log_of(&program).contains("facts-dropped"));
    program.facts = right;
    facts_mut(&mut program).rules += 1;
    let log = log_of(&program);
    let here = walrus::bytecode::VERDICT_RULES_VERSION;
    let versions = format!("version {} of the rules, and this is version {here}", here + 1);
    assert!(log.contains("facts-dropped") && log.contains(&versions), "{log}");
}

/// A reader without facts knows which regions are not compiled, and why.
#[test]
fn refusals_are_read_without_facts() {
    let body = "  t += n;\n".repeat(5_000);
    let text = format!("fn long : n {{ let t = 0; for i in 0..n {{\n{body}}} return t; }}\nprintln(long(3));");
    let program = compile_text("prog.walrus", &text).program.expect("it compiles");
    let meta = walrus::bytecode::wbc::Meta::new([0; 32]);
    let file = walrus::bytecode::wbc::encode(&program, &meta);
    let bare = load_wanted(&file, Wanted::WithoutFacts).expect("it loads");
    assert_eq!(bare.facts, None);
    assert_eq!(bare.refused, facts_of(&program).refused());
    assert_eq!(bare.refused.len(), 2, "the loop and its function are too large");
    for region in &facts_of(&program).regions {
        assert_eq!(bare.refusal(region.region), region.reason.map(|refusal| refusal.reason));
    }
}

/// Only what asks for facts reads them, so only that refuses malformed ones: `--check-facts` and reports, of walrusc
/// too. Native code asks for refusals alone, which are in a section of their own.
#[cfg(feature = "jit")]
#[test]
fn malformed_facts_are_refused_by_what_asks_for_facts() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let wbc = folder.path().join("prog.wbc");
    let mut program = compile_text("prog.walrus", "println(1);").program.expect("it compiles");
    program.facts = Some(Facts::default());
    let meta = walrus::bytecode::wbc::Meta::new([0; 32]);
    std::fs::write(&wbc, walrus::bytecode::wbc::encode(&program, &meta)).expect("writable");
    let status = |program: &str, flag: &str| {
        let run = std::process::Command::new(program).arg(flag).arg(&wbc).output().expect("it runs");
        let message = String::from_utf8_lossy(&run.stderr).into_owned();
        assert_eq!(run.status.code() != Some(0), message.contains("malformed facts"), "{flag}: {message}");
        run.status.code()
    };
    let (walrus_run, walrusc) = (env!("CARGO_BIN_EXE_walrus-run"), env!("CARGO_BIN_EXE_walrusc"));
    for flag in ["--check-facts", "--jit-stats"] {
        assert_eq!(status(walrus_run, flag), Some(2), "{flag}");
    }
    assert_eq!(status(walrusc, "dis"), Some(2));
    for flag in ["--jit", "--no-jit-profile", "--gc-stress"] {
        assert_eq!(status(walrus_run, flag), Some(0), "{flag}");
    }
}

#[test]
fn a_condition_says_where_the_type_was_lost_and_a_summary_what_costs_most() {
    let text = "fn scale : xs, by {\n    let t = 0;\n    for x in xs { t += x * by; }\n    return t;\n}\nfor by in [3, 2.5] { println(scale([1, 2], by)); }\nlet k = 1;\nk = \"a\";\nfor i in 0..3 { println(i * k); }\nfor i in 0..3 { i += 1; }\nfn unused : { }\n";
    let options = Options { explain: true, ..Options::default() };
    let entry = || Entry::Text { name: "t.walrus".to_owned(), text: text.into(), folder: Default::default() };
    let mut compilation = compile(entry(), &Disk, &options).expect("text needs no reading");
    let summary = compilation.summary_text().expect("costs are known");
    assert!(
        summary.starts_with("4 loops: 2 proven, 2 conditional; 1 function: 1 conditional; 1 never reached"),
        "{summary}"
    );
    let (notes, _) = compilation.render_diagnostics(Format::Human, false);
    for expected in [
        "`by` is an int or float in this call",
        "help: pass one type as `by` everywhere (int or float), or call a function of its own for each",
        "`k` becomes a string here",
        "help: keep `k` of one type throughout (int or string), or use a variable of its own for the other value",
    ] {
        assert!(notes.contains(expected), "{expected}: {notes}");
    }
    // What is not proven comes first.
    let (last_conditional, first_proven) = (notes.rfind("N0102").unwrap(), notes.find("N0101").unwrap());
    assert!(last_conditional < first_proven && !notes.contains("unused"), "{notes}");
    let all = Options { explain_all: true, ..options };
    let mut compilation = compile(entry(), &Disk, &all).expect("text needs no reading");
    assert!(compilation.render_diagnostics(Format::Human, false).0.contains("'unused'"));
}
